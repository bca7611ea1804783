/**
 * The replay of a log, one run at a time. It holds the state after the last run that matched; a run that does not match
 * changes nothing, so whoever goes on after one does so by a decision of their own.
 */
import {
  type StateEntry,
  type Statement,
  type Transition,
  transition,
  type Verdict,
  type Write,
  WrittenState,
} from '../chain/index.ts';
import { type Bytes, equal, toBase64url, toHex } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { fail } from '../core/errors.ts';
import { CompactRange } from '../merkle/index.ts';
import type { LaneTree } from '../merkle/lane-tree.ts';
import { StateMap } from '../statemap/index.ts';
import { AlikeVerdicts } from './alike.ts';
import { replayedEffects } from './effects.ts';
import { compareStateEntries, type Fault, readStateEntry } from './fault.ts';
import type { PreparedRun, PreparedStatement } from './prepare.ts';

export interface ReplayOptions {
  readonly crypto: Crypto;
  readonly origin: string;
  /** Id of the rules by which this software judges, 32 bytes. */
  readonly rules: Bytes;
  /** Entry id of entry 0, 32 bytes, where it is known who the log should be. */
  readonly genesis?: Bytes;
  /** What has the root over many messages faster than `crypto` alone, where there is WebAssembly. */
  readonly tree?: LaneTree;
}

/** Where a replay stands: after a state entry, or before everything. */
export interface ReplayPoint {
  readonly state: StateMap;
  readonly tip: StateEntry | undefined;
  readonly range: CompactRange;
}

/** Answers to the lookups of a run: what is absent is not there. */
export interface KnownEntries {
  /** Index of the *first* entry with an id, accepted or not, by hex entry id. */
  readonly byId: ReadonlyMap<string, number>;
  /** *Accepted* statements by index; kind null for a foreign one. */
  readonly byIndex: ReadonlyMap<number, { readonly entryId: Bytes; readonly kind: string | null }>;
}

export interface ReplayedEntry {
  readonly index: number;
  readonly entryId: Bytes;
  /** Of the entry id. */
  readonly hex: string;
  readonly bytes: Bytes;
  /** Undefined: the bytes are no statement. */
  readonly statement: Statement | undefined;
  readonly verdict: Verdict;
  /** Why it was refused, for people. */
  readonly detail: string | undefined;
  readonly writes: readonly Write[];
}

/** A run whose state entry is what replay leads to. Entries that the rules refuse are in it: they have no effect. */
export interface ReplayedRun {
  readonly type: 'matched';
  readonly first: number;
  readonly entries: readonly ReplayedEntry[];
  /** The last change of each key, in the order in which keys were first written. */
  readonly writes: readonly Write[];
  readonly tip: StateEntry;
  readonly state: StateMap;
}

/** A run whose state entry is not. */
export interface Refuted {
  readonly type: 'refuted';
  readonly first: number;
  /** Where the state entry is. */
  readonly index: number;
  readonly faults: readonly [Fault, ...Fault[]];
  readonly entries: readonly ReplayedEntry[];
  /** As it is in the log; undefined: it cannot be read. */
  readonly found: StateEntry | undefined;
  /** What replay leads to at the time that the log says; undefined where that cannot be read. */
  readonly expected: StateEntry | undefined;
}

export class Replay {
  readonly #options: ReplayOptions;
  readonly #range: CompactRange;
  #state: StateMap;
  #tip: StateEntry | undefined;

  /** @param point where to go on; the caller has verified it, such as by its state root and tip */
  constructor(options: ReplayOptions, point?: ReplayPoint) {
    this.#options = options;
    this.#range = point?.range.clone() ?? CompactRange.empty();
    this.#state = point?.state ?? StateMap.empty;
    this.#tip = point?.tip;
    if (this.#range.size !== (this.#tip ? this.#tip.index + 1 : 0)) {
      throw fail('ARGUMENT_INVALID', 'a replay goes on after a state entry');
    }
  }

  /** Leaves replayed. */
  get size(): number {
    return this.#range.size;
  }

  /** Root of the tree of the leaves replayed. */
  get root(): Bytes {
    return this.#range.root(this.#options.crypto);
  }

