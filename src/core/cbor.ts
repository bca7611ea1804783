/**
 * CBOR in the strict profile of the log: RFC 8949 §4.2.1 core deterministic encoding, definite lengths, no floats,
 * no undefined, no bignums. A second, `definite` profile reads what others signed (any map order, any integer
 * width, floats and tags kept): it is for parsing headers whose bytes are never encoded again.
 *
 * The bytes come from an attacker. Size is bounded by the caller; nesting, items and members of a map here, before
 * any allocation that depends on them: a declared length is never believed beyond the bytes that are there.
 */
import { type Bytes, compare } from './bytes.ts';
import { textAt } from './cbor-text.ts';
import { fail } from './errors.ts';
import type { Slab } from './slab.ts';

/** Integers are `number` up to 2^53 − 1 in magnitude and `bigint` beyond; maps are `Map` when decoded. */
export type Cbor =
  | number
  | bigint
  | string
  | boolean
  | null
  | Uint8Array
  | readonly Cbor[]
  | CborMap
  | Tagged
  | Float
  | { readonly [key: string]: Cbor | undefined };
export type CborMap = ReadonlyMap<CborKey, Cbor>;
/** Map keys are integers or text in everything that this project signs. */
export type CborKey = number | bigint | string;

export class Tagged {
  readonly tag: number;
  readonly value: Cbor;
  constructor(tag: number, value: Cbor) {
    this.tag = tag;
    this.value = value;
  }
}

/** A float or simple value that the `definite` profile met; it is carried, never encoded. */
export class Float {
  readonly value: number | undefined;
  constructor(value: number | undefined) {
    this.value = value;
  }
}

export interface DecodeOptions {
  /**
   * `deterministic` (default): exactly what {@link encode} writes. `definite`: definite lengths and no duplicate
   * keys, but any order and any integer width; tags and floats are kept.
   */
  profile?: 'deterministic' | 'definite';
  /** Tags that may occur (profile `deterministic`; none by default). */
  tags?: readonly number[];
  /** Deepest nesting of arrays, maps and tags (default 16). */
  maxDepth?: number;
  /** Most items in all (default 65,536). */
  maxItems?: number;
}

/** Of arrays, maps and tags in one another, unless a caller says less. */
export const MAX_DEPTH = 16;
/** Of items in all, unless a caller says less. */
export const MAX_ITEMS = 65_536;
/**
 * Members of one map, in every profile. The engine hashes integer keys without a seed, so an attacker can choose them
 * to fall into one bucket: the work is quadratic in the members of a map, and only this bounds it.
 */
const MAX_MEMBERS = 256;
const utf8Encoder = new TextEncoder();

// Major types, RFC 8949 §3.1.
const UINT = 0;
const NINT = 1;
const BSTR = 2;
const TSTR = 3;
const ARRAY = 4;
const MAP = 5;
const TAG = 6;

/**
 * The deterministic encoding. Plain objects are text-keyed maps; members that are `undefined` are left out.
 * @param memory what it is put into, where it is gone soon
 * @throws CBOR_MALFORMED for what the profile cannot express (floats, unsafe numbers, lone surrogates, …)
 */
export function encode(value: Cbor, memory?: Slab): Bytes {
  const start = WRITER.position;
  try {
    WRITER.value(value, 0);
    return WRITER.since(start, memory);
  } finally {
    WRITER.back(start);
  }
}

/**
 * One data item that is the whole of `bytes`.
 * @throws CBOR_MALFORMED ill-formed, trailing bytes, duplicate keys, beyond a limit, or a type outside the profile
 * @throws CBOR_NOT_DETERMINISTIC well formed as far as it was read, but not shortest or not sorted (profile
 *   `deterministic`)
 */
export function decode(bytes: Bytes, options: DecodeOptions = {}): Cbor {
  const reader = new Reader(bytes, options);
  const value = reader.value(0);
  if (reader.at !== bytes.length) throw malformed('trailing bytes');
  return value;
}

