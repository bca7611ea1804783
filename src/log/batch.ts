/**
 * One batch: the transition function over admitted statements, in order, and the state entry that closes it.
 * Nothing here is visible to anybody until the commit that carries it has returned from the disk.
 */
import {
  effectsRoot,
  encodeStateEntry,
  encodeVerdict,
  type Reason,
  type StateEntry,
  type Statement,
  transition,
  type Verdict,
  type Write,
  WrittenState,
} from '../chain/index.ts';
import { type Bytes, toHex } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { leafHash } from '../merkle/index.ts';
import type { LaneTree } from '../merkle/lane-tree.ts';
import type { StateMap } from '../statemap/index.ts';
import { encodeVerdicts } from './layout.ts';
import type { LeafRecord } from './leaf-record.ts';

/** What stored rows say about the log so far: asked before the batch is applied, since storage answers later. */
export interface KnownEntries {
  /** Index by hex entry id. */
  readonly byId: ReadonlyMap<string, number>;
  /** Entry id and kind by index. */
  readonly byIndex: ReadonlyMap<number, { entryId: Bytes; kind: string | null }>;
}

export interface BatchContext {
  readonly crypto: Crypto;
  /** Makes the effects root faster; without, it is made the plain way. */
  readonly lanes?: LaneTree;
  readonly origin: string;
  readonly rules: Bytes;
  /** Index that the first statement gets. */
  readonly start: number;
  /** Unix milliseconds: the time of the closing state entry, fixed before anything is applied. */
  readonly time: number;
  readonly state: StateMap;
  readonly previous: StateEntry | undefined;
  readonly known: KnownEntries;
}

export interface BatchStatement {
  readonly statement: Statement;
  /** Its entry id in hex. */
  readonly name: string;
  /** RFC 9162 leaf hash, 32 bytes. */
  readonly leafHash: Bytes;
  /** Admission has verified the signature under the key of this statement's kid. */
  readonly verified: boolean;
}

export type Outcome =
  | { readonly type: 'logged'; readonly index: number }
  /** In the log already, or earlier in this batch. */
  | { readonly type: 'existed'; readonly index: number }
  | { readonly type: 'refused'; readonly reason: Reason; readonly detail: string };

export interface AppliedBatch {
  readonly outcomes: readonly Outcome[];
  /** The statements logged and, last, the state entry; empty when nothing was logged. */
  readonly records: readonly LeafRecord[];
  readonly leafHashes: readonly Bytes[];
  readonly writes: readonly Write[];
  readonly state: StateMap;
  readonly tip: StateEntry | undefined;
  /** Encoded verdicts, where not all are plain "ok". */
  readonly verdicts: Bytes | undefined;
}

export function applyBatch(context: BatchContext, statements: readonly BatchStatement[]): AppliedBatch {
  const overlay = new Overlay(context);
  const outcomes = statements.map((item) => overlay.apply(item));
  return overlay.close(outcomes);
}

const yes = () => true;
const no = () => false;

class Overlay {
  readonly #context: BatchContext;
  readonly #written: WrittenState;
  readonly #byId = new Map<string, number>();
  readonly #byIndex = new Map<number, { entryId: Bytes; kind: string | null }>();
  readonly #records: LeafRecord[] = [];
  readonly #leafHashes: Bytes[] = [];
  readonly #verdicts: Verdict[] = [];
  // The same for all statements.
  readonly #entryAt = (at: number) => this.#byIndex.get(at) ?? this.#context.known.byIndex.get(at);

  constructor(context: BatchContext) {
    this.#context = context;
    this.#written = new WrittenState((key, name) => context.state.get(key, name));
  }

  apply({ statement, name: id, leafHash, verified }: BatchStatement): Outcome {
    const { crypto, origin, start, time } = this.#context;
    const existed = this.#index(id);
    if (existed !== undefined) return { type: 'existed', index: existed };
    const index = start + this.#records.length;
    const { verdict, writes, detail } = transition({
      crypto,
      origin,
      index,
      time,
      statement: statement.bytes,
      parsed: statement,
      read: this.#written.read,
      entryIndex: (entryId) => this.#index(entryId === statement.entryId ? id : toHex(entryId)),
      entryAt: this.#entryAt,
      // A kid is the thumbprint of its key: the key that admission used is the key of this kid.
      verified: verified ? yes : no,
    });
    // An honest log does not log what the transition function refuses (LIFECYCLE, classes of reasons).
    if (verdict.outcome === 'refused') {
      return {
        type: 'refused',
        reason: verdict.reason!,
        detail: detail ?? 'refused by the rules of the log',
      };
    }
    this.#written.add(writes);
    this.#records.push({ isStateEntry: false, bytes: statement.bytes, id: statement.entryId });
    this.#leafHashes.push(leafHash);
    this.#verdicts.push(verdict);
    this.#byId.set(id, index);
    this.#byIndex.set(index, { entryId: statement.entryId, kind: statement.chain?.kind ?? null });
    return { type: 'logged', index };
  }

  #index(id: string): number | undefined {
    return this.#byId.get(id) ?? this.#context.known.byId.get(id);
  }

  close(outcomes: readonly Outcome[]): AppliedBatch {
    const { crypto, lanes, rules, start, time, previous } = this.#context;
    const { writes } = this.#written;
    const base = { outcomes, writes };
    if (this.#records.length === 0) {
      return {
        ...base,
        records: [],
        leafHashes: [],
        state: this.#context.state,
        tip: undefined,
        verdicts: undefined,
      };
    }
    const state = writes.length === 0 ? this.#context.state : this.#context.state.adopt(crypto, writes);
    const tip: StateEntry = {
      index: start + this.#records.length,
      time,
      mapRoot: state.root,
      mapCount: state.count,
      rules,
      previous: previous?.index ?? null,
      effectsRoot: lanes?.root(this.#verdicts.map(encodeVerdict)) ?? effectsRoot(crypto, this.#verdicts),
    };
    const bytes = encodeStateEntry(tip);
    return {
      ...base,
      records: [...this.#records, { isStateEntry: true, bytes }],
      leafHashes: [...this.#leafHashes, leafHash(crypto, bytes)],
      state,
      tip,
      verdicts: this.#verdicts.every((verdict) => verdict.outcome === 'ok' && verdict.reason === null)
        ? undefined
        : encodeVerdicts(this.#verdicts.map(encodeVerdict)),
    };
  }
}
