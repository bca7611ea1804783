import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { fromU64be, u64be } from '../../src/core/bytes.ts';
import { isLedgerError } from '../../src/core/errors.ts';
import { WriteBatch } from '../../src/storage/contract.ts';
import { openLevelStorage } from '../../src/storage/level.ts';
import { b, failsWith, put, rowsOf, storageSuite } from './suite.ts';

const STRACE = '/usr/bin/strace';
const WRITER = fileURLToPath(new URL('./writer.ts', import.meta.url));
const temporary = () => mkdtemp(join(tmpdir(), 'aichain-level-'));

storageSuite({
  name: 'level',
  capabilities: { persistent: true, locks: true },
  async medium() {
    const folder = await temporary();
    return {
      open: () => openLevelStorage(join(folder, 'db')),
      destroy: () => rm(folder, { recursive: true, force: true }),
    };
  },
});

describe('level driver', () => {
  let folder: string;
  before(async () => {
    folder = await temporary();
  });
  after(() => rm(folder, { recursive: true, force: true }));

  it('makes its folders for the owner only, and leaves an existing one as it is', async () => {
    const location = join(folder, 'new', 'ledger-data', 'db');
    await (await openLevelStorage(location)).close();
    for (const made of ['new', 'new/ledger-data', 'new/ledger-data/db']) {
      assert.equal((await stat(join(folder, made))).mode & 0o777, 0o700, made);
    }
    await chmod(location, 0o750);
    await (await openLevelStorage(location)).close();
    assert.equal((await stat(location)).mode & 0o777, 0o750);
  });

  it('says LOG_LOCKED to another process', async () => {
    const location = join(folder, 'locked');
    const storage = await openLevelStorage(location);
    const other = spawnSync(process.execPath, ['--import', 'tsx', WRITER, location], { encoding: 'utf8' });
    assert.match(other.stderr, /LOG_LOCKED/);
    await storage.close();
  });

  it('says STORAGE_FAILED, with the cause, where it cannot open', async () => {
    const file = join(folder, 'file');
    await writeFile(file, '');
    await assert.rejects(openLevelStorage(file), (error) => {
      return isLedgerError(error, 'STORAGE_FAILED') && error.cause instanceof Error;
    });
    const location = join(folder, 'rotten');
    await (await openLevelStorage(location)).close();
    await writeFile(join(location, 'CURRENT'), 'not a manifest name\n');
    await assert.rejects(openLevelStorage(location), failsWith('STORAGE_FAILED'));
  });

  it('a range holds little more than the row that is being read', async () => {
    const storage = await openLevelStorage(join(folder, 'lazy'));
    const value = new Uint8Array(100_000).map((_, i) => (i * 2654435761) >>> 11);
    for (let i = 0; i < 20; i++) {
      const batch = new WriteBatch();
      for (let j = 0; j < 20; j++) batch.put(u64be(20 * i + j), value);
      await storage.write(batch);
    }
    const held = process.memoryUsage().arrayBuffers;
    let rows = 0;
    for await (const _ of storage.range({})) {
      if (++rows < 10) assert.ok(process.memoryUsage().arrayBuffers - held < 8_000_000);
      if (rows === 10) break;
    }
    await storage.close();
  });

  it('syncs the batch to disk before it says that it is written', { skip: !existsSync(STRACE) }, async () => {
    const location = join(folder, 'traced');
    const trace = join(folder, 'trace');
    const traced = ['-f', '-y', '-e', 'trace=fdatasync,fsync,write', '-s', '8', '-o', trace];
    const run = spawnSync(STRACE, [...traced, process.execPath, '--import', 'tsx', WRITER, location, '5'], {
      encoding: 'utf8',
    });
    assert.equal(run.stdout, '1\n2\n3\n4\n5\n', run.stderr);
    // In the order of the system calls: every line on standard output has a sync of the write-ahead log before it.
    let synced = 0;
    let reported = 0;
    for (const line of (await readFile(trace, 'utf8')).split('\n')) {
      if (/fdatasync\(\d+<[^>]*\.log>/.test(line)) synced++;
      else if (/write\(1<[^>]*>, "\d\\n"/.test(line)) {
        reported++;
        assert.ok(synced >= reported, `${reported} reported, ${synced} synced`);
      }
    }
    assert.equal(reported, 5);
  });

  it('a process killed at any moment leaves every reported batch, and no part of one', async () => {
    const location = join(folder, 'killed');
    let reported = 0;
    for (const life of [60, 15]) {
      reported = Math.max(reported, await writeUntilKilled(location, life));
      const storage = await openLevelStorage(location);
      const head = await storage.get(b('head'));
      const committed = head ? fromU64be(head) : 0;
      assert.ok(committed >= reported, `${reported} reported, ${committed} found`);
      const rows = await rowsOf(storage, { gte: b('r'), lt: b('s') });
      assert.equal(rows.length, 4 * committed, 'four rows a batch');
      await storage.close();
    }
    assert.ok(reported > 0);
  });

  it('takes no write behind one that failed', async () => {
    const location = join(folder, 'failing');
    const storage = await openLevelStorage(location);
    await storage.write(put(['a', '1']));
    const bad = new WriteBatch().put(b('b'), b('2'));
    // A value of the wrong type is the one failure of LevelDB that a test can cause at will.
    bad.put(b('c'), undefined as unknown as Uint8Array);
    await assert.rejects(storage.write(bad), failsWith('STORAGE_FAILED'));
    await assert.rejects(storage.write(put(['d', '4'])), failsWith('STORAGE_FAILED'));
    assert.deepEqual(await rowsOf(storage), [[b('a'), b('1')]]);
    await storage.close();
    const again = await openLevelStorage(location);
    await again.write(put(['d', '4']));
    assert.equal((await rowsOf(again)).length, 2);
    await again.close();
  });
});

/** Lets a child commit batch after batch for `life` ms after its first, kills it; the last one it reported. */
async function writeUntilKilled(location: string, life: number): Promise<number> {
  const child = spawn(process.execPath, ['--import', 'tsx', WRITER, location], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.setEncoding('utf8');
  child.stdout.on('data', (chunk: string) => {
    if (output === '') setTimeout(() => child.kill('SIGKILL'), life);
    output += chunk;
  });
  await new Promise((resolve) => child.on('close', resolve));
  const lines = output.split('\n').slice(0, -1); // a line is a report only once it is whole
  return Number(lines.at(-1));
}
