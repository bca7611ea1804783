/**
 * Replays a log as far as a head that was read over its tiles, and remembers how far. Runs are replayed in groups: what a
 * group needs is looked up at once and what it leads to is written at once, after everything that it gives cause to say
 * has been said.
 */
import type { Bytes } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { fail, isLedgerError } from '../core/errors.ts';
import type { LeafVerifier } from '../log/index.ts';
import {
  type PreparedRun,
  prepareRun,
  type Refuted,
  type Replay,
  type ReplayedRun,
  type ReplayLeaf,
  type Run,
  RunAssembler,
} from '../replay/index.ts';
import type { StateMap } from '../statemap/index.ts';
import type { LogReader } from '../tiles/index.ts';
import { GroupEntries, type ReplayStore } from './replay-store.ts';
import type { Watcher } from './watcher.ts';

/** What a group comes to, at least, when there is more: one write to the disk for all of it. */
const FIRST_GROUP = 64;
const GROUP_LEAVES = 2048;
const GROUP_BYTES = 16 << 20;

export interface ReplayerOptions {
  readonly crypto: Crypto;
  readonly replay: Replay;
  readonly store: ReplayStore;
  readonly leaves: LeafVerifier;
  readonly watcher?: Watcher;
  /** Told of matched runs before they are remembered: after a crash it is told again. */
  readonly matched: (runs: readonly ReplayedRun[], reader: LogReader) => Promise<void>;
  /** Told after they are. */
  readonly remembered: () => void;
}

/** Why a replay ended before the head. */
export type Stopped =
  | Refuted
  /** Statements at the end of a signed tree that no state entry closes, or too many of them. */
  | { readonly type: 'open-end'; readonly index: number; readonly detail: string };

export class Replayer {
  readonly #options: ReplayerOptions;
  #remembered: number;
  /** What was replayed in memory could not be remembered. */
  #broken = false;

  constructor(options: ReplayerOptions) {
    this.#options = options;
    this.#remembered = options.replay.size;
  }

  /** After the last run that matched. */
  get state(): StateMap {
    return this.#options.replay.point.state;
  }

  /** Leaves replayed and remembered. */
  get size(): number {
    return this.#remembered;
  }

  /**
   * Goes on to the head of `reader`.
   * @returns what is wrong; undefined: everything up to there matched, and is remembered
   * @throws TILE_INVALID, TILE_MISSING, BODY_MISSING; what the source throws; STORAGE_FAILED, after which it cannot be used
   */
  async follow(reader: LogReader, signal: AbortSignal): Promise<Stopped | undefined> {
    if (this.#broken) throw fail('INTERNAL', 'what was replayed could not be remembered');
    const { size } = reader.head;
    const assembler = new RunAssembler(this.size);
    const group: Run[] = [];
    let [leaves, bytes] = [0, 0];
    // Small at first: a log begins with the keys by which the rest is signed.
    let most = FIRST_GROUP;
    for await (const bundle of this.#options.leaves.verified(reader.leaves(this.size))) {
      for (const leaf of bundle) {
        const run = add(assembler, leaf);
        if (run instanceof Error)
          return (
            (await this.#group(group, reader)) ?? {
              type: 'open-end',
              index: leaf.index,
              detail: run.message,
            }
          );
        leaves += 1;
        bytes += leaf.statement?.length ?? 0;
        if (run) group.push(run);
      }
      if (leaves < most && bytes < GROUP_BYTES) continue;
      most = Math.min(GROUP_LEAVES, 2 * most);
      const stopped = await this.#group(group.splice(0), reader);
      if (stopped) return stopped;
      [leaves, bytes] = [0, 0];
      signal.throwIfAborted();
    }
    const stopped = await this.#group(group, reader);
    if (stopped || assembler.pending === 0) return stopped;
    const detail = `the ${assembler.pending} last entries of the tree of ${size} have no state entry`;
    return { type: 'open-end', index: size - 1, detail };
  }

  /** Runs in order; those before one that is refuted count. */
  async #group(runs: readonly Run[], reader: LogReader): Promise<Refuted | undefined> {
    if (runs.length === 0) return undefined;
    const { crypto, replay, store, leaves, watcher, matched } = this.#options;
    const prepared = runs.map((run) => prepareRun(crypto, run));
    const known = new GroupEntries(await store.lookUp(joined(prepared)));
    const done: ReplayedRun[] = [];
    const roots: Bytes[] = [];
    let refuted: Refuted | undefined;
    for (const run of prepared) {
      const outcome = replay.apply(run, known);
      if (outcome.type === 'refuted') {
        refuted = outcome;
        break;
      }
      known.add(outcome);
      leaves.learn(outcome.writes);
      done.push(outcome);
      roots.push(replay.root);
    }
    if (done.length > 0) {
      this.#broken = true;
      await matched(done, reader);
      await store.commit(done, roots, known, replay.point, watcher?.changes() ?? []);
      this.#broken = false;
      this.#remembered = replay.size;
      this.#options.remembered();
    }
    return refuted;
  }
}

/** @returns the error of a run that nobody can hold */
function add(assembler: RunAssembler, leaf: ReplayLeaf): Run | Error | undefined {
  try {
    return assembler.add(leaf);
  } catch (error) {
    if (isLedgerError(error, 'STATE_INVALID')) return error;
    throw error;
  }
}

function joined(runs: readonly PreparedRun[]): PreparedRun['lookups'] {
  if (runs.length === 0) throw fail('INTERNAL', 'a group of no runs');
  return {
    entryIds: runs.flatMap(({ lookups }) => lookups.entryIds),
    refs: runs.flatMap(({ lookups }) => lookups.refs),
  };
}
