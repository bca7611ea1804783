import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MerkleTree } from 'merkletreejs';
import { type Bytes, concat } from '../../src/core/bytes.ts';
import { nobleCrypto } from '../../src/core/crypto-noble.ts';
import { isLedgerError } from '../../src/core/errors.ts';
import {
  assembleProof,
  type ConsistencyClaim,
  consistencyNodes,
  type InclusionClaim,
  inclusionNodes,
  MAX_PATH,
  nodeHash,
  rootFromConsistency,
  rootFromInclusion,
  verifyConsistency,
  verifyInclusion,
} from '../../src/merkle/index.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import { GrownTree } from './grown-tree.ts';

const tree = new GrownTree(nodeCrypto, 2000);

function inclusion(index: number, size: number): InclusionClaim {
  const proof = assembleProof(nodeCrypto, inclusionNodes(index, size), tree.hashOf);
  return { index, size, leafHash: tree.leaves[index]!, proof, root: tree.roots[size]! };
}

function consistency(size1: number, size2: number): ConsistencyClaim {
  const proof = assembleProof(nodeCrypto, consistencyNodes(size1, size2), tree.hashOf);
  return { size1, size2, root1: tree.roots[size1]!, root2: tree.roots[size2]!, proof };
}

const includes = (claim: InclusionClaim) => verdict(() => verifyInclusion(nodeCrypto, claim));
const extendsIt = (claim: ConsistencyClaim) => verdict(() => verifyConsistency(nodeCrypto, claim));

test('every inclusion proof verifies: all sizes to 200, random ones to 2000', () => {
  for (let size = 1; size <= 200; size++) {
    for (let index = 0; index < size; index++)
      assert.ok(includes(inclusion(index, size)), `${index}/${size}`);
  }
  fc.assert(fc.property(place(2000), ([index, size]) => assert.ok(includes(inclusion(index, size)))));
});

test('every consistency proof verifies: all sizes to 200, random ones to 2000', () => {
  for (let size2 = 1; size2 <= 200; size2++) {
    for (let size1 = 1; size1 <= size2; size1++) {
      assert.ok(extendsIt(consistency(size1, size2)), `${size1}/${size2}`);
    }
  }
  fc.assert(fc.property(place(2000), ([index, size]) => assert.ok(extendsIt(consistency(index + 1, size)))));
});

test('noble reaches the same verdicts', () => {
  for (const size of [1, 2, 3, 6, 7, 8, 21]) {
    for (let index = 0; index < size; index++) {
      verifyInclusion(nobleCrypto, inclusion(index, size));
      verifyConsistency(nobleCrypto, consistency(index + 1, size));
    }
  }
});

test('inclusion proofs are those of merkletreejs', () => {
  const node = (pair: Bytes) => Buffer.from(nodeCrypto.sha256(concat(Uint8Array.of(1), pair)));
  for (const size of [1, 2, 3, 7, 8, 11, 100]) {
    const leaves = tree.leaves.slice(0, size).map((leaf) => Buffer.from(leaf));
    const oracle = new MerkleTree(leaves, node as never);
    for (let index = 0; index < size; index++) {
      const path = oracle.getProof(leaves[index]!, index).map(({ data }) => new Uint8Array(data));
      assert.deepEqual(inclusion(index, size).proof, path, `${index}/${size}`);
    }
  }
});

test('a changed hash anywhere makes the claim fail', () => {
  fc.assert(
    fc.property(place(2000), fc.nat(255), fc.nat(31), (at, bit, byte) => {
      const [index, size] = at;
      const flip = (hash: Bytes) => hash.map((b, i) => (i === byte ? b ^ (1 << (bit & 7)) : b));
      const claim = inclusion(index, size);
      assert.ok(!includes({ ...claim, leafHash: flip(claim.leafHash) }));
      assert.ok(!includes({ ...claim, root: flip(claim.root) }));
      for (const proof of changedOne(claim.proof, flip)) assert.ok(!includes({ ...claim, proof }));
      const older = consistency(index + 1, size);
      assert.ok(!extendsIt({ ...older, root1: flip(older.root1) }));
      assert.ok(!extendsIt({ ...older, root2: flip(older.root2) }));
      for (const proof of changedOne(older.proof, flip)) assert.ok(!extendsIt({ ...older, proof }));
    }),
  );
});

test('a proof with a hash dropped, added or swapped fails', () => {
  fc.assert(
    fc.property(place(2000), fc.uint8Array({ minLength: 32, maxLength: 32 }), ([index, size], extra) => {
      const claim = inclusion(index, size);
      for (const proof of rearranged(claim.proof, [extra, claim.root, claim.leafHash])) {
        assert.ok(!includes({ ...claim, proof }));
      }
      const older = consistency(index + 1, size);
      for (const proof of rearranged(older.proof, [extra, older.root1, older.root2])) {
        assert.ok(!extendsIt({ ...older, proof }));
      }
    }),
  );
});

