/**
 * The monitor: looks at what the log shows, replays it, and says what is wrong. Two loops in one: heads are held against
 * each other as they come, from the log, from witnesses, and from whoever asks for a cosignature; replay follows the
 * greatest of them. What convicts the log ends the replay for good, and so everything that this monitor cosigns.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { rulesId } from '../chain/index.ts';
import { type Bytes, equal, toHex, utf8 } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { fail, isLedgerError } from '../core/errors.ts';
import { LeafVerifier } from '../log/index.ts';
import { LaneTree } from '../merkle/lane-tree.ts';
import { type Checkpoint, freshness } from '../note/index.ts';
import { Replay, type ReplayedRun } from '../replay/index.ts';
import type { Storage } from '../storage/index.ts';
import { type LogReader, TileFault, type TileSource } from '../tiles/index.ts';
import { DEFAULT_FRESHNESS, type Trust, witnessPolicy } from '../verify/index.ts';
import type { AlarmSink, MonitorAlarm } from './alarm.ts';
import { Bell } from './bell.ts';
import { Heads, type Judgement } from './heads.ts';
import { type Remembered, ReplayStore } from './replay-store.ts';
import { Replayer } from './replayer.ts';
import { RunAlarms } from './run-alarms.ts';
import { TimeWindow } from './time-window.ts';
import type { Watcher } from './watcher.ts';

/** A log as a monitor reaches it. */
export interface MonitoredLog extends TileSource {
  /** The newest signed head, cosigned or not: a signed note. */
  head(): Promise<Bytes>;
}

/** Somebody else who shows heads of the log: a witness, a mirror, another monitor. */
export interface Peer {
  readonly name: string;
  /** @throws whatever: then it has nothing to show now */
  head(): Promise<Bytes>;
}

export interface MonitorOptions {
  readonly crypto: Crypto;
  readonly trust: Trust;
  readonly log: MonitoredLog;
  readonly peers?: readonly Peer[];
  /** The monitor's own; what it has replayed is in it. */
  readonly storage: Storage;
  /** Threads that verify signatures; 0, the default, verifies them where everything else is done. */
  readonly threads?: number;
  readonly sink: AlarmSink;
  readonly watcher?: Watcher;
  /** Entries whose time is accepted although it was not that of the own clock: up to this one. */
  readonly acceptTime?: number;
  /** Unix milliseconds; the system clock by default. */
  readonly now?: () => number;
  /** Milliseconds between two looks (1000). */
  readonly interval?: number;
  /** Milliseconds without an answer, or with an old tree only, before that is an alarm (60,000 and 10,000). */
  readonly unreachableAfter?: number;
  readonly oldTreeAfter?: number;
  readonly observe?: MonitorObserver;
}

export interface MonitorObserver {
  /** Matched and remembered. */
  replayed?(progress: { size: number; seen: number; entries: number }): void;
  event?(level: 'info' | 'warn' | 'error', message: string, details: Record<string, unknown>): void;
}

export interface MonitorStatus {
  readonly origin: string;
  /** Leaves replayed and remembered. */
  readonly replayed: number;
  /** Of the greatest consistent head. */
  readonly seen: number;
  /** Why the log is convicted, and nothing more is cosigned. */
  readonly convicted: string | null;
  /** First entry whose time was not that of the own clock: nothing above it is cosigned. */
  readonly held: number | null;
  /** When the log last answered, Unix milliseconds. */
  readonly answered: number | null;
  readonly alarms: ReadonlyMap<string, number>;
}

const INTERVAL = 1000;
const UNREACHABLE_AFTER = 60_000;
const OLD_TREE_AFTER = 10_000;
/** Looks at the log for each look at the peers. */
const PEERS_EVERY = 10;
/** Alarms of forks, each with its evidence. */
const MOST_FORKS = 16;
/** Milliseconds that a request for a cosignature waits for the replay. */
const APPROVAL_WAIT = 5000;

export class Monitor {
  readonly #options: MonitorOptions;
  readonly #now: () => number;
  readonly #store: ReplayStore;
  readonly #heads: Heads;
  readonly #leaves: LeafVerifier;
  readonly #replayer: Replayer;
  readonly #bell: Bell;
  readonly #runs: RunAlarms;
  readonly #window: TimeWindow;
  readonly #waiting = new Set<() => void>();
  #convicted: string | undefined;
  #forks = 0;
  #held: number | undefined;
  /** When the log last answered, and since when it has shown old trees only; by the own clock. */
  #answered: number;
  #everAnswered = false;
  #oldSince: number | undefined;

