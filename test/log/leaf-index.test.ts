/** Which leaf has a hash, from the first leaf on and after a restart; and what is surely not there costs no look at the storage. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { type Bytes, concat, equal, u64be, utf8 } from '../../src/core/bytes.ts';
import { decode, encode } from '../../src/core/cbor.ts';
import { fail, isLedgerError } from '../../src/core/errors.ts';
import { TransparencyLog } from '../../src/log/index.ts';
import {
  HEAD_KEY,
  LEAF_INDEX_MARK_KEY,
  LEAF_INDEX_RANGE,
  LEAF_INDEX_VERSION,
  leafIndexKey,
  tileKey,
} from '../../src/log/layout.ts';
import { LeafIndex } from '../../src/log/leaf-index.ts';
import { bucketOf, LeafIndexComparison, leafIndexRows, lookIn } from '../../src/log/leaf-index-rows.ts';
import { LeafTable } from '../../src/log/leaf-table.ts';
import { LogTree } from '../../src/log/tree.ts';
import { leafHash, treeRoot } from '../../src/merkle/index.ts';
import { memoryStorage, type Storage, WriteBatch } from '../../src/storage/index.ts';
import { OrderedMap } from '../../src/storage/ordered-map.ts';
import { eachFault, FaultyDisk } from '../storage/faulty.ts';
import { damages, flipped, storageOf } from './damaged-rows.ts';
import { crypto, foreign, joined, options, startedLog } from './world.ts';

const never = () => false;
const hashOf = (n: number) => leafHash(crypto, u64be(n));
const hashesFrom = (first: number, count: number) =>
  Array.from({ length: count }, (_, i) => hashOf(first + i));
/** Leaves of a part in these tests. */
const PART = 512;

/** Tiles of a tree with these leaves in `storage`, and what a restart restores the tree from. */
async function written(storage: Storage, leaves: readonly Bytes[]): Promise<Bytes[][]> {
  const first = LogTree.restore(crypto, storage, 0, []);
  for (const hash of leaves) first.append(hash);
  const batch = new WriteBatch();
  first.addWrites(batch);
  await storage.write(batch);
  const open: Bytes[][] = [];
  for (let row = [...leaves]; row.length > 0; ) {
    const full = Math.floor(row.length / 256);
    open.push(row.slice(full * 256));
    row = Array.from({ length: full }, (_, i) => treeRoot(crypto, row.slice(i * 256, i * 256 + 256)));
  }
  return open;
}

async function opened(storage: Storage, size: number, open: readonly Bytes[][], part = PART) {
  const tree = LogTree.restore(crypto, storage, size, open);
  return { tree, index: await LeafIndex.restore(crypto, storage, tree, open[0] ?? [], part) };
}

/** What others have stored, by size of the tree and length of a part: made once. */
const stored = new Map<string, { rows: OrderedMap; leaves: Bytes[]; open: Bytes[][] }>();

/** A tree of `size` leaves and its index, as they are restored from that. */
async function restored(size: number, part = PART) {
  const name = `${size} in ${part}`;
  let made = stored.get(name);
  if (!made) {
    const storage = memoryStorage();
    const leaves = hashesFrom(0, size);
    const open = await written(storage, leaves);
    await opened(storage, size, open, part);
    const rows = new OrderedMap();
    for await (const [key, value] of storage.range({})) rows.apply([{ type: 'put', key, value }]);
    made = { rows, leaves, open };
    stored.set(name, made);
  }
  const storage = await storageOf(made.rows);
  return { ...(await opened(storage, size, made.open, part)), ...made, storage };
}

