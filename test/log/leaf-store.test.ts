/** Rows of leaves: whatever the commits are like, a full bundle is one row, unless it is too large, and nothing is written twice at once. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { toHex } from '../../src/core/bytes.ts';
import { leavesKey, leavesRange, startOf } from '../../src/log/layout.ts';
import { decodeRecords, type LeafRecord } from '../../src/log/leaf-record.ts';
import { LeafStore } from '../../src/log/leaf-store.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import { memoryStorage, type Storage, WriteBatch } from '../../src/storage/index.ts';

const record = (n: number, bytes = 40): LeafRecord => ({
  isStateEntry: n % 7 === 6,
  bytes: new Uint8Array(bytes).fill(n % 251),
});

async function commit(storage: Storage, leaves: LeafStore, start: number, records: readonly LeafRecord[]) {
  const batch = new WriteBatch();
  leaves.append(batch, start, records);
  const keys = batch.operations.map(({ key }) => toHex(key));
  assert.equal(new Set(keys).size, keys.length, 'a row is written once, or deleted');
  await storage.write(batch);
}

/** Where rows begin, and how many leaves they have. */
async function rowsOf(storage: Storage): Promise<[number, number][]> {
  const rows: [number, number][] = [];
  for await (const [key, row] of storage.range(leavesRange(0, 1e9))) {
    rows.push([startOf(key), decodeRecords(row).length]);
  }
  return rows;
}

describe('commits of', () => {
  for (const count of [1, 2, 60, 65, 100, 255, 256, 257, 600]) {
    test(`${count} leaves, with a restart in each bundle`, async () => {
      const storage = memoryStorage();
      let leaves = new LeafStore(storage);
      let size = 0;
      for (let commits = 0; size < 1500; commits++) {
        await commit(
          storage,
          leaves,
          size,
          Array.from({ length: count }, (_, i) => record(size + i)),
        );
        size += count;
        const full = size - (size % 256);
        const rows = await rowsOf(storage);
        const sealed = rows.filter(([start]) => start < full);
        assert.deepEqual(
          sealed,
          Array.from({ length: full / 256 }, (_, n) => [n * 256, 256]),
        );
        assert.equal(
          rows.reduce((sum, [, length]) => sum + length, 0),
          size,
        );
        if (commits % Math.ceil(100 / count) === 0) {
          leaves = new LeafStore(storage);
          assert.equal((await leaves.restore(size)).length, size % 256);
        }
      }
      for (const index of [0, 1, 255, 256, 300, 1023, 1024, size - 1]) {
        assert.deepEqual(await leaves.record(index, size), record(index));
        assert.deepEqual((await leaves.run(index, size))[0], record(index));
      }
      assert.equal(await leaves.closingStateEntry(1022, size), 1028);
      assert.deepEqual(
        await leaves.bundle(3, size),
        Array.from({ length: 256 }, (_, i) => record(768 + i)),
      );
    });
  }
});

test('rows that are too large together stay as they were written', async () => {
  const storage = memoryStorage();
  const leaves = new LeafStore(storage);
  const MIB = 1 << 20;
  await commit(storage, leaves, 0, [record(0, 3 * MIB)]);
  await commit(storage, leaves, 1, [record(1, 2 * MIB)]);
  await commit(
    storage,
    leaves,
    2,
    Array.from({ length: 253 }, (_, i) => record(2 + i)),
  );
  await commit(storage, leaves, 255, [record(255, 5 * MIB), record(256)]);
  assert.deepEqual(await rowsOf(storage), [
    [0, 1],
    [1, 1],
    [2, 253],
    [255, 1],
    [256, 1],
  ]);
  const bundle = await leaves.bundle(0, 257);
  assert.deepEqual([bundle.length, bundle[255]!.bytes.length], [256, 5 * MIB]);
  assert.equal(await storage.get(leavesKey(257)), undefined);
});

describe('who follows the log', () => {
  /** Counts what is read of it. */
  function counted() {
    const storage = memoryStorage();
    const counts = { reads: 0 };
    const view: Storage = {
      get: (key) => {
        counts.reads += 1;
        return storage.get(key);
      },
      getMany: (keys) => storage.getMany(keys),
      range: (range) => {
        counts.reads += 1;
        return storage.range(range);
      },
      write: (batch, expect) => storage.write(batch, expect),
      close: () => storage.close(),
    };
    return { view, counts };
  }
  const known = (n: number): LeafRecord => {
    const one = record(n);
    return one.isStateEntry ? one : { ...one, id: nodeCrypto.sha256(one.bytes) };
  };
  const some = (start: number, count: number, of = known) =>
    Array.from({ length: count }, (_, i) => of(start + i));
  const withoutIds = (records: readonly LeafRecord[]) =>
    records.map(({ isStateEntry, bytes }) => ({ isStateEntry, bytes }));

  for (const count of [1, 77, 256, 300, 1000]) {
    test(`has each full bundle as it was written, with its entry ids, in commits of ${count}`, async () => {
      const { view, counts } = counted();
      const leaves = new LeafStore(view);
      let size = 0;
      for (let next = 0; size < 3000; ) {
        await commit(view, leaves, size, some(size, count));
        size += count;
        for (; (next + 1) * 256 <= size; next++) {
          const before = counts.reads;
          const bundle = await leaves.bundle(next, size);
          assert.deepEqual(withoutIds(bundle), some(next * 256, 256, record));
          assert.deepEqual(await leaves.run(next * 256 + 9, size), bundle.slice(9));
          // The bundles of the first commits are filled before anybody has asked for one.
          if (next * 256 >= count + 256) {
            assert.equal(counts.reads, before);
            assert.deepEqual(bundle, some(next * 256, 256));
          }
          assert.deepEqual((await leaves.stored(next, size)).records, withoutIds(bundle));
        }
      }
    });
  }

  test('is not told of ids that are not known, and not of leaves beyond the size that was asked for', async () => {
    const { view, counts } = counted();
    let leaves = new LeafStore(view);
    await commit(view, leaves, 0, some(0, 300));
    leaves = new LeafStore(view);
    await leaves.restore(300);
    await leaves.bundle(0, 300);
    await commit(view, leaves, 300, some(300, 100));
    await commit(view, leaves, 400, some(400, 400, record));
    const before = counts.reads;
    for (const n of [1, 2]) assert.deepEqual(await leaves.bundle(n, 800), some(n * 256, 256, record));
    assert.equal(counts.reads, before);
    assert.deepEqual(await leaves.bundle(2, 600), some(512, 88, record));
    assert.deepEqual(await leaves.run(598, 600), some(598, 2, record));
    await assert.rejects(leaves.run(600, 600), { code: 'NOT_FOUND' });
  });

  test('takes no memory of a log that nobody follows, or is far ahead', async () => {
    const { view, counts } = counted();
    const leaves = new LeafStore(view);
    const far = 256 * 300;
    await commit(view, leaves, 0, some(0, 256));
    await leaves.bundle(0, 256);
    for (let size = 256; size < far; size += 256) await commit(view, leaves, size, some(size, 256));
    const readsOf = async (n: number) => {
      const before = counts.reads;
      assert.equal((await leaves.bundle(n, far)).length, 256);
      return counts.reads - before;
    };
    assert.equal(await readsOf(1), 0);
    assert.equal(await readsOf(280), 1);
  });
});
