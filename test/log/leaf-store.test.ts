/** Rows of leaves: whatever the commits are like, a full bundle is one row, unless it is too large, and nothing is written twice at once. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { toHex } from '../../src/core/bytes.ts';
import { leavesKey, leavesRange, startOf } from '../../src/log/layout.ts';
import { decodeRecords, type LeafRecord } from '../../src/log/leaf-record.ts';
import { LeafStore } from '../../src/log/leaf-store.ts';
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
