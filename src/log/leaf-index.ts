/**
 * Which leaf has a given hash: what decides whether a statement is in the log already, and where. It follows from the tiles, and
 * nothing of it is written with a commit: hashes lie all over an index, and to keep one row for each in order was most of what LevelDB
 * had to do. The leaves of the last part are in memory, read from their tiles at start; each part that is whole is
 * stored once, in the background, as rows that are read back before they count.
 */
import { type Bytes, equal } from '../core/bytes.ts';
import type { Crypto, Hasher } from '../core/crypto.ts';
import { fail } from '../core/errors.ts';
import { HashFilter } from '../core/hash-filter.ts';
import { HASH_LENGTH, TILE_WIDTH } from '../merkle/index.ts';
import { type Range, type Storage, WriteBatch } from '../storage/index.ts';
import {
  decodeLeafIndexMark,
  encodeLeafIndexMark,
  LEAF_INDEX_MARK_KEY,
  LEAF_INDEX_RANGE,
  LEAF_INDEX_VERSION,
  leafIndexKey,
  leafIndexRange,
} from './layout.ts';
import {
  bucketOf,
  bucketsOf,
  LeafIndexComparison,
  leafIndexRows,
  lookIn,
  WrittenRows,
} from './leaf-index-rows.ts';
import { LeafTable } from './leaf-table.ts';
import type { LogTree } from './tree.ts';
import { VerifiedTiles } from './verified-tiles.ts';

/** Leaves of a part: 10 MB in memory, two of them while one is being stored. */
export const LEAF_INDEX_PART = 2 ** 18;
/** Rows of 1.2 kB that one write takes, one look-up reads at once, or are compared without a rest. */
const ROWS_AT_ONCE = 256;
/** Tiles of 8 kB that are read and hashed without a rest. */
const TILES_AT_ONCE = 16;
/** Small rows, of format 1, but for those of one part. */
const ROWS_REMOVED = 10_000;

/** Between one piece of work and the next, where others use this thread as well. */
type Rest = () => Promise<void>;

export class LeafIndex {
  readonly #crypto: Crypto;
  readonly #storage: Storage;
  readonly #tree: LogTree;
  readonly #length: number;
  /** That are stored. */
  #parts: number;
  /** Of the leaves behind them. The last one is open; those before it are to be stored. */
  readonly #tables: LeafTable[];
  /** Of all leaves, as far as it has learned those in parts that were stored at start. */
  readonly #known = new HashFilter();
  readonly #toLearn: number;
  #learnt = 0;

  private constructor(crypto: Crypto, storage: Storage, tree: LogTree, length: number, parts: number) {
    this.#crypto = crypto;
    this.#storage = storage;
    this.#tree = tree;
    this.#length = length;
    this.#parts = parts;
    this.#tables = [this.#table(parts * length)];
    this.#toLearn = parts * length;
  }

  /**
   * The index of the leaves of `tree`. Parts that should be stored and are not, it stores: all of them, where there is no mark.
   * @param open hashes of the leaves behind the last full tile
   * @param length leaves of a part: a power of two, from 256 to 2^20
   * @throws LOG_CORRUPT, STORAGE_FAILED
   */
  static async restore(
    crypto: Crypto,
    storage: Storage,
    tree: LogTree,
    open: readonly Bytes[],
    length = LEAF_INDEX_PART,
  ): Promise<LeafIndex> {
    const stored = await storage.get(LEAF_INDEX_MARK_KEY);
    const mark = stored && decodeLeafIndexMark(stored);
    const isCurrent = mark?.version === LEAF_INDEX_VERSION && mark.length === length;
    if (isCurrent && mark.parts * length > tree.size) {
      throw fail(
        'LOG_CORRUPT',
        `the leaf index has ${mark.parts} parts, which a tree of ${tree.size} cannot have`,
      );
    }
    if (!isCurrent) await clear(storage);
    const parts = isCurrent ? mark.parts : 0;
    const index = new LeafIndex(crypto, storage, tree, length, parts);
    const full = Math.floor(tree.size / TILE_WIDTH);
    let tiles: VerifiedTiles | undefined;
    for (let n = (parts * length) / TILE_WIDTH; n < full; n++) {
      tiles ??= new VerifiedTiles(crypto, storage, tree);
      const hashes = await tiles.read(0, n);
      for (let at = 0; at < hashes.length; at += HASH_LENGTH)
        index.add(hashes.subarray(at, at + HASH_LENGTH));
      if (index.due) await index.store();
    }
    for (const hash of open) index.add(hash);
    return index;
  }

