/**
 * Reads deterministic CBOR whose shape the caller knows, straight into values: no map, no names, nothing that is taken apart
 * again. It says yes or no: what is wrong with an item, and in which order that is looked at, is for `decode` to say.
 */
import type { Bytes } from './bytes.ts';
import { MAX_DEPTH, MAX_ITEMS } from './cbor.ts';
import { textAt } from './cbor-text.ts';

/** The item is not what was asked for, or not in its one form. Always the same one, for its stack is nobody's. */
class Unexpected extends Error {}
const UNEXPECTED = new Unexpected('not the item that was asked for');

/**
 * What `read` makes of all of `bytes`; undefined where they are not, in deterministic form, what it asks for.
 * @param read what it throws beside {@link refuse} passes through
 */
export function readKnown<T>(bytes: Bytes, read: (from: ItemReader) => T): T | undefined {
  const from = new ItemReader(bytes);
  const value = from.attempt(read);
  return from.at === bytes.length ? value : undefined;
}

/** For what is read but may not be: the caller's own rules. */
export function refuse(): never {
  throw UNEXPECTED;
}

// Major types, RFC 8949 §3.1, as the first byte of an item with a short argument.
const BSTR = 0x40;
const TSTR = 0x60;
const ARRAY = 0x80;
const MAP = 0xa0;
const FALSE = 0xf4;
const TRUE = 0xf5;
const NULL = 0xf6;

/** Each method reads the next item; what is something else ends {@link readKnown}. */
export class ItemReader {
  at = 0;
  readonly #bytes: Bytes;
  #depth = 0;
  #items = MAX_ITEMS;

  constructor(bytes: Bytes) {
    this.#bytes = bytes;
  }

  /** The argument of an item whose major type is that of `initial`. */
  #argument(initial: number): number {
    if (--this.#items < 0) refuse();
    const bytes = this.#bytes;
    const at = this.at;
    // NaN beyond the end, which is not below anything.
    const info = bytes[at]! - initial;
    if (info >= 0 && info < 24) {
      this.at = at + 1;
      return info;
    }
    if (info === 24) {
      this.at = at + 2;
      const value = bytes[at + 1]!;
      return value >= 24 ? value : refuse();
    }
    if (info === 25) {
      this.at = at + 3;
      const value = bytes[at + 1]! * 0x100 + bytes[at + 2]!;
      return value >= 0x100 ? value : refuse();
    }
    if (info === 26 || info === 27) {
      const width = info === 26 ? 4 : 8;
      this.at = at + 1 + width;
      let value = 0;
      for (let i = 1; i <= width; i++) value = value * 0x100 + bytes[at + i]!;
      // Sums of eight bytes are exact as far as they are safe, and what is not exact is not safe.
      return value >= (info === 26 ? 0x1_0000 : 0x1_0000_0000) && value <= Number.MAX_SAFE_INTEGER
        ? value
        : refuse();
    }
    return refuse();
  }

  #is(initial: number): boolean {
    if (this.#bytes[this.at] !== initial) return false;
    if (--this.#items < 0) refuse();
    this.at += 1;
    return true;
  }

  /** Below 2^53. */
  uint(): number {
    return this.#argument(0);
  }

  bool(): boolean {
    return this.#is(TRUE) || (!this.#is(FALSE) && refuse());
  }

  /** Whether it is nil; else nothing is read. */
  nil(): boolean {
    return this.#is(NULL);
  }

  /** A view of the input. */
  bytes(): Bytes {
    const length = this.#argument(BSTR);
    const bytes = this.#bytes;
    const start = this.at;
    if (!(start + length <= bytes.length)) refuse();
    this.at = start + length;
    return new Uint8Array(bytes.buffer, bytes.byteOffset + start, length);
  }

  /** Of at most `max` bytes. */
  text(max: number): string {
    const length = this.#argument(TSTR);
    const start = this.at;
    if (length > max || !(start + length <= this.#bytes.length)) refuse();
    this.at = start + length;
    try {
      return textAt(this.#bytes, start, length);
    } catch {
      return refuse(); // Why, `decode` says.
    }
  }

  /** Items of a list, which the caller reads before it says {@link end}. */
  array(): number {
    return this.#begin(ARRAY);
  }

  /** Members of a map, which the caller reads before it says {@link end}. */
  map(): number {
    return this.#begin(MAP);
  }

  #begin(initial: number): number {
    const count = this.#argument(initial);
    // Every item takes at least one byte.
    if (count > this.#bytes.length - this.at || ++this.#depth > MAX_DEPTH) refuse();
    return count;
  }

  end(): void {
    this.#depth -= 1;
  }

  /** Whether the next item is the one that has this encoding; else nothing is read. */
  is(encoded: readonly number[]): boolean {
    const bytes = this.#bytes;
    const at = this.at;
    const length = encoded.length;
    if (at + length > bytes.length) return false;
    for (let i = 0; i < length; i++) if (bytes[at + i] !== encoded[i]) return false;
    if (--this.#items < 0) refuse();
    this.at = at + length;
    return true;
  }

  /** What `read` makes of what comes; undefined, with nothing read, where that is not what it asks for. */
  attempt<T>(read: (from: ItemReader) => T): T | undefined {
    const at = this.at;
    const depth = this.#depth;
    const items = this.#items;
    try {
      return read(this);
    } catch (cause) {
      if (cause !== UNEXPECTED) throw cause;
      [this.at, this.#depth, this.#items] = [at, depth, items];
      return undefined;
    }
  }
}
