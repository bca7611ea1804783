/**
 * The stored rows of the leaf index: for each part of the log, its leaf hashes in order, in buckets by their first bits. They
 * follow from the tiles, byte for byte, so they can be thrown away and made anew, and compared.
 *
 * A row: for each leaf its hash (32 bytes) and its place in the part (u32), ascending; then the first 8 bytes of SHA-256 over the
 * row's key and that. A bucket has 32 leaves in the mean and one row, mostly; whoever picks hashes for one fills further rows of it.
 */
import { type Bytes, compare, concat, equal } from '../core/bytes.ts';
import type { Hasher } from '../core/crypto.ts';
import { fail } from '../core/errors.ts';
import { HASH_LENGTH } from '../merkle/index.ts';
import { leafIndexKey } from './layout.ts';

/** Leaves of a bucket in the mean, and of a row at most. */
const MEAN = 32;
const MOST = 64;
const MOST_LEAVES = 2 ** 20;
const PLACE = 4;
const ENTRY = HASH_LENGTH + PLACE;
const DIGEST = 8;

export interface LeafIndexRow {
  readonly key: Bytes;
  readonly value: Bytes;
}

/** How many buckets a part of `length` leaves has. @param length a power of two, from 256 to 2^20 */
export const bucketsOf = (length: number) => length / MEAN;

/** By the first bits of a hash. @param buckets a power of two, from 8 to 2^15 */
export function bucketOf(hash: Bytes, buckets: number): number {
  return ((hash[0]! << 8) | hash[1]!) >> shiftOf(buckets);
}

const shiftOf = (buckets: number) => 16 - Math.log2(buckets);

/** All rows of a whole part, in the order of their keys. @param hashes of its leaves, 32 bytes each: a power of two of them, from 256 to 2^20 */
export function* leafIndexRows(hasher: Hasher, part: number, hashes: Bytes): Generator<LeafIndexRow> {
  const { places, ends } = byBucket(hashes);
  for (let bucket = 0, from = 0; bucket < ends.length; bucket++) {
    const sorted = places.subarray(from, ends[bucket]!);
    sortByHash(hashes, sorted);
    from = ends[bucket]!;
    // What is empty has a row as well, and so has what is behind a full one: one that is missing has been lost.
    for (let at = 0, row = 0; at <= sorted.length; at += MOST, row++) {
      const key = leafIndexKey(part, bucket, row);
      yield { key, value: rowOf(hasher, key, hashes, sorted.subarray(at, at + MOST)) };
    }
  }
}

/** Places by bucket, ascending in each, and where each bucket ends among them. */
function byBucket(hashes: Bytes): { places: Uint32Array; ends: Uint32Array } {
  const length = hashes.length / HASH_LENGTH;
  const buckets = bucketsOf(length);
  const shift = shiftOf(buckets);
  const bucketAt = new Uint16Array(length);
  const ends = new Uint32Array(buckets);
  for (let place = 0, at = 0; place < length; place++, at += HASH_LENGTH) {
    const bucket = ((hashes[at]! << 8) | hashes[at + 1]!) >> shift;
    bucketAt[place] = bucket;
    ends[bucket]! += 1;
  }
  for (let bucket = 1; bucket < buckets; bucket++) ends[bucket]! += ends[bucket - 1]!;
  const begins = ends.slice();
  const places = new Uint32Array(length);
  // From the last to the first, each bucket is filled from its end.
  for (let place = length - 1; place >= 0; place--) {
    const bucket = bucketAt[place]!;
    begins[bucket]! -= 1;
    places[begins[bucket]!] = place;
  }
  return { places, ends };
}

/** Of equal ones the first stays the first. */
function sortByHash(hashes: Bytes, places: Uint32Array): void {
  const view = new DataView(hashes.buffer, hashes.byteOffset);
  // By the first four bytes, as numbers with the place behind them, which needs no call for each comparison.
  const numbers = new Float64Array(places.length);
  for (let i = 0; i < places.length; i++) {
    numbers[i] = view.getUint32(places[i]! * HASH_LENGTH) * MOST_LEAVES + places[i]!;
  }
  numbers.sort();
  for (let i = 0, alike = 0, before = -1; i < places.length; i++) {
    const first = Math.floor(numbers[i]! / MOST_LEAVES);
    places[i] = numbers[i]! - first * MOST_LEAVES;
    if (first !== before) alike = i;
    before = first;
    // Among those that begin alike, which are few even where all of a part are in one bucket.
    for (let at = i; at > alike && isBehind(hashes, places[at - 1]!, places[at]!); at--) {
      [places[at - 1], places[at]] = [places[at]!, places[at - 1]!];
    }
  }
}

function isBehind(hashes: Bytes, a: number, b: number): boolean {
  const hashAt = (place: number) => hashes.subarray(place * HASH_LENGTH, (place + 1) * HASH_LENGTH);
  return compare(hashAt(a), hashAt(b)) > 0;
}

function rowOf(hasher: Hasher, key: Bytes, hashes: Bytes, places: Uint32Array): Bytes {
  const value = new Uint8Array(places.length * ENTRY + DIGEST);
  const view = new DataView(value.buffer);
  let to = 0;
  for (let n = 0; n < places.length; n++) {
    const from = places[n]! * HASH_LENGTH;
    // A view of the bytes would cost more than this.
    for (let i = 0; i < HASH_LENGTH; i++) value[to + i] = hashes[from + i]!;
    view.setUint32(to + HASH_LENGTH, places[n]!);
    to += ENTRY;
  }
  value.set(digest(hasher, key, value.subarray(0, to)), to);
  return value;
}

