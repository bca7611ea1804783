/**
 * Hash tiles of a tree whose size and root are trusted. A tile is believed only when it hashes to its place in the tile
 * above, and those of the right edge only when all of them together hash to the root: so every hash that leaves this
 * file is one that the root commits to, whoever served it.
 */
import { type Bytes, equal } from '../core/bytes.ts';
import type { Hasher } from '../core/crypto.ts';
import {
  emptyRoot,
  foldNodes,
  HASH_LENGTH,
  type NodeId,
  nodeInTile,
  rootNodes,
  TILE_HEIGHT,
  TILE_WIDTH,
  tileOfNode,
  tilePath,
  tileWidth,
  treeRoot,
} from '../merkle/index.ts';
import { TileFault } from './tile-fault.ts';
import { fetchTile } from './tile-fetch.ts';
import type { TileSource } from './tile-source.ts';

/** Full tiles that are kept, 8 KiB each. Reading leaf by leaf needs one of each level. */
const KEPT = 64;

/** A tree that somebody's signature, or the reader's own computation, vouches for. */
export interface TrustedHead {
  readonly size: number;
  /** 32 bytes. */
  readonly root: Bytes;
}

export class AuthenticatedTiles {
  readonly #hasher: Hasher;
  readonly #source: TileSource;
  readonly #size: number;
  /** The partial tile of each level, where there is one. */
  readonly #edge: readonly (Bytes | undefined)[];
  readonly #kept = new Map<string, Promise<Bytes>>();

  /** Reads the right edge. @throws TILE_INVALID it does not hash to the root; TILE_MISSING; and what the source throws */
  static async open(hasher: Hasher, source: TileSource, head: TrustedHead): Promise<AuthenticatedTiles> {
    const edge = await Promise.all(edgeTiles(head.size).map((tile) => tile && fetchEdge(source, tile)));
    const ids = rootNodes(head.size);
    const root =
      ids.length === 0
        ? emptyRoot(hasher)
        : foldNodes(
            hasher,
            ids.map((id) => nodeInTile(hasher, edge[tileOfNode(id).level]!, id)),
          );
    if (!equal(root, head.root)) {
      const lowest = edgeTiles(head.size).findIndex((tile) => tile !== undefined);
      throw new TileFault(
        'TILE_INVALID',
        `the right edge of tiles does not hash to the root of the tree of ${head.size}`,
        {
          path: lowest < 0 ? 'tile/0/000' : pathOf(edgeTiles(head.size)[lowest]!),
          served: edge[lowest] ?? null,
        },
      );
    }
    return new AuthenticatedTiles(hasher, source, head.size, edge);
  }

  private constructor(
    hasher: Hasher,
    source: TileSource,
    size: number,
    edge: readonly (Bytes | undefined)[],
  ) {
    this.#hasher = hasher;
    this.#source = source;
    this.#size = size;
    this.#edge = edge;
  }

  /** The bottom hashes that the tile has in this tree, 32 bytes each. @throws TILE_INVALID, TILE_MISSING */
  async tile(level: number, index: number): Promise<Bytes> {
    if (tileWidth(level, index, this.#size) < TILE_WIDTH) return this.#edge[level]!;
    const name = `${level}/${index}`;
    const kept = this.#kept.get(name);
    if (kept) {
      // Again at the end: the one that was not used for longest goes first.
      this.#kept.delete(name);
      this.#kept.set(name, kept);
      return kept;
    }
    const loading = this.#load(level, index);
    this.#kept.set(name, loading);
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= KEPT) break;
      this.#kept.delete(oldest);
    }
    // What failed once may be served the next time.
    loading.catch(() => this.#kept.delete(name));
    return loading;
  }

  async #load(level: number, index: number): Promise<Bytes> {
    const { path, bytes } = await fetchTile(this.#source, level, index, TILE_WIDTH);
    if (bytes.length !== TILE_WIDTH * HASH_LENGTH) {
      throw new TileFault('TILE_INVALID', `${path} has ${bytes.length} bytes`, { path, served: bytes });
    }
    const hashes = Array.from({ length: TILE_WIDTH }, (_, i) => hashAt(bytes, i));
    await this.checkRoot(treeRoot(this.#hasher, hashes), level, index, { path, served: bytes });
    return bytes;
  }

  /** @throws TILE_INVALID the root of a full tile is not what the tile above has for it; as {@link tile} for that one */
  async checkRoot(
    root: Bytes,
    level: number,
    index: number,
    about: { path: string; served: Bytes },
  ): Promise<void> {
    const above = await this.node({ level: (level + 1) * TILE_HEIGHT, index });
    if (!equal(root, above)) {
      throw new TileFault(
        'TILE_INVALID',
        `${about.path} does not hash to what the level above has for it in the tree of ${this.#size}`,
        about,
      );
    }
  }

  /** The hash of a perfect subtree of the tree. @throws TILE_INVALID, TILE_MISSING */
  async node(id: NodeId): Promise<Bytes> {
    const { level, index } = tileOfNode(id);
    return nodeInTile(this.#hasher, await this.tile(level, index), id);
  }
}

export function hashAt(tile: Bytes, position: number): Bytes {
  return tile.subarray(position * HASH_LENGTH, (position + 1) * HASH_LENGTH);
}

interface EdgeTile {
  readonly level: number;
  readonly index: number;
  readonly width: number;
}

/** For each level of tiles: the partial one, undefined where all are full. */
function edgeTiles(size: number): (EdgeTile | undefined)[] {
  const tiles: (EdgeTile | undefined)[] = [];
  for (let level = 0, hashes = size; hashes > 0; level++, hashes = Math.floor(hashes / TILE_WIDTH)) {
    const width = hashes % TILE_WIDTH;
    tiles.push(width === 0 ? undefined : { level, index: Math.floor(hashes / TILE_WIDTH), width });
  }
  return tiles;
}

async function fetchEdge(source: TileSource, tile: EdgeTile): Promise<Bytes> {
  const { path, bytes } = await fetchTile(source, tile.level, tile.index, tile.width);
  if (bytes.length % HASH_LENGTH !== 0 || bytes.length < tile.width * HASH_LENGTH) {
    throw new TileFault('TILE_INVALID', `${path} has ${bytes.length} bytes`, { path, served: bytes });
  }
  return bytes.slice(0, tile.width * HASH_LENGTH);
}

function pathOf({ level, index, width }: EdgeTile): string {
  return tilePath(level, index, width);
}
