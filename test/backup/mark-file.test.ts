/** The mark kept apart, and the log that is held to it. */
import assert from 'node:assert/strict';
import { copyFileSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { after, describe, test } from 'node:test';
import { MarkFile } from '../../src/backup/index.ts';
import { TransparencyLog } from '../../src/log/index.ts';
import { noteSigner, openCheckpoint } from '../../src/note/index.ts';
import { memoryStorage, type Storage, WriteBatch } from '../../src/storage/index.ts';
import { testFolder } from '../cli/folder.ts';
import { eventually } from '../log/witnesses.ts';
import { crypto, GENESIS, KEYS, options, policy, startedLog } from '../log/world.ts';

const path = testFolder();
const logKey = KEYS.checkpoint.verifierKey;
const awake = setInterval(() => {}, 1000);
after(() => clearInterval(awake));

const mark = (file: string) => new MarkFile(crypto, path(file), logKey);
const sizeIn = async (file: string) => {
  const note = await mark(file).read();
  return note == null ? note : openCheckpoint(crypto, note, logKey).size;
};

/** A storage that stays when the log lets go of it. */
function disk(): () => Promise<Storage> {
  const rows = memoryStorage();
  return async () => ({
    ...{ get: rows.get, getMany: rows.getMany, range: rows.range, write: rows.write },
    close: async () => {},
  });
}

/** The same content in another storage: a backup. */
async function copyOf(open: () => Promise<Storage>): Promise<() => Promise<Storage>> {
  const [from, copied] = [await open(), disk()];
  const to = await copied();
  const batch = new WriteBatch();
  for await (const [key, value] of from.range({})) batch.put(key, value);
  await to.write(batch);
  return copied;
}

describe('a log with a high-water mark', () => {
  test('raises it before a head is shown, and goes on from it', async () => {
    const openStorage = disk();
    const log = await startedLog({ openStorage, publishedMark: mark('m1') });
    log.onPublish(() => {
      // Whoever is told of a head finds it in the mark.
      const content = readFileSync(path('m1'), 'latin1');
      assert.ok(content.includes(log.head.checkpoint.split('\n').slice(0, 3).join('\n')));
    });
    for (let version = 1; version < 5; version++) {
      await log.submit(policy(version));
      assert.equal(await sizeIn('m1'), log.head.size);
    }
    const { size } = log.head;
    await log.close();
    const again = await startedLog({ openStorage, publishedMark: mark('m1') });
    assert.equal(again.head.size, size);
    await again.close();
  });

  test('that is behind it, or has another history, refuses with the way out', async () => {
    const openStorage = disk();
    const log = await startedLog({ openStorage, publishedMark: mark('m2') });
    const backup = await copyOf(openStorage);
    const other = await copyOf(openStorage);
    await log.submit(policy(1));
    await log.close();
    const message = /a tree of 4 .* was published .* which has 2 leaves.*put the newer data back/;
    await assert.rejects(startedLog({ openStorage: backup, publishedMark: mark('m2') }), {
      code: 'LOG_CORRUPT',
      message,
    });
    await assert.rejects(startedLog({ openStorage: disk(), publishedMark: mark('m2') }), {
      code: 'LOG_CORRUPT',
      message: /which has 0 leaves/,
    });
    const beside = await startedLog({ openStorage: other });
    await beside.submit(policy(1));
    assert.equal(beside.head.size, 4);
    await beside.close();
    await assert.rejects(startedLog({ openStorage: other, publishedMark: mark('m2') }), {
      code: 'LOG_CORRUPT',
    });
    await (await startedLog({ openStorage, publishedMark: mark('m2') })).close();
  });

  test('without the file of its mark refuses, until an empty one begins it anew', async () => {
    const openStorage = disk();
    await (await startedLog({ openStorage })).close();
    await assert.rejects(startedLog({ openStorage, publishedMark: mark('m3') }), {
      code: 'CONFIG_INVALID',
      message: /is its disk mounted.*make an empty file/,
    });
    writeFileSync(path('m3'), '');
    await (await startedLog({ openStorage, publishedMark: mark('m3') })).close();
    assert.equal(await sizeIn('m3'), 2);
  });

  test('shows nothing while the mark cannot be written, and goes on when it can', async () => {
    const log = await startedLog({ openStorage: disk(), publishedMark: mark('m4') });
    renameSync(path('m4'), path('m4-away'));
    const statement = policy(1);
    await assert.rejects(log.submit(statement), { code: 'LOG_RECOVERING' });
    assert.equal(log.head.size, 2);
    await eventually(() => !log.status.accepting && /read back/.test(log.status.reason ?? ''));
    renameSync(path('m4-away'), path('m4'));
    await eventually(() => log.status.accepting);
    // The commit was durable: it is what is published now.
    assert.equal(log.head.size, 4);
    assert.equal((await log.submit(statement)).existed, true);
    await log.close();
  });

  test('notices a second log with its keys by the mark, and stops', async () => {
    const openStorage = disk();
    const first = await startedLog({ openStorage, publishedMark: mark('m5') });
    const second = await startedLog({
      openStorage: await copyOf(openStorage),
      publishedMark: mark('m5'),
    });
    await second.submit(policy(1));
    await assert.rejects(first.submit(policy(1)), { code: 'LOG_RECOVERING' });
    await eventually(() => /was published/.test(first.status.reason ?? ''));
    await assert.rejects(first.submit(policy(1)), { code: 'LOG_READ_ONLY' });
    assert.equal(first.head.size, 2);
    await first.close();
    await second.close();
  });
});

describe('the file of the mark', () => {
  const note = async (version: number, file: string) => {
    const log = await startedLog({ openStorage: disk(), publishedMark: mark(file) });
    for (let v = 1; v <= version; v++) await log.submit(policy(v));
    await log.close();
  };

  test('survives a write that was torn at any byte', async () => {
    await note(3, 'torn');
    const whole = readFileSync(path('torn'));
    const newest = 8;
    assert.equal(await sizeIn('torn'), newest);
    const slots = [0, 4096].map((at) => whole.subarray(at, at + 4096));
    const at = slots.findIndex((slot) => slot.includes(`\n${newest}\n`));
    assert.ok(at >= 0);
    const end = slots[at]!.indexOf(0);
    for (let torn = 0; torn < end; torn += 7) {
      const bytes = Buffer.from(whole);
      bytes.fill(0x55, at * 4096 + torn, at * 4096 + end);
      writeFileSync(path('torn'), bytes);
      assert.equal(await sizeIn('torn'), newest - 2);
    }
  });

  test('that is damaged in both slots, cut, or of another log, is no mark', async () => {
    await note(2, 'damaged');
    const whole = readFileSync(path('damaged'));
    const damaged = Buffer.from(whole);
    for (const slot of [0, 4096]) damaged[slot + 40]! ^= 1;
    for (const content of [
      damaged,
      whole.subarray(0, 8191),
      Buffer.concat([whole, whole]),
      Buffer.alloc(8192),
    ]) {
      writeFileSync(path('damaged'), content);
      await assert.rejects(mark('damaged').read(), { code: 'CONFIG_INVALID' });
    }
    writeFileSync(path('damaged'), whole);
    const stranger = noteSigner(
      crypto,
      KEYS.checkpoint.verifierKey.name,
      crypto.generatePrivateKey('Ed25519'),
    );
    await assert.rejects(new MarkFile(crypto, path('damaged'), stranger.verifierKey).read(), {
      code: 'CONFIG_INVALID',
    });
    rmSync(path('damaged'));
    assert.equal(await mark('damaged').read(), undefined);
    await assert.rejects(new MarkFile(crypto, path('no/folder'), logKey).raise('x\n'), {
      code: 'STORAGE_FAILED',
    });
  });

  test('is not written by two', async () => {
    await note(1, 'two');
    copyFileSync(path('two'), path('two-before'));
    const [one, other] = [mark('two'), mark('two')];
    const kept = await one.read();
    await other.read();
    await one.raise(kept!);
    await assert.rejects(other.raise(kept!), { code: 'STORAGE_CONFLICT' });
  });
});

test('an empty log begins its mark with its genesis', async () => {
  const log = await TransparencyLog.open(options({ openStorage: disk(), publishedMark: mark('new') }));
  assert.equal(await sizeIn('new'), undefined);
  await log.initialise(GENESIS);
  assert.equal(await sizeIn('new'), 2);
  await log.close();
});