describe('a restored index', () => {
  for (const size of [0, 1, 255, 256, 257, 511, 512, 513, 1400, 65_536, 66_100]) {
    test(`of ${size} leaves`, async () => {
      const { tree, index, leaves } = await restored(size);
      assert.equal(index.size, size);
      assert.equal(index.parts, Math.floor(size / PART));
      if (index.parts > 0) assert.equal(index.mayHold(hashOf(size)), true, 'before it has learned');
      const strangers = hashesFrom(1e6, 1000);
      assert.deepEqual(await index.find(leaves.slice(-700)), numbers(Math.max(0, size - 700), size));
      assert.deepEqual(await index.find(strangers.slice(0, 50)), Array(50).fill(undefined));
      const learned = index.learn(never);
      // Meanwhile the log goes on, over the end of a part.
      const later = hashesFrom(size, 1100);
      for (const hash of later) {
        tree.append(hash);
        index.add(hash);
      }
      await learned;
      const all = [...leaves, ...later];
      assert.ok(all.every((hash) => index.mayHold(hash)));
      const believed = strangers.filter((hash) => index.mayHold(hash)).length;
      assert.ok(believed < 10, `${believed} of 1,000 that are not there`);
      while (index.due) await index.store();
      assert.equal(index.parts, Math.floor((size + 1100) / PART));
      // Parts are short beside what the filter tells apart, so one look goes into all of them.
      for (let n = 0; n < all.length; n += 1 + Math.floor(all.length / 1000)) {
        assert.deepEqual(await index.find([all[n]!]), [n]);
      }
      assert.deepEqual(await index.find(strangers.slice(0, 50)), Array(50).fill(undefined));
    });
  }

  test('that is stopped knows nothing', async () => {
    const { index } = await restored(1400);
    let tiles = 0;
    await index.learn(() => tiles++ > 0);
    assert.equal(index.mayHold(hashOf(1e6)), true);
  });

  test('that cannot be read knows nothing, and learns with the next try', async () => {
    const { index, storage, leaves } = await restored(66_100);
    const get = storage.get.bind(storage);
    let reads = 0;
    storage.get = async (key) => {
      if (++reads === 100) throw fail('STORAGE_FAILED', 'a bad moment');
      return get(key);
    };
    await assert.rejects(index.learn(never), { code: 'STORAGE_FAILED' });
    assert.equal(index.mayHold(hashOf(1e6)), true);
    await index.learn(never);
    assert.ok(leaves.every((hash) => index.mayHold(hash)));
    assert.equal(index.mayHold(hashOf(1e6)), false);
  });

  for (const [level, at] of [
    [0, 0],
    [0, 255],
    [0, 257],
    [1, 0],
  ] as const) {
    test(`finds damage in tile ${level}/${at}: in a stored part when it learns, else at once`, async () => {
      const key = tileKey(level, at);
      for (const damage of ['missing', 'short', 'flipped first', 'flipped last']) {
        const { index, storage, open } = await restored(66_100);
        const tile = (await storage.get(key))!.slice();
        tile[damage === 'flipped first' ? 0 : tile.length - 1]! ^= 1;
        const batch = new WriteBatch();
        if (damage === 'missing') batch.del(key);
        else batch.put(key, damage === 'short' ? tile.subarray(0, 8160) : tile);
        await storage.write(batch);
        await assert.rejects(index.learn(never), { code: 'LOG_CORRUPT' }, damage);
        assert.equal(index.mayHold(hashOf(1e6)), true, 'and goes on knowing nothing');
        await assert.rejects(index.audit(Math.floor(at / 2)), { code: 'LOG_CORRUPT' }, damage);
        await storage.write(new WriteBatch().del(LEAF_INDEX_MARK_KEY));
        await assert.rejects(opened(storage, 66_100, open), { code: 'LOG_CORRUPT' }, damage);
      }
    });
  }
});

const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

