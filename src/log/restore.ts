/**
 * Reading a log back: nothing is signed before the stored bytes have been hashed again. A bit flipped in one leaf
 * has ended other logs; here it is found at start (what came after the verified mark, and the right edge) or by the
 * scrub (everything older).
 */
import { decodeStateEntry, type StateEntry } from '../chain/index.ts';
import { type Bytes, equal } from '../core/bytes.ts';
import type { Crypto, Hasher } from '../core/crypto.ts';
import { fail } from '../core/errors.ts';
import { BundleHasher } from '../merkle/bundle-hash.ts';
import { leafHash, TILE_WIDTH, treeRoot } from '../merkle/index.ts';
import { StateMap } from '../statemap/index.ts';
import { type Storage, WriteBatch } from '../storage/index.ts';
import {
  decodeHead,
  decodeMark,
  EDGE_RANGE,
  edgeOf,
  encodeHead,
  HEAD_KEY,
  MARK_KEY,
  RECORD_RANGE,
  type StoredHead,
  stateKeyOf,
  tileKey,
} from './layout.ts';
import { LeafIndex } from './leaf-index.ts';
import { type LeafRecord, leafDataOf } from './leaf-record.ts';
import { LeafStore } from './leaf-store.ts';
import { LogTree, widthBelow } from './tree.ts';

/** Leaves between verified marks: what a start re-hashes at most, beside what arrived since the last one was due. */
export const MARK_INTERVAL = 64 * TILE_WIDTH;

const BUNDLES_AT_ONCE = 8;

/** A log as it was committed last, verified. */
export interface Restored {
  /** Undefined: the storage is empty. */
  readonly head: StoredHead | undefined;
  readonly tree: LogTree;
  readonly leaves: LeafStore;
  readonly index: LeafIndex;
  readonly state: StateMap;
  readonly tip: StateEntry | undefined;
  readonly mark: number;
}

export interface Expected {
  readonly origin: string;
  /** 32 bytes. */
  readonly rules: Bytes;
  /** Leaves of a part of the leaf index, where it is not the usual number: a power of two, from 256 to 2^20. */
  readonly indexPart?: number;
}

/**
 * Brings a log of an older format to this one.
 * @throws LOG_CORRUPT with what differs; ORIGIN_MISMATCH, RULES_MISMATCH
 */
export async function restore(crypto: Crypto, storage: Storage, expected: Expected): Promise<Restored> {
  const leaves = new LeafStore(storage);
  const stored = await storage.get(HEAD_KEY);
  if (!stored) return empty(crypto, storage, leaves, expected);
  const head = decodeHead(stored, 'older');
  if (head.origin !== expected.origin) {
    throw fail('ORIGIN_MISMATCH', `the stored log is ${head.origin}, not ${expected.origin}`);
  }
  const mark = decodeMark(await storage.get(MARK_KEY));
  if (mark % MARK_INTERVAL !== 0 || mark > head.size) {
    throw fail(
      'LOG_CORRUPT',
      `the verified mark is at ${mark}, where it cannot be in a tree of ${head.size}`,
    );
  }
  const bundles = new BundleVerifier(crypto);
  const tail = (await leaves.restore(head.size)).map((record) => leafDataOf(crypto, record));
  const open = tail.map((data) => leafHash(crypto, data));
  const tree = LogTree.restore(crypto, storage, head.size, [open, ...(await openTiles(storage, head.size))]);
  if (!equal(tree.root(), head.root)) {
    throw fail(
      'LOG_CORRUPT',
      `the right edge of the tree of ${head.size} does not hash to the committed root`,
    );
  }
  const sealed = Math.floor(head.size / TILE_WIDTH);
  // Several at a time, so that the storage reads while this thread hashes.
  for (let first = mark / TILE_WIDTH; first < sealed; first += BUNDLES_AT_ONCE) {
    const some = Array.from({ length: Math.min(BUNDLES_AT_ONCE, sealed - first) }, async (_, i) => {
      await bundles.verify(storage, tree, leaves, first + i, head.size);
    });
    await Promise.all(some);
  }
  const tip = await restoreTip(leaves, head);
  if (!equal(tip.rules, expected.rules)) {
    throw fail('RULES_MISMATCH', 'the newest state entry was made under other rules than this software has');
  }
  const state = await restoreState(crypto, storage, tip);
  // Before its index is made anew: from now on software that would look for index rows refuses it.
  const upToDate = encodeHead(head);
  if (!equal(stored, upToDate)) await storage.write(new WriteBatch().put(HEAD_KEY, upToDate));
  const index = await LeafIndex.restore(crypto, storage, tree, open, expected.indexPart);
  return { head, tree, leaves, index, state, tip, mark };
}

async function empty(
  crypto: Crypto,
  storage: Storage,
  leaves: LeafStore,
  { indexPart }: Expected,
): Promise<Restored> {
  for await (const [key] of storage.range({ limit: 1 })) {
    throw fail('LOG_CORRUPT', `there is no committed head, but a row under key ${key[0]}`);
  }
  const tree = LogTree.restore(crypto, storage, 0, []);
  return {
    head: undefined,
    tree,
    leaves,
    index: await LeafIndex.restore(crypto, storage, tree, [], indexPart),
    state: StateMap.empty,
    tip: undefined,
    mark: 0,
  };
}

