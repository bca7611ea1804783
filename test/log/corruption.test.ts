/**
 * Damage to each kind of stored row: the log refuses to open and says what is wrong, or the damage is harmless and
 * this file says why.
 */
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { GENESIS as GENESIS_RECORD, KEY, PARTICIPANT, POLICY } from '../../src/chain/index.ts';
import { encodeVerdict } from '../../src/chain/state-entry.ts';
import { type Bytes, concat, equal, toHex, utf8 } from '../../src/core/bytes.ts';
import { isLedgerError } from '../../src/core/errors.ts';
import { thumbprint } from '../../src/cose/index.ts';
import { TransparencyLog } from '../../src/log/index.ts';
import {
  EDGE_RANGE,
  edgeKey,
  encodeMark,
  encodeVerdicts,
  HEAD_KEY,
  leafIndexKey,
  leavesKey,
  leavesRange,
  MARK_KEY,
  recordKey,
  tileKey,
  verdictsKey,
} from '../../src/log/layout.ts';
import { bucketOf, bucketsOf, leafIndexRows } from '../../src/log/leaf-index-rows.ts';
import { hashesOf, leafHash } from '../../src/merkle/index.ts';
import { LedgerService } from '../../src/service/index.ts';
import { FaultyDisk } from '../storage/faulty.ts';
import { damages, flipped, storageOf } from './damaged-rows.ts';
import {
  crypto,
  foreign,
  GENESIS,
  joined,
  type Member,
  options,
  policy,
  sroKey,
  startedLog,
} from './world.ts';

const disk = new FaultyDisk();
const rows = disk.durable;
let member: Member;
/** All statements that the log took, by index. */
const logged = new Map<number, Bytes>();

before(async () => {
  const log = await startedLog({ openStorage: disk.open });
  logged.set(0, GENESIS);
  const submit = async (statement: Bytes) => {
    logged.set((await log.submit(statement)).index, statement);
  };
  await submit(policy(1));
  member = await joined(log, 'Ed25519');
  // Commits of 1 to 40: bundles 0 and 1 are sealed, bundle 2 is open and has several rows.
  for (let n = 0; log.head.size < 600; ) {
    const batch = Array.from({ length: 1 + ((n * 7) % 40) }, () => foreign(member, n++));
    await Promise.all(batch.map(submit));
  }
  await log.close();
});

const open = (storage: Awaited<ReturnType<typeof storageOf>>) =>
  TransparencyLog.open(options({ openStorage: async () => storage }));

/** Opens the log after each damage to one row; answers the damages that it did not notice. */
async function refusals(
  key: Bytes,
  reason: RegExp,
  extra: readonly [Bytes, Bytes][] = [],
): Promise<string[]> {
  for (const [name, value] of extra) rows.apply([{ type: 'put', key: name, value }]);
  const value = rows.get(key);
  assert.ok(value, 'there is no such row');
  const unnoticed: string[] = [];
  for (const damage of damages([key, value])) {
    const storage = await storageOf(rows, key, damage);
    try {
      await (await open(storage)).close();
      unnoticed.push(damage.name);
    } catch (error) {
      assert.ok(isLedgerError(error), `${damage.name}: ${String(error)}`);
      // A damaged name in the head makes it another log's: as good a reason not to open.
      if (error.code !== 'ORIGIN_MISMATCH') assert.equal(error.code, 'LOG_CORRUPT', damage.name);
      assert.match(error.message, reason, damage.name);
    }
  }
  for (const [name] of extra) rows.apply([{ type: 'del', key: name }]);
  return unnoticed;
}

const nth = (n: number) => [...logged.entries()].sort(([a], [b]) => a - b).at(n)!;

describe('every damaged row is refused with its reason', () => {
  test('without damage it opens', async () => {
    const log = await open(await storageOf(rows));
    assert.ok(log.head.size >= 600);
    const [index, statement] = nth(100);
    assert.deepEqual((await log.submit(statement)).index, index);
    await log.close();
  });

  test('head', async () => {
    const reason = /head|format|right edge|leaf \d+ is|open tile|edge hash|the stored log is/;
    assert.deepEqual(await refusals(HEAD_KEY, reason), []);
  });

  test('full tiles', async () => {
    const reason = /leaf \d+ does not hash to what tile 0\/\d|tile 0\/\d (?:has \d+ bytes|is missing)/;
    for (const n of [0, 1]) assert.deepEqual(await refusals(tileKey(0, n), reason), [], `tile 0/${n}`);
  });

  test('hashes of the open edge', async () => {
    const reason =
      /right edge|edge hash \d+ of level \d+ is out of place|open tile of level 1 has|key of an edge/;
    assert.equal(rows.slice(EDGE_RANGE).length, 2);
    for (const n of [0, 1]) assert.deepEqual(await refusals(edgeKey(1, n), reason), [], `edge hash ${n}`);
  });

  test('leaves, in sealed bundles and in the open one', async () => {
    const reason = /leaf \d+ |a leaf record |right edge|more than its leaves|key of leaves|no committed head/;
    const open = rows.slice(leavesRange(512, 768)).map(([key]) => key);
    assert.ok(open.length >= 4, 'the open bundle has too few rows');
    for (const key of [leavesKey(0), leavesKey(256), open[0]!, open[2]!, open.at(-1)!]) {
      assert.deepEqual(await refusals(key, reason), []);
    }
  });

  test('records of the state', async () => {
    const reason = /\d+ stored records do not hash to the state root/;
    const kid = thumbprint(crypto, sroKey.publicKey);
    const { did } = member;
    for (const key of [GENESIS_RECORD.key('genesis'), POLICY.key(), PARTICIPANT.key(did), KEY.key(kid)]) {
      assert.deepEqual(await refusals(recordKey(key), reason), []);
    }
  });

  test('verified mark: losing it only makes the next start read more', async () => {
    const reason = /verified mark/;
    const unnoticed = await refusals(MARK_KEY, reason, [[MARK_KEY, encodeMark(0)]]);
    assert.deepEqual(unnoticed, ['lost', 'under a key of another kind']);
    for (const mark of [1, 256, 65_536, 2 ** 40]) {
      const storage = await storageOf(rows, MARK_KEY, { name: '', found: [MARK_KEY, encodeMark(mark)] });
      await assert.rejects(open(storage), (error) => isLedgerError(error, 'LOG_CORRUPT'));
    }
  });

  test('a head that was lost while its leaves were not', async () => {
    // A table of an older state beside newer ones: what a storage that has lost its newest file could show.
    const younger = new FaultyDisk();
    for (const [key, value] of rows.slice({})) younger.durable.apply([{ type: 'put', key, value }]);
    const log = await TransparencyLog.open(options({ openStorage: younger.open }));
    await log.submit(foreign(member, 10_000));
    await log.close();
    const older = rows.get(HEAD_KEY)!;
    const storage = await storageOf(younger.durable, HEAD_KEY, { name: '', found: [HEAD_KEY, older] });
    await assert.rejects(open(storage), /leaf \d+ is stored, but the head is at \d+/);
  });
});