describe('what is stored of it', () => {
  test('damage to any row is found by an audit, and by whoever looks there; none gives a wrong answer', async () => {
    const { rows, leaves, open } = await restored(1400);
    for (const row of rows.slice(LEAF_INDEX_RANGE).filter((_, i) => i % 3 === 0)) {
      for (const damage of damages(row)) {
        const damaged = await storageOf(rows, row[0], damage);
        const { index } = await opened(damaged, 1400, open);
        const audits = await Promise.allSettled([index.audit(0), index.audit(1)]);
        const codes = audits.flatMap((one) => (one.status === 'rejected' ? [one.reason.code] : []));
        assert.deepEqual([...new Set(codes)], ['LOG_CORRUPT'], damage.name);
        let refused = 0;
        for (const [i, hash] of leaves.slice(0, 1024).entries()) {
          if (i % 3 !== 0) continue;
          const found = await index.find([hash]).catch((error) => error.code);
          if (found === 'LOG_CORRUPT') refused += 1;
          else assert.deepEqual(found, [i], damage.name);
        }
        assert.ok(refused > 0, damage.name);
      }
    }
  });

  test('a mark that says too much, or nothing that can be read, stops a start; one that is lost has all made anew', async () => {
    const { storage, leaves, open } = await restored(1400);
    const says = (value: Bytes) => storage.write(new WriteBatch().put(LEAF_INDEX_MARK_KEY, value));
    const version = LEAF_INDEX_VERSION;
    const wrong = [
      encode({ version, length: PART, parts: 3 }),
      encode({ version, length: PART, parts: 0 }),
      encode({ version, length: PART, parts: '2' }),
      encode({ version, length: 300, parts: 1 }),
      encode({ version, length: 128, parts: 1 }),
      encode({ version, length: 2 ** 21, parts: 1 }),
      encode({ version, parts: 2 }),
      encode({ version: '2', length: PART, parts: 2 }),
      encode({ version: 1, length: PART, parts: 2 }),
      encode({ version: -2, length: PART, parts: 2 }),
      encode([]),
      utf8('x'),
      new Uint8Array(),
    ];
    for (const value of wrong) {
      await says(value);
      await assert.rejects(opened(storage, 1400, open), { code: 'LOG_CORRUPT' });
    }
    const older = new WriteBatch().del(LEAF_INDEX_MARK_KEY);
    for (let n = 0; n < 25_000; n++) older.put(concat(utf8('i'), hashOf(n)), u64be(n));
    await storage.write(older);
    const { index } = await opened(storage, 1400, open);
    assert.equal(index.parts, 2);
    assert.deepEqual(await index.find(leaves), numbers(0, 1400));
    for await (const [key] of storage.range(LEAF_INDEX_RANGE)) assert.equal(key.length, 9);
  });

  test('with parts of another length it is made anew', async () => {
    const { storage, leaves, open } = await restored(1400, 256);
    const { index } = await opened(storage, 1400, open, 1024);
    assert.equal(index.parts, 1);
    await index.audit(0);
    assert.deepEqual(await index.find(leaves), numbers(0, 1400));
    for await (const [key] of storage.range(LEAF_INDEX_RANGE))
      assert.deepEqual(key.subarray(1, 5), new Uint8Array(4));
  });

  test('of another version it is made anew', async () => {
    const { storage, rows, leaves, open } = await restored(1400);
    const before = rows.slice(LEAF_INDEX_RANGE);
    const batch = new WriteBatch().put(LEAF_INDEX_MARK_KEY, encode({ length: PART, parts: 2 }));
    // Longer rows, fewer of them.
    for (const [i, [key, value]] of before.entries()) {
      if (i % 4 === 0) batch.put(key, concat(value, value));
      else batch.del(key);
    }
    await storage.write(batch);
    const { index } = await opened(storage, 1400, open);
    assert.equal(index.parts, 2);
    const after: [Bytes, Bytes][] = [];
    for await (const row of storage.range(LEAF_INDEX_RANGE)) after.push(row);
    assert.deepEqual(after, before);
    assert.deepEqual(await storage.get(LEAF_INDEX_MARK_KEY), rows.get(LEAF_INDEX_MARK_KEY));
    assert.deepEqual(await index.find(leaves), numbers(0, 1400));
  });

  test('what was written and cannot be read back does not count', async () => {
    const storage = memoryStorage();
    const leaves = hashesFrom(0, 600);
    const open = await written(storage, leaves);
    const { tree, index } = await opened(storage, 600, open, 1024);
    for (const hash of hashesFrom(600, 500)) {
      tree.append(hash);
      index.add(hash);
    }
    const lost = leafIndexKey(0, 3, 0);
    const write = storage.write.bind(storage);
    storage.write = async (batch, expect) => {
      await write(batch, expect);
      await write(new WriteBatch().del(lost));
    };
    await assert.rejects(index.store(), { code: 'LOG_CORRUPT' });
    assert.equal(await storage.get(LEAF_INDEX_MARK_KEY), undefined);
    assert.deepEqual(await index.find(leaves), numbers(0, 600));
  });

  test('rows that do not count are not in the way of a part that is stored', async () => {
    const { storage, leaves, open } = await restored(1400);
    const stray = [leafIndexKey(2, 0, 9), leafIndexKey(2, 1, 0), leafIndexKey(2, 9, 0)];
    const batch = new WriteBatch();
    for (const key of stray) batch.put(key, utf8('stray'));
    await storage.write(batch);
    const { tree, index } = await opened(storage, 1400, open);
    const more = hashesFrom(1400, 200);
    for (const hash of more) {
      tree.append(hash);
      index.add(hash);
    }
    await index.store();
    assert.equal(index.parts, 3);
    assert.deepEqual(await index.find([...leaves, ...more]), numbers(0, 1600));
  });

  test('whenever the storage fails or the machine stops, it is whole after the next start', async () => {
    const leaves = hashesFrom(0, 600);
    await eachFault(async (disk) => {
      const attempt = async () => {
        const storage = await disk.open();
        try {
          const open = await written(storage, leaves);
          const { index } = await opened(storage, 600, open, 256);
          assert.equal(index.parts, 2);
          assert.deepEqual(await index.find(leaves.slice(200, 300)), numbers(200, 300));
        } finally {
          await storage.close().catch(() => undefined);
        }
      };
      for (let succeeded = 0; succeeded < 2; ) {
        try {
          await attempt();
          succeeded += 1;
        } catch (error) {
          if (!isLedgerError(error, 'STORAGE_FAILED')) throw error;
          disk.crash();
        }
      }
    });
  });
});

