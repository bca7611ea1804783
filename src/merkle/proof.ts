/**
 * Verification of RFC 9162 inclusion and consistency proofs. Sizes and indexes are exact up to 2^64 − 1: they come
 * from other people's proofs, and a rounded number is a forged one.
 */
import { type Bytes, equal } from '../core/bytes.ts';
import type { Hasher } from '../core/crypto.ts';
import { fail } from '../core/errors.ts';
import { emptyRoot, HASH_LENGTH, nodeHash } from './tree.ts';

/** A tree size or leaf index: an exact number, or a bigint up to 2^64 − 1. */
export type Count = number | bigint;

/** Hashes in a path, at most: enough for 2^63 leaves. */
export const MAX_PATH = 63;
const MAX_COUNT = (1n << 64n) - 1n;

/**
 * The root that an audit path leads to, RFC 9162 §2.1.3.2.
 * @throws PROOF_MALFORMED when index, size and the number of hashes do not fit each other, or a hash is not 32 bytes
 */
export function rootFromInclusion(
  hasher: Hasher,
  index: Count,
  size: Count,
  leafHash: Bytes,
  proof: readonly Bytes[],
): Bytes {
  let fn = count(index);
  let sn = count(size) - 1n;
  if (fn > sn) throw fail('PROOF_MALFORMED', `leaf ${index} is not in a tree of ${size}`);
  checkHashes([leafHash, ...proof]);
  let r = leafHash;
  for (const p of proof) {
    if (sn === 0n) throw fail('PROOF_MALFORMED', 'the path is too long');
    if (fn % 2n === 1n || fn === sn) {
      r = nodeHash(hasher, p, r);
      while (fn % 2n === 0n && fn !== 0n) {
        fn >>= 1n;
        sn >>= 1n;
      }
    } else r = nodeHash(hasher, r, p);
    fn >>= 1n;
    sn >>= 1n;
  }
  if (sn !== 0n) throw fail('PROOF_MALFORMED', 'the path is too short');
  return r;
}

export interface InclusionClaim {
  readonly index: Count;
  readonly size: Count;
  /** 32 bytes each. */
  readonly leafHash: Bytes;
  readonly proof: readonly Bytes[];
  readonly root: Bytes;
}

/** @throws PROOF_MALFORMED as {@link rootFromInclusion}; INCLUSION_INVALID when the path leads to another root */
export function verifyInclusion(
  hasher: Hasher,
  { index, size, leafHash, proof, root }: InclusionClaim,
): void {
  checkHashes([root]);
  if (!equal(rootFromInclusion(hasher, index, size, leafHash, proof), root)) {
    throw fail(
      'INCLUSION_INVALID',
      `the path of leaf ${index} does not lead to the root of the tree of ${size}`,
    );
  }
}

/**
 * The newer root that a consistency proof leads to from the older one, RFC 9162 §2.1.4.2. The older root is checked on
 * the way.
 * @throws PROOF_MALFORMED sizes and number of hashes do not fit; CONSISTENCY_INVALID the path does not begin at `root1`
 */
export function rootFromConsistency(
  hasher: Hasher,
  size1: Count,
  size2: Count,
  root1: Bytes,
  proof: readonly Bytes[],
): Bytes {
  const [first, second] = [count(size1), count(size2)];
  checkHashes([root1, ...proof]);
  if (first > second) throw fail('PROOF_MALFORMED', `size ${size1} is above size ${size2}`);
  if (first === second) {
    if (proof.length > 0) throw fail('PROOF_MALFORMED', 'equal sizes have an empty proof');
    if (first === 0n) checkEmptyRoot(hasher, root1);
    return root1;
  }
  // RFC 9162 §2.1.4.1 defines proofs for 0 < m: every tree extends the empty one, so a proof of it says nothing.
  if (first === 0n) throw fail('PROOF_MALFORMED', 'there is no proof from the empty tree');
  if (proof.length === 0) throw fail('PROOF_MALFORMED', 'the proof is empty');
  const powerOfTwo = (first & (first - 1n)) === 0n;
  const [start, ...rest] = powerOfTwo ? [root1, ...proof] : proof;
  let fn = first - 1n;
  let sn = second - 1n;
  while (fn % 2n === 1n) {
    fn >>= 1n;
    sn >>= 1n;
  }
  let fr = start!;
  let sr = start!;
  for (const c of rest) {
    if (sn === 0n) throw fail('PROOF_MALFORMED', 'the proof is too long');
    if (fn % 2n === 1n || fn === sn) {
      fr = nodeHash(hasher, c, fr);
      sr = nodeHash(hasher, c, sr);
      while (fn % 2n === 0n && fn !== 0n) {
        fn >>= 1n;
        sn >>= 1n;
      }
    } else sr = nodeHash(hasher, sr, c);
    fn >>= 1n;
    sn >>= 1n;
  }
  if (sn !== 0n) throw fail('PROOF_MALFORMED', 'the proof is too short');
  if (!equal(fr, root1))
    throw fail('CONSISTENCY_INVALID', `the proof does not begin at the root of ${size1}`);
  return sr;
}

export interface ConsistencyClaim {
  readonly size1: Count;
  readonly size2: Count;
  /** 32 bytes each. */
  readonly root1: Bytes;
  readonly root2: Bytes;
  readonly proof: readonly Bytes[];
}

/** @throws PROOF_MALFORMED, CONSISTENCY_INVALID */
export function verifyConsistency(
  hasher: Hasher,
  { size1, size2, root1, root2, proof }: ConsistencyClaim,
): void {
  checkHashes([root2]);
  if (!equal(rootFromConsistency(hasher, size1, size2, root1, proof), root2)) {
    throw fail('CONSISTENCY_INVALID', `the tree of ${size2} does not extend the tree of ${size1}`);
  }
}

function checkEmptyRoot(hasher: Hasher, root: Bytes): void {
  if (!equal(root, emptyRoot(hasher)))
    throw fail('CONSISTENCY_INVALID', 'the root of the empty tree is H("")');
}

function count(value: Count): bigint {
  if (
    typeof value === 'number' ? !Number.isSafeInteger(value) || value < 0 : value < 0n || value > MAX_COUNT
  ) {
    throw fail('PROOF_MALFORMED', `${value} is not a tree size or leaf index`);
  }
  return BigInt(value);
}

function checkHashes(hashes: readonly Bytes[]): void {
  // One leaf hash or root goes with the path.
  if (hashes.length > MAX_PATH + 1) throw fail('PROOF_MALFORMED', `more than ${MAX_PATH} hashes`);
  if (hashes.some((hash) => hash.length !== HASH_LENGTH))
    throw fail('PROOF_MALFORMED', 'a hash is not 32 bytes');
}