/** For each tile level from 1 up: the hashes of its open tile. */
async function openTiles(storage: Storage, size: number): Promise<Bytes[][]> {
  const levels: Bytes[][] = [];
  for (let level = 1; widthBelow(size, level) > 0; level++) levels.push([]);
  for await (const [key, hash] of storage.range(EDGE_RANGE)) {
    const { level, index } = edgeOf(key);
    const open = levels[level - 1];
    const first = Math.floor(widthBelow(size, level) / TILE_WIDTH) * TILE_WIDTH;
    if (!open || index !== first + open.length || hash.length !== 32) {
      throw fail('LOG_CORRUPT', `edge hash ${index} of level ${level} is out of place`);
    }
    open.push(hash);
  }
  return levels;
}

async function restoreTip(leaves: LeafStore, head: StoredHead): Promise<StateEntry> {
  const record = await leaves.record(head.size - 1, head.size);
  if (!record.isStateEntry) throw fail('LOG_CORRUPT', `leaf ${head.size - 1} should be a state entry`);
  const tip = decodeStateEntry(record.bytes);
  if (tip.index !== head.size - 1) throw fail('LOG_CORRUPT', 'the newest state entry names another index');
  return tip;
}

async function restoreState(hasher: Hasher, storage: Storage, tip: StateEntry): Promise<StateMap> {
  const records: [Bytes, Bytes][] = [];
  for await (const [key, value] of storage.range(RECORD_RANGE)) records.push([stateKeyOf(key), value]);
  // Rows that have been read are the reader's own.
  const state = StateMap.empty.adopt(hasher, records);
  if (state.count !== tip.mapCount || !equal(state.root, tip.mapRoot)) {
    throw fail(
      'LOG_CORRUPT',
      `the ${state.count} stored records do not hash to the state root at ${tip.index}`,
    );
  }
  return state;
}

/** Verifies stored bundles, each hashed up to the tiles over it. */
export class BundleVerifier {
  readonly #hasher: Hasher;
  readonly #lanes: BundleHasher;

  constructor(hasher: Hasher) {
    this.#hasher = hasher;
    this.#lanes = new BundleHasher(hasher, {});
  }

  /**
   * Bundle `n`, read from storage: statements → leaf hashes → level-0 tile → its place in level 1, and where it is the last of
   * its parents, their places above.
   * @throws LOG_CORRUPT
   */
  async verify(storage: Storage, tree: LogTree, leaves: LeafStore, n: number, size: number): Promise<void> {
    const { records, rows } = await leaves.stored(n, size);
    const isLastOfParent = n % TILE_WIDTH === TILE_WIDTH - 1;
    if (!isLastOfParent && (await this.#byLanes(storage, tree, records, rows, n))) return;
    const hashes = records.map((record) => leafHash(this.#hasher, leafDataOf(this.#hasher, record)));
    await this.#upwards(storage, tree, n, hashes);
  }

  /** False: there is no full bundle in one row, or something does not fit, and the plain way has to say what. */
  async #byLanes(
    storage: Storage,
    tree: LogTree,
    records: readonly LeafRecord[],
    rows: readonly Bytes[],
    n: number,
  ): Promise<boolean> {
    const [row] = rows;
    if (!row || rows.length > 1 || records.length !== TILE_WIDTH) return false;
    const places = records.map(({ isStateEntry, bytes }) => {
      const from = bytes.byteOffset - row.byteOffset;
      return { isStateEntry, from, to: from + bytes.length };
    });
    const tile = await storage.get(tileKey(0, n));
    const above = await tree.hashAbove(0, n);
    const { leafHashes, root } = this.#lanes.hash(row, places);
    return !!tile && !!root && equal(leafHashes, tile) && equal(root, above);
  }

  /** @param hashes of the leaves of bundle `n` */
  async #upwards(storage: Storage, tree: LogTree, n: number, hashes: Bytes[]): Promise<void> {
    let below = hashes;
    for (let level = 0, index = n; ; level++) {
      const tile = await storage.get(tileKey(level, index));
      if (!tile) throw fail('LOG_CORRUPT', `tile ${level}/${index} is missing`);
      if (tile.length !== TILE_WIDTH * 32)
        throw fail('LOG_CORRUPT', `tile ${level}/${index} has ${tile.length} bytes`);
      const differs = below.findIndex((hash, i) => !equal(hash, tile.subarray(i * 32, i * 32 + 32)));
      if (differs >= 0) {
        const what = level === 0 ? `leaf ${n * TILE_WIDTH + differs}` : `hash ${differs}`;
        throw fail('LOG_CORRUPT', `${what} does not hash to what tile ${level}/${index} holds`);
      }
      // The tile's root in its parent: stored as a tile, or at the open edge, which the root check has covered.
      const above = await tree.hashAbove(level, index);
      if (!equal(treeRoot(this.#hasher, below), above)) {
        throw fail('LOG_CORRUPT', `tile ${level}/${index} does not hash to what level ${level + 1} holds`);
      }
      if (index % TILE_WIDTH !== TILE_WIDTH - 1) return;
      index = Math.floor(index / TILE_WIDTH);
      const parent = await storage.get(tileKey(level + 1, index));
      if (!parent) throw fail('LOG_CORRUPT', `tile ${level + 1}/${index} is missing`);
      below = Array.from({ length: TILE_WIDTH }, (_, i) => parent.subarray(i * 32, i * 32 + 32));
    }
  }
}