  /**
   * Opens what it has replayed before, and compares the state with the state entry that it stands for.
   * @throws RULES_MISMATCH the trust file does not accept the rules of this software
   * @throws CONFIG_INVALID the storage is of another log; LOG_CORRUPT, STORAGE_FAILED
   */
  static async open(options: MonitorOptions): Promise<Monitor> {
    const { crypto, trust, storage } = options;
    const rules = rulesId(crypto);
    if (trust.rules && !trust.rules.some((id) => equal(id, rules))) {
      throw fail('RULES_MISMATCH', 'the trust file does not accept the rules that this software replays by');
    }
    const { store, remembered } = await ReplayStore.open(crypto, storage, trust);
    let { held } = remembered;
    if (held !== undefined && held <= (options.acceptTime ?? -1)) {
      await store.hold(undefined);
      held = undefined;
    }
    await options.watcher?.restore(store.watched());
    const { origin, genesis } = trust;
    const replay = new Replay(
      { crypto, origin, genesis, rules, tree: new LaneTree(crypto) },
      remembered.point,
    );
    return new Monitor(options, store, replay, { ...remembered, held });
  }

  private constructor(
    options: MonitorOptions,
    store: ReplayStore,
    replay: Replay,
    { seen, held, convicted }: Omit<Remembered, 'point'>,
  ) {
    const { crypto, trust, log, watcher } = options;
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#store = store;
    this.#heads = new Heads({ crypto, trust, source: log, store }, seen);
    this.#leaves = new LeafVerifier(replay.point.state, options.threads ?? 0);
    this.#bell = new Bell(options.sink, trust.origin, this.#now);
    this.#runs = new RunAlarms(crypto, this.#bell, watcher);
    this.#window = new TimeWindow(this.#heads.seen?.size ?? 0);
    this.#held = held;
    if (convicted !== undefined) this.#convict(convicted);
    this.#answered = this.#now();
    this.#replayer = new Replayer({
      ...{ crypto, replay, store, leaves: this.#leaves, ...(watcher && { watcher }) },
      matched: (runs, reader) => this.#matched(runs, reader),
      remembered: () => this.#progressed(),
    });
  }

  get status(): MonitorStatus {
    return {
      origin: this.#options.trust.origin,
      replayed: this.#replayer.size,
      seen: this.#heads.seen?.size ?? 0,
      convicted: this.#convicted ?? null,
      held: this.#held ?? null,
      answered: this.#everAnswered ? this.#answered : null,
      alarms: this.#bell.counts,
    };
  }

  /**
   * Watches until `signal` aborts.
   * @throws STORAGE_FAILED, what the sink throws, or a defect: it has to be opened anew
   */
  async run(signal: AbortSignal): Promise<void> {
    for (let turn = 0; !signal.aborted; turn++) {
      const began = performance.now();
      try {
        await this.look(signal, turn % PEERS_EVERY === 0);
      } catch (error) {
        if (signal.aborted) return;
        throw error;
      }
      await this.#pause(signal, performance.now() - began);
    }
  }

  /** One look: at the log's heads, those of the peers, and at everything up to the greatest of them. */
  async look(signal: AbortSignal, peers = true): Promise<void> {
    await this.#lookAtLog();
    if (peers) await this.#lookAtPeers();
    await this.#follow(signal);
  }

  // --- heads --------------------------------------------------------------------------------------------------------

  async #lookAtLog(): Promise<void> {
    const { log } = this.#options;
    const asked = this.#now();
    try {
      const newest = await this.#judge(await log.head(), asked);
      if (newest) await this.#lookAtAge(newest, asked);
      const cosigned = await this.#judge(await log.checkpoint(), asked);
      if (cosigned) await this.#lookAtFreshness(cosigned);
      this.#answered = this.#now();
      this.#everAnswered = true;
      this.#bell.over('LOG_UNREACHABLE', 'CHECKPOINT_INVALID', 'TILE_INVALID', 'TILE_MISSING');
    } catch (error) {
      await this.#failed(error, 'log');
      const silent = this.#now() - this.#answered;
      if (silent >= (this.#options.unreachableAfter ?? UNREACHABLE_AFTER)) {
        const detail = `no answer for ${Math.round(silent / 1000)} s: ${messageOf(error)}`;
        await this.#bell.ringOnce('LOG_UNREACHABLE', 'log', { size: this.#seenSize, detail });
      }
    }
  }

  async #lookAtPeers(): Promise<void> {
    for (const peer of this.#options.peers ?? []) {
      let note: Bytes;
      try {
        note = await peer.head();
      } catch (error) {
        this.#options.observe?.event?.('warn', 'a peer shows no head', {
          peer: peer.name,
          error: messageOf(error),
        });
        continue;
      }
      try {
        await this.#judge(note);
      } catch (error) {
        await this.#failed(error, peer.name);
      }
    }
  }

  /** @param asked when the log was asked how large it is; left out: it was not asked, somebody has shown this */
  async #judge(note: Bytes, asked?: number): Promise<Judgement | undefined> {
    const judged = await this.#heads.judge(note);
    if (judged.type === 'forked') {
      const { detail, evidence, head } = judged;
      const why = `fork: ${detail}`;
      this.#convict(why);
      // The log may never show both again: what it has signed counts after a restart, too.
      if (this.#forks === 0) await this.#store.convict(why);
      // A log that has forked goes on to sign: each head says the same again.
      if (++this.#forks > MOST_FORKS) return undefined;
      await this.#bell.ringOnce('FORK', `${head.size} ${toHex(head.root)}`, {
        size: this.#seenSize,
        detail,
        evidence,
      });
      return undefined;
    }
    if (judged.type === 'newer') this.#window.looked(judged.head.size, this.#now());
    // That there was nothing more at that time is known only if it was the log that said so.
    if (asked !== undefined) this.#window.looked(judged.head.size, asked);
    return judged;
  }

  /** The newest head of an honest log never becomes smaller; one of several front ends may lag for a moment. */
  async #lookAtAge({ type, head }: Judgement, at: number): Promise<void> {
    const { seen } = this.#heads;
    if (type !== 'older' || !seen) {
      this.#oldSince = undefined;
      this.#bell.over('OLD_TREE');
      return;
    }
    this.#oldSince ??= at;
    if (at - this.#oldSince < (this.#options.oldTreeAfter ?? OLD_TREE_AFTER)) return;
    const detail = `the log shows a tree of ${head.size} as its newest, and has signed one of ${seen.size} before`;
    const evidence = { type: 'checkpoints', older: head.note, newer: seen.note } as const;
    await this.#bell.ringOnce('OLD_TREE', 'log', { size: seen.size, detail, evidence });
  }

  async #lookAtFreshness({ head }: Judgement): Promise<void> {
    const { trust } = this.#options;
    const policy = witnessPolicy(trust);
    if (!policy) return;
    const seconds = Math.floor(this.#now() / 1000);
    const since = freshness(policy, head.cosignatures, seconds);
    const limit = trust.freshnessSeconds ?? DEFAULT_FRESHNESS;
    if (since !== undefined && seconds - since <= limit) {
      this.#bell.over('STALE_LOG');
      return;
    }
    const age = since === undefined ? 'are too few' : `are ${seconds - since} s old`;
    const detail = `the cosignatures of the tree of ${head.size} ${age}; the limit is ${limit} s`;
    await this.#bell.ringOnce('STALE_LOG', 'log', { size: head.size, detail });
  }

  /** @throws what is not the log's, nor the network's, fault */
  async #failed(error: unknown, from: string): Promise<void> {
    if (!isLedgerError(error)) throw error;
    if (error instanceof TileFault) return this.#tileFault(error);
    const code = error.code;
    if (code === 'STORAGE_FAILED' || code === 'LOG_CORRUPT' || code === 'INTERNAL') throw error;
    this.#options.observe?.event?.('warn', 'no head', { from, code, error: error.message });
    if (UNANSWERED.includes(code)) return;
    const detail = `${from}: ${code}: ${error.message}`;
    await this.#bell.ringOnce('CHECKPOINT_INVALID', from, { size: this.#seenSize, detail });
  }

  async #tileFault({ code, message, path, served, index }: TileFault): Promise<void> {
    this.#options.observe?.event?.('warn', message, { code, path });
    const { seen } = this.#heads;
    await this.#bell.ringOnce(code satisfies MonitorAlarm, path, {
      ...{ size: this.#seenSize, detail: message, ...(index !== undefined && { index }) },
      ...(seen && { evidence: { type: 'withheld', checkpoint: seen.note, path, served } }),
    });
  }

  get #seenSize(): number {
    return this.#heads.seen?.size ?? 0;
  }

  #convict(why: string): void {
    if (this.#convicted === undefined) {
      this.#options.observe?.event?.('error', 'the log is convicted: nothing more is replayed or cosigned', {
        why,
      });
    }
    this.#convicted ??= why;
    this.#progressed();
  }

  // --- replay -------------------------------------------------------------------------------------------------------

  async #follow(signal: AbortSignal): Promise<void> {
    if (this.#convicted !== undefined || this.#replayer.size >= this.#seenSize) return;
    const { seen } = this.#heads;
    try {
      const reader = await this.#heads.reader();
      const stopped = await this.#replayer.follow(reader, signal);
      if (stopped?.type === 'refuted') {
        await this.#runs.refuted(stopped, this.#replayer.state, seen!.note, reader);
        this.#convict(`entry ${stopped.index} is not what replay leads to`);
      } else if (stopped) {
        this.#convict(stopped.detail);
        const { index, detail } = stopped;
        await this.#bell.ringOnce('TIP_MISSING', String(index), { size: this.#seenSize, index, detail });
      } else this.#bell.over('BODY_MISSING');
    } catch (error) {
      if (signal.aborted) throw error;
      if (!isLedgerError(error)) throw error;
      if (error instanceof TileFault) await this.#tileFault(error);
      else if (!UNANSWERED.includes(error.code)) throw error;
    }
  }

  async #matched(runs: readonly ReplayedRun[], reader: LogReader): Promise<void> {
    const { note } = this.#heads.seen!;
    for (const run of runs) {
      const fault = this.#window.fault(run.tip, this.#now());
      if (fault !== undefined && run.tip.index > (this.#options.acceptTime ?? -1)) {
        if (this.#held === undefined) await this.#store.hold(run.tip.index);
        this.#held ??= run.tip.index;
        await this.#runs.time(run.tip.index, fault, note, reader);
      }
      await this.#runs.matched(run, note, reader);
    }
    this.#options.observe?.replayed?.({
      size: runs.at(-1)!.tip.index + 1,
      seen: this.#seenSize,
      entries: runs.reduce((sum, { entries }) => sum + entries.length, 0),
    });
  }

  #progressed(): void {
    for (const wake of [...this.#waiting]) wake();
  }

  // --- cosigning ----------------------------------------------------------------------------------------------------

  /**
   * Whether this monitor vouches for a head of the log: everything in it was replayed, every state entry was right, and
   * its time was that of the own clock when it was first seen. Waits a little for the replay to come that far.
   * @param note the head as it was signed
   * @throws UNAVAILABLE not yet; FORK, STATE_INVALID never
   */
  async approve({ size, root }: Pick<Checkpoint, 'size' | 'root'>, note: string): Promise<void> {
    await this.#shown(note);
    const deadline = performance.now() + APPROVAL_WAIT;
    for (;;) {
      if (this.#convicted !== undefined) throw fail('STATE_INVALID', this.#convicted);
      if (this.#held !== undefined && this.#held < size) {
        throw fail('STATE_INVALID', `the time of entry ${this.#held} was not that of the replayer's clock`);
      }
      const replayed = this.#replayer.size;
      if (replayed >= size) {
        const own = await this.#store.rootAt(size);
        if (own && equal(own, root)) return;
        throw fail('FORK', `this is not the tree of ${size} that was replayed`);
      }
      if (performance.now() >= deadline) {
        throw fail('UNAVAILABLE', `replayed ${replayed} of ${size} entries`, { retryAfter: 1 });
      }
      await this.#progress(deadline - performance.now());
    }
  }

  /** Holds a head that the log has signed against what was seen, wherever it comes from. */
  async shown(note: string): Promise<void> {
    try {
      await this.#shown(note);
    } catch (error) {
      // Nothing can be said of it now.
      if (!isLedgerError(error, 'UNAVAILABLE')) throw error;
    }
  }

  /** A head that whoever asks for a cosignature has shown is one that the log has signed: it counts like any other. */
  async #shown(note: string): Promise<void> {
    try {
      const judged = await this.#judge(utf8(note));
      if (judged?.type === 'newer') this.#progressed();
    } catch (error) {
      if (!isLedgerError(error)) throw error;
      if (error instanceof TileFault) await this.#tileFault(error);
      throw fail('UNAVAILABLE', `the head cannot be followed: ${error.message}`, {
        cause: error,
        retryAfter: 1,
      });
    }
  }

  /** Until something has happened, or it has been long enough. */
  #progress(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#waiting.delete(done);
        resolve();
      };
      const timer = setTimeout(done, Math.max(0, milliseconds));
      this.#waiting.add(done);
    });
  }

  /**
   * Until the next look is due, or a newer head was shown. The time of the last look counts: under load each has the more to
   * replay the longer the pause before it was.
   * @param taken milliseconds of the last one
   */
  async #pause(signal: AbortSignal, taken: number): Promise<void> {
    const over = new AbortController();
    const wake = () => {
      if (this.#replayer.size < this.#seenSize && this.#convicted === undefined) over.abort();
    };
    this.#waiting.add(wake);
    try {
      const { interval = INTERVAL } = this.#options;
      await delay(Math.max(interval / 10, interval - taken), undefined, {
        signal: AbortSignal.any([signal, over.signal]),
      });
    } catch (error) {
      if ((error as { name?: string }).name !== 'AbortError') throw error;
    } finally {
      this.#waiting.delete(wake);
    }
  }

  /** Lets go of the threads; the storage is the caller's. */
  close(): Promise<void> {
    return this.#leaves.close();
  }
}

/** What says nothing about the log, except that it does not answer. */
const UNANSWERED: readonly string[] = [
  'UNAVAILABLE',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'RATE_LIMITED',
  'LOG_OVERLOADED',
  'LOG_RECOVERING',
  'LOG_CLOSING',
  'NOT_WITNESSED',
  'RESPONSE_MALFORMED',
];

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
