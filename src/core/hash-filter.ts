/**
 * Which hashes are surely not in a set: nearly every statement that arrives is new, and to learn that from the storage costs more, the
 * larger a log is, since entry ids lie all over its index.
 *
 * A split block Bloom filter (as Apache Parquet has it) for each 2^20 of them: a hash sets one bit in each of the eight words of one
 * block. Hashes are evenly distributed already, so their bytes are used as they are. For each full part, one hash of 800 that is not
 * there looks as if it might be; whoever makes statements for one block costs the storage a look, and nothing else.
 */
import type { Bytes } from './bytes.ts';

/** Hashes of one part; 16 bits for each. */
const PART = 2 ** 20;
const WORDS = 8;
const BLOCKS = PART / 16;

export class HashFilter {
  /** Those that there is a hash of. */
  readonly #parts = new Map<number, Uint32Array>();
  #added = 0;

  /** @param hash of 10 bytes or more @param number its own: how many there were before, where nothing else is said */
  add(hash: Bytes, number = this.#added): void {
    this.#added += 1;
    const at = Math.floor(number / PART);
    let part = this.#parts.get(at);
    if (!part) {
      part = new Uint32Array(BLOCKS * WORDS);
      this.#parts.set(at, part);
    }
    const block = blockOf(hash);
    for (let word = 0; word < WORDS; word++) part[block + word]! |= bitOf(hash, word);
  }

  /** False is certain. @param hash of 10 bytes or more */
  mayHold(hash: Bytes): boolean {
    const block = blockOf(hash);
    for (const part of this.#parts.values()) if (holds(part, block, hash)) return true;
    return false;
  }

  /** Whether one of those with about this number may be the hash: of the 2^20 that it belongs to. False is certain. */
  mayHoldNear(hash: Bytes, number: number): boolean {
    const part = this.#parts.get(Math.floor(number / PART));
    return part !== undefined && holds(part, blockOf(hash), hash);
  }
}

function holds(part: Uint32Array, block: number, hash: Bytes): boolean {
  for (let word = 0; word < WORDS; word++) {
    if ((part[block + word]! & bitOf(hash, word)) === 0) return false;
  }
  return true;
}

/** Where the block begins, in words: by the first two bytes. */
function blockOf(hash: Bytes): number {
  return ((hash[0]! << 8) | hash[1]!) * WORDS;
}

/** By five bits of a byte of its own for each word. */
function bitOf(hash: Bytes, word: number): number {
  return 1 << (hash[2 + word]! & 31);
}
