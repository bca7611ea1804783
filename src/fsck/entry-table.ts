/**
 * Entry ids by index, and the first index of each: what rows of the index and refs of statements are compared with. Nothing
 * of it is taken from stored rows. In memory 41 to 49 bytes an entry: asking the storage for each would take longer than
 * verifying its signature.
 */
import { type Bytes, equal } from '../core/bytes.ts';

const HASH = 32;
const NO_STATEMENT = 0;
const REFUSED = 1;
/** Kinds are numbered from here; the first is that of foreign statements. */
const FIRST_KIND = 2;
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

  /** The statement at `index`; entries come in order, so that the first of equal ones is the first in the log. */
  add(index: number, id: Bytes): void {
    if (index >= this.#kinds.length) this.#grow(2 * (index + 1));
    this.#ids.set(id, index * HASH);
    this.#kinds[index] = REFUSED;
    const slot = this.#slot(id);
    if (this.#slots[slot] === 0) this.#slots[slot] = index + 1;
  }

  /** What the replay has said of it. */
  accepted(index: number, kind: string | null): void {
    let at = this.#names.indexOf(kind);
    if (at < 0) at = this.#names.push(kind) - 1;
    this.#kinds[index] = FIRST_KIND + at;
  }

  /** Index of the first entry with this id. */
  first(id: Bytes): number | undefined {
    const found = this.#slots[this.#slot(id)]!;
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
      const slot = this.#slot(this.id(index));
      if (this.#slots[slot] === 0) this.#slots[slot] = index + 1;
    }
  }

  /** Where the id is, or would be: ids are hashes, so their own bytes spread them. */
  #slot(id: Bytes): number {
    let slot = new DataView(id.buffer, id.byteOffset).getUint32(0) & this.#mask;
    for (;;) {
      const found = this.#slots[slot]!;
      if (found === 0 || equal(this.id(found - 1), id)) return slot;
      slot = (slot + 1) & this.#mask;
    }
  }
}

function slotsFor(room: number): Uint32Array {
  let capacity = 16;
  while (capacity < room * 1.5) capacity *= 2;
  return new Uint32Array(capacity);
}
