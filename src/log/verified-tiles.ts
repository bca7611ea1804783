/** Full tiles as they are stored, each verified by the one above it, up to the right edge, which whoever restored it has compared with a root. */
import { type Bytes, equal } from '../core/bytes.ts';
import type { Hasher } from '../core/crypto.ts';
import { fail } from '../core/errors.ts';
import { HASH_LENGTH, hashesOf, TILE_WIDTH, treeRoot } from '../merkle/index.ts';
import { LaneTree } from '../merkle/lane-tree.ts';
import type { Storage } from '../storage/index.ts';
import { tileKey } from './layout.ts';
import type { LogTree } from './tree.ts';

/** For who reads them in order: of each level the last one is kept. */
export class VerifiedTiles {
  readonly #hasher: Hasher;
  readonly #lanes: LaneTree;
  readonly #storage: Storage;
  readonly #tree: LogTree;
  readonly #last: { index: number; tile: Bytes }[] = [];

  constructor(hasher: Hasher, storage: Storage, tree: LogTree) {
    this.#hasher = hasher;
    this.#lanes = new LaneTree(hasher);
    this.#storage = storage;
    this.#tree = tree;
  }

  /** 8,192 bytes. @throws LOG_CORRUPT it is missing, or not what the one above it says; STORAGE_FAILED */
  async read(level: number, index: number): Promise<Bytes> {
    const last = this.#last[level];
    if (last?.index === index) return last.tile;
    const tile = await this.#storage.get(tileKey(level, index));
    if (!tile) throw fail('LOG_CORRUPT', `tile ${level}/${index} is missing`);
    const expected = await this.#above(level, index);
    // What does not fit is hashed again the plain way before it is called damage.
    if (
      tile.length !== TILE_WIDTH * HASH_LENGTH ||
      !(equal(this.#lanes.rootOf(tile), expected) || equal(treeRoot(this.#hasher, hashesOf(tile)), expected))
    ) {
      throw fail('LOG_CORRUPT', `tile ${level}/${index} does not hash to what level ${level + 1} holds`);
    }
    this.#last[level] = { index, tile };
    return tile;
  }

  async #above(level: number, index: number): Promise<Bytes> {
    const unstored = this.#tree.unstoredAbove(level, index);
    if (unstored) return unstored;
    const parent = await this.read(level + 1, Math.floor(index / TILE_WIDTH));
    const at = (index % TILE_WIDTH) * HASH_LENGTH;
    return parent.subarray(at, at + HASH_LENGTH);
  }
}