/** Where items are written one after the other. */
export interface ItemSink {
  /** Up to where it is written; see {@link back}. */
  readonly position: number;
  /** Forgets what was written from `position` on. */
  back(position: number): void;
  /** Names and values, in turn, are the caller's, and so is their order. */
  beginMap(count: number): void;
  beginArray(count: number): void;
  /** What is encoded already. */
  encoded(bytes: Bytes): void;
  /** @param depth of arrays and maps that it is in */
  item(value: Cbor, depth: number): void;
}

/** What the caller writes: for who knows encoded names, and their order. @throws CBOR_MALFORMED a value that cannot be encoded */
export function encodeWith(write: (to: ItemSink) => void): Bytes {
  const start = WRITER.position;
  try {
    write(WRITER);
    return WRITER.since(start);
  } finally {
    WRITER.back(start);
  }
}

/** The byte length of the head (initial byte and argument) that introduces `count`. */
export function headLength(count: number): number {
  return count < 24 ? 1 : count < 0x100 ? 2 : count < 0x1_0000 ? 3 : count < 0x1_0000_0000 ? 5 : 9;
}

const MAJOR = { uint: UINT, bytes: BSTR, array: ARRAY } as const;

/** Additional information (RFC 8949 §3) that announces an argument of so many bytes. */
const ARGUMENT = [0, 24, 25, 0, 26, 0, 0, 0, 27];

/** Writes the head that introduces `count` of something into `to`. @returns where it ends */
export function writeHead(to: Bytes, at: number, major: keyof typeof MAJOR, count: number): number {
  const width = headLength(count) - 1;
  to[at] = (MAJOR[major] << 5) | (width === 0 ? count : ARGUMENT[width]!);
  for (let i = width, rest = count; i > 0; i--, rest = Math.floor(rest / 256)) to[at + i] = rest % 256;
  return at + 1 + width;
}

/** Writes the encoding of a byte string into `to`. @returns where it ends */
export function writeByteString(to: Bytes, at: number, bytes: Bytes): number {
  const start = writeHead(to, at, 'bytes', bytes.length);
  to.set(bytes, start);
  return start + bytes.length;
}

function malformed(message: string, cause?: unknown) {
  return fail('CBOR_MALFORMED', message, { cause });
}

function notDeterministic(message: string) {
  return fail('CBOR_NOT_DETERMINISTIC', message);
}

/** Most of what is encoded is far smaller; what is not, a full proof bundle, would have a larger buffer made for it each time. */
const WRITER_BYTES = 64 * 1024;
/** For what is shorter, a loop takes less than the platform's encoder. */
const SHORT_TEXT = 24;
/** Longer texts are rare, and are asked first whether they are well formed. */
const LONGEST_TEXT = 4096;
/**
 * `text.charCodeAt(i)`: literals, joined texts and parts of others are different things to the engine, which would look for
 * the method anew with every character once it has met more than four of them.
 */
const unitAt = Function.prototype.call.bind(String.prototype.charCodeAt) as (
  text: string,
  at: number,
) => number;

/**
 * Writes into one buffer that is used again and again: encoding is synchronous, and what is encoded inside (a map key)
 * goes behind what is there already. Allocating for each call costs more than the encoding.
 */
class Writer implements ItemSink {
  #buffer = new Uint8Array(WRITER_BYTES);
  #at = 0;

  get position(): number {
    return this.#at;
  }

