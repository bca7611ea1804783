/**
 * Witness rounds: the newest head is sent to the witnesses, at most once a second, and again when the log is idle, so
 * that its freshness is renewed. Registration never waits for any of this.
 *
 * A round keeps to its head until the quorum is met or nobody is left to wait for: if it moved on with every
 * publication, two slow witnesses could each cosign every other head and never the same. Whoever is late joins the
 * round that is under way.
 *
 * Three states are pinned, by reference: the newest (the log's), that of the round, and that of the last head that met
 * the quorum, which is what the log answers from.
 */

import { setTimeout as delay } from 'node:timers/promises';
import { decodeStateEntry } from '../chain/index.ts';
import { type Bytes, fromUtf8, utf8 } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { fail, isLedgerError } from '../core/errors.ts';
import { evaluateQuorum, openCheckpoint, openCosigned, type TrustPolicy } from '../note/index.ts';
import { CosignedHead, type Snapshot } from './cosigned-head.ts';
import type { LogObserver, TransparencyLog } from './log.ts';
import { type HeldTree, holds, WAY_OUT } from './published-mark.ts';
import { type PublishedHead, publishHead } from './publisher.ts';
import { type WitnessConnection, type WitnessHealth, WitnessLink } from './witness-link.ts';

/** Where the last cosigned checkpoint survives a restart. */
export interface CheckpointKeeper {
  read(): Promise<string | undefined>;
  write(note: string): Promise<void>;
}

export interface CosigningOptions {
  readonly crypto: Crypto;
  readonly policy: TrustPolicy;
  /** By the names of the policy; a witness without a connection is not asked. */
  readonly connections: ReadonlyMap<string, WitnessConnection>;
  /** Milliseconds after which an idle head is cosigned again. */
  readonly renewal: number;
  /** Milliseconds between the beginnings of two rounds (default 1000). */
  readonly interval?: number;
  readonly keeper?: CheckpointKeeper;
  /** Unix milliseconds; the system clock by default. */
  readonly now?: () => number;
  readonly observe?: CosigningObserver;
}

export interface CosigningObserver extends Pick<LogObserver, 'event'> {
  /** After each answer of a witness, or its failure (`code`). */
  asked?(health: WitnessHealth, code: string | null): void;
  /** The head that the log answers from, new or with more cosignatures. @param freshness Unix seconds */
  cosigned?(size: number, freshness: number | undefined): void;
}

export interface CosigningStatus {
  /** Size of the last head that meets the quorum; null: none yet. */
  readonly size: number | null;
  /** The time by which a quorum has seen it, Unix seconds; null: nobody vouches for one. */
  readonly freshness: number | null;
  readonly witnesses: readonly WitnessHealth[];
}

interface Waiter {
  readonly index: number;
  readonly resolve: (head: PublishedHead | undefined) => void;
}

const INTERVAL = 1000;
/** What a witness that holds another history answers: a larger recorded size, or that a proof does not hold. */
const CONTRADICTIONS: readonly string[] = ['STALE', 'WITNESS_REFUSED'];

export class Cosigning {
  readonly #log: TransparencyLog;
  readonly #options: CosigningOptions;
  readonly #links: readonly WitnessLink[];
  readonly #unsubscribe: () => void;
  readonly #stop = new AbortController();
  readonly #waiters = new Set<Waiter>();
  /** Heads that witnesses are being asked for right now, with how many. */
  readonly #underWay = new Map<CosignedHead, number>();
  #round: CosignedHead | undefined;
  /** Who has cosigned the round's head since it was begun or renewed. */
  #signed = new Set<string>();
  #begun = Number.NEGATIVE_INFINITY;
  #last: CosignedHead | undefined;
  /** From before the start: a head without its state. */
  #kept: PublishedHead | undefined;
  #timer: NodeJS.Timeout | undefined;
  #contradiction: string | undefined;
  #keeping: Promise<void> | undefined;
  #toKeep: string | undefined;

  /**
   * @throws CONFIG_INVALID the witnesses that can be asked cannot meet the quorum
   * @throws LOG_CORRUPT the log is behind a head of it that was cosigned
   */
  static async start(log: TransparencyLog, options: CosigningOptions): Promise<Cosigning> {
    const { policy, connections } = options;
    const reachable = policy.witnesses.filter(({ name }) => connections.has(name));
    if (
      !evaluateQuorum(
        policy,
        reachable.map(({ key }) => ({ key, timestamp: 0 })),
      )
    ) {
      throw fail('CONFIG_INVALID', 'the witnesses that have a URL cannot meet the quorum of the policy');
    }
    const links = reachable.map((witness) => new WitnessLink(witness, connections.get(witness.name)!));
    const kept = await keptHead(log, options);
    return new Cosigning(log, options, links, kept);
  }

  private constructor(
    log: TransparencyLog,
    options: CosigningOptions,
    links: readonly WitnessLink[],
    kept: PublishedHead | undefined,
  ) {
    this.#log = log;
    this.#options = options;
    this.#links = links;
    this.#kept = kept;
    this.#unsubscribe = log.onPublish(() => this.#turn());
    this.#turn();
  }

