/**
 * The leaves' own bytes: one row a commit at the tail, joined into bundles of 256 when full. An audit takes whole
 * bundles, which is many times faster than rows. Who asks for a leaf gets the row that holds it and no more: statements
 * may have 1 MiB each, and a bundle of such would be 256 MiB for every reader.
 */
import { type Bytes, concat } from '../core/bytes.ts';
import { fail, type LedgerError } from '../core/errors.ts';
import { HASH_LENGTH, TILE_WIDTH } from '../merkle/index.ts';
import type { Storage, WriteBatch } from '../storage/index.ts';
import { leavesKey, leavesRange, startOf } from './layout.ts';
import { decodeRecords, encodeRecords, type LeafRecord } from './leaf-record.ts';
import { Lru } from './lru.ts';

/** Rows are joined up to this size; larger ones stay as they were written, so that sealing never copies 256 MiB. */
const JOIN_LIMIT = 4 * 1024 * 1024;
const CACHE_BYTES = 16 * 1024 * 1024;
/** Of the bundles that were filled last, for who follows the log: monitors, mirrors. */
const FRESH_BYTES = 16 * 1024 * 1024;
/** Bundles that somebody may be behind and still be one who follows. */
const FOLLOWED = 256;

/** As it is stored, and its entry ids, 32 bytes for each leaf, as far as they are known. */
interface Row {
  readonly bytes: Bytes;
  readonly ids: Bytes | undefined;
}

export class LeafStore {
  readonly #storage: Storage;
  /** Rows of the open bundle that sealing will join. */
  #tail: (Row & { readonly start: number })[] = [];
  #tailBytes = 0;
  readonly #sealed = new Lru<number, LeafRecord[]>(CACHE_BYTES);
  /** Full bundles as they were written: who follows the log has each of them twice, as leaf data and as statements, and soon. */
  readonly #fresh = new Lru<number, Row>(FRESH_BYTES);
  /** The last bundle that was asked for. */
  #followed = Number.NEGATIVE_INFINITY;

  constructor(storage: Storage) {
    this.#storage = storage;
  }

  /** The rows of the open bundle of a log of `size`, to go on from; returns its records. */
  async restore(size: number): Promise<LeafRecord[]> {
    const first = size - (size % TILE_WIDTH);
    this.#tail = [];
    this.#tailBytes = 0;
    const records: LeafRecord[] = [];
    // To the end of the key space: what lies beyond the head was committed by a head that has been lost.
    for await (const [key, bytes] of this.#storage.range(leavesRange(first, Number.MAX_SAFE_INTEGER))) {
      const start = startOf(key);
      if (start >= size) throw fail('LOG_CORRUPT', `leaf ${start} is stored, but the head is at ${size}`);
      if (start !== first + records.length) throw missing(first + records.length);
      this.#hold(start, { bytes, ids: undefined });
      records.push(...decodeRecords(bytes));
    }
    const end = first + records.length;
    if (end < size) throw missing(end);
    if (end > size) throw fail('LOG_CORRUPT', `leaf ${end - 1} is stored, but the head is at ${size}`);
    return records;
  }

  /** Adds `records`, the first of which has index `start`, to the batch, and seals each bundle that they fill. */
  append(batch: WriteBatch, start: number, records: readonly LeafRecord[]): void {
    let at = 0;
    while (at < records.length) {
      const index = start + at;
      const room = TILE_WIDTH - (index % TILE_WIDTH);
      const some = records.slice(at, at + room);
      const ids = this.#isFollowed(index) ? idsOf(some) : undefined;
      const row = { bytes: encodeRecords(some), ids };
      at += Math.min(room, records.length - at);
      this.#hold(index, row);
      if ((start + at) % TILE_WIDTH === 0) this.#seal(batch, index, row);
      else batch.put(leavesKey(index), row.bytes);
    }
  }

