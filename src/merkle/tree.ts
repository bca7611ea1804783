/** The tree of RFC 9162 §2.1.1: leaf and node hashes, and the root by its recursive definition. */
import { type Bytes, concat } from '../core/bytes.ts';
import type { Hasher } from '../core/crypto.ts';

const LEAF = Uint8Array.of(0);
const NODE = 1;

/** H(0x00 ‖ data), 32 bytes. */
export function leafHash(hasher: Hasher, data: Bytes): Bytes {
  return hasher.sha256(concat(LEAF, data));
}

/** H(0x01 ‖ left ‖ right), 32 bytes, of two hashes of 32 bytes. */
export function nodeHash(hasher: Hasher, left: Bytes, right: Bytes): Bytes {
  const input = new Uint8Array(65);
  input[0] = NODE;
  input.set(left, 1);
  input.set(right, 33);
  return hasher.sha256(input);
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
    // k: the largest power of two smaller than n.
    let k = 1;
    while (k * 2 < to - from) k *= 2;
    return nodeHash(hasher, root(from, from + k), root(from + k, to));
  };
  return root(0, leafHashes.length);
}