test('another index fails always', () => {
  for (const size of [1, 2, 3, 4, 5, 8, 13, 31, 32, 33]) {
    for (let index = 0; index < size; index++) {
      const claim = inclusion(index, size);
      for (let other = 0; other <= size; other++) {
        assert.equal(includes({ ...claim, index: other }), other === index, `${index}→${other}/${size}`);
      }
    }
  }
});

// A path does not fix the size: trees of other sizes can be hashed in the same order, as leaf 0 is in trees of 3 and
// 4. That is why the size is always taken from what is signed together with the root.
test('another size fails unless its hashing goes the same way', () => {
  for (let size = 1; size <= 20; size++) {
    for (let index = 0; index < size; index++) {
      const claim = inclusion(index, size);
      const older = consistency(index + 1, size);
      for (let other = 0; other <= 40; other++) {
        const sameWay = index < other && turns(index, other) === turns(index, size);
        assert.equal(includes({ ...claim, size: other }), sameWay, `${index}/${size}→${other}`);
        const sameShape = index < other && shape(index + 1, other) === shape(index + 1, size);
        assert.equal(extendsIt({ ...older, size2: other }), sameShape, `${index + 1}/${size}→${other}`);
      }
    }
  }
});

test('another older size fails always', () => {
  for (let size2 = 1; size2 <= 33; size2++) {
    for (let size1 = 1; size1 <= size2; size1++) {
      const claim = consistency(size1, size2);
      for (let other = 0; other <= size2 + 1; other++) {
        assert.equal(extendsIt({ ...claim, size1: other }), other === size1, `${size1}→${other}/${size2}`);
      }
    }
  }
});

test('numbers, bigints and sizes up to 2^64 − 1 are exact', () => {
  const claim = inclusion(5, 11);
  assert.ok(includes({ ...claim, index: 5n, size: 11n }));
  assert.ok(!includes({ ...claim, index: 5n + 2n ** 60n, size: 11n + 2n ** 60n }));
  // The last leaf of a full tree, and of one that lacks a leaf, is hashed from the left only: 63 and 62 times. To a
  // double, the two sizes are one number.
  const leaf = tree.leaves[0]!;
  const path = tree.leaves.slice(0, MAX_PATH);
  const full = 2n ** 63n;
  const fold = (hashes: readonly Bytes[]) => hashes.reduce((r, hash) => nodeHash(nodeCrypto, hash, r), leaf);
  assert.deepEqual(rootFromInclusion(nodeCrypto, full - 1n, full, leaf, path), fold(path));
  const shorter = path.slice(1);
  assert.deepEqual(rootFromInclusion(nodeCrypto, full - 2n, full - 1n, leaf, shorter), fold(shorter));
  const malformed: [bigint, bigint, Bytes[]][] = [
    [full - 2n, full - 1n, path],
    [full - 1n, full, shorter],
    [full, full, path],
    [0n, 2n ** 64n - 1n, path],
  ];
  for (const [index, size, hashes] of malformed) {
    assert.throws(() => rootFromInclusion(nodeCrypto, index, size, leaf, hashes), code('PROOF_MALFORMED'));
  }
  const last = 2n ** 64n - 2n;
  assert.deepEqual(rootFromInclusion(nodeCrypto, last, last + 1n, leaf, path), fold(path));
});

test('paths are capped at 63 hashes', () => {
  const leaf = tree.leaves[0]!;
  const long = tree.leaves.slice(0, MAX_PATH + 1);
  for (const size of [2n ** 64n - 1n, 2n ** 63n + 1n]) {
    assert.throws(() => rootFromInclusion(nodeCrypto, 0n, size, leaf, long), code('PROOF_MALFORMED'));
    assert.throws(() => rootFromConsistency(nodeCrypto, 1n, size, leaf, long), code('PROOF_MALFORMED'));
  }
});

test('sizes and indexes that are none are refused', () => {
  const claim = inclusion(0, 1);
  for (const bad of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, -1n, 2n ** 64n]) {
    const refused = (verify: () => void) => assert.throws(verify, code('PROOF_MALFORMED'), String(bad));
    refused(() => verifyInclusion(nodeCrypto, { ...claim, index: bad }));
    refused(() => verifyInclusion(nodeCrypto, { ...claim, size: bad }));
    const older = { size1: 1, size2: 1, root1: claim.root, root2: claim.root, proof: [] };
    refused(() => verifyConsistency(nodeCrypto, { ...older, size1: bad }));
    refused(() => verifyConsistency(nodeCrypto, { ...older, size2: bad }));
  }
  assert.throws(() => verifyInclusion(nodeCrypto, { ...claim, index: 1 }), code('PROOF_MALFORMED'));
  assert.throws(() => verifyInclusion(nodeCrypto, { ...claim, size: 0 }), code('PROOF_MALFORMED'));
});

