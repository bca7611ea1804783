/**
 * All hashes of a bundle: entry ids, leaf hashes, and the root of its tile. Whole bundles go through vectors of four
 * messages, everything in one memory: the hash of a statement is written to where its leaf reads it, and the hash of a leaf
 * to where its parent does.
 */
import type { Bytes } from '../core/bytes.ts';
import type { Hasher } from '../core/crypto.ts';
import { FREE, Sha256Lanes } from './sha256-lanes.ts';
import { TILE_WIDTH } from './tile.ts';
import { leafHash, treeRoot } from './tree.ts';

const HASH = 32;
/** A leaf of an entry id fits one block, a node two. */
const LEAF_SLOT = 64;
const NODE_SLOT = 128;
const BLOCK = 64;
const LEAF_BYTES = 1 + HASH;
const NODE_BYTES = 1 + 2 * HASH;
/** Longer messages gain nothing from lanes, and would take memory. */
const LONGEST = 4096;
const SLOT = LONGEST + 2 * BLOCK;
const LONGEST_ROW = 1 << 20;

const LEAVES = FREE;
const NODES = LEAVES + TILE_WIDTH * LEAF_SLOT;
const ROOT = NODES + (TILE_WIDTH - 1) * NODE_SLOT;
const MESSAGES = ROOT + HASH;

/** One leaf inside the row that holds it. */
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

  constructor(hasher: Hasher, wanted: WantedHashes) {
    this.#hasher = hasher;
    this.#wanted = wanted;
    this.#lanes.reserve(MESSAGES + TILE_WIDTH * 2 * LEAF_SLOT);
    for (let i = 0; i < TILE_WIDTH; i++) this.#lanes.pad(LEAVES + i * LEAF_SLOT, LEAF_BYTES);
    for (let i = 0; i < TILE_WIDTH - 1; i++) {
      this.#lanes.bytes[NODES + i * NODE_SLOT] = 1;
      this.#lanes.pad(NODES + i * NODE_SLOT, NODE_BYTES);
    }
  }

  /** The hashes of the leaves in a row; partial bundles are rare and take the plain way. */
  hash(row: Bytes, places: readonly Place[]): BundleHashes {
    if (places.length !== TILE_WIDTH) return hashPlainly(this.#hasher, row, places);
    this.#leaves(row, places);
    for (let first = 0, width = TILE_WIDTH / 2; width >= 1; first += width, width /= 2) {
      const from = Array.from({ length: width }, (_, i) => nodeSlot(first + i));
      const to = from.map((_, i) => (width === 1 ? ROOT : childPlace(first + width, i)));
      this.#lanes.hash(from, 2, to);
    }
    return this.#answer(places);
  }

  #leaves(row: Bytes, places: readonly Place[]): void {
    const byBlocks = new Map<number, { from: number[]; to: number[] }>();
    // The row as a whole, and then each message from there: a view for every one of them would cost as much as copying it.
    const origin = row.length <= LONGEST_ROW ? MESSAGES : -1;
    let at = MESSAGES + (origin < 0 ? 0 : row.length);
    this.#lanes.reserve(at + TILE_WIDTH * SLOT);
    const { bytes } = this.#lanes;
    if (origin >= 0) bytes.set(row, origin);
    const leaves: { from: number[]; to: number[] } = { from: [], to: [] };
    places.forEach(({ isStateEntry, from, to }, i) => {
      const length = to - from + (isStateEntry ? 1 : 0);
      const slot = LEAVES + i * LEAF_SLOT;
      const target = isStateEntry ? childPlace(0, i) : slot + 1;
      if (!isStateEntry) {
        leaves.from.push(slot);
        leaves.to.push(childPlace(0, i));
      }
      if (length > LONGEST) {
        const data = row.subarray(from, to);
        bytes.set(isStateEntry ? leafHash(this.#hasher, data) : this.#hasher.sha256(data), target);
        return;
      }
      if (isStateEntry) bytes[at] = 0;
      const begin = isStateEntry ? at + 1 : at;
      if (origin >= 0) bytes.copyWithin(begin, origin + from, origin + to);
      else bytes.set(row.subarray(from, to), begin);
      const blocks = this.#lanes.pad(at, length);
      const group = byBlocks.get(blocks);
      if (group) {
        group.from.push(at);
        group.to.push(target);
      } else byBlocks.set(blocks, { from: [at], to: [target] });
      at += blocks * BLOCK;
    });
    for (const [blocks, { from, to }] of byBlocks) this.#lanes.hash(from, blocks, to);
    this.#lanes.hash(leaves.from, 1, leaves.to);
  }

  #answer(places: readonly Place[]): BundleHashes {
    const { bytes } = this.#lanes;
    const withIds = this.#wanted.ids === true;
    const ids = new Uint8Array(withIds ? TILE_WIDTH * HASH : 0);
    const leafHashes = new Uint8Array(TILE_WIDTH * HASH);
    for (let i = 0; withIds && i < TILE_WIDTH; i++) {
      const slot = LEAVES + i * LEAF_SLOT + 1;
      if (!places[i]!.isStateEntry) ids.set(bytes.subarray(slot, slot + HASH), i * HASH);
    }
    for (let i = 0; i < TILE_WIDTH / 2; i++) {
      const slot = nodeSlot(i) + 1;
      leafHashes.set(bytes.subarray(slot, slot + 2 * HASH), i * 2 * HASH);
    }
    const root = bytes.slice(ROOT, ROOT + HASH);
    return { ids, leafHashes, root, ...(this.#wanted.inner && { inner: this.#inner() }) };
  }

  /** All but the root lie in twos, where their parents read them. */
  #inner(): Bytes {
    const { bytes } = this.#lanes;
    const inner = new Uint8Array((TILE_WIDTH - 1) * HASH);
    for (let parent = TILE_WIDTH / 2; parent < TILE_WIDTH - 1; parent++) {
      const slot = nodeSlot(parent) + 1;
      inner.set(bytes.subarray(slot, slot + 2 * HASH), (parent - TILE_WIDTH / 2) * 2 * HASH);
    }
    inner.set(bytes.subarray(ROOT, ROOT + HASH), (TILE_WIDTH - 2) * HASH);
    return inner;
  }
}

/** Nodes lie level after level: 128 over the leaves first, the root last. */
function nodeSlot(node: number): number {
  return NODES + node * NODE_SLOT;
}

/** Where the hash of child `i` of a level belongs, whose first node is `first`. */
function childPlace(first: number, i: number): number {
  return nodeSlot(first + (i >> 1)) + 1 + HASH * (i & 1);
}