describe('damage that comes while the log is open', () => {
  test('a leaf index that has lost a row, or names another entry: the log stops, and nobody gets a receipt for the wrong leaf', async () => {
    const [index, statement] = nth(50);
    const entryId = crypto.sha256(statement);
    const hash = leafHash(crypto, entryId);
    const key = leafIndexKey(0, bucketOf(hash, bucketsOf(256)), 0);
    const whole = new FaultyDisk();
    for (const [each, value] of rows.slice({})) whole.durable.apply([{ type: 'put', key: each, value }]);
    const withIndex = (storage: Awaited<ReturnType<typeof storageOf>>) =>
      TransparencyLog.open(options({ openStorage: async () => storage, indexPart: 256 }));
    await (await withIndex(await whole.open())).close();
    const good = whole.durable.get(key)!;
    const other = await leafIndexOf((hashes) => {
      [hashes[index], hashes[60]] = [hashes[60]!, hashes[index]!];
    });
    for (const [value, reason] of [
      [undefined, /a row of part 0 of the leaf index is missing/],
      [flipped(good, 3), /a row of the leaf index is damaged/],
      [other.get(toHex(key))!, /the leaf index names entry 60, which is another one/],
    ] as const) {
      const storage = await storageOf(whole.durable, key, { name: '', found: value && [key, value] });
      const log = await withIndex(storage);
      await assert.rejects(log.indexOf(entryId), { code: 'LOG_CORRUPT', message: reason });
      await assert.rejects(log.submit(statement), (error) => isLedgerError(error, 'LOG_RECOVERING'));
      assert.equal(log.status.accepting, false);
      assert.match(log.status.reason!, reason);
      await assert.rejects(log.submit(foreign(member, 20_000)), (error) =>
        isLedgerError(error, 'LOG_READ_ONLY'),
      );
      await log.close();
    }
  });
});

/** Rows of the first part of the leaf index, of leaves that are not as they were: by key, hex. */
async function leafIndexOf(change: (hashes: Bytes[]) => void): Promise<Map<string, Bytes>> {
  const hashes = hashesOf(rows.get(tileKey(0, 0))!);
  change(hashes);
  return new Map(
    [...leafIndexRows(crypto, 0, concat(...hashes))].map(({ key, value }) => [toHex(key), value]),
  );
}

describe('verdicts', () => {
  // Only the answer about an entry's effect reads them, and it holds them against the effects root in the tree: a
  // damaged row takes that answer away, and nothing else. So they are not read at start.
  test('a damaged row is found when the effect is asked for', async () => {
    const plain = await open(await storageOf(rows));
    const index = nth(100)[0];
    const expected = await new LedgerService(crypto, plain).effect(index);
    await plain.close();
    const first = expected.index - expected.verdictPosition;
    const verdicts = Array.from({ length: expected.verdictCount }, (_, i) =>
      encodeVerdict({ index: first + i, outcome: 'ok', reason: null }),
    );
    const key = verdictsKey(expected.stateIndex);
    const row = encodeVerdicts(verdicts);
    const effect = async (value: Bytes) => {
      const log = await open(await storageOf(rows, key, { name: '', found: [key, value] }));
      try {
        return await new LedgerService(crypto, log).effect(index);
      } finally {
        await log.close();
      }
    };
    assert.ok(equal((await effect(row)).verdict, expected.verdict));
    const missing = encodeVerdicts(verdicts.slice(1));
    const damaged = [missing, utf8('not verdicts'), row.subarray(0, -1), new Uint8Array()];
    for (let at = 0; at < row.length; at += 5) damaged.push(flipped(row, at));
    for (const value of damaged) {
      await assert.rejects(effect(value), (error) => isLedgerError(error, 'LOG_CORRUPT'));
    }
  });
});