describe('rows of a part', () => {
  /** Hashes of which all but 40 begin with the same bits. */
  const crowded = Array.from({ length: 1024 }, (_, n) => {
    const hash = hashOf(n).slice();
    if (n % 25 !== 0) hash[0] = 0x81;
    return hash;
  });

  for (const [name, hashes] of [
    ['evenly spread', hashesFrom(0, 1024)],
    ['crowded into one bucket', crowded],
    [
      'alike in their first bytes',
      crowded.map((hash) => concat(utf8('\u0081abc').subarray(0, 4), hash.subarray(4))),
    ],
    ['of the shortest part', hashesFrom(0, 256)],
  ] as const) {
    test(`${name}: ascending keys, every leaf where it is, and no other`, async () => {
      const rows = [...leafIndexRows(crypto, 7, concat(...hashes))];
      for (const [i, { key }] of rows.entries()) {
        if (i > 0) assert.ok(Buffer.compare(rows[i - 1]!.key, key) < 0);
      }
      const buckets = hashes.length / 32;
      const look = (hash: Bytes): number | 'absent' => {
        for (let row = 0; ; row++) {
          const key = leafIndexKey(7, bucketOf(hash, buckets), row);
          const looked = lookIn(crypto, key, rows.find((one) => equal(one.key, key))!.value, hash);
          if (looked !== 'beyond') return looked === 'absent' ? looked : looked.place;
        }
      };
      for (const [place, hash] of hashes.entries()) assert.equal(look(hash), place);
      for (const hash of hashesFrom(5000, 200)) assert.equal(look(hash), 'absent');
    });
  }

  test('a row that fills a bucket has another behind it, even if that is empty of what is looked for', async () => {
    const hashes = crowded
      .slice(0, 256)
      .map((hash) => Uint8Array.from(hash, (byte, i) => (i === 0 ? 0x81 : byte)));
    const storage = memoryStorage();
    const open = await written(storage, hashes);
    await opened(storage, 256, open, 256);
    // One that has not learned yet looks for everything.
    const { index } = await opened(storage, 256, open, 256);
    assert.equal(index.learned, false);
    const [last, before] = [new Uint8Array(32).fill(0xff), new Uint8Array(32)];
    last[0] = 0x81;
    before[0] = 0x81;
    assert.deepEqual(await index.find([last, before, ...hashes]), [undefined, undefined, ...numbers(0, 256)]);
    await index.audit(0);
  });
});

test('rows are those of other leaves, too few, too many or out of order: a comparison says so', () => {
  const hashes = hashesFrom(0, 512);
  const whole = concat(...hashes);
  const compared = (rows: readonly { key: Bytes; value: Bytes }[]) => {
    const comparison = new LeafIndexComparison(crypto, 7, whole);
    for (const { key, value } of rows) {
      const wrong = comparison.next(key, value);
      if (wrong !== undefined) return wrong;
    }
    return comparison.end();
  };
  const rowsOf = (leaves: readonly Bytes[]) => [...leafIndexRows(crypto, 7, concat(...leaves))];
  const rows = rowsOf(hashes);
  assert.equal(compared(rows), undefined);
  assert.match(compared([...rows, rows[0]!])!, /a row too many/);
  for (const i of rows.keys()) {
    assert.match(compared(rows.filter((_, at) => at !== i))!, /is missing/);
    const other = rowsOf(hashes.map((hash, n) => (n === i * 32 ? hashOf(9000 + n) : hash)));
    assert.match(compared(other)!, /is damaged/);
  }
  // All digests are right, and every hash is there: two leaves have changed places.
  const swapped = rowsOf([...hashes.slice(0, 510), hashes[511]!, hashes[510]!]);
  assert.match(compared(swapped)!, /is damaged/);
});

