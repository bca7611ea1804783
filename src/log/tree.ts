/**
 * The Merkle tree over stored tiles: appends at the right edge in memory, proofs from cached tiles. A perfect node
 * never changes once it is complete, so readers of an older, published size and the sequencer share one tree.
 */
import { type Bytes, concat } from '../core/bytes.ts';
import type { Hasher } from '../core/crypto.ts';
import { fail } from '../core/errors.ts';
import { Slab } from '../core/slab.ts';
import {
  CompactRange,
  consistencyNodes,
  foldNodes,
  HASH_LENGTH,
  hashesOf,
  inclusionNodes,
  meetingLevel,
  type NodeId,
  perfectNodes,
  rootNodes,
  TILE_HEIGHT,
  TILE_WIDTH,
  tileOfNode,
} from '../merkle/index.ts';
import type { Storage, WriteBatch } from '../storage/index.ts';
import { edgeKey, tileKey } from './layout.ts';
import { Lru } from './lru.ts';
import { TileNodes } from './tile-nodes.ts';

/** More than a tree of exact numbers has. */
const LEVELS = 64;
const PATHS = new Slab();
/** Full tiles kept with their inner levels: 16 KiB each. */
const CACHED_TILES = 512;

/** The path of a leaf in the tree of a size. */
interface Collected {
  readonly size: number;
  readonly index: number;
  /** Bytes. */
  readonly length: number;
}

const NOTHING_COLLECTED: Collected = { size: 0, index: 0, length: 0 };

export class LogTree {
  readonly #hasher: Hasher;
  readonly #storage: Storage;
  readonly #range: CompactRange;
  /** The tile at the right edge of each tile level; full ones stay until the next one begins. */
  readonly #edge: { index: number; nodes: TileNodes }[] = [];
  readonly #tiles = new Lru<TileName, TileNodes>(CACHED_TILES);
  readonly #loading = new Map<TileName, Promise<TileNodes>>();
  /** Of the size that was asked for last: the hash of all from a leaf to the end, which many proofs of one size have in common. */
  #ends = { size: 0, hashes: new Map<number, Bytes>() };
  /** Where paths are collected: the last one, and how much of it was there when each level began. */
  readonly #path = new Uint8Array(LEVELS * HASH_LENGTH);
  readonly #pathBelow = new Uint32Array(LEVELS);
  #last = NOTHING_COLLECTED;
  #writes: ((batch: WriteBatch) => void)[] = [];
  /** Full tiles that are in no batch yet, and those whose batch may still be on its way to the disk. */
  #filled = new Map<TileName, TileNodes>();
  #leaving = new Map<TileName, TileNodes>();
  private constructor(hasher: Hasher, storage: Storage, range: CompactRange) {
    this.#hasher = hasher;
    this.#storage = storage;
    this.#range = range;
  }

  /**
   * The tree of `size` leaves from what is stored: the leaf hashes of the open level-0 tile, and for each level above
   * the hashes of its open tile.
   */
  static restore(
    hasher: Hasher,
    storage: Storage,
    size: number,
    openTiles: readonly (readonly Bytes[])[],
  ): LogTree {
    const edges: { index: number; nodes: TileNodes }[] = [];
    for (let level = 0; widthBelow(size, level) > 0; level++) {
      const bottom = openTiles[level] ?? [];
      const index = Math.floor(widthBelow(size, level) / TILE_WIDTH);
      const expected = widthBelow(size, level) % TILE_WIDTH;
      if (bottom.length !== expected) {
        throw fail('LOG_CORRUPT', `open tile of level ${level} has ${bottom.length} of ${expected} hashes`);
      }
      const tile = new Uint8Array(bottom.length * 32);
      bottom.forEach((hash, i) => {
        tile.set(hash, i * 32);
      });
      edges.push({ index, nodes: TileNodes.of(hasher, tile) });
    }
    const hashes = rootNodes(size).map(({ level, index }) => {
      const at = tileAt({ level, index });
      return edges[at.level]!.nodes.get(at.inner, at.position).slice();
    });
    const tree = new LogTree(hasher, storage, CompactRange.of(size, hashes));
    tree.#edge.push(...edges);
    return tree;
  }

