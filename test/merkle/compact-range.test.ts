import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Bytes, utf8 } from '../../src/core/bytes.ts';
import { nobleCrypto } from '../../src/core/crypto-noble.ts';
import { isLedgerError } from '../../src/core/errors.ts';
import { CompactRange, leafHash, treeRoot } from '../../src/merkle/index.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';

const leaves = Array.from({ length: 2000 }, (_, i) => leafHash(nodeCrypto, utf8(`leaf ${i}`)));

for (const crypto of [nodeCrypto, nobleCrypto]) {
  test(`the root is the recursive one at every size from 0 to 300 (${crypto.name})`, () => {
    const range = CompactRange.empty();
    for (let size = 0; size <= (crypto === nodeCrypto ? 300 : 100); size++) {
      assert.equal(range.size, size);
      assert.deepEqual(range.root(crypto), treeRoot(crypto, leaves.slice(0, size)), `size ${size}`);
      range.append(crypto, leaves[size]!);
    }
  });
}

test('the root is the recursive one at random sizes', () => {
  fc.assert(
    fc.property(fc.nat(2000), (size) => {
      assert.deepEqual(grown(size).root(nodeCrypto), treeRoot(nodeCrypto, leaves.slice(0, size)));
    }),
    { numRuns: 20 },
  );
});

test('a range goes on from its stored hashes', () => {
  fc.assert(
    fc.property(fc.nat(1000), fc.nat(50), (size, more) => {
      const whole = grown(size);
      const restored = CompactRange.of(size, whole.hashes);
      for (const leaf of leaves.slice(size, size + more)) {
        whole.append(nodeCrypto, leaf);
        restored.append(nodeCrypto, leaf);
      }
      assert.equal(restored.size, size + more);
      assert.deepEqual(restored.hashes, whole.hashes);
    }),
    { numRuns: 30 },
  );
});

test('every perfect node is visited once, when its last leaf comes, leaf first', () => {
  const seen = new Map<string, Bytes>();
  const range = CompactRange.empty();
  for (let i = 0; i < 300; i++) {
    const levels: number[] = [];
    range.append(nodeCrypto, leaves[i]!, (level, index, hash) => {
      assert.ok(!seen.has(`${level}/${index}`));
      seen.set(`${level}/${index}`, hash);
      assert.equal((index + 1) * 2 ** level, i + 1);
      levels.push(level);
    });
    assert.deepEqual(levels, [...levels.keys()]);
  }
  let expected = 0;
  for (let level = 0; 2 ** level <= 300; level++) {
    for (let index = 0; (index + 1) * 2 ** level <= 300; index++) {
      const below = leaves.slice(index * 2 ** level, (index + 1) * 2 ** level);
      assert.deepEqual(seen.get(`${level}/${index}`), treeRoot(nodeCrypto, below));
      expected += 1;
    }
  }
  assert.equal(seen.size, expected);
});

test('a clone and hashes that were read do not change with the range', () => {
  const range = grown(7);
  const { hashes } = range;
  const clone = range.clone();
  const [root, copy] = [range.root(nodeCrypto), [...hashes]];
  range.append(nodeCrypto, leaves[7]!);
  assert.deepEqual(hashes, copy);
  assert.equal(clone.size, 7);
  assert.deepEqual(clone.root(nodeCrypto), root);
  assert.equal(range.hashes.length, 1);
});

test('sizes beyond 2^32 are exact', () => {
  const size = 2 ** 40 + 3;
  const range = CompactRange.of(size, leaves.slice(0, 3));
  const visited: [number, number][] = [];
  range.append(nodeCrypto, leaves[3]!, (level, index) => visited.push([level, index]));
  assert.deepEqual(visited, [
    [0, size],
    [1, 2 ** 39 + 1],
    [2, 2 ** 38],
  ]);
  assert.equal(range.hashes.length, 2);
});

test('sizes and hashes that do not fit are refused', () => {
  const refused = (f: () => unknown) => assert.throws(f, (e) => isLedgerError(e, 'ARGUMENT_INVALID'));
  refused(() => CompactRange.of(3, leaves.slice(0, 1)));
  refused(() => CompactRange.of(4, leaves.slice(0, 2)));
  refused(() => CompactRange.of(0, leaves.slice(0, 1)));
  refused(() => CompactRange.of(-1, []));
  refused(() => CompactRange.of(1.5, leaves.slice(0, 1)));
  refused(() => CompactRange.of(2 ** 53, leaves.slice(0, 1)));
  refused(() => CompactRange.of(1, [new Uint8Array(31)]));
  const range = grown(3);
  refused(() => range.append(nodeCrypto, new Uint8Array(33)));
  assert.equal(range.size, 3);
  assert.deepEqual(range.root(nodeCrypto), treeRoot(nodeCrypto, leaves.slice(0, 3)));
});

function grown(size: number): CompactRange {
  const range = CompactRange.empty();
  for (const leaf of leaves.slice(0, size)) range.append(nodeCrypto, leaf);
  return range;
}
