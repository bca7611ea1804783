/**
 * Which of the leaves of a row has a given hash: all of them in memory, outside the engine's heap, 40 bytes for each that there is
 * room for.
 */
import type { Bytes } from '../core/bytes.ts';
import { fail } from '../core/errors.ts';
import { HASH_LENGTH } from '../merkle/index.ts';

/** Leaves that there is room for at first, and then, before there is for all: to find a place for many anew would hold up whoever waits. */
const ROOMS = [1024, 16_384];

export class LeafTable {
  /** Index of the first leaf. */
  readonly first: number;
  readonly #most: number;
  readonly #factor: number;
  #hashes: Bytes;
  /** Place + 1 of a leaf, at its slot or at the next that was free; 0: free. Twice as many as there is room for leaves. */
  #slots: Uint32Array;
  #count = 0;

  /**
   * @param most leaves that it takes: a power of two
   * @param random that nobody else knows: whoever makes statements is not to choose their slots
   */
  constructor(first: number, most: number, random: number) {
    this.first = first;
    this.#factor = random | 1;
    this.#most = most;
    ({ hashes: this.#hashes, slots: this.#slots } = this.#room());
  }

  /** Index of the leaf that comes next. */
  get end(): number {
    return this.first + this.#count;
  }

  get full(): boolean {
    return this.#count === this.#most;
  }

  /** Hashes of the leaves in their order, 32 bytes each; a view. */
  get hashes(): Bytes {
    return this.#hashes.subarray(0, this.#count * HASH_LENGTH);
  }

  /** The leaf that comes next: its 32 bytes of `from` at `at`. Of equal ones the first is found. @throws INTERNAL it is full */
  add(from: Bytes, at = 0): void {
    if (this.full) throw fail('INTERNAL', 'a table of leaves is full');
    if (this.#count * HASH_LENGTH === this.#hashes.length) this.#grow();
    const slot = this.#slot(from, at);
    copy(from, at, this.#hashes, this.#count * HASH_LENGTH);
    this.#count += 1;
    if (this.#slots[slot] === 0) this.#slots[slot] = this.#count;
  }

  /** Index of the first leaf with this hash, of 32 bytes. */
  find(hash: Bytes): number | undefined {
    const found = this.#slots[this.#slot(hash, 0)]!;
    return found === 0 ? undefined : this.first + found - 1;
  }

  #room() {
    const room = Math.min(ROOMS.find((leaves) => leaves > this.#count) ?? this.#most, this.#most);
    return { hashes: new Uint8Array(room * HASH_LENGTH), slots: new Uint32Array(2 * room) };
  }

  #grow(): void {
    const hashes = this.#hashes;
    ({ hashes: this.#hashes, slots: this.#slots } = this.#room());
    this.#hashes.set(hashes);
    for (let i = 0; i < this.#count; i++) {
      const slot = this.#slot(hashes, i * HASH_LENGTH);
      if (this.#slots[slot] === 0) this.#slots[slot] = i + 1;
    }
  }

  /** Where the hash is, or would be. */
  #slot(from: Bytes, at: number): number {
    const last = this.#slots.length - 1;
    const word = (from[at]! << 24) | (from[at + 1]! << 16) | (from[at + 2]! << 8) | from[at + 3]!;
    let slot = Math.imul(word, this.#factor) >>> Math.clz32(last);
    for (;;) {
      const found = this.#slots[slot]!;
      if (found === 0 || same(this.#hashes, (found - 1) * HASH_LENGTH, from, at)) return slot;
      slot = (slot + 1) & last;
    }
  }
}

// Views of the bytes would cost more than what is done with them.

function same(a: Bytes, i: number, b: Bytes, j: number): boolean {
  for (let k = 0; k < HASH_LENGTH; k++) if (a[i + k] !== b[j + k]) return false;
  return true;
}

function copy(from: Bytes, at: number, to: Bytes, begin: number): void {
  for (let k = 0; k < HASH_LENGTH; k++) to[begin + k] = from[at + k]!;
}