test('rows that are right in themselves are those of the leaves, byte for byte, or a comparison says that they are not', () => {
  const below = drawing(1);
  const hashes = Array.from({ length: 512 }, (_, n) => crowding(hashOf(n), below(4)));
  hashes[100] = hashes[3]!;
  const whole = concat(...hashes);
  const right = [...leafIndexRows(crypto, 7, whole)];
  const entriesIn = (value: Bytes): Bytes[] =>
    Array.from({ length: (value.length - 8) / 36 }, (_, i) => value.slice(i * 36, i * 36 + 36));
  let accepted = 0;
  for (let round = 0; round < 1500; round++) {
    const rows = right.map(({ key, value }) => ({ key, entries: entriesIn(value) }));
    for (let changes = 1 + below(2); changes > 0; changes--) {
      const [at, to] = [below(rows.length), below(rows.length)];
      const [from, into] = [rows[at]!.entries, rows[to]!.entries];
      const [i, j] = [below(from.length + 1), below(into.length + 1)];
      const [first, second] = [from[i], into[j]];
      const change = below(8);
      if (change === 0) into.splice(j, 0, ...from.splice(i, 1));
      if (change === 1 && first) into.splice(j, 0, first);
      if (change === 2) from.splice(i, 1);
      if (change === 3 && first && second) [from[i], into[j]] = [second, first];
      if (change === 4 && first) from[i] = flipped(first, below(36));
      if (change === 5) [rows[at]!.entries, rows[to]!.entries] = [into, from];
      if (change === 6) rows.splice(at, 1);
      if (change === 7) rows.splice(to, 0, { key: rows[at]!.key, entries: from.splice(i) });
    }
    const comparison = new LeafIndexComparison(crypto, 7, whole);
    let wrong: string | undefined;
    let isRight = rows.length === right.length;
    for (const [n, { key, entries }] of rows.entries()) {
      // All digests are right.
      const value = concat(...entries, crypto.sha256(concat(key, ...entries)).subarray(0, 8));
      isRight &&= equal(key, right[n]!.key) && equal(value, right[n]!.value);
      wrong ??= comparison.next(key, value);
    }
    wrong ??= comparison.end();
    assert.equal(wrong === undefined, isRight, wrong);
    if (isRight) accepted += 1;
  }
  assert.ok(accepted > 0 && accepted < 500);
});

test('thousands of leaves in crowded buckets are found at once, while parts are stored and learned', async () => {
  const below = drawing(2);
  const made = Array.from({ length: 2500 }, (_, n) => crowding(hashOf(n), below(4)));
  const strangers = Array.from({ length: 80 }, (_, n) => crowding(hashOf(1e6 + n), below(4)));
  const storage = memoryStorage();
  const begun = 700;
  const open = await written(storage, made.slice(0, begun));
  await opened(storage, begun, open, 256);
  const { tree, index } = await opened(storage, begun, open, 256);
  const learned = index.learn(never);
  const looks: Promise<void>[] = [];
  for (let size = begun; size < made.length; ) {
    const batch = new WriteBatch();
    for (const end = Math.min(made.length, size + 1 + below(300)); size < end; size++) {
      tree.append(made[size]!);
      index.add(made[size]!);
    }
    tree.addWrites(batch);
    await storage.write(batch);
    const storing = index.due ? index.store(() => delay(0)) : undefined;
    for (let n = 0; n < 3; n++) {
      const asked = Array.from({ length: 400 }, () => below(size));
      const found = index.find([...strangers, ...asked.map((at) => made[at]!), ...strangers]);
      const none = strangers.map(() => undefined);
      looks.push(found.then((all) => assert.deepEqual(all, [...none, ...asked, ...none])));
      await delay(0);
    }
    await storing;
  }
  await Promise.all([learned, ...looks]);
  assert.ok(index.parts > 5);
});

/** Numbers below another, the same each time. */
function drawing(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}

/** The hash, or one in a bucket that many others are in. */
function crowding(hash: Bytes, alike: number): Bytes {
  return concat(Uint8Array.of(0x81, 0x23, 1, 2).subarray(0, alike), hash.subarray(alike));
}

