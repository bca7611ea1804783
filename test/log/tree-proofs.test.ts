/** Proofs from stored tiles, of any leaf and any size in any order, against the roots of the same leaves. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { u64be } from '../../src/core/bytes.ts';
import { LogTree } from '../../src/log/tree.ts';
import { leafHash, treeRoot, verifyConsistency, verifyInclusion } from '../../src/merkle/index.ts';
import { nodeCrypto as crypto } from '../../src/platform/crypto-node.ts';
import { memoryStorage, WriteBatch } from '../../src/storage/index.ts';

const SIZE = 800;
const leaves = Array.from({ length: SIZE }, (_, n) => leafHash(crypto, u64be(n)));
const rootOf = (size: number) => treeRoot(crypto, leaves.slice(0, size));

async function grown(): Promise<LogTree> {
  const storage = memoryStorage();
  const tree = LogTree.restore(crypto, storage, 0, []);
  for (const hash of leaves) tree.append(hash);
  const batch = new WriteBatch();
  tree.addWrites(batch);
  await storage.write(batch);
  const open = leaves.slice(SIZE - (SIZE % 256));
  const above = [0, 1, 2].map((n) => treeRoot(crypto, leaves.slice(n * 256, n * 256 + 256)));
  return LogTree.restore(crypto, storage, SIZE, [open, above]);
}

test('each proof leads to the root of its size, whatever was asked before', async () => {
  const tree = await grown();
  assert.deepEqual(tree.root(), rootOf(SIZE));
  const pair = fc
    .integer({ min: 1, max: SIZE })
    .chain((size) => fc.tuple(fc.nat(size - 1), fc.constant(size)));
  await fc.assert(
    fc.asyncProperty(fc.array(pair, { minLength: 1, maxLength: 6 }), async (asked) => {
      for (const [index, size] of asked) {
        const root = rootOf(size);
        const proof = await tree.inclusionPath(index, size);
        verifyInclusion(crypto, { index, size, leafHash: leaves[index]!, proof, root });
        const [size1, size2] = [index + 1, size];
        const path = await tree.consistencyPath(size1, size2);
        verifyConsistency(crypto, { size1, size2, root1: rootOf(size1), root2: root, proof: path });
        assert.deepEqual(await tree.rootAt(size), root);
      }
    }),
    { numRuns: 40 },
  );
});

test('paths that need nothing from storage are those of RFC 9162, up to the third level of tiles', async () => {
  const count = 66_100;
  const many = Array.from({ length: count }, (_, n) => leafHash(crypto, u64be(n)));
  const tree = LogTree.restore(crypto, memoryStorage(), 0, []);
  for (const hash of many) tree.append(hash);
  const roots = new Map<number, Uint8Array>();
  const sizes = [1, 2, 3, 255, 256, 257, 511, 65_535, 65_536, 65_537, 65_793, 66_048, count];
  for (const size of sizes) roots.set(size, treeRoot(crypto, many.slice(0, size)));
  for (const size of sizes) {
    const indexes = [0, 1, 255, 256, 65_535, 65_536, size - 2, size - 1, size >> 1, size & ~255];
    for (const index of indexes.filter((at) => at >= 0 && at < size)) {
      const hashes = tree.hashesAtHand(index, size)!;
      const proof = Array.from({ length: hashes.length / 32 }, (_, i) =>
        hashes.subarray(i * 32, i * 32 + 32),
      );
      verifyInclusion(crypto, { index, size, leafHash: many[index]!, proof, root: roots.get(size)! });
    }
  }
  for (const [index, size] of [
    [-1, 5],
    [5, 5],
    [0.5, 5],
    [0, count + 1],
    [Number.NaN, 5],
  ] as const) {
    assert.equal(tree.hashesAtHand(index, size), undefined);
    await assert.rejects(tree.inclusionHashes(index, size), { name: 'LedgerError' });
  }
});

test('paths of leaf after leaf, and in any order, are those that are collected anew', () => {
  const count = 70_000;
  const many = Array.from({ length: count }, (_, n) => leafHash(crypto, u64be(n)));
  const tree = LogTree.restore(crypto, memoryStorage(), 0, []);
  for (const hash of many.slice(0, -100)) tree.append(hash);
  const fresh = (index: number, size: number) => {
    tree.hashesAtHand(0, 2);
    return tree.hashesAtHand(index, size);
  };
  const runs = fc.record({
    size: fc.oneof(
      fc.constantFrom(1, 2, 255, 256, 257, 65_536, 65_537, 65_792),
      fc.integer({ min: 1, max: 69_900 }),
    ),
    from: fc.nat(),
    steps: fc.array(fc.constantFrom(0, 1, 1, 1, 2, 255, 300, -1, -70), { maxLength: 40 }),
  });
  fc.assert(
    fc.property(fc.array(runs, { minLength: 1, maxLength: 4 }), (all) => {
      for (const { size, from, steps } of all) {
        let index = from % size;
        const asked = [index];
        for (const step of steps) {
          index = (((index + step) % size) + size) % size;
          asked.push(index);
        }
        asked.push(size - 1, Math.max(0, size - 2), size - 1);
        const paths = asked.map((at) => tree.hashesAtHand(at, size));
        for (const [i, at] of asked.entries())
          assert.deepEqual(paths[i], fresh(at, size), `${at} of ${size}`);
      }
    }),
  );
  // What is appended in between changes none of them, and one that cannot be had leaves nothing behind.
  const before = fresh(69_000, 69_900);
  for (const hash of many.slice(-100)) tree.append(hash);
  assert.equal(tree.hashesAtHand(69_000, count + 1), undefined);
  assert.deepEqual(tree.hashesAtHand(69_000, 69_900), before);
});

test('a proof is the caller’s: what becomes of it changes no other', async () => {
  const tree = await grown();
  const first = await tree.inclusionPath(3, 777);
  const kept = first.map((hash) => hash.slice());
  for (const hash of first) hash.fill(0);
  assert.deepEqual(await tree.inclusionPath(3, 777), kept);
});

test('a tile is what the leaves below it hash to, also when it is cut to a smaller tree', async () => {
  const tree = await grown();
  const joined = (from: number, to: number) =>
    Uint8Array.from(leaves.slice(from, to).flatMap((hash) => [...hash]));
  assert.deepEqual(await tree.tile(0, 1, 256), joined(256, 512));
  assert.deepEqual(await tree.tile(0, 1, 100), joined(256, 356));
  assert.deepEqual(await tree.tile(0, 3, SIZE % 256), joined(768, SIZE));
  assert.deepEqual(await tree.leafHash(300), leaves[300]);
});

test('what is published can be read while a commit that fills its tile is on its way to the disk', async () => {
  const many = Array.from({ length: 66_000 }, (_, n) => leafHash(crypto, u64be(n)));
  for (const [published, appended] of [
    [200, 300],
    [65_530, 66_000],
  ] as const) {
    const storage = memoryStorage();
    const tree = LogTree.restore(crypto, storage, 0, []);
    const write = async () => {
      const batch = new WriteBatch();
      tree.addWrites(batch);
      await storage.write(batch);
    };
    for (const hash of many.slice(0, published)) tree.append(hash);
    await write();
    const root = tree.root();
    const read = async () => {
      const last = Math.floor(published / 256);
      const tile = await tree.tile(0, last, published % 256);
      assert.deepEqual(tile, Uint8Array.from(many.slice(last * 256, published).flatMap((hash) => [...hash])));
      assert.deepEqual(await tree.rootAt(published), root);
      assert.deepEqual(await tree.leafHash(published - 1), many[published - 1]);
      if (last > 0) assert.deepEqual(await tree.hashAbove(0, 0), treeRoot(crypto, many.slice(0, 256)));
      // More tiles than are kept for proofs: those that are not stored yet must not be among what is dropped.
      for (let n = 0; n < last; n++) await tree.inclusionPath(n * 256, published);
    };
    for (const hash of many.slice(published, appended)) tree.append(hash);
    await read();
    const batch = new WriteBatch();
    tree.addWrites(batch);
    await read();
    await read();
    await storage.write(batch);
    await write();
    await read();
  }
});

test('a size that the tree does not have is refused, and leaves no trace', async () => {
  const tree = await grown();
  for (const ask of [
    () => tree.rootAt(SIZE + 2),
    () => tree.inclusionPath(0, SIZE + 2),
    () => tree.consistencyPath(1, SIZE + 2),
  ]) {
    await assert.rejects(ask, { code: 'SIZE_NOT_AVAILABLE' });
  }
  for (const size of [0, -1, 2.5, Number.NaN]) {
    assert.equal(tree.hashesAtHand(0, size), undefined);
    await assert.rejects(tree.inclusionPath(0, size), { code: 'ARGUMENT_INVALID' });
  }
  const more = [SIZE, SIZE + 1].map((n) => leafHash(crypto, u64be(n)));
  for (const hash of more) tree.append(hash);
  assert.deepEqual(await tree.rootAt(SIZE + 2), treeRoot(crypto, [...leaves, ...more]));
});

test('a tile is the caller’s: what becomes of it changes no other', async () => {
  const tree = await grown();
  (await tree.tile(0, 1, 10)).fill(0);
  assert.deepEqual(await tree.tile(0, 1, 1), leaves[256]);
});
