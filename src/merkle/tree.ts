/** The tree of RFC 9162 §2.1.1: leaf and node hashes, and the root by its recursive definition. */
import { type Bytes, concat } from '../core/bytes.ts';
import type { Hasher } from '../core/crypto.ts';
import { fail } from '../core/errors.ts';

/** Bytes of every hash. */
export const HASH_LENGTH = 32;
// Domain separation: a leaf can never be read as a node (RFC 9162 §2.1.1).
const LEAF = Uint8Array.of(0);
const NODE = 1;

/** H(0x00 ‖ data), 32 bytes. */
export function leafHash(hasher: Hasher, data: Bytes): Bytes {
  return hasher.sha256(concat(LEAF, data));
}

/** Views of a row of hashes. */
export function hashesOf(row: Bytes): Bytes[] {
  const hashes: Bytes[] = [];
  for (let at = 0; at < row.length; at += HASH_LENGTH) hashes.push(row.subarray(at, at + HASH_LENGTH));
  return hashes;
}

// One input buffer for all nodes: hashing is synchronous, and a fresh buffer for each costs as much as the hash.
const nodeInput = new Uint8Array(1 + 2 * HASH_LENGTH);
nodeInput[0] = NODE;

/** H(0x01 ‖ left ‖ right), 32 bytes, of two hashes of 32 bytes. @throws ARGUMENT_INVALID for another length */
export function nodeHash(hasher: Hasher, left: Bytes, right: Bytes): Bytes {
  // Also what keeps bytes of an earlier node out of this one.
  if (left.length !== HASH_LENGTH || right.length !== HASH_LENGTH) {
    throw fail('ARGUMENT_INVALID', 'a hash is not 32 bytes');
  }
  nodeInput.set(left, 1);
  nodeInput.set(right, 1 + HASH_LENGTH);
  return hasher.sha256(nodeInput);
}

/** The root of the tree without leaves: H(""). */
export function emptyRoot(hasher: Hasher): Bytes {
  return hasher.sha256(new Uint8Array(0));
}

/** MTH(D_n) over leaf hashes, as RFC 9162 §2.1.1 defines it. Plain recursion: the measure for everything faster. */
export function treeRoot(hasher: Hasher, leafHashes: readonly Bytes[]): Bytes {
  if (leafHashes.length === 0) return emptyRoot(hasher);
  const root = (from: number, to: number): Bytes => {
    if (to - from === 1) return leafHashes[from]!;
    const middle = from + largestPower(to - from);
    return nodeHash(hasher, root(from, middle), root(middle, to));
  };
  return root(0, leafHashes.length);
}

/** k of RFC 9162 §2.1.1: the largest power of two smaller than n, for n > 1. */
export function largestPower(n: number): number {
  let k = 1;
  while (k * 2 < n) k *= 2;
  return k;
}
