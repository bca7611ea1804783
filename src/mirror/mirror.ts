/**
 * Follows a log and copies it. The order is the safety argument: a checkpoint that the trust file accepts, one history
 * with everything before it, then leaves that hash to its root, each run replayed, and only then written and served.
 *
 * What the log says about itself and what does not fit it ends the following for good, with evidence; a network that
 * fails is waited for.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { describeReason } from '../chain/index.ts';
import { type Bytes, equal, fromUtf8 } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { fail, isLedgerError, LedgerError } from '../core/errors.ts';
import { LeafVerifier, type LogObserver, type SignedHead } from '../log/index.ts';
import { BundleHasher } from '../merkle/bundle-hash.ts';
import { evaluateQuorum } from '../note/index.ts';
import { type ReplayedRun, type Run, RunAssembler } from '../replay/index.ts';
import type { Storage } from '../storage/index.ts';
import { LogReader, type TileSource } from '../tiles/index.ts';
import { openHead, sameHead, type Trust, witnessPolicy } from '../verify/index.ts';
import { Copy } from './copy.ts';
import {
  describeRefuted,
  type EvidenceKeeper,
  type Finding,
  keepFinding,
  proveFork,
  proveState,
} from './evidence.ts';
import type { HeldHead } from './held-heads.ts';
import { MirroredLog } from './mirrored-log.ts';
import { ReceiptTaker } from './receipts.ts';

/** The log that is mirrored, or a mirror of it. */
export interface Upstream extends TileSource {
  /** A receipt for an entry, at whatever head. @throws NOT_FOUND, UNAVAILABLE */
  receipt(entryId: Bytes, signal: AbortSignal): Promise<Bytes>;
}

export interface MirrorOptions {
  readonly crypto: Crypto;
  readonly trust: Trust;
  readonly upstream: Upstream;
  readonly storage: Storage;
  /** Id of the rules of this software, 32 bytes. */
  readonly rules: Bytes;
  /** Threads that verify signatures ahead of the replay; 0, the default, leaves them to it. */
  readonly threads?: number;
  readonly evidence: EvidenceKeeper;
  /** Told of each head that the log has signed, before anything is copied up to it. */
  readonly announced?: (checkpoint: string) => Promise<void>;
  readonly observe?: MirrorObserver;
  /** Milliseconds between two looks at the checkpoint (default 1000). */
  readonly interval?: number;
}

export interface MirrorObserver extends Pick<LogObserver, 'event'> {
  /** Leaves copied, and how many there are to be. */
  progress?(size: number, of: number): void;
  /** The head that is served from now on. */
  reached?(size: number): void;
}

const INTERVAL = 1000;
const LONGEST_PAUSE = 30_000;
/** A cache may hold bytes that the log has never served: what does not fit is asked for again, so often. */
const ATTEMPTS = 3;
const AGAIN: readonly string[] = [
  'TILE_INVALID',
  'TILE_MISSING',
  'BODY_MISSING',
  'BYTES_MALFORMED',
  'NOTE_MALFORMED',
  'NOTE_UNSIGNED',
  'SIGNATURE_INVALID',
  'CHECKPOINT_MALFORMED',
  'ORIGIN_MISMATCH',
];
/** Beside what says so by its class: what may be over the next time, however long it takes. */
const PASSING: readonly string[] = ['NOT_FOUND', 'RESPONSE_MALFORMED', 'UNAUTHENTICATED', 'QUORUM_NOT_MET'];

/** The log contradicts itself, or the trust file: never asked again. */
class Stop extends Error {
  readonly finding: Finding;
  constructor(finding: Finding) {
    super(finding.error.message, { cause: finding.error });
    this.finding = finding;
  }
}

export class Mirror {
  readonly #options: MirrorOptions;
  readonly #copy: Copy;
  readonly #leaves: LeafVerifier;
  readonly #bundles: BundleHasher;
  readonly #receipts: ReceiptTaker;
  readonly log: MirroredLog;

  /** @throws LOG_CORRUPT, ORIGIN_MISMATCH, RULES_MISMATCH, STORAGE_FAILED */
  static async open(options: MirrorOptions): Promise<Mirror> {
    const { crypto, trust, rules, storage } = options;
    const { origin, genesis } = trust;
    const copy = await Copy.open({ crypto, origin, genesis, rules, storage });
    return new Mirror(options, copy);
  }

