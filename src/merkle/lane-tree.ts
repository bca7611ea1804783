/**
 * The root over many short messages, such as the verdicts of a batch, in vectors of four: what {@link treeRoot} gives over
 * their {@link leafHash}es.
 */
import type { Bytes } from '../core/bytes.ts';
import type { Hasher } from '../core/crypto.ts';
import { FREE, Sha256Lanes } from './sha256-lanes.ts';
import { HASH_LENGTH, leafHash, treeRoot } from './tree.ts';

/** A message of one block, behind the byte that makes it a leaf. */
const LEAF_SLOT = 64;
const LONGEST = 54;
/** Two hashes behind the byte that makes them a node. */
const NODE_SLOT = 128;
const NODE_BYTES = 1 + 2 * HASH_LENGTH;
/** More leaves than that, or longer ones, take the plain way. */
const MOST = 4096;

const LEAVES = FREE;
/** Two rows of nodes, which take turns: who is hashed, and where the hashes go. */
const ROWS = [LEAVES + MOST * LEAF_SLOT, LEAVES + MOST * LEAF_SLOT + (MOST / 2) * NODE_SLOT] as const;
const ROOT = ROWS[1] + (MOST / 2) * NODE_SLOT;
/** Of each row: where its nodes are, and where the hashes of those below belong in them. */
const SLOTS = ROWS.map((row) => Uint32Array.from({ length: MOST / 2 }, (_, i) => row + i * NODE_SLOT));
const PLACES = ROWS.map((row) =>
  Uint32Array.from({ length: MOST }, (_, i) => row + (i >> 1) * NODE_SLOT + 1 + HASH_LENGTH * (i & 1)),
);

export class LaneTree {
  readonly #hasher: Hasher;
  readonly #lanes = new Sha256Lanes();

  constructor(hasher: Hasher) {
    this.#hasher = hasher;
    this.#lanes.reserve(ROOT + HASH_LENGTH);
    for (let at = ROWS[0]; at < ROOT; at += NODE_SLOT) {
      this.#lanes.bytes[at] = 1;
      this.#lanes.pad(at, NODE_BYTES);
    }
  }

  root(messages: readonly Bytes[]): Bytes {
    const count = messages.length;
    if (count < 2 || count > MOST || messages.some(({ length }) => length > LONGEST)) {
      return treeRoot(
        this.#hasher,
        messages.map((message) => leafHash(this.#hasher, message)),
      );
    }
    const { bytes } = this.#lanes;
    const leaves = messages.map((message, i) => {
      const slot = LEAVES + i * LEAF_SLOT;
      bytes[slot] = 0;
      bytes.set(message, slot + 1);
      this.#lanes.pad(slot, 1 + message.length);
      return slot;
    });
    let row = 0;
    this.#lanes.hash(leaves, 1, PLACES[row]!, 0, count);
    for (let width = count; width > 1; width = (width + 1) >> 1) {
      const above = 1 - row;
      const to = PLACES[above]!;
      this.#lanes.hash(SLOTS[row]!, 2, width === 2 ? [ROOT] : to, 0, width >> 1);
      // The last of an odd row has no sibling: it is one of the row above (RFC 9162 §2.1.1).
      const last = PLACES[row]![width - 1]!;
      if (width % 2 === 1) bytes.copyWithin(to[width >> 1]!, last, last + HASH_LENGTH);
      row = above;
    }
    return bytes.slice(ROOT, ROOT + HASH_LENGTH);
  }
}