describe('a table of leaves', () => {
  test('finds each, the first of equal ones, and no other, however they are spread', () => {
    const spread = hashesFrom(0, 2000);
    const alike = spread.map((hash, n) => (n % 3 === 0 ? concat(new Uint8Array(4), hash.subarray(4)) : hash));
    for (const hashes of [spread, alike]) {
      const table = new LeafTable(4096, 4096, 0x9e3779b9);
      const buffer = concat(...hashes);
      for (const n of hashes.keys()) table.add(buffer, n * 32);
      for (const hash of hashes.slice(0, 100)) table.add(hash);
      assert.equal(table.end, 4096 + 2100);
      for (const [n, hash] of hashes.entries()) assert.equal(table.find(hash), 4096 + n);
      for (const hash of hashesFrom(9000, 500)) assert.equal(table.find(hash), undefined);
      assert.ok(equal(table.hashes, concat(buffer, ...hashes.slice(0, 100))));
    }
  });

  test('takes no more than it has room for', () => {
    const table = new LeafTable(0, 4, 1);
    for (const hash of hashesFrom(0, 4)) table.add(hash);
    assert.equal(table.full, true);
    assert.throws(() => table.add(hashOf(4)), { code: 'INTERNAL' });
    assert.equal(table.find(hashOf(3)), 3);
    assert.equal(table.find(hashOf(4)), undefined);
  });
});

/** A storage that counts what is asked of the index, and holds the first tile back when it is learned: after the restart has read it. */
function watched(storage: Storage) {
  const seen = { asked: 0 };
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  let reads = 0;
  const view: Storage = {
    get: async (key) => {
      if (equal(key, tileKey(0, 0)) && ++reads === 2) await released;
      return storage.get(key);
    },
    getMany: (keys) => {
      seen.asked += keys.filter((key) => key[0] === leafIndexKey(0, 0, 0)[0]).length;
      return storage.getMany(keys);
    },
    range: (range) => storage.range(range),
    write: (batch, expect) => storage.write(batch, expect),
    close: () => storage.close(),
  };
  return { view, seen, release };
}

const places = (outcomes: Awaited<ReturnType<TransparencyLog['submitAll']>>) =>
  outcomes.map((one) => ('index' in one ? [one.index, one.existed] : [one.code]));

/** A start that stores the parts of the index that are whole. */
async function withParts({ open }: FaultyDisk): Promise<void> {
  await (await TransparencyLog.open(options({ openStorage: open, indexPart: 256 }))).close();
}

test('a log takes nothing twice, before it has learned and after, and then does not ask about what is new', async () => {
  const disk = new FaultyDisk();
  const first = await startedLog({ openStorage: disk.open });
  const member = await joined(first);
  const statements = Array.from({ length: 600 }, (_, n) => foreign(member, n));
  const placed = places(await first.submitAll(statements)).map(([index]) => [index, true]);
  await first.close();
  await withParts(disk);

  const { view, seen, release } = watched(await disk.open());
  const log = await startedLog({ openStorage: async () => view, indexPart: 256 });
  const { size } = log.head;
  assert.deepEqual(places(await log.submitAll(statements)), placed);
  assert.equal(log.head.size, size);
  assert.equal(seen.asked >= 500, true);

  release();
  await until(async () => {
    const before = seen.asked;
    await log.submit(foreign(member, 10_000 + before));
    return seen.asked === before;
  });
  const fresh = Array.from({ length: 500 }, (_, n) => foreign(member, 50_000 + n));
  const asked = seen.asked;
  const taken = places(await log.submitAll(fresh));
  assert.ok(seen.asked - asked < 20, `${seen.asked - asked} questions about 500 new ones`);
  assert.ok(taken.every(([, existed]) => existed === false));
  assert.deepEqual(places(await log.submitAll([...statements, ...fresh])), [
    ...placed,
    ...taken.map(([index]) => [index, true]),
  ]);
  await log.close();
});

test('a log whose tiles of leaf hashes are damaged below the verified mark stops', async () => {
  const disk = new FaultyDisk();
  const log = await startedLog({ openStorage: disk.open });
  const member = await joined(log);
  await log.submitAll(Array.from({ length: 300 }, (_, n) => foreign(member, n)));
  await log.close();
  await withParts(disk);
  const tile = disk.durable.get(tileKey(0, 0))!;
  const { view } = watched(await disk.open());
  // Read once for the restart, and damaged before it is read again.
  let reads = 0;
  const rotten: Storage = {
    ...view,
    get: async (key) => (equal(key, tileKey(0, 0)) && ++reads > 1 ? flipped(tile, 100) : view.get(key)),
  };
  const again = await TransparencyLog.open(options({ openStorage: async () => rotten, indexPart: 256 }));
  await until(async () => !again.status.accepting);
  assert.match(again.status.reason!, /tile 0\/0 does not hash to what level 1 holds/);
  await again.close();
});

