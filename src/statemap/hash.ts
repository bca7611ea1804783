/** Hashing of the state map, FORMATS §3. Each use of SHA-256 has a prefix of its own, so that none can pass for another. */
import { type Bytes, concat } from '../core/bytes.ts';
import type { Hasher } from '../core/crypto.ts';

const KEY = Uint8Array.of(4);
const VALUE = Uint8Array.of(5);

/** Bytes of every hash. */
export const HASH = 32;
/** Bits of a key's path: no proof is deeper. */
export const MAX_DEPTH = 256;
/** An empty subtree. */
export const EMPTY: Bytes = new Uint8Array(HASH);

/** K = H(0x04 ‖ key): the path of a key. */
export function keyHash(hasher: Hasher, key: Bytes): Bytes {
  return hasher.sha256(concat(KEY, key));
}

/** V = H(0x05 ‖ value). */
export function valueHash(hasher: Hasher, value: Bytes): Bytes {
  return hasher.sha256(concat(VALUE, value));
}

/** leaf = H(0x02 ‖ K ‖ V). */
export function leafNode(hasher: Hasher, k: Bytes, v: Bytes): Bytes {
  return hasher.sha256(joined(2, k, v));
}

/** inner = H(0x03 ‖ L ‖ R). */
export function innerNode(hasher: Hasher, left: Bytes, right: Bytes): Bytes {
  return hasher.sha256(joined(3, left, right));
}

function joined(prefix: number, a: Bytes, b: Bytes): Bytes {
  const input = new Uint8Array(1 + 2 * HASH);
  input[0] = prefix;
  input.set(a, 1);
  input.set(b, 1 + HASH);
  return input;
}

/** Bit `depth` of a path, the most significant bit of the first byte being bit 0. */
export function bitAt(path: Bytes, depth: number): 0 | 1 {
  return ((path[depth >> 3]! >> (7 - (depth & 7))) & 1) as 0 | 1;
}
