/**
 * All hashes of a bundle: entry ids, leaf hashes, and the root of its tile. Whole bundles go through vectors of four
 * messages, everything in one memory: messages are hashed where they lie, and hashes written to where the next level reads
 * them.
 */
import type { Bytes } from '../core/bytes.ts';
import type { Hasher } from '../core/crypto.ts';
import { blocksOf, FREE, listBytes, Sha256Lanes } from './sha256-lanes.ts';
import { TILE_WIDTH } from './tile.ts';
import { leafHash, treeRoot } from './tree.ts';

const HASH = 32;
/** Longer messages gain nothing from lanes, nor do rows of so many bytes, and would take memory. */
const LONGEST = 4096;
const LONGEST_ROW = 1 << 20;
const MOST_BLOCKS = blocksOf(LONGEST);
/** First bytes of what leaves and nodes are hashes of (RFC 9162 §2.1.1). */
const [LEAF, NODE] = [0, 1];

/** Entry ids, and then hashes level after level: 256 leaves first, the root last. */
const IDS = FREE;
const HASHES = IDS + TILE_WIDTH * HASH;
const ROOT = HASHES + (2 * TILE_WIDTH - 2) * HASH;
const NODE_LISTS = ROOT + HASH;
/** For each level of nodes: their list, and how many they are. */
const LEVELS = nodeLevels();
const LIST = NODE_LISTS + LEVELS.reduce((sum, { width }) => sum + listBytes(width), 0);
/** The row of the bundle: messages are hashed where they lie in it. */
const ROW = LIST + listBytes(TILE_WIDTH) + MOST_BLOCKS * listBytes(1);

/** One leaf inside the row that holds it; the byte before it is no other's. */
export interface Place {
  readonly isStateEntry: boolean;
  /** Of its bytes. */
  readonly from: number;
  readonly to: number;
}

export interface BundleHashes {
  /** 32 bytes for each leaf: the entry id; zero for a state entry. Empty where they are not asked for. */
  readonly ids: Bytes;
  /** 32 bytes for each leaf. */
  readonly leafHashes: Bytes;
  /** Of the tile, when the bundle is full. */
  readonly root: Bytes | undefined;
  /** Of a full bundle, where they are asked for: 32 bytes for each node above the leaves, level after level, the root last. */
  readonly inner?: Bytes;
}

/** What is wanted beside leaf hashes and root. */
export interface WantedHashes {
  readonly ids?: boolean;
  readonly inner?: boolean;
}

/** By the crypto interface: the measure for {@link BundleHasher}, and the second opinion on whatever does not fit. */
export function hashPlainly(hasher: Hasher, row: Bytes, places: readonly Place[]): BundleHashes {
  const ids = new Uint8Array(places.length * HASH);
  const leafHashes = new Uint8Array(places.length * HASH);
  const hashes = places.map(({ isStateEntry, from, to }, i) => {
    const bytes = row.subarray(from, to);
    const data = isStateEntry ? bytes : hasher.sha256(bytes);
    if (!isStateEntry) ids.set(data, i * HASH);
    const hash = leafHash(hasher, data);
    leafHashes.set(hash, i * HASH);
    return hash;
  });
  return { ids, leafHashes, root: places.length === TILE_WIDTH ? treeRoot(hasher, hashes) : undefined };
}

export class BundleHasher {
  readonly #hasher: Hasher;
  readonly #wanted: WantedHashes;
  readonly #lanes = new Sha256Lanes();
  /** Of each leaf: the blocks of its message; none: it is too long for lanes. */
  readonly #blocks = new Uint8Array(TILE_WIDTH);
  /** By number of blocks: how many messages, and which place in the list the next one has. */
  readonly #counts = new Uint32Array(MOST_BLOCKS + 1);
  readonly #next = new Uint32Array(MOST_BLOCKS + 1);

  constructor(hasher: Hasher, wanted: WantedHashes) {
    this.#hasher = hasher;
    this.#wanted = wanted;
    this.#lanes.reserve(ROW);
    for (const { list, width, from, to } of LEVELS) {
      for (let i = 0; i < width; i++) {
        this.#lanes.put(list, i, from + 2 * HASH * i - 1, 1 + 2 * HASH, to + HASH * i);
      }
    }
  }

