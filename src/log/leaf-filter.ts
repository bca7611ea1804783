/**
 * Which leaves a log surely does not have: nearly all that arrives is new, and to learn that from the storage costs more, the
 * larger the log is, since entry ids lie all over its index.
 *
 * A split block Bloom filter (as Apache Parquet has it) for each 2^20 leaves: a leaf hash sets one bit in each of the eight words of
 * one block. Leaf hashes are evenly distributed already, so their bytes are used as they are. One of a thousand that is not there
 * looks as if it might be; whoever makes statements for one block costs the storage a look, and nothing else.
 */
import type { Bytes } from '../core/bytes.ts';

/** Leaves of one part; 16 bits for each. */
const PART = 2 ** 20;
const WORDS = 8;
const BLOCKS = PART / 16;

export class LeafFilter {
  readonly #parts: Uint32Array[] = [];
  #added = 0;

  /** @param leafHash 32 bytes */
  add(leafHash: Bytes): void {
    if (this.#added % PART === 0) this.#parts.push(new Uint32Array(BLOCKS * WORDS));
    this.#added += 1;
    const part = this.#parts.at(-1)!;
    const block = blockOf(leafHash);
    for (let word = 0; word < WORDS; word++) part[block + word]! |= bitOf(leafHash, word);
  }

  /** False is certain. @param leafHash 32 bytes */
  mayHold(leafHash: Bytes): boolean {
    const block = blockOf(leafHash);
    return this.#parts.some((part) => {
      for (let word = 0; word < WORDS; word++) {
        if ((part[block + word]! & bitOf(leafHash, word)) === 0) return false;
      }
      return true;
    });
  }
}

/** Where the block begins, in words: by the first two bytes. */
function blockOf(leafHash: Bytes): number {
  return ((leafHash[0]! << 8) | leafHash[1]!) * WORDS;
}

/** By five bits of a byte of its own for each word. */
function bitOf(leafHash: Bytes, word: number): number {
  return 1 << (leafHash[2 + word]! & 31);
}
