/**
 * The stored rows of the leaf index: for each part of the log, its leaf hashes in order, in buckets by their first bits. They
 * follow from the tiles, byte for byte, so they can be thrown away and made anew, and compared.
 *
 * A row: for each leaf its hash (32 bytes) and its place in the part (u32), ascending; then the first 8 bytes of SHA-256 over the
 * row's key and that. A bucket has 128 leaves in the mean and one row; whoever picks hashes for one fills further rows of it.
 */
import { type Bytes, compare, concat, equal } from '../core/bytes.ts';
import type { Hasher } from '../core/crypto.ts';
import { fail } from '../core/errors.ts';
import { HASH_LENGTH } from '../merkle/index.ts';
import { leafIndexKey } from './layout.ts';

/** Leaves of a bucket in the mean, and of a row at most. */
const MEAN = 128;
const MOST = 256;
const PLACE = 4;
const ENTRY = HASH_LENGTH + PLACE;
const DIGEST = 8;

export interface LeafIndexRow {
  readonly key: Bytes;
  readonly value: Bytes;
}

/** How many buckets a part of `length` leaves has. @param length a power of two, 256 or more */
export const bucketsOf = (length: number) => length / MEAN;

/** @param buckets a power of two, from 2 to 2^16 */
export function bucketOf(hash: Bytes, at: number, buckets: number): number {
  return Math.floor((((hash[at]! << 8) | hash[at + 1]!) * buckets) / 2 ** 16);
}

/** All rows of a whole part, in the order of their keys. @param hashes of its leaves, 32 bytes each */
export function* leafIndexRows(hasher: Hasher, part: number, hashes: Bytes): Generator<LeafIndexRow> {
  const length = hashes.length / HASH_LENGTH;
  const buckets = bucketsOf(length);
  const { places, ends } = byBucket(hashes, buckets);
  const hashAt = (place: number) => hashes.subarray(place * HASH_LENGTH, (place + 1) * HASH_LENGTH);
  for (let bucket = 0, from = 0; bucket < buckets; bucket++) {
    const end = ends[bucket]!;
    const sorted = Array.from(places.subarray(from, end), (place) => ({ place, hash: hashAt(place) }));
    sorted.sort((a, b) => compare(a.hash, b.hash));
    from = end;
    // What is empty has a row as well: one that is missing has been lost.
    for (let at = 0, n = 0; at < sorted.length || n === 0; at += MOST, n++) {
      const some = sorted.slice(at, at + MOST);
      const key = leafIndexKey(part, bucket, n);
      const value = new Uint8Array(some.length * ENTRY + DIGEST);
      const view = new DataView(value.buffer);
      some.forEach(({ place, hash }, i) => {
        value.set(hash, i * ENTRY);
        view.setUint32(i * ENTRY + HASH_LENGTH, place);
      });
      const entries = value.length - DIGEST;
      value.set(digest(hasher, key, value.subarray(0, entries)), entries);
      yield { key, value };
    }
  }
}

/** Places sorted by bucket, and where each bucket ends among them. */
function byBucket(hashes: Bytes, buckets: number): { places: Uint32Array; ends: Uint32Array } {
  const length = hashes.length / HASH_LENGTH;
  const ends = new Uint32Array(buckets);
  const of = (place: number) => bucketOf(hashes, place * HASH_LENGTH, buckets);
  for (let place = 0; place < length; place++) ends[of(place)]! += 1;
  for (let bucket = 1; bucket < buckets; bucket++) ends[bucket]! += ends[bucket - 1]!;
  const places = new Uint32Array(length);
  // From the last to the first, each bucket is filled from its end, which is then where it begins.
  for (let place = length - 1; place >= 0; place--) {
    const bucket = of(place);
    ends[bucket]! -= 1;
    places[ends[bucket]!] = place;
  }
  const begins = ends;
  return { places, ends: Uint32Array.from(begins, (_, bucket) => begins[bucket + 1] ?? length) };
}

/** Where a hash is by what a row says; `beyond`: if it is there, a further row of the bucket has it. */
export type Looked = { readonly place: number } | 'absent' | 'beyond';

/** @throws LOG_CORRUPT the row is not as it was written */
export function lookIn(hasher: Hasher, key: Bytes, row: Bytes, hash: Bytes): Looked {
  const end = row.length - DIGEST;
  const count = end / ENTRY;
  const whole = end >= 0 && Number.isInteger(count) && count <= MOST;
  if (!whole || !equal(digest(hasher, key, row.subarray(0, end)), row.subarray(end))) {
    throw fail('LOG_CORRUPT', 'a row of the leaf index is damaged');
  }
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

/** With the key, so that a row is only good in its place. */
function digest(hasher: Hasher, key: Bytes, entries: Bytes): Bytes {
  return hasher.sha256(concat(key, entries)).subarray(0, DIGEST);
}
