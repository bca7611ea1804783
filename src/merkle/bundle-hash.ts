/**
 * All hashes of a bundle: entry ids, leaf hashes, and the root of its tile. Whole bundles go through vectors of four
 * messages, everything in one memory: the hash of a statement is written to where its leaf reads it, and the hash of a leaf
 * to where its parent does.
 */
import type { Bytes } from '../core/bytes.ts';
import type { Hasher } from '../core/crypto.ts';
import { blocksOf, FREE, Sha256Lanes } from './sha256-lanes.ts';
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
const MOST_BLOCKS = blocksOf(LONGEST);

const LEAVES = FREE;
const NODES = LEAVES + TILE_WIDTH * LEAF_SLOT;
const ROOT = NODES + (TILE_WIDTH - 1) * NODE_SLOT;
const MESSAGES = ROOT + HASH;

/** For each row of nodes, from the leaves to the root: where they are, and where their hashes go. */
const NODE_ROWS: readonly { readonly from: readonly number[]; readonly to: readonly number[] }[] = nodeRows();

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
  // Of each leaf: where its message is, and of how many blocks; none: it is too long for lanes.
  readonly #slots = new Uint32Array(TILE_WIDTH);
  readonly #blocks = new Uint8Array(TILE_WIDTH);
  /** By number of blocks: how many messages, and then where those end among the sorted ones. */
  readonly #ends = new Uint32Array(MOST_BLOCKS + 1);
  readonly #from = new Uint32Array(TILE_WIDTH);
  readonly #to = new Uint32Array(TILE_WIDTH);

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
    this.#messages(row, places);
    this.#leaves(places);
    for (const { from, to } of NODE_ROWS) this.#lanes.hash(from, 2, to);
    return this.#answer(places);
  }

  /** Entry ids into their leaves, and leaf hashes of state entries into their parents. */
  #messages(row: Bytes, places: readonly Place[]): void {
    const [slots, blocks, ends] = [this.#slots, this.#blocks, this.#ends.fill(0)];
    // The row as a whole, and then each message from there: a view for every one of them would cost as much as copying it.
    const origin = row.length <= LONGEST_ROW ? MESSAGES : -1;
    let at = MESSAGES + (origin < 0 ? 0 : row.length);
    this.#lanes.reserve(at + TILE_WIDTH * SLOT);
    const { bytes } = this.#lanes;
    if (origin >= 0) bytes.set(row, origin);
    for (let i = 0; i < TILE_WIDTH; i++) {
      const { isStateEntry, from, to } = places[i]!;
      const length = to - from + (isStateEntry ? 1 : 0);
      slots[i] = at;
      if (length > LONGEST) {
        const data = row.subarray(from, to);
        const hash = isStateEntry ? leafHash(this.#hasher, data) : this.#hasher.sha256(data);
        bytes.set(hash, targetOf(isStateEntry, i));
        blocks[i] = 0;
        continue;
      }
      if (isStateEntry) bytes[at] = 0;
      const begin = isStateEntry ? at + 1 : at;
      if (origin >= 0) bytes.copyWithin(begin, origin + from, origin + to);
      else bytes.set(row.subarray(from, to), begin);
      const count = this.#lanes.pad(at, length);
      blocks[i] = count;
      ends[count]! += 1;
      at += count * BLOCK;
    }
    this.#hashByLength(places);
  }

  /** Messages of as many blocks go together: sorted by counting. */
  #hashByLength(places: readonly Place[]): void {
    const [slots, blocks, ends, from, to] = [this.#slots, this.#blocks, this.#ends, this.#from, this.#to];
    let end = 0;
    for (let count = 1; count <= MOST_BLOCKS; count++) {
      const begin = end;
      end += ends[count]!;
      ends[count] = begin;
    }
    for (let i = 0; i < TILE_WIDTH; i++) {
      const count = blocks[i]!;
      if (count === 0) continue;
      const position = ends[count]!++;
      from[position] = slots[i]!;
      to[position] = targetOf(places[i]!.isStateEntry, i);
    }
    for (let count = 1, begin = 0; count <= MOST_BLOCKS; count++) {
      const after = ends[count]!;
      if (after > begin) this.#lanes.hash(from, count, to, begin, after);
      begin = after;
    }
  }

  /** Of statements: the hash of an entry id. */
  #leaves(places: readonly Place[]): void {
    const [from, to] = [this.#from, this.#to];
    let count = 0;
    for (let i = 0; i < TILE_WIDTH; i++) {
      if (places[i]!.isStateEntry) continue;
      from[count] = LEAVES + i * LEAF_SLOT;
      to[count++] = childPlace(0, i);
    }
    this.#lanes.hash(from, 1, to, 0, count);
  }

  #answer(places: readonly Place[]): BundleHashes {
    const { bytes } = this.#lanes;
    const withIds = this.#wanted.ids === true;
    const ids = new Uint8Array(withIds ? TILE_WIDTH * HASH : 0);
    const leafHashes = new Uint8Array(TILE_WIDTH * HASH);
    for (let i = 0; withIds && i < TILE_WIDTH; i++) {
      if (!places[i]!.isStateEntry) copy(bytes, LEAVES + i * LEAF_SLOT + 1, ids, i * HASH, HASH);
    }
    for (let i = 0; i < TILE_WIDTH / 2; i++) copy(bytes, nodeSlot(i) + 1, leafHashes, i * 2 * HASH, 2 * HASH);
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

function nodeRows() {
  const rows: { from: number[]; to: number[] }[] = [];
  for (let first = 0, width = TILE_WIDTH / 2; width >= 1; first += width, width /= 2) {
    const from = Array.from({ length: width }, (_, i) => nodeSlot(first + i));
    const to = from.map((_, i) => (width === 1 ? ROOT : childPlace(first + width, i)));
    rows.push({ from, to });
  }
  return rows;
}

/** Where the hash of message `i` belongs. */
function targetOf(isStateEntry: boolean, i: number): number {
  return isStateEntry ? childPlace(0, i) : LEAVES + i * LEAF_SLOT + 1;
}

/** For a few dozen bytes, faster than making the view that a call would copy from. */
function copy(from: Bytes, at: number, to: Bytes, begin: number, length: number): void {
  for (let i = 0; i < length; i++) to[begin + i] = from[at + i]!;
}

/** Where the hash of child `i` of a level belongs, whose first node is `first`. */
function childPlace(first: number, i: number): number {
  return nodeSlot(first + (i >> 1)) + 1 + HASH * (i & 1);
}