  #hold(start: number, row: Row): void {
    const { length } = row.bytes;
    if (this.#tailBytes + length > JOIN_LIMIT) {
      this.#tail = [];
      this.#tailBytes = 0;
    }
    if (length > JOIN_LIMIT) return;
    this.#tail.push({ start, ...row });
    this.#tailBytes += length;
  }

  /** The bundle is full with the row from `start` on: joined with those before it, it is not written by itself. */
  #seal(batch: WriteBatch, start: number, row: Row): void {
    const [first, ...rest] = this.#tail;
    if (first && rest.length > 0) {
      // All in one batch: at no time are the leaves stored twice or not at all.
      const joined = join(this.#tail);
      batch.put(leavesKey(first.start), joined.bytes);
      for (const before of rest.slice(0, -1)) batch.del(leavesKey(before.start));
      this.#keep(first.start, joined);
    } else {
      batch.put(leavesKey(start), row.bytes);
      this.#keep(start, row);
    }
    this.#tail = [];
    this.#tailBytes = 0;
  }

  #keep(start: number, row: Row): void {
    // One that begins later is a part of a bundle, whose statements are large.
    if (start % TILE_WIDTH > 0 || !this.#isFollowed(start)) return;
    this.#fresh.set(start / TILE_WIDTH, row, row.bytes.length + (row.ids?.length ?? 0));
  }

  #isFollowed(index: number): boolean {
    return index / TILE_WIDTH - this.#followed <= FOLLOWED;
  }

  /**
   * A full bundle that is held as it was written.
   * @param records `kept`: who asks for single leaves, as a commit does for what is referred to, does not decode 256 for each
   */
  #held(n: number, records?: 'kept'): LeafRecord[] | undefined {
    this.#followed = n;
    const row = this.#fresh.get(n);
    if (!row) return undefined;
    const decoded = withIds(decodeRecords(row.bytes), row.ids);
    if (records === 'kept') this.#sealed.set(n, decoded, row.bytes.length);
    return decoded;
  }

  /**
   * The records of bundle `n` as far as a log of `size` goes, or only the first of them where they have more than `most` bytes.
   * @throws LOG_CORRUPT when a record is missing
   */
  async bundle(n: number, size: number, most = Number.POSITIVE_INFINITY): Promise<LeafRecord[]> {
    const full = (n + 1) * TILE_WIDTH <= size;
    const held = full && (this.#sealed.get(n) ?? this.#held(n));
    if (held) return held;
    // Not kept: who asks for whole bundles asks for the next one then, and keeps what is made of them.
    return (full && (await this.#whole(n))) || (await this.stored(n, size, most)).records;
  }

  /** A full bundle is one row unless its statements are large: one read instead of the four that a range takes. */
  async #whole(n: number): Promise<LeafRecord[] | undefined> {
    const row = await this.#storage.get(leavesKey(n * TILE_WIDTH));
    const records = row && decodeRecords(row);
    return records?.length === TILE_WIDTH ? records : undefined;
  }

  /** The same from storage, past the cache, and the rows that they lie in. @throws LOG_CORRUPT */
  async stored(
    n: number,
    size: number,
    most = Number.POSITIVE_INFINITY,
  ): Promise<{ records: LeafRecord[]; rows: readonly Bytes[] }> {
    const first = n * TILE_WIDTH;
    const expected = Math.min(TILE_WIDTH, size - first);
    const records: LeafRecord[] = [];
    const rows: Bytes[] = [];
    let bytes = 0;
    for await (const [key, row] of this.#storage.range(leavesRange(first, first + TILE_WIDTH))) {
      if (startOf(key) !== first + records.length) throw missing(first + records.length);
      records.push(...decodeRecords(row));
      rows.push(row);
      bytes += row.length;
      if (bytes > most) return { records: records.slice(0, expected), rows };
    }
    if (records.length < expected) throw missing(first + records.length);
    if (records.length > TILE_WIDTH) throw fail('LOG_CORRUPT', `bundle ${n} holds more than its leaves`);
    return { records: records.slice(0, expected), rows };
  }

  /** One leaf of a log of `size`. @throws NOT_FOUND, LOG_CORRUPT */
  async record(index: number, size: number): Promise<LeafRecord> {
    const [record] = await this.run(index, size);
    return record!;
  }

  /**
   * The leaves from `index` on that are stored in one row with it, at least that one: a few MiB at most.
   * @throws NOT_FOUND, LOG_CORRUPT
   */
  async run(index: number, size: number): Promise<LeafRecord[]> {
    if (!(index >= 0 && index < size)) throw fail('NOT_FOUND', `there is no entry ${index}`);
    const n = Math.floor(index / TILE_WIDTH);
    const first = n * TILE_WIDTH;
    const end = Math.min(size, first + TILE_WIDTH);
    const held = end % TILE_WIDTH === 0 && (this.#sealed.get(n) ?? this.#held(n, 'kept'));
    if (held) return held.slice(index - first);
    for await (const [key, row] of this.#storage.range({
      ...leavesRange(first, index + 1),
      reverse: true,
      limit: 1,
    })) {
      const start = startOf(key);
      const records = decodeRecords(row);
      if (start === first && records.length === TILE_WIDTH) this.#sealed.set(n, records, row.length);
      if (start + records.length > index) return records.slice(index - start, end - start);
    }
    throw missing(index);
  }

  /** The index of the state entry that closes the batch of leaf `index`. */
  async closingStateEntry(index: number, size: number): Promise<number> {
    for (let at = index; at < size; ) {
      const records = await this.run(at, size);
      const found = records.findIndex((record) => record.isStateEntry);
      if (found >= 0) return at + found;
      at += records.length;
    }
    throw fail('LOG_CORRUPT', `no state entry follows leaf ${index}`);
  }
}

function withIds(records: LeafRecord[], ids: Bytes | undefined): LeafRecord[] {
  if (!ids) return records;
  return records.map((record, i) => {
    if (record.isStateEntry) return record;
    const id = ids.subarray(i * HASH_LENGTH, (i + 1) * HASH_LENGTH);
    return { isStateEntry: false, bytes: record.bytes, id };
  });
}

/** Undefined: not all are known. */
function idsOf(records: readonly LeafRecord[]): Bytes | undefined {
  const ids = new Uint8Array(records.length * HASH_LENGTH);
  for (const [i, { isStateEntry, id }] of records.entries()) {
    if (id) ids.set(id, i * HASH_LENGTH);
    else if (!isStateEntry) return undefined;
  }
  return ids;
}

function join(rows: readonly Row[]): Row {
  const ids = rows.flatMap((row) => (row.ids ? [row.ids] : []));
  return {
    bytes: concat(...rows.map(({ bytes }) => bytes)),
    ids: ids.length === rows.length ? concat(...ids) : undefined,
  };
}

function missing(index: number): LedgerError {
  return fail('LOG_CORRUPT', `leaf ${index} is not stored`);
}