  #table(first: number): LeafTable {
    const random = this.#crypto.randomBytes(4).reduce((word, byte) => (word << 8) | byte, 0);
    return new LeafTable(first, this.#length, random);
  }

  /** Leaves that are in it. */
  get size(): number {
    return this.#tables.at(-1)!.end;
  }

  /** Leaves of a part. */
  get length(): number {
    return this.#length;
  }

  /** Parts that are stored. */
  get parts(): number {
    return this.#parts;
  }

  /** Whether a part is whole and not stored. */
  get due(): boolean {
    return this.#tables[0]!.full;
  }

  /** The leaf that comes next, as it is appended to the tree. @param hash 32 bytes */
  add(hash: Bytes): void {
    let table = this.#tables.at(-1)!;
    if (table.full) {
      table = this.#table(table.end);
      this.#tables.push(table);
    }
    this.#known.add(hash, table.end);
    table.add(hash);
  }

  /** Whether all leaves are known to {@link mayHold}. */
  get learned(): boolean {
    return this.#learnt === this.#toLearn;
  }

  /** Whether a leaf with this hash may be here: false is certain, and said of none before {@link learn} has ended. */
  mayHold(hash: Bytes): boolean {
    return !this.learned || this.#known.mayHold(hash);
  }

  /**
   * Index of the leaf with each of the hashes, where there is one.
   * @throws LOG_CORRUPT a row is missing or damaged, or names a leaf with another hash; STORAGE_FAILED
   */
  async find(hashes: readonly Bytes[]): Promise<(number | undefined)[]> {
    const found = hashes.map((hash) => this.#held(hash));
    // Grows by further rows of crowded buckets.
    const asked = hashes.flatMap((hash, i) => (found[i] === undefined ? this.#candidates(hash, i) : []));
    for (let at = 0; at < asked.length; ) {
      const some = asked.slice(at, at + ROWS_AT_ONCE);
      at += some.length;
      const rows = await this.#storage.getMany(some.map(keyOf));
      for (const [i, place] of some.entries()) {
        const row = rows[i];
        if (!row) throw fail('LOG_CORRUPT', `a row of part ${place.part} of the leaf index is missing`);
        const looked = lookIn(this.#crypto, keyOf(place), row, place.hash);
        if (looked === 'beyond') asked.push({ ...place, row: place.row + 1 });
        else if (looked !== 'absent') {
          found[place.at] ??= await this.#verified(place.hash, place.part * this.#length + looked.place);
        }
      }
    }
    return found;
  }

  /** A stored row is believed only if that leaf has the hash: who is told "it existed" gets its receipt. */
  async #verified(hash: Bytes, index: number): Promise<number> {
    if (index < this.#tree.size && equal(await this.#tree.leafHash(index), hash)) return index;
    throw fail('LOG_CORRUPT', `the leaf index names entry ${index}, which is another one or none`);
  }

  #held(hash: Bytes): number | undefined {
    for (const table of this.#tables) {
      const index = table.find(hash);
      if (index !== undefined) return index;
    }
    return undefined;
  }

  /** The rows of stored parts where the hash may be. */
  #candidates(hash: Bytes, at: number): Asked[] {
    const asked: Asked[] = [];
    const bucket = bucketOf(hash, bucketsOf(this.#length));
    for (let part = this.#parts - 1; part >= 0; part--) {
      const first = part * this.#length;
      const isKnown = first >= this.#toLearn || first + this.#length <= this.#learnt;
      if (isKnown && !this.#known.mayHoldNear(hash, first)) continue;
      asked.push({ hash, at, part, bucket, row: 0 });
    }
    return asked;
  }

  /**
   * Reads the hashes of the leaves in stored parts. For {@link mayHold}; nothing else waits for it.
   * @param stopped asked before each tile: to give up
   * @throws LOG_CORRUPT a tile is missing, or is not what the one above it says; STORAGE_FAILED: it can be tried again
   */
  async learn(stopped: () => boolean): Promise<void> {
    const tiles = new VerifiedTiles(this.#crypto, this.#storage, this.#tree);
    while (!this.learned && !stopped()) {
      const first = this.#learnt;
      const hashes = await tiles.read(0, first / TILE_WIDTH);
      for (let i = 0; i < TILE_WIDTH; i++) {
        this.#known.add(hashes.subarray(i * HASH_LENGTH, (i + 1) * HASH_LENGTH), first + i);
      }
      this.#learnt = first + TILE_WIDTH;
    }
  }

  /**
   * Stores the first part that is {@link due}: its rows count only when they have been read back.
   * @throws LOG_CORRUPT what was written is not what is read; STORAGE_FAILED
   */
  async store(rest?: Rest): Promise<void> {
    const [table] = this.#tables;
    if (!table?.full) throw fail('INTERNAL', 'no part of the leaf index is whole');
    const part = this.#parts;
    // Of an earlier try, or of nothing at all: neither would be written over.
    await remove(this.#storage, leafIndexRange(part));
    const write = async (batch: WriteBatch) => {
      await this.#storage.write(batch);
      await rest?.();
    };
    let batch = new WriteBatch();
    const rows = new WrittenRows(this.#crypto, part);
    for (const { key, value } of leafIndexRows(this.#crypto, part, table.hashes)) {
      batch.put(key, value);
      rows.written(value);
      if (batch.operations.length < ROWS_AT_ONCE) continue;
      await write(batch);
      batch = new WriteBatch();
    }
    if (batch.operations.length > 0) await write(batch);
    orFail(await compareRows(this.#storage, part, rows, rest));
    const mark = encodeLeafIndexMark({ length: this.#length, parts: part + 1 });
    await this.#storage.write(new WriteBatch().put(LEAF_INDEX_MARK_KEY, mark));
    if (this.#tables.length === 1) this.#tables.push(this.#table(table.end));
    this.#tables.shift();
    this.#parts = part + 1;
  }

  /** Compares the rows of a stored part with the tiles. @throws LOG_CORRUPT, STORAGE_FAILED */
  async audit(part: number, rest?: Rest): Promise<void> {
    const tiles = new VerifiedTiles(this.#crypto, this.#storage, this.#tree);
    const hashes = new Uint8Array(this.#length * HASH_LENGTH);
    const first = (part * this.#length) / TILE_WIDTH;
    for (let n = 0; n < this.#length / TILE_WIDTH; n++) {
      hashes.set(await tiles.read(0, first + n), n * TILE_WIDTH * HASH_LENGTH);
      if (n % TILES_AT_ONCE === 0) await rest?.();
    }
    orFail(await compareLeafIndexPart(this.#crypto, this.#storage, part, hashes, rest));
  }
}

function orFail(differing: string | undefined): void {
  if (differing !== undefined) throw fail('LOG_CORRUPT', differing);
}

interface Asked {
  readonly hash: Bytes;
  /** Which of those that are looked for. */
  readonly at: number;
  readonly part: number;
  readonly bucket: number;
  readonly row: number;
}

const keyOf = ({ part, bucket, row }: Asked) => leafIndexKey(part, bucket, row);

/** @param hashes of the leaves of the part, 32 bytes each @returns what the stored rows of it have wrong */
export async function compareLeafIndexPart(
  hasher: Hasher,
  storage: Pick<Storage, 'range'>,
  part: number,
  hashes: Bytes,
  rest?: Rest,
): Promise<string | undefined> {
  return await compareRows(storage, part, new LeafIndexComparison(hasher, part, hashes), rest);
}

async function compareRows(
  storage: Pick<Storage, 'range'>,
  part: number,
  comparison: LeafIndexComparison | WrittenRows,
  rest?: Rest,
): Promise<string | undefined> {
  let compared = 0;
  for await (const [key, value] of storage.range(leafIndexRange(part))) {
    const wrong = comparison.next(key, value);
    if (wrong !== undefined) return wrong;
    compared += 1;
    if (compared % ROWS_AT_ONCE === 0) await rest?.();
  }
  return comparison.end();
}

/** Of an index that is to be made anew: first its mark, so that what is left never counts. */
async function clear(storage: Storage): Promise<void> {
  if (await storage.get(LEAF_INDEX_MARK_KEY)) {
    await storage.write(new WriteBatch().del(LEAF_INDEX_MARK_KEY));
  }
  await remove(storage, LEAF_INDEX_RANGE);
}

/** In the order of the keys, each time from the last one on: LevelDB would go through all that it has deleted before. */
async function remove(storage: Storage, { gte, lt }: Required<Pick<Range, 'gte' | 'lt'>>): Promise<void> {
  for (let from = gte; ; ) {
    const batch = new WriteBatch();
    for await (const [key] of storage.range({ gte: from, lt, limit: ROWS_REMOVED })) {
      batch.del(key);
      from = key;
    }
    if (batch.operations.length === 0) return;
    await storage.write(batch);
  }
}