  get point(): ReplayPoint {
    return { state: this.#state, tip: this.#tip, range: this.#range.clone() };
  }

  /**
   * Replays the run that comes next.
   * @param known answers to `run.lookups`
   * @throws ARGUMENT_INVALID it is not the next; whatever else is thrown is a defect, of this software or the state
   */
  apply(run: PreparedRun, known: KnownEntries): ReplayedRun | Refuted {
    const { first, closing } = run;
    if (first !== this.size) throw fail('ARGUMENT_INVALID', `run ${first} comes where ${this.size} should`);
    const about = { first, index: closing.index };
    const found = readStateEntry(closing.data);
    if ('member' in found) {
      return {
        type: 'refuted',
        ...about,
        faults: [found],
        entries: [],
        found: undefined,
        expected: undefined,
      };
    }
    const { entries, writes } = new Overlay(this.#options, this.#state, found.time, known).apply(
      run.statements,
    );
    const { crypto } = this.#options;
    const state = writes.length === 0 ? this.#state : this.#state.update(crypto, writes);
    const expected: StateEntry = {
      index: closing.index,
      // Never before the last one. Whether it is near the present, only a clock can say.
      time: this.#tip?.time ?? 0,
      mapRoot: state.root,
      mapCount: state.count,
      rules: this.#options.rules,
      previous: this.#tip?.index ?? null,
      effectsRoot: replayedEffects(
        crypto,
        this.#options.tree,
        entries.map(({ verdict }) => verdict),
        found.effectsRoot,
      ),
    };
    const [fault, ...faults] = [...this.#genesisFault(run), ...compareStateEntries(expected, found)];
    if (fault) {
      const time = Math.max(expected.time, found.time);
      return {
        type: 'refuted',
        ...about,
        faults: [fault, ...faults],
        entries,
        found,
        expected: { ...expected, time },
      };
    }
    for (const { leaf } of run.statements) this.#range.append(crypto, leaf.hash, undefined, leaf.above);
    this.#range.append(crypto, closing.hash, undefined, closing.above);
    this.#state = state;
    this.#tip = found;
    return { type: 'matched', first, entries, writes, tip: found, state };
  }

  #genesisFault({ first, statements, closing }: PreparedRun): Fault[] {
    const { genesis } = this.#options;
    if (first !== 0 || !genesis) return [];
    const { data } = statements[0]?.leaf ?? closing;
    if (equal(data, genesis)) return [];
    return [{ member: 'genesis', expected: toBase64url(genesis), found: toBase64url(data) }];
  }
}

const NONE: readonly Write[] = [];

/** The state as it changes from statement to statement of one run. */
class Overlay {
  readonly #options: ReplayOptions;
  readonly #time: number;
  readonly #known: KnownEntries;
  readonly #written: WrittenState;
  readonly #alike: AlikeVerdicts;
  readonly #byId = new Map<string, number>();
  readonly #byIndex = new Map<number, { entryId: Bytes; kind: string | null }>();

  constructor(options: ReplayOptions, state: StateMap, time: number, known: KnownEntries) {
    this.#options = options;
    this.#written = new WrittenState((key, name) => state.get(key, name));
    this.#time = time;
    this.#known = known;
    this.#alike = new AlikeVerdicts(time);
  }

  apply(statements: readonly PreparedStatement[]): { entries: ReplayedEntry[]; writes: Write[] } {
    const entries = statements.map((prepared) => this.#entry(prepared));
    return { entries, writes: this.#written.writes };
  }

  #entry(prepared: PreparedStatement): ReplayedEntry {
    const { leaf, hex } = prepared;
    const { index, data: entryId, statement: bytes } = leaf;
    // The first entry with an id counts, even one that was refused: what is logged later is a copy of it.
    const copy = this.#index(hex) !== undefined;
    const { verdict, writes, statement, detail } = this.#judged(prepared, copy);
    if (writes.length > 0) this.#alike.clear();
    this.#written.add(writes);
    if (!copy) this.#byId.set(hex, index);
    if (verdict.outcome === 'ok') {
      this.#byIndex.set(index, { entryId, kind: statement?.chain?.kind ?? null });
    }
    return { index, entryId, hex, bytes, verdict, writes, statement, detail };
  }

  #judged(prepared: PreparedStatement, copy: boolean): Transition {
    const { leaf, parsed } = prepared;
    if (copy || !parsed || parsed.chain || leaf.verified !== true) return this.#transition(prepared);
    const like = this.#alike.get(parsed, leaf.index);
    if (like) return { verdict: like, writes: NONE, statement: parsed };
    const outcome = this.#transition(prepared);
    // Why one is refused is told of each.
    if (outcome.verdict.outcome === 'ok') this.#alike.add(parsed, outcome.verdict);
    return outcome;
  }

  #transition({ leaf, parsed, hex }: PreparedStatement): Transition {
    const { index, statement, verified, data } = leaf;
    const { crypto, origin } = this.#options;
    return transition({
      crypto,
      origin,
      index,
      time: this.#time,
      statement,
      ...(parsed && { parsed }),
      read: this.#written.read,
      // It asks for its own.
      entryIndex: (entryId) =>
        this.#index(entryId === parsed?.entryId || equal(entryId, data) ? hex : toHex(entryId)),
      entryAt: (at) => this.#byIndex.get(at) ?? this.#known.byIndex.get(at),
      // A kid is the thumbprint of its key: what was verified under the kid was verified under this key.
      ...(verified === true && { verified: () => true }),
    });
  }

  #index(id: string): number | undefined {
    return this.#known.byId.get(id) ?? this.#byId.get(id);
  }
}