test('a log that cannot read its tiles says so, goes on, and ends at once', async () => {
  const disk = new FaultyDisk();
  const first = await startedLog({ openStorage: disk.open });
  const member = await joined(first);
  const statements = Array.from({ length: 300 }, (_, n) => foreign(member, n));
  await first.submitAll(statements);
  await first.close();
  await withParts(disk);
  const { view, release } = watched(await disk.open());
  release();
  let reads = 0;
  const failing: Storage = {
    ...view,
    get: async (key) => {
      if (equal(key, tileKey(0, 0)) && ++reads === 2) throw fail('STORAGE_FAILED', 'a bad moment');
      return view.get(key);
    },
  };
  const warnings: string[] = [];
  const observe = {
    event: (level: string, message: string) => void (level === 'warn' && warnings.push(message)),
  };
  const log = await TransparencyLog.open(
    options({ openStorage: async () => failing, observe, indexPart: 256 }),
  );
  await until(async () => warnings.length > 0);
  assert.match(warnings[0]!, /each statement is looked up/);
  assert.equal((await log.submit(foreign(member, 400))).existed, false);
  assert.equal((await log.submit(statements[20]!)).existed, true);
  await log.close();
});

test('a part that could not be read back when it was stored is stored after the next commit', async () => {
  const disk = new FaultyDisk();
  const storage = await disk.open();
  let unreadable = false;
  const events: string[] = [];
  const log = await startedLog({
    openStorage: async () => ({
      ...{ get: storage.get.bind(storage), getMany: storage.getMany.bind(storage) },
      ...{ write: storage.write.bind(storage), close: storage.close.bind(storage) },
      range(range) {
        if (unreadable && range.gte && equal(range.gte, leafIndexKey(0, 0, 0))) {
          throw fail('STORAGE_FAILED', 'a bad moment');
        }
        return storage.range(range);
      },
    }),
    indexPart: 256,
    scrubInterval: 1,
    observe: { event: (_level, message) => void events.push(message) },
  });
  const member = await joined(log);
  unreadable = true;
  await log.submitAll(Array.from({ length: 300 }, (_, n) => foreign(member, n)));
  await until(async () => events.includes('a part of the leaf index could not be written'));
  unreadable = false;
  assert.equal(disk.durable.get(LEAF_INDEX_MARK_KEY), undefined);
  await log.submit(foreign(member, 300));
  await until(async () => disk.durable.get(LEAF_INDEX_MARK_KEY) !== undefined);
  assert.equal(log.status.accepting, true);
  await log.close();
});

test('what a log of the first format has is brought to this one, and nothing is taken twice', async () => {
  const disk = new FaultyDisk();
  const first = await startedLog({ openStorage: disk.open });
  const member = await joined(first);
  const statements = Array.from({ length: 600 }, (_, n) => foreign(member, n));
  const placed = places(await first.submitAll(statements)).map(([index]) => [index, true]);
  await first.close();
  const rows = disk.durable;
  const head = new Map(decode(rows.get(HEAD_KEY)!) as Map<string, number>).set('format', 1);
  rows.apply([{ type: 'put', key: HEAD_KEY, value: encode(head) }]);
  for (const [i, statement] of statements.entries()) {
    const key = concat(utf8('i'), crypto.sha256(statement));
    rows.apply([{ type: 'put', key, value: u64be(placed[i]![0] as number) }]);
  }
  for (const indexPart of [256, 256]) {
    const log = await TransparencyLog.open(options({ openStorage: disk.open, indexPart }));
    assert.deepEqual(places(await log.submitAll(statements)), placed);
    await log.submit(foreign(member, 1000 + log.head.size));
    await log.close();
    for (const [key] of rows.slice(LEAF_INDEX_RANGE)) assert.equal(key.length, 9);
    assert.equal((decode(rows.get(HEAD_KEY)!) as Map<string, number>).get('format'), 2);
  }
});

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let waited = 0; !(await holds()); waited++) {
    assert.ok(waited < 200, 'it never came to be');
    await delay(10);
  }
}