  // --- what the log answers from ------------------------------------------------------------------------------------

  /** The last head that meets the quorum, with its state; undefined: none since the start. */
  get witnessed(): Snapshot | undefined {
    return this.#last && { ...this.#last.snapshot, head: this.#last.head };
  }

  /** The last head that meets the quorum, also one from before the start. */
  get head(): PublishedHead | undefined {
    return this.#last?.head ?? this.#kept;
  }

  /** That head, if it covers leaf `index`. */
  covering(index: number): PublishedHead | undefined {
    const { head } = this;
    return head && index < head.size ? head : undefined;
  }

  /** The first such head; undefined: not before the signal, or the log is closing. */
  awaitCovering(index: number, signal: AbortSignal): Promise<PublishedHead | undefined> {
    const head = this.covering(index);
    if (head || signal.aborted || this.#stop.signal.aborted) return Promise.resolve(head);
    return new Promise((resolve) => {
      const settle = (found: PublishedHead | undefined) => {
        this.#waiters.delete(waiter);
        signal.removeEventListener('abort', abort);
        resolve(found);
      };
      const abort = () => settle(undefined);
      const waiter: Waiter = { index, resolve: settle };
      this.#waiters.add(waiter);
      signal.addEventListener('abort', abort, { once: true });
    });
  }

  /**
   * Waits until every witness has answered or failed once, but no longer than `milliseconds`. A log that was restored from
   * a backup learns here that it is behind, before it signs anything new.
   * @throws LOG_CORRUPT a witness holds a head by this log's key that the log does not have
   */
  async firstAnswers(milliseconds: number): Promise<void> {
    const until = performance.now() + milliseconds;
    while (!this.#links.every(({ settled }) => settled)) {
      if (performance.now() > until || this.#stop.signal.aborted) break;
      await delay(10);
    }
    if (this.#contradiction !== undefined) throw fail('LOG_CORRUPT', this.#contradiction);
  }

  get status(): CosigningStatus {
    const size = this.#last?.size ?? this.#kept?.size ?? null;
    const freshness = this.#last?.freshness(this.#now()) ?? null;
    return { size, freshness, witnesses: this.#links.map(({ health }) => health) };
  }

  // --- rounds -------------------------------------------------------------------------------------------------------

  /** After each publication, each answer, and when a timer says so: whatever is to be done now, is. */
  #turn(): void {
    if (this.#stop.signal.aborted) return;
    clearTimeout(this.#timer);
    const wakes = [this.#beginRound()];
    for (const link of this.#links) {
      if (link.busy || this.#signed.has(link.name)) continue;
      if (link.retryAt > performance.now()) wakes.push(link.retryAt);
      else this.#ask(link, this.#round!).catch((error) => this.#failed(error));
    }
    const next = Math.min(...wakes);
    if (next === Number.POSITIVE_INFINITY) return;
    this.#timer = setTimeout(() => this.#turn(), Math.max(1, next - performance.now()));
    this.#timer.unref();
  }

  /** Begins the next round if it is time. @returns when to look again, by performance.now() */
  #beginRound(): number {
    const round = this.#round;
    // The answer of whoever is still being asked comes with another turn.
    if (round && !round.met && this.#underWay.has(round)) return Number.POSITIVE_INFINITY;
    const { interval = INTERVAL, renewal } = this.#options;
    const newest = this.#log.snapshot;
    const grown = !round || newest.head.size > round.size;
    const due = this.#begun + (grown ? interval : Math.max(interval, renewal));
    // By a clock that nobody sets back.
    if (due > performance.now()) return due;
    this.#begun = performance.now();
    this.#signed = new Set();
    if (grown) {
      this.#round = new CosignedHead(this.#options.crypto, this.#options.policy, newest);
      // A policy that asks for nobody.
      if (this.#round.met) this.#promote(this.#round);
    }
    return this.#begun + interval;
  }

  async #ask(link: WitnessLink, head: CosignedHead): Promise<void> {
    this.#underWay.set(head, (this.#underWay.get(head) ?? 0) + 1);
    const before = link.health;
    const failure = await link.ask(head, {
      prove: (from, to) => this.#log.consistencyPath(from, to),
      now: () => this.#now(),
      signal: this.#stop.signal,
    });
    const left = this.#underWay.get(head)! - 1;
    if (left > 0) this.#underWay.set(head, left);
    else this.#underWay.delete(head);
    if (this.#stop.signal.aborted) return;
    this.#tell(link, before, failure);
    if (failure && CONTRADICTIONS.includes(failure.code)) await this.#compare(link);
    if (!failure) {
      if (head === this.#round) this.#signed.add(link.name);
      if (head.met && head.size >= (this.#last?.size ?? 0)) this.#promote(head);
    }
    link.settled = true;
    this.#turn();
  }

  #tell(
    link: WitnessLink,
    before: WitnessHealth,
    failure: { code: string; message: string } | undefined,
  ): void {
    const { observe } = this.#options;
    observe?.asked?.(link.health, failure?.code ?? null);
    // One line when it begins to fail and one when it is over: what an operator can act on.
    if (failure && before.error !== failure.code) {
      const level = failure.code === 'STALE' ? 'error' : 'warn';
      observe?.event?.(level, 'a witness does not cosign', { witness: link.name, ...failure });
    } else if (!failure && before.error !== null) {
      observe?.event?.('info', 'a witness cosigns again', { witness: link.name });
    }
  }

  /**
   * A witness that does not follow may be wrong, or hold what this log has signed and forgotten. Its word is not enough: the
   * log's own signature is.
   */
  async #compare(link: WitnessLink): Promise<void> {
    const { crypto, observe } = this.#options;
    const note = await link.lastCosigned(crypto.sha256(utf8(this.#log.origin)), this.#stop.signal);
    if (note === undefined || this.#stop.signal.aborted) return;
    const foreign = await notHeld(this.#log, crypto, note);
    if (foreign === undefined || this.#contradiction !== undefined) return;
    this.#contradiction = `the witness ${link.name} holds a tree of ${foreign} that this log has signed and does not have. ${WAY_OUT}`;
    observe?.event?.('error', 'the log contradicts what it has signed', {
      witness: link.name,
      checkpoint: fromUtf8(note),
    });
    this.#log.condemn(this.#contradiction);
    // Nothing is renewed any more: what was answered so far grows stale, and verifiers see it.
    this.#end();
  }

  /** A defect here must not stop a log that has no need of witnesses to take statements. */
  #failed(error: unknown): void {
    this.#options.observe?.event?.('error', 'a witness round has failed', { message: String(error) });
  }

  /** From here on the log answers from this head. */
  #promote(head: CosignedHead): void {
    this.#last = head;
    this.#kept = undefined;
    this.#options.observe?.cosigned?.(head.size, head.freshness(this.#now()));
    const found = head.head;
    for (const waiter of [...this.#waiters]) if (waiter.index < found.size) waiter.resolve(found);
    this.#toKeep = head.note;
    this.#keeping ??= this.#keep().finally(() => {
      this.#keeping = undefined;
    });
  }

  /** The newest only: what came meanwhile is overtaken. */
  async #keep(): Promise<void> {
    const { keeper, observe } = this.#options;
    for (let note = this.#toKeep; keeper && note !== undefined; note = this.#toKeep) {
      this.#toKeep = undefined;
      try {
        await keeper.write(note);
      } catch (error) {
        observe?.event?.('warn', 'the cosigned checkpoint could not be kept', { message: String(error) });
      }
    }
  }

  #now(): number {
    return (this.#options.now ?? Date.now)();
  }

  #end(): void {
    this.#unsubscribe();
    clearTimeout(this.#timer);
    this.#stop.abort();
    for (const waiter of [...this.#waiters]) waiter.resolve(undefined);
  }

  async close(): Promise<void> {
    this.#end();
    await this.#keeping;
  }
}

function heldBy(log: TransparencyLog): HeldTree {
  return { size: log.head.size, rootAt: (size) => log.rootAt(size) };
}

/** The size of a tree that this log has signed and does not hold; undefined: `note` shows none. */
async function notHeld(log: TransparencyLog, crypto: Crypto, note: Bytes): Promise<number | undefined> {
  try {
    const head = openCheckpoint(crypto, note, log.keys.checkpoint.verifierKey);
    return (await holds(head, heldBy(log))) ? undefined : head.size;
  } catch (error) {
    if (!isLedgerError(error)) throw error;
    return undefined;
  }
}

/**
 * The head that was cosigned before the start. It was durable in the log before it was signed, so a log that does not
 * hold it is not the one that signed it.
 * @throws LOG_CORRUPT
 */
async function keptHead(
  log: TransparencyLog,
  { crypto, policy, keeper, observe }: CosigningOptions,
): Promise<PublishedHead | undefined> {
  const note = await keeper?.read();
  if (note === undefined) return undefined;
  const logKey = log.keys.checkpoint.verifierKey;
  let size: number;
  let root: Uint8Array;
  try {
    ({ size, root } = openCheckpoint(crypto, note, logKey));
  } catch (error) {
    if (!isLedgerError(error)) throw error;
    observe?.event?.('warn', 'the kept cosigned checkpoint is unreadable', { code: error.code });
    return undefined;
  }
  if (!(await holds({ size, root }, heldBy(log)))) {
    const message = `a tree of ${size} of this log was cosigned, and the storage, which has ${log.head.size} leaves, does not hold it`;
    throw fail('LOG_CORRUPT', `${message}. ${WAY_OUT}`);
  }
  try {
    const { cosignatures } = openCosigned(crypto, note, policy, [logKey]);
    if (!evaluateQuorum(policy, cosignatures)) return undefined;
    const { time } = decodeStateEntry((await log.record(size - 1)).bytes);
    return { ...publishHead(log.keys, log.origin, { size, root, time }), checkpoint: note };
  } catch (error) {
    // Another policy than the one that it was cosigned under.
    if (!isLedgerError(error)) throw error;
  }
  return undefined;
}
