/**
 * Hashing of the state map, FORMATS §3. Each use of SHA-256 has a prefix of its own, so that none can pass for another.
 *
 * Hashes are held as binary strings. A map has several for each record, and a string takes 48 bytes where a
 * Uint8Array takes 200 to 400; it cannot be changed by whoever gets hold of it; and strings of this kind are equal,
 * and sort, as their bytes do.
 */
import { type Bytes, concat, fromCharacters, toCharacters } from '../core/bytes.ts';
import { type Hasher, hashCharacters } from '../core/crypto.ts';

/** 32 characters U+0000 to U+00FF, each of them one byte. */
export type Hash = string;

/** Bytes of every hash. */
export const HASH_LENGTH = 32;
/** Bits of a key's path: no proof is deeper. */
export const MAX_DEPTH = 256;
/** An empty subtree: 32 zero bytes. No hash is that. */
export const EMPTY: Hash = '\0'.repeat(HASH_LENGTH);

const LEAF = 2;
const INNER = 3;
const KEY = Uint8Array.of(4);
const VALUE = 5;

/** Paths that are remembered for a hasher: with every statement the same few records are read. */
const REMEMBERED = 32_768;
const LONGEST_REMEMBERED = 128;
const paths = new WeakMap<Hasher, Map<string, Hash>>();

/**
 * K = H(0x04 ‖ key): the path of a key.
 * @param name {@link toCharacters} of the key, where the caller has it: strings remember how they hash
 */
export function keyHash(hasher: Hasher, key: Bytes, name?: string): Hash {
  if (key.length > LONGEST_REMEMBERED) return hashCharacters(hasher, concat(KEY, key));
  let known = paths.get(hasher);
  if (!known) {
    known = new Map();
    paths.set(hasher, known);
  }
  const remembered = name ?? toCharacters(key);
  const found = known.get(remembered);
  if (found !== undefined) return found;
  const hash = hashCharacters(hasher, concat(KEY, key));
  if (known.size >= REMEMBERED) known.clear();
  known.set(remembered, hash);
  return hash;
}

/** V = H(0x05 ‖ value). */
export function valueHash(hasher: Hasher, value: Bytes): Hash {
  return hashCharacters(hasher, inputOf(value));
}

/** {@link valueHash} in bytes. */
export function valueBytes(hasher: Hasher, value: Bytes): Bytes {
  return hasher.sha256(inputOf(value));
}

/** For most records; hashing is synchronous. */
const valueInput = new Uint8Array(4096);

function inputOf(value: Bytes): Bytes {
  const length = 1 + value.length;
  // Bytes of one's own lie outside the heap from 65 on, and take longer to get than to hash.
  const input = length <= valueInput.length ? valueInput.subarray(0, length) : new Uint8Array(length);
  input[0] = VALUE;
  input.set(value, 1);
  return input;
}

/** leaf = H(0x02 ‖ K ‖ V). */
export function leafHash(hasher: Hasher, k: Hash, v: Hash): Hash {
  return pairHash(hasher, LEAF, k, v);
}

/** {@link leafHash} in bytes, of a value's hash in bytes. */
export function leafBytes(hasher: Hasher, k: Hash, v: Bytes): Bytes {
  pairInput[0] = LEAF;
  writeHash(k, pairInput, 1);
  pairInput.set(v, 1 + HASH_LENGTH);
  return hasher.sha256(pairInput);
}

/** inner = H(0x03 ‖ L ‖ R). */
export function innerHash(hasher: Hasher, left: Hash, right: Hash): Hash {
  return pairHash(hasher, INNER, left, right);
}

// One input buffer for all pairs: hashing is synchronous, and a fresh buffer for each costs as much as the hash.
const pairInput = new Uint8Array(1 + 2 * HASH_LENGTH);

/**
 * {@link innerHash} of a node and its sibling, 32 bytes in `siblings` from `at` on. In bytes, and without a view of them:
 * who folds one path up would only take strings apart again.
 */
export function foldedHash(
  hasher: Hasher,
  hash: Bytes,
  isRight: boolean,
  siblings: Bytes,
  at: number,
): Bytes {
  const [own, other] = isRight ? [1 + HASH_LENGTH, 1] : [1, 1 + HASH_LENGTH];
  pairInput[0] = INNER;
  for (let i = 0; i < HASH_LENGTH; i++) {
    pairInput[own + i] = hash[i]!;
    pairInput[other + i] = siblings[at + i]!;
  }
  return hasher.sha256(pairInput);
}

function pairHash(hasher: Hasher, prefix: number, a: Hash, b: Hash): Hash {
  pairInput[0] = prefix;
  writeHash(a, pairInput, 1);
  writeHash(b, pairInput, 1 + HASH_LENGTH);
  return hashCharacters(hasher, pairInput);
}

/** @returns where it ends */
export function writeHash(hash: Hash, to: Bytes, at: number): number {
  for (let i = 0; i < HASH_LENGTH; i++) to[at + i] = hash.charCodeAt(i);
  return at + HASH_LENGTH;
}

/** 32 bytes. */
export function bytesOfHash(hash: Hash): Bytes {
  return fromCharacters(hash);
}

/** Bit `depth` of a path, the most significant bit of the first byte being bit 0. */
export function bitAt(path: Hash, depth: number): 0 | 1 {
  return ((path.charCodeAt(depth >> 3) >> (7 - (depth & 7))) & 1) as 0 | 1;
}
