/**
 * Keys by their kids, in two buffers outside the heap. Anybody may register keys, and a thread that verifies has a small heap: with a
 * few objects for each, some hundred thousand would end it, and its successor again.
 */
import { type Bytes, concat } from '../core/bytes.ts';

const KID = 32;

export class KeyTable {
  /** Kid, length of the key in two big-endian bytes, key; one behind the other. */
  #rows: Bytes = new Uint8Array(1 << 12);
  #end = 0;
  /** Where the row of a kid begins, plus one, at its place or at the next that was free; 0: free. Half of them at least. */
  #places = new Uint32Array(1 << 7);
  /** What leaves of a product of 32 bits the number of a place. */
  #shift = 32 - 7;
  #count = 0;
  readonly #factor: number;

  /** @param random that nobody else knows: whoever makes keys is not to choose their places */
  constructor(random: number) {
    this.#factor = random | 1;
  }

  get(kid: Bytes): Bytes | undefined {
    if (kid.length !== KID) return undefined;
    const row = this.#places[this.#placeOf(kid, 0)]!;
    return row === 0 ? undefined : this.#keyAt(row - 1);
  }

  /** A kid that is there keeps its key: it is the thumbprint of it. @param kid 32 bytes */
  add(kid: Bytes, key: Bytes): void {
    const place = this.#placeOf(kid, 0);
    if (this.#places[place] !== 0) return;
    const length = KID + 2 + key.length;
    if (this.#end + length > this.#rows.length) {
      this.#rows = concat(this.#rows, new Uint8Array(this.#rows.length + length));
    }
    this.#rows.set(kid, this.#end);
    this.#rows[this.#end + KID] = key.length >> 8;
    this.#rows[this.#end + KID + 1] = key.length;
    this.#rows.set(key, this.#end + KID + 2);
    this.#places[place] = this.#end + 1;
    this.#end += length;
    this.#count += 1;
    if (2 * this.#count > this.#places.length) this.#spread();
  }

  #keyAt(row: number): Bytes {
    const key = row + KID + 2;
    return this.#rows.subarray(key, key + ((this.#rows[key - 2]! << 8) | this.#rows[key - 1]!));
  }

  /** Where the kid at `at` is, or would be. */
  #placeOf(bytes: Bytes, at: number): number {
    const word = (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
    const last = this.#places.length - 1;
    let place = Math.imul(word, this.#factor) >>> this.#shift;
    for (; this.#places[place] !== 0; place = (place + 1) & last) {
      if (this.#isAt(this.#places[place]! - 1, bytes, at)) break;
    }
    return place;
  }

  #isAt(row: number, bytes: Bytes, at: number): boolean {
    for (let i = 0; i < KID; i++) if (this.#rows[row + i] !== bytes[at + i]) return false;
    return true;
  }

  #spread(): void {
    this.#places = new Uint32Array(2 * this.#places.length);
    this.#shift -= 1;
    for (let row = 0; row < this.#end; ) {
      this.#places[this.#placeOf(this.#rows, row)] = row + 1;
      row += KID + 2 + this.#keyAt(row).length;
    }
  }
}