  /** A copy of what was written from `start` on. */
  since(start: number, memory?: Slab): Bytes {
    return memory?.copy(this.#buffer.subarray(start, this.#at)) ?? this.#buffer.slice(start, this.#at);
  }

  /** Forgets what was written from `start` on; a buffer that had to grow is let go with the outermost call. */
  back(start: number): void {
    this.#at = start;
    if (start === 0 && this.#buffer.length > WRITER_BYTES) this.#buffer = new Uint8Array(WRITER_BYTES);
  }

  #room(size: number): void {
    if (this.#at + size <= this.#buffer.length) return;
    const grown = new Uint8Array(Math.max(this.#buffer.length * 2, this.#at + size));
    grown.set(this.#buffer.subarray(0, this.#at));
    this.#buffer = grown;
  }

  beginMap(count: number): void {
    this.#head(MAP, count);
  }

  beginArray(count: number): void {
    this.#head(ARRAY, count);
  }

  encoded(bytes: Bytes): void {
    this.#raw(bytes);
  }

  item(value: Cbor, depth: number): void {
    this.value(value, depth);
  }

  #raw(bytes: Bytes): void {
    this.#room(bytes.length);
    this.#buffer.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  #byte(byte: number): void {
    this.#room(1);
    this.#buffer[this.#at++] = byte;
  }

  #head(major: number, argument: number | bigint): void {
    this.#room(9);
    const b = this.#buffer;
    const m = major << 5;
    if (argument < 24) b[this.#at++] = m | Number(argument);
    else if (argument < 0x100) {
      b[this.#at++] = m | 24;
      b[this.#at++] = Number(argument);
    } else if (argument < 0x1_0000) {
      const n = Number(argument);
      b[this.#at++] = m | 25;
      b[this.#at++] = n >>> 8;
      b[this.#at++] = n & 0xff;
    } else if (argument < 0x1_0000_0000) {
      b[this.#at++] = m | 26;
      new DataView(b.buffer).setUint32(this.#at, Number(argument));
      this.#at += 4;
    } else {
      b[this.#at++] = m | 27;
      new DataView(b.buffer).setBigUint64(this.#at, BigInt(argument));
      this.#at += 8;
    }
  }

  #integer(value: number | bigint): void {
    if (typeof value === 'number' && !Number.isSafeInteger(value)) {
      throw malformed('a number that is not an exact integer');
    }
    if (typeof value === 'bigint' && (value < -(1n << 64n) || value >= 1n << 64n)) {
      throw malformed('an integer beyond 64 bits');
    }
    // `-0` is an integer to Number.isSafeInteger and encodes as 0.
    if (value >= 0) this.#head(UINT, value);
    else this.#head(NINT, typeof value === 'bigint' ? -1n - value : -1 - value);
  }

  value(value: Cbor, depth: number): void {
    if (depth > MAX_DEPTH * 2) throw malformed('nested too deeply');
    if (typeof value === 'number' || typeof value === 'bigint') this.#integer(value);
    else if (typeof value === 'string') this.#text(value);
    else if (value === true) this.#byte(0xf5);
    else if (value === false) this.#byte(0xf4);
    else if (value === null) this.#byte(0xf6);
    else if (value instanceof Uint8Array) {
      this.#head(BSTR, value.length);
      this.#raw(value);
    } else if (Array.isArray(value)) {
      this.#head(ARRAY, value.length);
      for (const item of value) this.value(item, depth + 1);
    } else if (value instanceof Map) {
      this.#map([...(value as CborMap)], depth);
    } else if (value instanceof Tagged) {
      if (!Number.isSafeInteger(value.tag) || value.tag < 0) throw malformed('not a tag number');
      this.#head(TAG, value.tag);
      this.value(value.value, depth + 1);
    } else if (typeof value === 'object' && !(value instanceof Float)) {
      const members = Object.entries(value as Record<string, Cbor | undefined>);
      this.#map(
        members.filter((m): m is [string, Cbor] => m[1] !== undefined),
        depth,
      );
    } else throw malformed(`cannot encode a ${typeof value}`);
  }

  /** Nearly all text is ASCII, and then as many bytes as characters. */
  #text(text: string): void {
    const { length } = text;
    const start = this.#at;
    if (length <= LONGEST_TEXT) {
      this.#head(TSTR, length);
      this.#room(length);
      if (length <= SHORT_TEXT ? this.#shortAscii(text, length) : this.#ascii(text, length)) {
        this.#at += length;
        return;
      }
      this.#at = start;
    }
    if (!text.isWellFormed()) throw malformed('text with a lone surrogate');
    const bytes = utf8Encoder.encode(text);
    this.#head(TSTR, bytes.length);
    this.#raw(bytes);
  }

  #shortAscii(text: string, length: number): boolean {
    const [buffer, at] = [this.#buffer, this.#at];
    for (let i = 0; i < length; i++) {
      const unit = unitAt(text, i);
      if (unit >= 0x80) return false;
      buffer[at + i] = unit;
    }
    return true;
  }

  /** Where there is room for a byte each, all of it is read only if none needs more. */
  #ascii(text: string, length: number): boolean {
    return utf8Encoder.encodeInto(text, this.#buffer.subarray(this.#at, this.#at + length)).read === length;
  }

  #map(members: (readonly [CborKey, Cbor])[], depth: number): void {
    if (members.length > MAX_MEMBERS) throw malformed('a map with too many members');
    const encoded = members.map(([key, value]) => ({ key: encodedKey(key), value }));
    encoded.sort((a, b) => compare(a.key, b.key));
    this.#head(MAP, encoded.length);
    let previous: Bytes | undefined;
    for (const { key, value } of encoded) {
      if (previous && compare(previous, key) === 0) throw malformed('duplicate map key');
      previous = key;
      this.#raw(key);
      this.value(value, depth + 1);
    }
  }
}

const WRITER = new Writer();

/** Names of members, encoded: there are a few hundred that come again and again, and any number that do not. */
const keys = new Map<string, Bytes>();
const KEYS = 1024;
const LONGEST_KEY = 32;

function encodedKey(key: CborKey): Bytes {
  if (typeof key !== 'string' || key.length > LONGEST_KEY) return encode(key);
  const known = keys.get(key);
  if (known) return known;
  const bytes = encode(key);
  if (keys.size < KEYS) keys.set(key, bytes);
  return bytes;
}

class Reader {
  at = 0;
  readonly #bytes: Bytes;
  readonly #strict: boolean;
  readonly #tags: readonly number[];
  readonly #maxDepth: number;
  #items: number;

  constructor(bytes: Bytes, options: DecodeOptions) {
    this.#bytes = bytes;
    this.#strict = options.profile !== 'definite';
    this.#tags = options.tags ?? [];
    this.#maxDepth = options.maxDepth ?? MAX_DEPTH;
    this.#items = options.maxItems ?? MAX_ITEMS;
  }

  /** Made when it is needed: most items have short arguments. */
  #view(): DataView {
    return new DataView(this.#bytes.buffer, this.#bytes.byteOffset, this.#bytes.byteLength);
  }

  #uint16(at: number): number {
    return this.#bytes[at]! * 256 + this.#bytes[at + 1]!;
  }

  #left(): number {
    return this.#bytes.length - this.at;
  }

  #argument(info: number): number | bigint {
    if (info < 24) return info;
    // 28–30 are reserved, 31 is an indefinite length (RFC 8949 §3.2).
    if (info > 27) throw malformed(info === 31 ? 'indefinite length' : 'reserved additional information');
    const width = 1 << (info - 24);
    if (this.#left() < width) throw malformed('ends in the middle of an item');
    const at = this.at;
    this.at += width;
    if (width === 8) {
      const value = this.#view().getBigUint64(at);
      if (this.#strict && value < 0x1_0000_0000n) throw notDeterministic('integer not in shortest form');
      return value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;
    }
    const value =
      width === 1 ? this.#bytes[at]! : width === 2 ? this.#uint16(at) : this.#view().getUint32(at);
    if (this.#strict && value < (width === 1 ? 24 : width === 2 ? 0x100 : 0x1_0000)) {
      throw notDeterministic('integer not in shortest form');
    }
    return value;
  }

  #string(length: number | bigint): Bytes {
    if (length > this.#left()) throw malformed('string longer than the input');
    const start = this.at;
    this.at += Number(length);
    return new Uint8Array(this.#bytes.buffer, this.#bytes.byteOffset + start, Number(length));
  }

  #text(length: number | bigint): string {
    if (length > this.#left()) throw malformed('string longer than the input');
    const start = this.at;
    this.at += Number(length);
    try {
      return textAt(this.#bytes, start, Number(length));
    } catch (cause) {
      throw malformed('text is not well-formed UTF-8', cause);
    }
  }

  #count(count: number | bigint, itemsEach: number): number {
    // Every item takes at least one byte: a count beyond the input is refused before anything is allocated.
    if (Number(count) * itemsEach > this.#left()) throw malformed('count larger than the input');
    return Number(count);
  }

  value(depth: number): Cbor {
    if (depth > this.#maxDepth) throw malformed('nested too deeply');
    if (--this.#items < 0) throw malformed('too many items');
    if (this.#left() < 1) throw malformed('ends where an item should begin');
    const initial = this.#bytes[this.at++]!;
    const major = initial >> 5;
    const info = initial & 0x1f;
    if (major === 7) return this.#simple(info);
    const argument = this.#argument(info);
    switch (major) {
      case UINT:
        return argument;
      case NINT: {
        // As numbers as far as they are exact: a bigint costs as much as a map.
        if (typeof argument === 'number' && argument < Number.MAX_SAFE_INTEGER) return -1 - argument;
        return -1n - BigInt(argument);
      }
      case BSTR:
        return this.#string(argument);
      case TSTR:
        return this.#text(argument);
      case ARRAY: {
        const count = this.#count(argument, 1);
        const items: Cbor[] = [];
        for (let i = 0; i < count; i++) items.push(this.value(depth + 1));
        return items;
      }
      case MAP:
        return this.#map(this.#count(argument, 2), depth);
      default: {
        const tag = Number(argument);
        if (this.#strict && !this.#tags.includes(tag)) throw malformed(`tag ${tag} is not allowed here`);
        return new Tagged(tag, this.value(depth + 1));
      }
    }
  }

  #map(count: number, depth: number): CborMap {
    if (count > MAX_MEMBERS) throw malformed('a map with too many members');
    const map = new Map<CborKey, Cbor>();
    let previous: number | undefined;
    for (let i = 0; i < count; i++) {
      const start = this.at;
      const key = this.value(depth + 1);
      if (typeof key !== 'string' && typeof key !== 'number' && typeof key !== 'bigint') {
        throw malformed('map key is neither an integer nor text');
      }
      // In order, and each after the one before it: then none is there twice.
      const inOrder = this.#strict && (previous === undefined || this.#ascends(previous, start));
      if (!inOrder && map.has(key)) throw malformed('duplicate map key');
      if (!inOrder && this.#strict) throw notDeterministic('map keys not in order');
      previous = start;
      map.set(key, this.value(depth + 1));
    }
    return map;
  }

  /** Whether the key at `a` sorts before the one at `b`, just read. No encoding is the beginning of another: one byte decides. */
  #ascends(a: number, b: number): boolean {
    for (let i = 0; b + i < this.at; i++) {
      const difference = this.#bytes[a + i]! - this.#bytes[b + i]!;
      if (difference !== 0) return difference < 0;
    }
    return false;
  }

  #simple(info: number): Cbor {
    if (info === 20) return false;
    if (info === 21) return true;
    if (info === 22) return null;
    if (this.#strict)
      throw malformed(info >= 25 && info <= 27 ? 'float' : 'simple value outside the profile');
    if (info < 24) return new Float(undefined);
    if (info === 24) {
      // RFC 8949 §3.3: two-byte encodings of simple values below 32 are not well-formed.
      if (this.#left() < 1 || this.#bytes[this.at]! < 32) throw malformed('simple value not well-formed');
      this.at += 1;
      return new Float(undefined);
    }
    if (info > 27) throw malformed('reserved or indefinite simple value');
    const width = 1 << (info - 24);
    if (this.#left() < width) throw malformed('ends in the middle of a float');
    const at = this.at;
    this.at += width;
    if (width === 2) return new Float(halfFloat(this.#uint16(at)));
    return new Float(width === 4 ? this.#view().getFloat32(at) : this.#view().getFloat64(at));
  }
}

/** IEEE 754 binary16, as RFC 8949 appendix D decodes it. */
function halfFloat(half: number): number {
  const exponent = (half >> 10) & 0x1f;
  const mantissa = half & 0x3ff;
  const magnitude =
    exponent === 0
      ? mantissa * 2 ** -24
      : exponent === 31
        ? mantissa === 0
          ? Number.POSITIVE_INFINITY
          : Number.NaN
        : (mantissa + 1024) * 2 ** (exponent - 25);
  return half & 0x8000 ? -magnitude : magnitude;
}
