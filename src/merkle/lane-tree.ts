/**
 * The root over many short messages, such as the verdicts of a batch, or over a row of hashes, such as a tile, in vectors of four:
 * what {@link treeRoot} gives.
 */
import type { Bytes } from '../core/bytes.ts';
import type { Hasher } from '../core/crypto.ts';
import { FREE, listBytes, Sha256Lanes } from './sha256-lanes.ts';
import { HASH_LENGTH, leafHash, treeRoot } from './tree.ts';

/** A message of one block, behind the byte that makes it a leaf. */
const SLOT = 64;
const LONGEST = 54;
/** More leaves than that, or longer ones, take the plain way. */
const MOST = 4096;
/** First bytes of what leaves and nodes are hashes of (RFC 9162 §2.1.1). */
const [LEAF, NODE] = [0, 1];

const LIST = FREE;
const MESSAGES = LIST + listBytes(MOST);
/** Two rows of hashes, which take turns: those that are read, and those of the nodes over them. */
const ROWS = [MESSAGES + MOST * SLOT, MESSAGES + MOST * SLOT + MOST * HASH_LENGTH] as const;
const END = ROWS[1] + MOST * HASH_LENGTH;

export class LaneTree {
  readonly #hasher: Hasher;
  readonly #lanes = new Sha256Lanes();

  constructor(hasher: Hasher) {
    this.#hasher = hasher;
    this.#lanes.reserve(END);
  }

  /** Over the {@link leafHash}es of messages. @returns 32 bytes */
  root(messages: readonly Bytes[]): Bytes {
    const count = messages.length;
    if (count < 2 || count > MOST || messages.some(({ length }) => length > LONGEST)) {
      return treeRoot(
        this.#hasher,
        messages.map((message) => leafHash(this.#hasher, message)),
      );
    }
    const lanes = this.#lanes;
    const [row] = ROWS;
    messages.forEach((message, i) => {
      const slot = MESSAGES + i * SLOT;
      lanes.bytes.set(message, slot + 1);
      lanes.put(LIST, i, slot, 1 + message.length, row + i * HASH_LENGTH);
    });
    lanes.hash(LIST, count, 1, LEAF);
    return this.#fold(count);
  }

  /** Over a row of hashes, 32 bytes each, from 1 to 4,096 of them. @returns 32 bytes */
  rootOf(hashes: Bytes): Bytes {
    this.#lanes.bytes.set(hashes, ROWS[0]);
    return this.#fold(hashes.length / HASH_LENGTH);
  }

  /** The root over the `count` hashes of the first row. */
  #fold(count: number): Bytes {
    const lanes = this.#lanes;
    let [row, above] = ROWS as readonly [number, number];
    for (let width = count; width > 1; width = (width + 1) >> 1) {
      const nodes = width >> 1;
      for (let i = 0; i < nodes; i++) {
        lanes.put(LIST, i, row + 2 * i * HASH_LENGTH - 1, 1 + 2 * HASH_LENGTH, above + i * HASH_LENGTH);
      }
      lanes.hash(LIST, nodes, 2, NODE);
      // The last of an odd row has no sibling: it is one of the row above (RFC 9162 §2.1.1).
      const last = row + (width - 1) * HASH_LENGTH;
      if (width % 2 === 1) lanes.bytes.copyWithin(above + nodes * HASH_LENGTH, last, last + HASH_LENGTH);
      [row, above] = [above, row];
    }
    return lanes.bytes.slice(row, row + HASH_LENGTH);
  }
}
