/**
 * Entry ids by index, and the first index of each: what rows of the index and refs of statements are compared with. Nothing
 * of it is taken from stored rows. In memory 41 to 49 bytes an entry: asking the storage for each would take longer than
 * verifying its signature.
 */
import type { Bytes } from '../core/bytes.ts';

const HASH = 32;
const NO_STATEMENT = 0;
const REFUSED = 1;
/** Refused, or not judged yet, and not the first with its id. */
const COPY = 2;
/** Kinds are numbered from here; the first is that of foreign statements. */
const FIRST_KIND = 3;
/** Entries that there is room for at once. A checkpoint may say of any number that it is the log's: more have to be seen. */
const ROOM = 1 << 22;

export class EntryTable {
  #ids: Bytes;
  #kinds: Uint8Array;
  readonly #names: (string | null)[] = [null];
  /** Open addressing: index + 1 of the first entry with an id. */
  #slots: Uint32Array;
  #mask: number;

  /** @param size leaves of the log, as it says */
  constructor(size: number, most = ROOM) {
    const room = Math.min(size, most);
    this.#ids = new Uint8Array(room * HASH);
    this.#kinds = new Uint8Array(room);
    this.#slots = slotsFor(room);
    this.#mask = this.#slots.length - 1;
  }

  /**
   * The statement at `index`, whose id is the 32 bytes of `from` at `at`; entries come in order, so that the first of equal
   * ones is the first in the log.
   */
  add(index: number, from: Bytes, at = 0): void {
    if (index >= this.#kinds.length) this.#grow(2 * (index + 1));
    const slot = this.#slot(from, at);
    const isCopy = this.#slots[slot] !== 0;
    copy(from, at, this.#ids, index * HASH);
    this.#kinds[index] = isCopy ? COPY : REFUSED;
    if (!isCopy) this.#slots[slot] = index + 1;
  }

  /** Whether an entry before the one at `index` has its id. Asked before it is {@link accepted}, which no copy is. */
  isCopy(index: number): boolean {
    return this.#kinds[index] === COPY;
  }

  /** What the replay has said of it. */
  accepted(index: number, kind: string | null): void {
    let at = this.#names.indexOf(kind);
    if (at < 0) at = this.#names.push(kind) - 1;
    this.#kinds[index] = FIRST_KIND + at;
  }

  /** Index of the first entry with this id. */
  first(id: Bytes): number | undefined {
    const found = this.#slots[this.#slot(id, 0)]!;
    return found === 0 ? undefined : found - 1;
  }

  /** Whether a statement is there. */
  has(index: number): boolean {
    return (this.#kinds[index] ?? NO_STATEMENT) !== NO_STATEMENT;
  }

  /** The entry id at `index`; a view. */
  id(index: number): Bytes {
    return this.#ids.subarray(index * HASH, index * HASH + HASH);
  }

  /** An accepted statement. */
  at(index: number): { entryId: Bytes; kind: string | null } | undefined {
    const kind = this.#kinds[index] ?? NO_STATEMENT;
    if (kind < FIRST_KIND) return undefined;
    return { entryId: this.id(index), kind: this.#names[kind - FIRST_KIND]! };
  }

  #grow(room: number): void {
    const [ids, kinds] = [this.#ids, this.#kinds];
    this.#ids = new Uint8Array(room * HASH);
    this.#ids.set(ids);
    this.#kinds = new Uint8Array(room);
    this.#kinds.set(kinds);
    this.#slots = slotsFor(room);
    this.#mask = this.#slots.length - 1;
    for (let index = 0; index < kinds.length; index++) {
      if (!this.has(index)) continue;
      const slot = this.#slot(this.#ids, index * HASH);
      if (this.#slots[slot] === 0) this.#slots[slot] = index + 1;
    }
  }

  /** Where the id is, or would be: ids are hashes, so their own bytes spread them. */
  #slot(from: Bytes, at: number): number {
    let slot =
      ((from[at]! << 24) | (from[at + 1]! << 16) | (from[at + 2]! << 8) | from[at + 3]!) & this.#mask;
    for (;;) {
      const found = this.#slots[slot]!;
      if (found === 0 || same(this.#ids, (found - 1) * HASH, from, at)) return slot;
      slot = (slot + 1) & this.#mask;
    }
  }
}

// Views of the bytes would cost more than what is done with them.

function same(a: Bytes, i: number, b: Bytes, j: number): boolean {
  for (let k = 0; k < HASH; k++) if (a[i + k] !== b[j + k]) return false;
  return true;
}

function copy(from: Bytes, at: number, to: Bytes, begin: number): void {
  for (let k = 0; k < HASH; k++) to[begin + k] = from[at + k]!;
}

function slotsFor(room: number): Uint32Array {
  let capacity = 16;
  while (capacity < room * 1.5) capacity *= 2;
  return new Uint32Array(capacity);
}