  /** The hashes of the leaves in a row; partial bundles are rare and take the plain way. */
  hash(row: Bytes, places: readonly Place[]): BundleHashes {
    if (places.length !== TILE_WIDTH || row.length > LONGEST_ROW) {
      return hashPlainly(this.#hasher, row, places);
    }
    this.#lanes.reserve(ROW + row.length);
    this.#lanes.bytes.set(row, ROW);
    this.#messages(row, places);
    this.#leaves(places);
    for (const { list, width } of LEVELS) this.#lanes.hash(list, width, 2, NODE);
    return this.#answer();
  }

  /** Entry ids, and leaf hashes of state entries. Messages of as many blocks go together: sorted by counting. */
  #messages(row: Bytes, places: readonly Place[]): void {
    const [blocks, counts, next] = [this.#blocks, this.#counts.fill(0), this.#next];
    const { bytes } = this.#lanes;
    for (let i = 0; i < TILE_WIDTH; i++) {
      const { isStateEntry, from, to } = places[i]!;
      if (isStateEntry) {
        bytes[ROW + from - 1] = LEAF;
        bytes.fill(0, IDS + i * HASH, IDS + i * HASH + HASH);
      }
      const length = to - from + (isStateEntry ? 1 : 0);
      const count = length <= LONGEST ? blocksOf(length) : 0;
      blocks[i] = count;
      counts[count]! += 1;
    }
    let at = 0;
    for (let count = 1; count <= MOST_BLOCKS; count++) {
      next[count] = at;
      at += Math.ceil(counts[count]! / 4) * 4;
    }
    for (let i = 0; i < TILE_WIDTH; i++) {
      const { isStateEntry, from, to } = places[i]!;
      const count = blocks[i]!;
      const target = isStateEntry ? HASHES + i * HASH : IDS + i * HASH;
      const begin = isStateEntry ? from - 1 : from;
      if (count > 0) this.#lanes.put(LIST, next[count]!++, ROW + begin, to - begin, target);
      else bytes.set(plainHash(this.#hasher, row.subarray(from, to), isStateEntry), target);
    }
    for (let count = 1; count <= MOST_BLOCKS; count++) {
      const messages = counts[count]!;
      if (messages > 0) this.#lanes.hash(LIST + listBytes(next[count]! - messages), messages, count);
    }
  }

  /** Of statements: the hash of an entry id. */
  #leaves(places: readonly Place[]): void {
    let count = 0;
    for (let i = 0; i < TILE_WIDTH; i++) {
      if (places[i]!.isStateEntry) continue;
      this.#lanes.put(LIST, count++, IDS + i * HASH - 1, 1 + HASH, HASHES + i * HASH);
    }
    this.#lanes.hash(LIST, count, 1, LEAF);
  }

  #answer(): BundleHashes {
    const { bytes } = this.#lanes;
    return {
      ids: this.#wanted.ids ? bytes.slice(IDS, HASHES) : new Uint8Array(),
      leafHashes: bytes.slice(HASHES, HASHES + TILE_WIDTH * HASH),
      root: bytes.slice(ROOT, ROOT + HASH),
      ...(this.#wanted.inner && { inner: bytes.slice(HASHES + TILE_WIDTH * HASH, ROOT + HASH) }),
    };
  }
}

/** Of two leaves each first, the root last. */
function nodeLevels() {
  const levels: { list: number; width: number; from: number; to: number }[] = [];
  let [list, from] = [NODE_LISTS, HASHES];
  for (let width = TILE_WIDTH / 2; width >= 1; width /= 2) {
    const to = from + 2 * width * HASH;
    levels.push({ list, width, from, to });
    list += listBytes(width);
    from = to;
  }
  return levels;
}

function plainHash(hasher: Hasher, bytes: Bytes, isStateEntry: boolean): Bytes {
  return isStateEntry ? leafHash(hasher, bytes) : hasher.sha256(bytes);
}