  private constructor(options: MirrorOptions, copy: Copy) {
    const { crypto, trust, upstream } = options;
    this.#options = options;
    this.#copy = copy;
    this.#leaves = new LeafVerifier(copy.state, options.threads ?? 0);
    this.#bundles = new BundleHasher(crypto, { ids: true, inner: true });
    this.#receipts = new ReceiptTaker({ crypto, trust, copy, receipt: upstream.receipt.bind(upstream) });
    this.log = new MirroredLog(crypto, trust, copy);
  }

  /** Whether there is a head to serve. */
  get ready(): boolean {
    return this.#copy.newest !== undefined;
  }

  /**
   * Copies up to the log's checkpoint as it is now.
   * @returns the head that is served
   * @throws what is wrong with the log, evidence having been kept, by its code; what is in the way, by its own
   */
  async catchUp(signal: AbortSignal): Promise<SignedHead> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#round(signal);
      } catch (error) {
        if (error instanceof Stop) throw await this.#stop(error.finding);
        if (!isLedgerError(error) || !AGAIN.includes(error.code)) throw error;
        if (attempt === ATTEMPTS) {
          const newest = this.#copy.heads.newest;
          throw await this.#stop({ error, checkpoints: newest ? [newest.checkpoint] : [] });
        }
        this.#event('warn', 'what the log serves does not fit; asking again', error);
        await delay(this.#interval * attempt, undefined, { signal });
      }
    }
  }

  /**
   * Follows the log until the signal, or until there is a head to serve.
   * @throws as {@link catchUp}, but for what passes
   */
  async follow(signal: AbortSignal, until: 'ready' | 'aborted' = 'aborted'): Promise<void> {
    let failures = 0;
    while (!signal.aborted && (until === 'aborted' || !this.ready)) {
      let pause = this.#interval;
      try {
        await this.catchUp(signal);
        if (failures > 0) this.#options.observe?.event?.('info', 'the log is followed again', { failures });
        failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        if (!isLedgerError(error) || !isPassing(error)) throw error;
        failures += 1;
        if (failures === 1) this.#event('warn', 'the log cannot be followed now', error);
        const backoff = this.#interval * 2 ** Math.min(failures, 6);
        pause = Math.min(LONGEST_PAUSE, Math.max(backoff, (error.retryAfter ?? 0) * 1000));
      }
      await delay(pause, undefined, { signal, ref: false }).catch(() => undefined);
    }
  }

  async close(): Promise<void> {
    await this.#leaves.close();
    await this.#options.storage.close();
  }

  get #interval(): number {
    return this.#options.interval ?? INTERVAL;
  }

  // --- one round ----------------------------------------------------------------------------------------------------

  async #round(signal: AbortSignal): Promise<SignedHead> {
    await this.#copy.levelLineage(signal);
    const head = this.#open(fromUtf8(await this.#options.upstream.checkpoint()));
    const held = this.#copy.heads.newest;
    if (held && head.size < held.size) await this.#compareOlder(head, held);
    else if (held && head.size === held.size && !sameHead(head, held)) throw await this.#fork(held, head);
    else if (this.#copy.size < head.size) await this.#copyTo(head, held, signal);
    // The same tree: its cosignatures may be newer ones.
    else if (head.checkpoint !== held?.checkpoint || !this.ready) await this.#reach(head);
    const contradicted = await this.#receipts.take(signal);
    if (contradicted) throw new Stop(contradicted);
    return this.log.head;
  }

  /** A checkpoint that the trust file accepts. @throws as openHead; QUORUM_NOT_MET */
  #open(checkpoint: string): HeldHead {
    const { crypto, trust } = this.#options;
    const { size, root, cosignatures } = openHead(crypto, trust, checkpoint);
    const policy = witnessPolicy(trust);
    if (policy && !evaluateQuorum(policy, cosignatures)) {
      throw fail('QUORUM_NOT_MET', `the checkpoint of ${size} does not meet the quorum of the trust file`);
    }
    return { size, root, checkpoint };
  }

  /** A cache may be behind; the history must be the same all the same. */
  async #compareOlder(head: HeldHead, held: HeldHead): Promise<void> {
    const { tree } = this.#copy;
    if (head.size > 0 && head.size <= tree.size && !equal(await tree.rootAt(head.size), head.root)) {
      throw await this.#fork(head, held);
    }
  }

  async #copyTo(head: HeldHead, held: HeldHead | undefined, signal: AbortSignal): Promise<void> {
    const { crypto, upstream, announced, observe } = this.#options;
    const copy = this.#copy;
    const reader = await LogReader.open(crypto, upstream, head, this.#bundles);
    if (held && !equal((await reader.range(held.size)).root(crypto), held.root)) {
      throw await this.#fork(held, head, reader);
    }
    if (!equal((await reader.range(copy.size)).root(crypto), copy.root)) {
      throw fail(
        'LOG_CORRUPT',
        `the copy of ${copy.size} leaves is not a part of the tree that it was made from`,
      );
    }
    // Before anything is written: a copy that ends here is known to be behind what the log has signed.
    await announced?.(head.checkpoint);
    await copy.announce(head);
    await copy.learnLeaves(signal);
    const runs = new RunAssembler(copy.size);
    for await (const leaves of this.#leaves.verified(reader.leaves(copy.size))) {
      for (const leaf of leaves) {
        const run = runs.add(leaf);
        if (run) this.#learn(await this.#take(run, head, reader));
      }
      signal.throwIfAborted();
      observe?.progress?.(copy.size, head.size);
    }
    if (runs.pending > 0) {
      const message = `the signed tree of ${head.size} does not end in a state entry`;
      throw new Stop({ error: fail('TIP_INVALID', message), checkpoints: [head.checkpoint] });
    }
    if (!equal(copy.root, head.root))
      throw fail('INTERNAL', 'the copy does not have the root that it was read under');
    await this.#reach(head);
  }

  async #reach(head: HeldHead): Promise<void> {
    await this.#copy.reach(head);
    this.log.published();
    this.#options.observe?.reached?.(head.size);
  }

  async #take(run: Run, head: HeldHead, reader: LogReader): Promise<ReplayedRun> {
    const before = this.#copy.state;
    const replayed = await this.#copy.take(run);
    if (replayed.type === 'matched') return replayed;
    const message = describeRefuted(replayed);
    if (replayed.faults.some(({ member }) => member === 'rules')) throw fail('RULES_MISMATCH', message);
    const proof = await proveState(this.#options, run, replayed, { head, reader, before });
    throw new Stop({ error: fail('STATE_INVALID', message), checkpoints: [head.checkpoint], proof });
  }

  #learn({ entries, writes }: ReplayedRun): void {
    this.#leaves.learn(writes);
    for (const { index, verdict, detail } of entries) {
      if (verdict.outcome !== 'refused') continue;
      // It has no effect, and everybody who replays the log agrees on that. An honest log has none.
      const details = { index, reason: verdict.reason, detail };
      this.#options.observe?.event?.('warn', 'the log holds an entry that its rules refuse', details);
    }
  }

  // --- stopping -----------------------------------------------------------------------------------------------------

  async #fork(older: HeldHead, newer: HeldHead, reader?: LogReader): Promise<Stop> {
    const message =
      older.size === newer.size
        ? `the log has signed two trees of ${older.size}`
        : `the log has signed a tree of ${newer.size} that does not extend its tree of ${older.size}`;
    const proof = await proveFork(this.#options, older, newer, reader);
    return new Stop({
      error: fail('FORK', message),
      checkpoints: [older.checkpoint, newer.checkpoint],
      proof,
    });
  }

  /** The log is not followed any more: what is served stays what it was. */
  async #stop(finding: Finding): Promise<LedgerError> {
    const { error } = finding;
    this.log.stop(`the mirror has stopped: ${error.code}: ${error.message}`);
    const kept = await keepFinding(this.#options, this.#options.evidence, finding);
    this.#options.observe?.event?.('error', 'the mirror has stopped', {
      ...{ code: error.code, message: error.message, evidence: kept },
    });
    return new LedgerError(error.code, `${error.message} (evidence: ${kept.join(', ')})`, { cause: error });
  }

  #event(level: 'info' | 'warn', message: string, { code, message: detail }: LedgerError): void {
    this.#options.observe?.event?.(level, message, { code, detail });
  }
}

function isPassing({ code }: LedgerError): boolean {
  return PASSING.includes(code) || describeReason(code)?.class === 'unavailable';
}
