/** Runs: the statements between two state entries, and the state entry that closes them. */
import type { Statement } from '../chain/index.ts';
import type { Bytes } from '../core/bytes.ts';
import { fail } from '../core/errors.ts';

/** A leaf as it was read: verified to be in the tree, and its statement to hash to it. */
export interface ReplayLeaf {
  readonly index: number;
  /** Leaf data: the entry id of a statement, or a state entry. */
  readonly data: Bytes;
  /** RFC 9162 leaf hash, 32 bytes. */
  readonly hash: Bytes;
  /** null: a state entry. */
  readonly statement: Bytes | null;
  /** Whether its signature was found to verify under the key of its kid; if not, replay does it. */
  readonly verified?: boolean;
  /**
   * Hashes of the perfect subtrees that it completes, from the one of two leaves up, as far as the reader has verified
   * them to be in the tree: none of them begins before the leaves that are replayed.
   */
  readonly above?: readonly Bytes[] | undefined;
  /** `statement` as parseStatement read it, where that was done before. */
  readonly parsed?: Statement | undefined;
}

/** A leaf that is a statement. */
export type StatementLeaf = ReplayLeaf & { readonly statement: Bytes };

export interface Run {
  /** Index of the first statement; of the state entry, where there is none. */
  readonly first: number;
  readonly statements: readonly StatementLeaf[];
  readonly closing: ReplayLeaf;
}

/** What a log may make a replayer hold: far above what any batch of this software has. */
const MOST_STATEMENTS = 1 << 16;
const MOST_BYTES = 256 << 20;

/** Cuts leaves, in the order of the log, into runs. */
export class RunAssembler {
  #next: number;
  #statements: StatementLeaf[] = [];
  #bytes = 0;

  /** @param next index of the first leaf to come: 0, or the one after a state entry */
  constructor(next: number) {
    this.#next = next;
  }

  /** Statements that no state entry has closed yet. A signed tree leaves none. */
  get pending(): number {
    return this.#statements.length;
  }

  /**
   * The run that `leaf` closes, if it is a state entry.
   * @throws ARGUMENT_INVALID a leaf out of turn; STATE_INVALID more statements without a state entry than anybody can hold
   */
  add(leaf: ReplayLeaf): Run | undefined {
    if (leaf.index !== this.#next) {
      throw fail('ARGUMENT_INVALID', `leaf ${leaf.index} comes where leaf ${this.#next} should`);
    }
    this.#next += 1;
    if (isStatement(leaf)) {
      this.#bytes += leaf.statement.length;
      if (this.#statements.length >= MOST_STATEMENTS || this.#bytes > MOST_BYTES) {
        throw fail(
          'STATE_INVALID',
          `no state entry in ${this.#statements.length} entries up to ${leaf.index}`,
        );
      }
      this.#statements.push(leaf);
      return undefined;
    }
    const statements = this.#statements;
    this.#statements = [];
    this.#bytes = 0;
    return { first: leaf.index - statements.length, statements, closing: leaf };
  }
}

function isStatement(leaf: ReplayLeaf): leaf is StatementLeaf {
  return leaf.statement !== null;
}