  get size(): number {
    return this.#range.size;
  }

  /** The right edge, as it is now. */
  get range(): CompactRange {
    return this.#range.clone();
  }

  root(): Bytes {
    return this.#range.root(this.#hasher);
  }

  /** Appends one leaf hash; tiles that this completes are written with the next {@link addWrites}. */
  append(leafHash: Bytes): void {
    this.#range.append(this.#hasher, leafHash, (level, index, hash) => this.#complete(level, index, hash));
  }

  #complete(level: number, index: number, hash: Bytes): void {
    const { level: tileLevel, index: tileIndex, inner, position } = tileAt({ level, index });
    let edge = this.#edge[tileLevel];
    if (edge?.index !== tileIndex) {
      edge = { index: tileIndex, nodes: new TileNodes() };
      this.#edge[tileLevel] = edge;
    }
    const { nodes } = edge;
    nodes.set(inner, position, hash);
    if (inner !== 0) return;
    if (tileLevel > 0) this.#writes.push((batch) => batch.put(edgeKey(tileLevel, index), hash));
    if (position === TILE_WIDTH - 1) {
      this.#tiles.set(tileName(tileLevel, tileIndex), nodes);
      this.#filled.set(tileName(tileLevel, tileIndex), nodes);
      this.#writes.push((batch) => {
        batch.put(tileKey(tileLevel, tileIndex), nodes.bottom());
        // After the puts of this same batch: the full tile replaces the rows of its hashes.
        if (tileLevel > 0) {
          for (let i = 0; i < TILE_WIDTH; i++) batch.del(edgeKey(tileLevel, tileIndex * TILE_WIDTH + i));
        }
      });
    }
  }

  /** Adds to `batch` what the appends since the last call must store. The batch of that call is on disk by now. */
  addWrites(batch: WriteBatch): void {
    for (const write of this.#writes) write(batch);
    this.#writes = [];
    this.#leaving = this.#filled;
    this.#filled = new Map();
  }

  /** RFC 9162 §2.1.3.1 audit path of leaf `index` in the tree of `size`. @throws SIZE_NOT_AVAILABLE */
  async inclusionPath(index: number, size: number): Promise<Bytes[]> {
    return hashesOf(await this.inclusionHashes(index, size));
  }

  /** The same as one row of hashes, 32 bytes each. @throws SIZE_NOT_AVAILABLE, ARGUMENT_INVALID */
  async inclusionHashes(index: number, size: number): Promise<Bytes> {
    return (
      this.hashesAtHand(index, size) ?? concat(...(await this.#proof(inclusionNodes(index, size), size)))
    );
  }

  /**
   * The same if all tiles that it is made of are at hand, else undefined. With each statement that is logged goes a path, and
   * its tiles are the newest.
   */
  hashesAtHand(index: number, size: number): Bytes | undefined {
    if (!(Number.isSafeInteger(index) && index >= 0 && index < size)) return undefined;
    if (!(Number.isSafeInteger(size) && size <= this.size)) return undefined;
    const before = this.#last;
    this.#last = NOTHING_COLLECTED;
    const length = this.#collect(index, size, before);
    if (length === undefined) return undefined;
    this.#last = { size, index, length };
    return PATHS.copy(this.#path.subarray(0, length));
  }

  /**
   * Into the path: from the leaf up, the sibling where there is one.
   * @param before what is there
   * @returns bytes; undefined: a tile is not at hand
   */
  #collect(index: number, size: number, before: Collected): number | undefined {
    // For leaf after leaf of one tree, which is what is asked for most, all but the first few hashes are there already.
    const known = before.size === size ? meetingLevel(index, before.index) : LEVELS;
    let length = 0;
    let tile: TileNodes | undefined;
    // `span`: leaves below a node of `level`.
    for (let level = 0, span = 1, own = index, last = size - 1; last > 0; level++, span *= 2) {
      if (level === known && length === this.#pathBelow[level]) return before.length;
      this.#pathBelow[level] = length;
      const inner = level % TILE_HEIGHT;
      // Up to the root of a tile, siblings lie in the same one.
      if (inner === 0) tile = this.#held(level / TILE_HEIGHT, Math.floor(own / TILE_WIDTH));
      const sibling = own % 2 === 0 ? own + 1 : own - 1;
      if (sibling < last || (sibling === last && (last + 1) * span <= size)) {
        if (!tile) return undefined;
        tile.copy(inner, sibling % (TILE_WIDTH >> inner), this.#path, length);
        length += HASH_LENGTH;
      } else if (sibling === last) {
        const hash = this.#endAtHand(last * span, size);
        if (!hash) return undefined;
        this.#path.set(hash, length);
        length += HASH_LENGTH;
      }
      own = Math.floor(own / 2);
      last = Math.floor(last / 2);
    }
    return length;
  }

  #endAtHand(from: number, size: number): Bytes | undefined {
    const known = this.#ends.size === size ? this.#ends.hashes.get(from) : undefined;
    if (known) return known;
    const group = perfectNodes(from, size);
    const hashes: Bytes[] = [];
    for (const id of group) {
      const { level, index, inner, position } = tileAt(id);
      const nodes = this.#held(level, index);
      if (!nodes) return undefined;
      hashes.push(nodes.get(inner, position));
    }
    return this.#keepEnd(from, size, foldNodes(this.#hasher, hashes));
  }

  /** RFC 9162 §2.1.4.1 consistency path. @throws SIZE_NOT_AVAILABLE */
  consistencyPath(from: number, to: number): Promise<Bytes[]> {
    return this.#proof(consistencyNodes(from, to), to);
  }

  /** The root of the first `size` leaves. @throws SIZE_NOT_AVAILABLE */
  async rootAt(size: number): Promise<Bytes> {
    const ids = rootNodes(size);
    if (ids.length === 0) return CompactRange.empty().root(this.#hasher);
    const [root] = await this.#proof([ids], size);
    return root!;
  }

  /** The first `width` hashes of a tile, the caller's own. @throws NOT_FOUND */
  async tile(level: number, index: number, width: number): Promise<Bytes> {
    const unstored = this.#unstored(level, index);
    if (unstored) {
      if (width > unstored.width)
        throw fail('NOT_FOUND', `tile ${level}/${index} has ${unstored.width} hashes`);
      return unstored.bottom(width);
    }
    // Nothing is computed from it, and it takes no place of one that proofs are made of.
    return (await this.#stored(level, index)).slice(0, width * HASH_LENGTH);
  }

  /** The hash of one leaf if its tile is at hand, else undefined. */
  leafHashAtHand(index: number): Bytes | undefined {
    if (!(Number.isSafeInteger(index) && index >= 0 && index < this.size)) return undefined;
    return this.#held(0, Math.floor(index / TILE_WIDTH))
      ?.get(0, index % TILE_WIDTH)
      .slice();
  }

  /** The hash of one leaf. @throws NOT_FOUND */
  async leafHash(index: number): Promise<Bytes> {
    const position = index % TILE_WIDTH;
    const tile = Math.floor(index / TILE_WIDTH);
    const nodes = this.#unstored(0, tile) ?? (await this.#tile(0, tile));
    if (position >= nodes.width) throw fail('NOT_FOUND', `there is no leaf ${index}`);
    return nodes.get(0, position).slice();
  }

  /** The hash that level `level` + 1 holds for a full tile: from storage if it is there, never from the cache. */
  async hashAbove(level: number, index: number): Promise<Bytes> {
    const parent = Math.floor(index / TILE_WIDTH);
    const position = index % TILE_WIDTH;
    const unstored = this.unstoredAbove(level, index);
    if (unstored) return unstored;
    return (await this.#stored(level + 1, parent)).subarray(position * 32, position * 32 + 32);
  }

  /** The same if the tile that holds it is not known to be stored. */
  unstoredAbove(level: number, index: number): Bytes | undefined {
    return this.#unstored(level + 1, Math.floor(index / TILE_WIDTH))?.get(0, index % TILE_WIDTH);
  }

  /** @param groups of which only one that ends where the tree of `size` does has several nodes */
  async #proof(groups: readonly (readonly NodeId[])[], size: number): Promise<Bytes[]> {
    if (size > this.size) throw fail('SIZE_NOT_AVAILABLE', `the tree has ${this.size} leaves, not ${size}`);
    // Tiles that are loaded for this proof are held by it: the cache may drop them before the last has come.
    const loaded = new Map<TileName, TileNodes>();
    const absent = groups.flatMap((group) =>
      group.map(tileOfNode).filter(({ level, index }) => !this.#held(level, index)),
    );
    if (absent.length > 0) {
      const load = async ({ level, index }: TileId) =>
        loaded.set(tileName(level, index), await this.#tile(level, index));
      await Promise.all(absent.map(load));
    }
    const hashOf = (id: NodeId) => {
      const { level, index, inner, position } = tileAt(id);
      const nodes = loaded.get(tileName(level, index)) ?? this.#held(level, index);
      if (!nodes) throw fail('INTERNAL', `tile ${level}/${index} is not at hand`);
      return nodes.get(inner, position);
    };
    return groups.map((group) => {
      const [first] = group;
      return group.length === 1 ? hashOf(first!).slice() : this.#end(group, size, hashOf);
    });
  }

  #end(group: readonly NodeId[], size: number, hashOf: (id: NodeId) => Bytes): Bytes {
    const [first] = group;
    const from = first!.index * 2 ** first!.level;
    const known = this.#ends.size === size ? this.#ends.hashes.get(from) : undefined;
    return (known ?? this.#keepEnd(from, size, foldNodes(this.#hasher, group.map(hashOf)))).slice();
  }

  #keepEnd(from: number, size: number, hash: Bytes): Bytes {
    if (this.#ends.size !== size) this.#ends = { size, hashes: new Map() };
    this.#ends.hashes.set(from, hash);
    return hash;
  }

  #held(level: number, index: number): TileNodes | undefined {
    return this.#unstored(level, index) ?? this.#tiles.get(tileName(level, index));
  }

  /** A tile that is open, or full and not known to be stored. */
  #unstored(level: number, index: number): TileNodes | undefined {
    const edge = this.#edge[level];
    if (edge?.index === index) return edge.nodes;
    const name = tileName(level, index);
    return this.#leaving.get(name) ?? this.#filled.get(name);
  }

  async #tile(level: number, index: number): Promise<TileNodes> {
    const name = tileName(level, index);
    const held = this.#tiles.get(name);
    if (held) return held;
    const running = this.#loading.get(name);
    if (running) return running;
    const loading = this.#load(level, index);
    this.#loading.set(name, loading);
    try {
      return await loading;
    } finally {
      this.#loading.delete(name);
    }
  }

  async #load(level: number, index: number): Promise<TileNodes> {
    const nodes = TileNodes.of(this.#hasher, await this.#stored(level, index));
    this.#tiles.set(tileName(level, index), nodes);
    return nodes;
  }

  async #stored(level: number, index: number): Promise<Bytes> {
    const bytes = await this.#storage.get(tileKey(level, index));
    if (!bytes) throw fail('NOT_FOUND', `there is no full tile ${level}/${index}`);
    if (bytes.length !== TILE_WIDTH * 32) {
      throw fail('LOG_CORRUPT', `tile ${level}/${index} has ${bytes.length} bytes`);
    }
    return bytes;
  }
}

type TileId = ReturnType<typeof tileOfNode>;
/** Level and index in one exact number: a level of 64 leaves 47 bits for the index, of tiles of 256. */
type TileName = number;

function tileName(level: number, index: number): TileName {
  return index * 64 + level;
}

/** Hashes on the bottom of tile level `level` in a tree of `size`. */
export function widthBelow(size: number, level: number): number {
  return Math.floor(size / 2 ** (TILE_HEIGHT * level));
}

/** Which tile holds a perfect node, and where: inner level and position. */
function tileAt(id: NodeId): { level: number; index: number; inner: number; position: number } {
  const { level, index } = tileOfNode(id);
  const inner = id.level - level * TILE_HEIGHT;
  return { level, index, inner, position: id.index - index * (TILE_WIDTH >> inner) };
}