test('roots and nodes of the wrong length are refused', () => {
  const claim = inclusion(2, 5);
  const older = consistency(2, 5);
  for (const wrong of [new Uint8Array(0), new Uint8Array(31), new Uint8Array(33), new Uint8Array(64)]) {
    const refused = (verify: () => void) => assert.throws(verify, code('PROOF_MALFORMED'));
    refused(() => verifyInclusion(nodeCrypto, { ...claim, leafHash: wrong }));
    refused(() => verifyInclusion(nodeCrypto, { ...claim, root: wrong }));
    refused(() => verifyInclusion(nodeCrypto, { ...claim, proof: [wrong, ...claim.proof.slice(1)] }));
    refused(() => verifyConsistency(nodeCrypto, { ...older, root1: wrong }));
    refused(() => verifyConsistency(nodeCrypto, { ...older, root2: wrong }));
    refused(() => verifyConsistency(nodeCrypto, { ...older, proof: [wrong, ...older.proof.slice(1)] }));
    // Two wrong roots that are equal are still no roots.
    refused(() =>
      verifyConsistency(nodeCrypto, { size1: 1, size2: 1, root1: wrong, root2: wrong, proof: [] }),
    );
  }
});

test('the empty tree is consistent only with itself, and has one root', () => {
  const [empty, one] = [tree.roots[0]!, tree.roots[1]!];
  verifyConsistency(nodeCrypto, { size1: 0, size2: 0, root1: empty, root2: empty, proof: [] });
  assert.throws(
    () => verifyConsistency(nodeCrypto, { size1: 0, size2: 0, root1: one, root2: one, proof: [] }),
    code('CONSISTENCY_INVALID'),
  );
  assert.throws(
    () => verifyConsistency(nodeCrypto, { size1: 0, size2: 1, root1: empty, root2: one, proof: [] }),
    code('PROOF_MALFORMED'),
  );
});

test('errors tell a malformed proof from a false one', () => {
  const claim = inclusion(3, 7);
  const other = tree.leaves[4]!;
  assert.throws(() => verifyInclusion(nodeCrypto, { ...claim, leafHash: other }), code('INCLUSION_INVALID'));
  assert.throws(() => verifyInclusion(nodeCrypto, { ...claim, proof: [] }), code('PROOF_MALFORMED'));
  const older = consistency(3, 7);
  assert.throws(() => verifyConsistency(nodeCrypto, { ...older, root1: other }), code('CONSISTENCY_INVALID'));
  assert.throws(() => verifyConsistency(nodeCrypto, { ...older, root2: other }), code('CONSISTENCY_INVALID'));
  assert.throws(() => verifyConsistency(nodeCrypto, { ...older, proof: [] }), code('PROOF_MALFORMED'));
  // The detached form checks the older root too.
  assert.throws(() => rootFromConsistency(nodeCrypto, 3, 7, other, older.proof), code('CONSISTENCY_INVALID'));
});

/** [index, size] with index < size. */
function place(max: number): fc.Arbitrary<readonly [number, number]> {
  return fc
    .tuple(fc.integer({ min: 1, max }), fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }))
    .map(([size, part]) => [Math.floor(size * part), size] as const);
}

function changedOne(proof: readonly Bytes[], change: (hash: Bytes) => Bytes): Bytes[][] {
  return proof.map((_, at) => proof.map((hash, i) => (i === at ? change(hash) : hash)));
}

function rearranged(proof: readonly Bytes[], extras: readonly Bytes[]): Bytes[][] {
  const out: Bytes[][] = [];
  proof.forEach((_, i) => {
    out.push(proof.filter((_, j) => j !== i));
    if (i > 0) out.push(proof.map((hash, j) => (j === i ? proof[i - 1]! : j === i - 1 ? proof[i]! : hash)));
  });
  for (let i = 0; i <= proof.length; i++) {
    for (const extra of extras) out.push([...proof.slice(0, i), extra, ...proof.slice(i)]);
  }
  return out;
}

/** The sides that a leaf's path is hashed on, by the recursive definition (RFC 9162 §2.1.3.1). */
function turns(index: number, size: number): string {
  if (size === 1) return '';
  const k = 2 ** Math.ceil(Math.log2(size) - 1);
  return index < k ? `${turns(index, k)}r` : `${turns(index - k, size - k)}l`;
}

/** The same for the elements of a consistency proof (§2.1.4.1); `=` is the older root itself. */
function shape(size1: number, size2: number, whole = true): string {
  if (size1 === size2) return whole ? '=' : 's';
  const k = 2 ** Math.ceil(Math.log2(size2) - 1);
  return size1 <= k ? `${shape(size1, k, whole)}r` : `${shape(size1 - k, size2 - k, false)}l`;
}

function verdict(verify: () => void): boolean {
  try {
    verify();
    return true;
  } catch (error) {
    assert.ok(isLedgerError(error), String(error));
    assert.match(error.code, /^(PROOF_MALFORMED|INCLUSION_INVALID|CONSISTENCY_INVALID)$/);
    return false;
  }
}

function code(expected: string) {
  return (error: unknown) => isLedgerError(error, expected);
}
