import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { HighWater } from '../../src/client/high-water.ts';
import { LedgerClient } from '../../src/client/index.ts';
import { MarkFile } from '../../src/client/mark-file.ts';
import { fail, isLedgerError } from '../../src/core/errors.ts';
import { nodeCrypto as crypto } from '../../src/platform/crypto-node.ts';
import { mangled } from '../core/mangle.ts';
import { SmallLog } from '../verify/small-log.ts';

const refused = (code: string) => (error: unknown) => isLedgerError(error, code);
const call = { deadline: Number.POSITIVE_INFINITY };

describe('the marks', () => {
  let directory: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'aichain-marks-'));
  });
  after(() => rm(directory, { recursive: true }));

  const { log, member } = SmallLog.begin(crypto);
  const fork = log.fork();
  for (let i = 0; i < 6; i++) {
    log.commit(log.statement(member, `here ${i}`));
    fork.commit(fork.statement(member, `there ${i}`));
  }
  const prove = async (from: number, to: number) => (await log.consistency(from, to)).path;
  const trust = log.trust();

  test('survive a restart, in a file that is whole at any time', async () => {
    const path = join(directory, 'deep/er/marks.json');
    const file = new MarkFile(path, trust);
    const first = await HighWater.open(crypto, prove, file);
    await first.accept(log.headAt(10), false, call);
    await first.accept(log.headAt(8), true, call);
    await first.accept(log.headAt(14), false, call);
    const again = await HighWater.open(crypto, prove, new MarkFile(path, trust));
    assert.deepEqual([again.marks.logged?.size, again.marks.witnessed?.size], [14, 8]);
    assert.deepEqual(await readdir(join(directory, 'deep/er')), ['marks.json']);
    await assert.rejects(again.accept(fork.headAt(14), false, call), refused('FORK'));
    await assert.rejects(again.accept(fork.headAt(16), false, call), refused('FORK'));
    await assert.rejects(again.accept(fork.headAt(12), false, call), refused('FORK'));
    await assert.rejects(again.accept(fork.headAt(8), false, call), refused('FORK'));
    assert.equal((await readFile(path, 'utf8')).includes('"size":14'), true);
  });

  test('in the file are of one log', async () => {
    const path = join(directory, 'other.json');
    await new MarkFile(path, trust).write({ logged: log.headAt(8) });
    const other = new MarkFile(path, log.trust({ genesis: new Uint8Array(32) }));
    await assert.rejects(other.read(), refused('ORIGIN_MISMATCH'));
    const options = {
      grpc: 'localhost:1',
      trust: log.trust({ genesis: new Uint8Array(32) }),
      stateFile: path,
    };
    await assert.rejects(LedgerClient.connect(options), refused('ORIGIN_MISMATCH'));
  });

  test('cannot be forgotten by damaging the file', async () => {
    const path = join(directory, 'damaged.json');
    const file = new MarkFile(path, trust);
    await file.write({ logged: log.headAt(8), witnessed: log.headAt(6) });
    const whole = await readFile(path);
    let read = 0;
    for (const bad of mangled(new Uint8Array(whole))) {
      if (read++ % 7 !== 0) continue;
      await writeFile(path, bad);
      const marks = await file.read().catch((error: unknown) => {
        assert.ok(isLedgerError(error, 'CONFIG_INVALID') || isLedgerError(error, 'ORIGIN_MISMATCH'));
        return undefined;
      });
      // What still reads as marks is marks: another number, never none.
      assert.ok(!marks || (marks.logged && marks.witnessed));
    }
    await writeFile(path, '');
    await assert.rejects(file.read(), refused('CONFIG_INVALID'));
  });

  test('do not move when they cannot be written', async () => {
    const path = join(directory, 'marks-are-here');
    const file = new MarkFile(join(path, 'marks.json'), trust);
    const highWater = await HighWater.open(crypto, prove, file);
    await writeFile(path, 'a file where a directory would be');
    await assert.rejects(highWater.accept(log.headAt(8), false, call), refused('CONFIG_INVALID'));
    assert.equal(highWater.marks.logged, undefined);
  });

  test('ask for a proof only where one is needed, and from the stored root', async () => {
    const asked: string[] = [];
    const highWater = await HighWater.open(crypto, async (from, to) => {
      asked.push(`${from} to ${to}`);
      return prove(from, to);
    });
    for (const size of [8, 8, 12, 8, 10, 12, 10, 14, 12, 10])
      await highWater.accept(log.headAt(size), false, call);
    assert.deepEqual(asked, ['8 to 12', '10 to 12', '12 to 14']);
  });

  test('hold when many heads come at once', async () => {
    const highWater = await HighWater.open(crypto, prove);
    await highWater.accept(log.headAt(6), false, call);
    const heads = [
      log.headAt(14),
      fork.headAt(12),
      log.headAt(10),
      fork.headAt(16),
      log.headAt(16),
      log.headAt(8),
    ];
    const results = await Promise.allSettled(heads.map((head) => highWater.accept(head, false, call)));
    assert.deepEqual(
      results.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled', 'rejected', 'fulfilled', 'fulfilled'],
    );
    assert.deepEqual(highWater.marks.logged, { ...log.headAt(16) });
  });

  test('tell a log that is not there from one that has no proof', async () => {
    let trouble = fail('UNAVAILABLE', 'nobody there');
    const highWater = await HighWater.open(crypto, async () => {
      throw trouble;
    });
    await highWater.accept(log.headAt(8), false, call);
    await assert.rejects(highWater.accept(log.headAt(10), false, call), refused('UNAVAILABLE'));
    trouble = fail('ARGUMENT_INVALID', 'no such size');
    await assert.rejects(highWater.accept(log.headAt(10), false, call), refused('STALE'));
    trouble = fail('INTERNAL', 'a defect');
    await assert.rejects(highWater.accept(log.headAt(10), false, call), refused('INTERNAL'));
  });
});