/** Where a hash is by what a row says; `beyond`: if it is there, a further row of the bucket has it. */
export type Looked = { readonly place: number } | 'absent' | 'beyond';

/** @throws LOG_CORRUPT the row is not as it was written */
export function lookIn(hasher: Hasher, key: Bytes, row: Bytes, hash: Bytes): Looked {
  const count = entriesIn(hasher, key, row);
  if (count === undefined) throw fail('LOG_CORRUPT', 'a row of the leaf index is damaged');
  let [low, high] = [0, count];
  while (low < high) {
    const middle = (low + high) >> 1;
    const at = middle * ENTRY;
    const order = compare(row.subarray(at, at + HASH_LENGTH), hash);
    if (order === 0) return { place: new DataView(row.buffer, row.byteOffset).getUint32(at + HASH_LENGTH) };
    if (order < 0) low = middle + 1;
    else high = middle;
  }
  return low === MOST ? 'beyond' : 'absent';
}

/** Undefined: the row is not as it was written. */
function entriesIn(hasher: Hasher, key: Bytes, row: Bytes): number | undefined {
  const end = row.length - DIGEST;
  const count = end / ENTRY;
  if (end < 0 || !Number.isInteger(count) || count > MOST) return undefined;
  return equal(digest(hasher, key, row.subarray(0, end)), row.subarray(end)) ? count : undefined;
}

/** Compares the rows of a part, one by one in the order of their keys, with the leaves: they are {@link leafIndexRows}, or not. */
export class LeafIndexComparison {
  readonly #hasher: Hasher;
  readonly #part: number;
  readonly #hashes: Bytes;
  readonly #buckets: number;
  readonly #shift: number;
  #bucket = 0;
  #row = 0;
  /** The last entry of the row before, in this bucket. */
  #before: Bytes | undefined;
  #found = 0;

  /** @param hashes of the leaves of the part, 32 bytes each */
  constructor(hasher: Hasher, part: number, hashes: Bytes) {
    this.#hasher = hasher;
    this.#part = part;
    this.#hashes = hashes;
    this.#buckets = bucketsOf(hashes.length / HASH_LENGTH);
    this.#shift = shiftOf(this.#buckets);
  }

  /** @returns what is wrong */
  next(key: Bytes, row: Bytes): string | undefined {
    if (this.#bucket === this.#buckets) return `part ${this.#part} of the leaf index has a row too many`;
    if (!equal(key, leafIndexKey(this.#part, this.#bucket, this.#row))) return this.#missing();
    const count = entriesIn(this.#hasher, key, row);
    if (count === undefined || !this.#fits(row, count)) {
      return `a row of part ${this.#part} of the leaf index is damaged`;
    }
    this.#found += count;
    if (count === MOST) this.#row += 1;
    else {
      this.#bucket += 1;
      this.#row = 0;
      this.#before = undefined;
    }
    return undefined;
  }

  /** Behind the last row. @returns what is wrong */
  end(): string | undefined {
    // Each entry was that of a leaf, and none came twice.
    const whole = this.#bucket === this.#buckets && this.#found === this.#hashes.length / HASH_LENGTH;
    return whole ? undefined : this.#missing();
  }

  #missing(): string {
    return `a row of part ${this.#part} of the leaf index is missing`;
  }

  /** Entries ascend, are in their bucket, and name the leaves whose hashes they have. */
  #fits(row: Bytes, count: number): boolean {
    const view = new DataView(row.buffer, row.byteOffset);
    const hashes = this.#hashes;
    for (let at = 0; at < count * ENTRY; at += ENTRY) {
      const from = view.getUint32(at + HASH_LENGTH) * HASH_LENGTH;
      // A view of the bytes would cost more than this.
      for (let i = 0; i < HASH_LENGTH; i++) if (row[at + i] !== hashes[from + i]) return false;
      if (((row[at]! << 8) | row[at + 1]!) >> this.#shift !== this.#bucket) return false;
      if (at > 0 && !ascends(row, at - ENTRY, at)) return false;
    }
    const last = count * ENTRY - ENTRY;
    if (count > 0 && this.#before && compare(this.#before, row.subarray(0, ENTRY)) >= 0) return false;
    if (count > 0) this.#before = row.subarray(last, last + ENTRY);
    return true;
  }
}

function ascends(row: Bytes, a: number, b: number): boolean {
  for (let i = 0; i < ENTRY; i++) {
    const order = row[a + i]! - row[b + i]!;
    if (order !== 0) return order < 0;
  }
  return false;
}

/** What rows have to be when they are read back: those that were written, in the same order. */
export class WrittenRows {
  readonly #hasher: Hasher;
  readonly #part: number;
  readonly #digests: Bytes[] = [];
  #read = 0;

  constructor(hasher: Hasher, part: number) {
    this.#hasher = hasher;
    this.#part = part;
  }

  written(row: Bytes): void {
    this.#digests.push(row.slice(-DIGEST));
  }

  /** @returns what is wrong */
  next(key: Bytes, row: Bytes): string | undefined {
    const expected = this.#digests[this.#read];
    this.#read += 1;
    const isThat = expected !== undefined && equal(expected, row.subarray(-DIGEST));
    if (isThat && entriesIn(this.#hasher, key, row) !== undefined) return undefined;
    return `a row of part ${this.#part} of the leaf index is not what was written`;
  }

  /** Behind the last row. @returns what is wrong */
  end(): string | undefined {
    if (this.#read === this.#digests.length) return undefined;
    return `a row of part ${this.#part} of the leaf index is missing`;
  }
}

/** With the key, so that a row is only good in its place. */
function digest(hasher: Hasher, key: Bytes, entries: Bytes): Bytes {
  return hasher.sha256(concat(key, entries)).subarray(0, DIGEST);
}
