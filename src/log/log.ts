/**
 * The transparency log: what is admitted is sequenced, committed in one synced write, signed, and only then
 * answered. One sequencer, one commit point; readers use what has been published.
 *
 * The order of steps is the safety argument, so it is written out once, in {@link TransparencyLog.#commit}.
 */
import { setTimeout as delay } from 'node:timers/promises';
import {
  decodeStateEntry,
  parseStatement,
  type StateEntry,
  type StateReader,
  type Verdict,
} from '../chain/index.ts';
import { type Bytes, equal, toHex } from '../core/bytes.ts';
import type { Crypto, PublicKey } from '../core/crypto.ts';
import { fail, isLedgerError, LedgerError } from '../core/errors.ts';
import { leafHash } from '../merkle/index.ts';
import { LaneTree } from '../merkle/lane-tree.ts';
import type { VerifierKey } from '../note/index.ts';
import type { StateMap } from '../statemap/index.ts';
import { type Storage, WriteBatch } from '../storage/index.ts';
import { type AdmissionLimits, AdmissionQueue, type Admitted } from './admission.ts';
import { type AppliedBatch, applyBatch, type BatchStatement, type KnownEntries } from './batch.ts';
import { withCauses } from './causes.ts';
import { MonotonicClock } from './clock.ts';
import type { Snapshot } from './cosigned-head.ts';
import type { DiskFloor } from './disk-floor.ts';
import { referredTo, whereLogged } from './known-entries.ts';
import { decodeVerdicts, encodeHead, HEAD_KEY, recordKey, recordTypeRange, verdictsKey } from './layout.ts';
import type { LeafIndex } from './leaf-index.ts';
import { type LeafRecord, leafDataOf } from './leaf-record.ts';
import type { LeafStore } from './leaf-store.ts';
import { catchUp } from './lineage-catch-up.ts';
import { type IndexedEntry, LineageIndex } from './lineage-index.ts';
import { assertHoldsMark, type PublishedMark } from './published-mark.ts';
import {
  consistencyReceipt,
  type LogKeys,
  type PublishedHead,
  publishHead,
  type SignedHead,
  signCheckpoint,
} from './publisher.ts';
import { type Restored, restore } from './restore.ts';
import { Scrub } from './scrub.ts';
import { assertWholeCopy } from './seeded.ts';
import { type SigningKey, signingKeyOf, signingKeys } from './signing-keys.ts';
import { type StoredRows, storedRows } from './stored-log.ts';
import type { LogTree } from './tree.ts';
import type { MakeVerifier } from './verifier.ts';

export interface LogOptions {
  readonly crypto: Crypto;
  readonly origin: string;
  /** 32 bytes: id of the rules that this software implements. */
  readonly rules: Bytes;
  readonly keys: LogKeys;
  /** Opens the storage; called again after a failed write. */
  readonly openStorage: () => Promise<Storage>;
  readonly limits: AdmissionLimits;
  /** Who verifies for admission: {@link workerThreads}. */
  readonly verifier: MakeVerifier;
  /** Statements in one commit, at most. */
  readonly maxBatch: number;
  /** Consumes from an issuer's rate limit. @throws RATE_LIMITED */
  readonly issuerLimit?: (issuer: string) => Promise<void>;
  readonly diskFloor?: DiskFloor;
  /** Raised before a head is shown to anybody; the log refuses to go on from less. */
  readonly publishedMark?: PublishedMark;
  /** Unix milliseconds; the system clock by default. */
  readonly now?: () => number;
  /** Milliseconds between two bundles of the background scrub when nothing else is done; 0 turns the scrub of old bundles off. */
  readonly scrubInterval?: number;
  /** Leaves of a part of the leaf index, where it is not the usual number: a power of two, from 256 to 2^20. */
  readonly indexPart?: number;
  readonly observe?: LogObserver;
}

/** What an operator wants to see; nothing of the log depends on it. */
export interface LogObserver {
  committed?(commit: { statements: number; bytes: number; milliseconds: number; size: number }): void;
  /** A statement was answered with a refusal, or INTERNAL. */
  refused?(code: string): void;
  /** A statement was in the log already. */
  existed?(): void;
  /** Seconds from handing a chunk of statements to a thread to its answer. */
  verified?(seconds: number): void;
  event?(level: 'info' | 'warn' | 'error', message: string, details: Record<string, unknown>): void;
}

/** Where a statement is, and the first published head that is known to cover it. */
export interface Sequenced {
  readonly index: number;
  readonly entryId: Bytes;
  readonly existed: boolean;
  readonly head: PublishedHead;
}

export interface LogStatus {
  readonly accepting: boolean;
  readonly reason: string | null;
  readonly queued: number;
  /** Of a copy of the log: whether it follows it. Left out by the log itself. */
  readonly following?: boolean;
}

type Phase =
  | { readonly name: 'open' }
  /** A write failed; the log is being read back. */
  | { readonly name: 'recovering'; readonly reason: string }
  /** Stored bytes are not what was promised, or a defect: nothing is signed any more. */
  | { readonly name: 'halted'; readonly reason: string }
  | { readonly name: 'closing' }
  | { readonly name: 'closed' };

/** Everything that a reload replaces at once. */
interface Committed {
  readonly storage: Storage;
  readonly tree: LogTree;
  readonly leaves: LeafStore;
  readonly index: LeafIndex;
  readonly state: StateMap;
  readonly tip: StateEntry | undefined;
  readonly headBytes: Bytes | undefined;
  readonly mark: number;
  readonly lineage: LineageIndex;
}

const MAX_BATCH_BYTES = 8 * 1024 * 1024;
/** Statements that a commit waits for while more are being verified, and how many milliseconds at most. */
const GATHERED = 256;
const GATHER_MS = 4;
/** Milliseconds to the next try to read the hashes of the leaves: at first, and at most. */
const LEARN_AGAIN_MS = 10_000;
const LEARN_PAUSE_MS = 600_000;
const RECOVERY_DELAYS = [100, 500, 1000, 5000, 15_000];
const DRAIN_MS = 10_000;
/** Milliseconds from a commit to its publication, at most: there is one small write between. */
const PUBLISH_MS = 10_000;

export class TransparencyLog {
  readonly #options: LogOptions;
  readonly #admission: AdmissionQueue<Sequenced>;
  readonly #keys: Map<string, SigningKey>;
  readonly #clock: MonotonicClock;
  readonly #lanes: LaneTree;
  readonly #followers = new Set<() => void>();
  #phase: Phase = { name: 'open' };
  #committed: Committed;
  #head: PublishedHead | undefined;
  #ready: Admitted<Sequenced>[] = [];
  /** Ends a wait for more of them. */
  #arrived: () => void = () => undefined;
  #sequencing: Promise<void> | undefined;
  #scrubbing: Promise<void>;
  /** What is known of which leaves there are not: asked with every statement. */
  #learning: Promise<void>;
  readonly #stop = new AbortController();
  #indexing: Promise<void> | undefined;
  /** An index that could not be built from its storage. */
  #unindexable: LineageIndex | undefined;

  /**
   * Opens the log in its storage, verified. An empty storage makes a log without a head: {@link initialise} it.
   * @throws LOG_LOCKED, LOG_CORRUPT, ORIGIN_MISMATCH, RULES_MISMATCH, STORAGE_FAILED
   */
  static async open(options: LogOptions): Promise<TransparencyLog> {
    await options.diskFloor?.check();
    const storage = await options.openStorage();
    try {
      const restored = await restore(options.crypto, storage, options);
      await keepMark(options, restored);
      await assertWholeCopy(storage, restored.head?.size ?? 0);
      return new TransparencyLog(options, await committedFrom(options.crypto, storage, restored));
    } catch (error) {
      await storage.close();
      throw error;
    }
  }

  private constructor(options: LogOptions, committed: Committed) {
    this.#options = options;
    this.#committed = committed;
    this.#lanes = new LaneTree(options.crypto);
    this.#clock = new MonotonicClock(committed.tip?.time ?? 0, options.now);
    this.#keys = signingKeys(committed.state);
    this.#admission = new AdmissionQueue(options.limits, options.verifier, this.#keys, {
      admitted: (batch) => {
        this.#ready.push(...batch);
        this.#arrived();
        if (this.#ready.length > 0) this.#sequence();
      },
      verified: (seconds) => this.#tell((observer) => observer.verified?.(seconds)),
    });
    this.#publishRestored();
    this.#scrubbing = this.#scrub();
    this.#learning = this.#learnLeaves();
    this.#bringLevel();
  }

  /**
   * Writes the genesis into an empty log: entry 0, closed by a state entry; the first signed size is 2.
   * @throws the genesis's own refusal; STATE_WRONG when the log has a genesis
   */
  async initialise(genesis: Bytes): Promise<void> {
    if (this.#head) throw fail('STATE_WRONG', 'the log has a genesis');
    await this.submit(genesis);
  }

  /**
   * Registers one statement: resolves when it is durable and covered by a published head.
   * @throws LedgerError: a refusal by its reason, or an admission code when nothing was decided
   */
  async submit(arrived: Bytes): Promise<Sequenced> {
    const [outcome] = await this.submitAll([arrived]);
    if (outcome instanceof LedgerError) throw outcome;
    return outcome!;
  }

  /** The same for many: one outcome for each, in order, where {@link submit} would throw too. */
  submitAll(statements: readonly Bytes[]): Promise<(Sequenced | LedgerError)[]> {
    return new Promise((resolve, reject) => {
      const outcomes = new Array<Sequenced | LedgerError>(statements.length);
      let open = statements.length;
      const settle = (i: number, outcome: Sequenced | Error) => {
        if (outcome instanceof Error) {
          const code = isLedgerError(outcome) ? outcome.code : 'INTERNAL';
          this.#tell((observer) => observer.refused?.(code));
          if (!(outcome instanceof LedgerError)) return reject(outcome);
        } else if (outcome.existed) this.#tell((observer) => observer.existed?.());
        outcomes[i] = outcome;
        open -= 1;
        if (open === 0) resolve(outcomes);
      };
      if (open === 0) resolve(outcomes);
      statements.forEach((arrived, i) => {
        try {
          const closed = this.#closedBecause();
          if (closed) throw closed;
          this.#admission.submit(arrived, (outcome) => settle(i, outcome));
        } catch (error) {
          settle(i, error as Error);
        }
      });
    });
  }

  get status(): LogStatus {
    const closed = this.#closedBecause();
    return { accepting: !closed, reason: closed?.message ?? null, queued: this.#admission.queued };
  }

  /** Statements between arrival and answer, and their bytes. */
  get queue(): { readonly statements: number; readonly bytes: number } {
    return { statements: this.#admission.queued, bytes: this.#admission.queuedBytes };
  }

  #closedBecause(): LedgerError | undefined {
    const phase = this.#phase;
    if (phase.name === 'recovering') return fail('LOG_RECOVERING', phase.reason, { retryAfter: 1 });
    if (phase.name === 'halted') return fail('LOG_READ_ONLY', phase.reason, { retryAfter: 60 });
    if (phase.name !== 'open') return fail('LOG_CLOSING', 'the log is shutting down', { retryAfter: 5 });
    if (this.#options.diskFloor?.below) {
      return fail('LOG_READ_ONLY', 'free disk space is below the floor', { retryAfter: 30 });
    }
    return undefined;
  }

  // --- sequencing -------------------------------------------------------------------------------------------------

  /** Starts the loop when it is idle; while a commit is under way, what arrives becomes the next batch. */
  #sequence(): void {
    this.#sequencing ??= this.#drain().finally(() => {
      this.#sequencing = undefined;
      if (this.#ready.length > 0) this.#sequence();
    });
  }

  async #drain(): Promise<void> {
    while (this.#ready.length > 0) {
      await this.#gather();
      const batch = this.#takeBatch();
      if (batch.length === 0) continue; // Refused meanwhile: the log is closed.
      const closed = this.#phase.name === 'closing' ? undefined : this.#closedBecause();
      if (closed) for (const { settle } of batch) settle(closed);
      else await this.#commit(batch);
    }
  }

  /**
   * A commit costs two signatures and a wait for the disk, whatever is in it. Under load it waits a little for what is being
   * verified; a statement that is alone waits for nothing.
   */
  async #gather(): Promise<void> {
    const until = performance.now() + GATHER_MS;
    while (this.#ready.length < GATHERED && this.#admission.verifying) {
      const left = until - performance.now();
      if (left <= 0) return;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        // Written here and not where it is assigned: there it would be made among what is old, and keep all of this.
        const arrived = () => {
          clearTimeout(timer);
          resolve();
        };
        this.#arrived = arrived;
      });
    }
  }

  #takeBatch(): Admitted<Sequenced>[] {
    let bytes = 0;
    let count = 0;
    for (const { admission } of this.#ready) {
      bytes += admission.statement.length;
      if (count > 0 && (bytes > MAX_BATCH_BYTES || count >= this.#options.maxBatch)) break;
      count += 1;
    }
    return this.#ready.splice(0, count);
  }

  async #commit(batch: Admitted<Sequenced>[]): Promise<void> {
    const started = performance.now();
    const waiting = new Set(batch);
    const settle = (item: Admitted<Sequenced>, outcome: Sequenced | LedgerError) => {
      waiting.delete(item);
      item.settle(outcome);
    };
    try {
      const parsed = batch.map((item) => ({ item, parsed: this.#parse(item) }));
      const { crypto } = this.#options;
      const { storage, tree, leaves, index } = this.#committed;
      const start = tree.size;
      const arrived = parsed.map((each) => each.parsed);
      const byId = await whereLogged(index, arrived);
      const items = await this.#withinLimits(parsed, byId, settle);
      const statements = items.map((each) => each.parsed);
      const byIndex = await referredTo(crypto, { index, leaves, size: start }, statements);
      const applied = this.#apply(statements, { byId, byIndex });
      let head = this.#head;
      if (applied.tip) {
        for (const hash of applied.leafHashes) {
          tree.append(hash);
          index.add(hash);
        }
        const size = tree.size;
        const root = tree.root();
        const headBytes = encodeHead({ size, root, origin: this.#options.origin });
        const write = new WriteBatch();
        leaves.append(write, start, applied.records);
        tree.addWrites(write);
        addRows(write, applied);
        const indexed = this.#addLineage(write, statements, applied, start);
        write.put(HEAD_KEY, headBytes);
        // 1. Durable. Everything of this batch, in one atomic write that has been synced when it returns; nobody
        //    else can have committed since, or the head row would differ.
        await storage.write(write, { key: HEAD_KEY, value: this.#committed.headBytes });
        // 2. Only then it is signed: a signature over a tree that a crash could undo would be a fork.
        const signed = this.#sign({ size, root, time: applied.tip.time });
        // 3. Before anybody sees that, it is kept where the loss of this storage does not reach.
        await this.#options.publishedMark?.raise(signed.checkpoint);
        // 4. Only then it is what the log is, and is shown.
        this.#committed = { ...this.#committed, state: applied.state, tip: applied.tip, headBytes };
        this.#learn(applied);
        indexed?.();
        head = this.#publish(signed);
        if (!indexed) this.#bringLevel();
        this.#tell((observer) =>
          observer.committed?.({
            statements: applied.records.length - 1,
            bytes: applied.records.reduce((sum, record) => sum + record.bytes.length, 0),
            milliseconds: performance.now() - started,
            size,
          }),
        );
      }
      // 5. Only then it is answered.
      items.forEach(({ item, parsed }, i) => {
        const outcome = applied.outcomes[i]!;
        if (outcome.type === 'refused') {
          settle(item, new LedgerError(outcome.reason, outcome.detail));
        } else {
          const { entryId } = parsed.statement;
          settle(item, { index: outcome.index, entryId, existed: outcome.type === 'existed', head: head! });
        }
      });
    } catch (cause) {
      const message = 'a commit failed; the log is being read back from storage. Registering again is safe.';
      for (const item of waiting) item.settle(fail('LOG_RECOVERING', message, { cause, retryAfter: 1 }));
      await this.#recover(cause);
    }
  }

  #parse({
    admission: { statement: bytes, entryId, leafHash, verified },
  }: Admitted<Sequenced>): BatchStatement {
    const statement = parseStatement(this.#options.crypto, bytes, entryId);
    return { statement, name: toHex(entryId), leafHash, verified };
  }

  /**
   * Refuses what is over its issuer's limit. Charged is only what the issuer has signed for this log and what is not
   * in it yet: copies of what is public, here or in another log, must not use up anybody's rate.
   */
  async #withinLimits(
    batch: readonly { item: Admitted<Sequenced>; parsed: BatchStatement }[],
    byId: ReadonlyMap<string, number>,
    settle: (item: Admitted<Sequenced>, error: LedgerError) => void,
  ): Promise<{ item: Admitted<Sequenced>; parsed: BatchStatement }[]> {
    const { origin, issuerLimit } = this.#options;
    const charged = new Set<string>();
    const items: { item: Admitted<Sequenced>; parsed: BatchStatement }[] = [];
    for (const each of batch) {
      const { verified, statement, name } = each.parsed;
      const isNew = !byId.has(name) && !charged.has(name);
      try {
        if (issuerLimit && verified && isNew && (statement.chain?.log ?? origin) === origin) {
          await issuerLimit(statement.issuer);
          charged.add(name);
        }
        items.push(each);
      } catch (error) {
        if (!isLedgerError(error)) throw error;
        settle(each.item, error);
      }
    }
    return items;
  }

  #apply(statements: readonly BatchStatement[], known: KnownEntries): AppliedBatch {
    const { crypto, origin, rules } = this.#options;
    const { tree, state, tip } = this.#committed;
    const time = this.#clock.next();
    return applyBatch(
      { crypto, lanes: this.#lanes, origin, rules, start: tree.size, time, state, previous: tip, known },
      statements,
    );
  }

  #learn(applied: AppliedBatch): void {
    const learned: SigningKey[] = [];
    for (const [key, value] of applied.writes) {
      const pair = value ? signingKeyOf(key, value) : undefined;
      if (pair) learned.push(pair);
    }
    for (const pair of learned) this.#keys.set(toHex(pair[0]), pair);
    this.#admission.learn(learned);
  }

  /**
   * The rows of a commit in the lineage index, if it is level with the tree. The index decides nothing, so nothing that
   * goes wrong with it fails a commit: it is built anew.
   */
  #addLineage(
    write: WriteBatch,
    statements: readonly BatchStatement[],
    { outcomes, tip, verdicts, state }: AppliedBatch,
    start: number,
  ): (() => void) | undefined {
    const { lineage } = this.#committed;
    if (lineage.stale || lineage.next !== start) return undefined;
    try {
      const reasons = verdicts && decodeVerdicts(verdicts);
      const entries: IndexedEntry[] = [];
      for (const [i, outcome] of outcomes.entries()) {
        const { statement } = statements[i]!;
        if (outcome.type !== 'logged' || !statement.chain) continue;
        const { index } = outcome;
        entries.push({ index, statement, time: tip!.time, reason: reasons?.[index - start]?.reason ?? null });
      }
      const rows = new WriteBatch();
      const indexed = lineage.add(rows, entries, tip!.index + 1, (key, name) => state.get(key, name));
      write.append(rows);
      return indexed;
    } catch (error) {
      lineage.discard();
      this.#event('error', 'the lineage index of a commit could not be made', { message: String(error) });
      return undefined;
    }
  }

  #sign(tree: { size: number; root: Bytes; time: number }): PublishedHead {
    return publishHead(this.#options.keys, this.#options.origin, tree);
  }

  /** What has been read back, the mark having been kept. */
  #publishRestored(): void {
    const { tree, tip } = this.#committed;
    if (tip) this.#publish(this.#sign({ size: tree.size, root: tree.root(), time: tip.time }));
  }

  #publish(head: PublishedHead): PublishedHead {
    this.#head = head;
    for (const follower of this.#followers) follower();
    return head;
  }

  // --- recovery and scrub -----------------------------------------------------------------------------------------

  /** After a failed commit memory is not to be trusted: only what a verified reload finds counts. */
  async #recover(cause: unknown): Promise<void> {
    if (isLedgerError(cause, 'INTERNAL') || !(cause instanceof LedgerError)) {
      this.#halt('a defect in the transition function stopped the log', cause);
      return;
    }
    if (cause.code === 'LOG_CORRUPT') {
      this.#halt('a commit met damage', cause);
      return;
    }
    // A log that halted while this commit was under way stays halted: its bytes are not what was promised.
    if (this.#phase.name === 'halted') return;
    const before = this.#phase;
    this.#phase = { name: 'recovering', reason: 'a write failed; the log is being read back from storage' };
    this.#event('error', 'commit failed, reloading', { code: cause.code, message: withCauses(cause) });
    const closed = this.#closedBecause()!;
    for (const { settle } of this.#ready.splice(0)) settle(closed);
    await this.#committed.storage.close().catch(() => undefined);
    for (let attempt = 0; !this.#stop.signal.aborted; attempt++) {
      let storage: Storage | undefined;
      try {
        storage = await this.#options.openStorage();
        const restored = await restore(this.#options.crypto, storage, this.#options);
        await this.#keepsPromises(restored);
        await keepMark(this.#options, restored);
        this.#committed = await committedFrom(this.#options.crypto, storage, restored);
        for (const [name, pair] of signingKeys(restored.state)) this.#keys.set(name, pair);
        this.#admission.learn([...this.#keys.values()]);
        this.#publishRestored();
        // Unless it has been told to close meanwhile, or the scrub has found damage.
        if (this.#phase.name === 'recovering') this.#phase = before;
        this.#learning = this.#learnLeaves();
        this.#bringLevel();
        this.#event('warn', 'the log has been read back and goes on', { size: this.#committed.tree.size });
        return;
      } catch (error) {
        await storage?.close().catch(() => undefined);
        if (
          isLedgerError(error) &&
          ['LOG_CORRUPT', 'RULES_MISMATCH', 'ORIGIN_MISMATCH'].includes(error.code)
        ) {
          this.#halt('the log could not be read back', error);
          return;
        }
        this.#event('error', 'reload failed, trying again', { attempt, message: withCauses(error) });
        const wait = RECOVERY_DELAYS[Math.min(attempt, RECOVERY_DELAYS.length - 1)]!;
        await delay(wait, undefined, { signal: this.#stop.signal, ref: false }).catch(() => undefined);
      }
    }
    // Told to close before that: what is in memory may not be on the disk, so nobody is answered from it any more.
    if (this.#phase.name === 'closing')
      this.#phase = { name: 'recovering', reason: 'the log was not read back' };
  }

  /** Whatever was published must still be there. @throws LOG_CORRUPT */
  async #keepsPromises(restored: Restored): Promise<void> {
    const published = this.#head;
    if (!published) return;
    const size = restored.head?.size ?? 0;
    if (size < published.size || !equal(await restored.tree.rootAt(published.size), published.root)) {
      throw fail('LOG_CORRUPT', `the storage no longer holds the published tree of ${published.size}`);
    }
  }

  /** Somebody holds a head that this log has signed and does not have: it signs nothing any more. */
  condemn(reason: string): void {
    if (this.#phase.name === 'open' || this.#phase.name === 'recovering') this.#halt(reason, undefined);
  }

  #halt(reason: string, cause: unknown): void {
    const detail = cause instanceof Error ? `${reason}: ${cause.message}` : reason;
    this.#phase = { name: 'halted', reason: detail };
    this.#event('error', 'the log is read-only', { reason: detail });
    const closed = this.#closedBecause()!;
    for (const { settle } of this.#ready.splice(0)) settle(closed);
    this.#admission.rejectWaiting(closed);
  }

  #event(level: 'info' | 'warn' | 'error', message: string, details: Record<string, unknown>): void {
    try {
      this.#options.observe?.event?.(level, message, details);
    } catch {
      // A defect of the observer's own, and there is nobody else to be told of it.
    }
  }

  /** Nothing of the log depends on who watches it. */
  #tell(what: (observer: LogObserver) => void): void {
    try {
      if (this.#options.observe) what(this.#options.observe);
    } catch (error) {
      this.#event('error', 'who watches the log has failed', { message: String(error) });
    }
  }

  #scrub(): Promise<void> {
    const log = this;
    const scrub = new Scrub(
      this.#options.crypto,
      {
        get committed() {
          return log.#committed;
        },
        get size() {
          return log.#head?.size ?? 0;
        },
        get isOpen() {
          return log.#phase.name === 'open';
        },
        raised: (mark) => {
          this.#committed = { ...this.#committed, mark };
        },
        unwritable: (what) => this.#event('warn', `${what} could not be written`, {}),
      },
      this.#options.scrubInterval,
      this.#stop.signal,
    );
    return scrub.run().catch((error) => this.#halt('the background scrub found damage', error));
  }

  /** Reads which leaves there are, in the background. Until then the storage is asked about every statement. */
  async #learnLeaves(): Promise<void> {
    const { index } = this.#committed;
    const stopped = () =>
      this.#stop.signal.aborted || this.#phase.name === 'halted' || index !== this.#committed.index;
    for (
      let pause = LEARN_AGAIN_MS;
      !stopped() && !index.learned;
      pause = Math.min(2 * pause, LEARN_PAUSE_MS)
    ) {
      try {
        await index.learn(stopped);
      } catch (error) {
        // A storage that a reload closes is read no further.
        if (stopped()) return;
        if (!isLedgerError(error, 'STORAGE_FAILED')) {
          return this.#halt('the hashes of the leaves are damaged', error);
        }
        const message = withCauses(error);
        this.#event('warn', 'the hashes of the leaves cannot be read, so each statement is looked up', {
          message,
        });
        await delay(pause, undefined, { signal: this.#stop.signal, ref: false }).catch(() => undefined);
      }
    }
  }

  /** Builds what is missing of the lineage index in the background. */
  #bringLevel(): void {
    const { lineage, storage, leaves } = this.#committed;
    const behind = () => lineage === this.#committed.lineage && lineage.behind(this.#head?.size ?? 0);
    if (this.#indexing || lineage === this.#unindexable || !behind() || this.#stop.signal.aborted) return;
    const build = async () => {
      const { crypto } = this.#options;
      const started = performance.now();
      const details = { from: lineage.stale ? 0 : lineage.next, size: this.#head!.size };
      this.#event('info', 'the lineage index is being built from the leaves', details);
      const size = () => (behind() ? this.#head!.size : 0);
      const read: StateReader = (key, name) => this.#committed.state.get(key, name);
      await catchUp({ crypto, storage, leaves, index: lineage, size, read, signal: this.#stop.signal });
      const seconds = Math.round(performance.now() - started) / 1000;
      this.#event('info', 'the lineage index is built', { size: lineage.next, seconds });
    };
    this.#indexing = build()
      .catch((error: unknown) => {
        this.#unindexable = lineage;
        if (this.#stop.signal.aborted || lineage !== this.#committed.lineage) return;
        this.#event('error', 'the lineage index could not be built', { message: String(error) });
      })
      .finally(() => {
        this.#indexing = undefined;
        this.#bringLevel();
      });
  }

  /** Takes nothing new, commits what has been admitted, and closes. What is not done in ten seconds is refused. */
  async close(): Promise<void> {
    if (this.#phase.name === 'closed') return;
    if (this.#phase.name === 'open' || this.#phase.name === 'recovering') this.#phase = { name: 'closing' };
    const deadline = performance.now() + DRAIN_MS;
    while (this.#admission.queued > 0 && performance.now() < deadline) await delay(5);
    this.#stop.abort();
    const closed = fail('LOG_CLOSING', 'the log is shutting down', { retryAfter: 5 });
    this.#admission.rejectWaiting(closed);
    for (const { settle } of this.#ready.splice(0)) settle(closed);
    await this.#sequencing;
    await this.#scrubbing;
    await this.#learning;
    await this.#indexing;
    await this.#admission.close();
    // What the workers had answered by then may have begun another commit.
    await this.#sequencing;
    this.#options.diskFloor?.stop();
    await this.#committed.storage.close().catch(() => undefined);
    this.#phase = { name: 'closed' };
  }

  // --- reading: only what has been published ----------------------------------------------------------------------

  get origin(): string {
    return this.#options.origin;
  }

  /** True before the genesis. */
  get empty(): boolean {
    return this.#head === undefined;
  }

  /** Whether a participant has a signing key with this thumbprint. */
  hasSigningKey(kid: Bytes): boolean {
    return this.#keys.has(toHex(kid));
  }

  get keys(): LogKeys {
    return this.#options.keys;
  }

  get publicKeys(): { readonly checkpoint: VerifierKey; readonly receipt: PublicKey } {
    const { checkpoint, receipt } = this.keys;
    return { checkpoint: checkpoint.verifierKey, receipt: receipt.key.publicKey };
  }

  /** The newest published head. @throws UNAVAILABLE before the genesis */
  get head(): PublishedHead {
    if (!this.#head) throw fail('UNAVAILABLE', 'the log has no genesis yet');
    return this.#head;
  }

  /** The head that a receipt for leaf `index` is given at. */
  receiptHead(_index: number): PublishedHead {
    return this.head;
  }

  /**
   * A published head, signed again if it is an older one: the same bytes, since Ed25519 is deterministic.
   * @throws SIZE_NOT_AVAILABLE
   */
  async headOf(size: number): Promise<SignedHead> {
    const newest = this.head;
    if (size === newest.size) return newest;
    const tip = size > 0 && size < newest.size ? await this.record(size - 1) : undefined;
    // The tip rule: a size was published exactly if it ends in a state entry.
    if (!tip?.isStateEntry) throw fail('SIZE_NOT_AVAILABLE', `no tree of ${size} was published`);
    const tree = { size, root: await this.rootAt(size), time: decodeStateEntry(tip.bytes).time };
    return { ...tree, checkpoint: signCheckpoint(this.keys, this.origin, tree) };
  }

  /** COSE receipt that the tree `to` extends the tree of `from` leaves. */
  consistencyReceipt(from: number, to: SignedHead, path: readonly Bytes[]): Bytes {
    return consistencyReceipt(this.keys, this.origin, from, to, path);
  }

  /** The newest head with the state map and state entry that belong to it. */
  get snapshot(): Snapshot {
    return { head: this.head, state: this.#committed.state, tip: this.#committed.tip! };
  }

  /** Calls back at each publication until the answered function is called. */
  onPublish(callback: () => void): () => void {
    this.#followers.add(callback);
    return () => this.#followers.delete(callback);
  }

  /** Index of a statement, if it is in the log. */
  indexOf(entryId: Bytes): Promise<number | undefined> {
    const hash = leafHash(this.#options.crypto, entryId);
    return this.#read(async (committed) => {
      const [index] = await committed.index.find([hash]);
      return index === undefined || index >= this.head.size ? undefined : index;
    });
  }

  inclusionPath(index: number, size: number): Promise<Bytes[]> {
    return this.#read(({ tree }) => tree.inclusionPath(index, size));
  }

  /** The same as one row of hashes, 32 bytes each; without a promise where nothing has to be read for it. */
  inclusionHashes(index: number, size: number): Bytes | Promise<Bytes> {
    const atHand = this.#committed.tree.hashesAtHand(index, size);
    return atHand ?? this.#read(({ tree }) => tree.inclusionHashes(index, size));
  }

  consistencyPath(from: number, to: number): Promise<Bytes[]> {
    return this.#read(({ tree }) => tree.consistencyPath(from, to));
  }

  rootAt(size: number): Promise<Bytes> {
    return this.#read(({ tree }) => tree.rootAt(size));
  }

  /** 32 bytes; without a promise where nothing has to be read for it. @throws NOT_FOUND */
  leafHash(index: number): Bytes | Promise<Bytes> {
    const atHand = this.#committed.tree.leafHashAtHand(index);
    return atHand ?? this.#read(({ tree }) => tree.leafHash(index));
  }

  hashTile(level: number, index: number, width: number): Promise<Bytes> {
    return this.#read(({ tree }) => tree.tile(level, index, width));
  }

  /** The records of bundle `n` in the tree of `size`, or only the first of them where they have more than `most` bytes. */
  bundle(n: number, size: number, most?: number): Promise<LeafRecord[]> {
    return this.#read(({ leaves }) => leaves.bundle(n, size, most));
  }

  /** Some records from `index` on, at least one, at most to the end of its bundle: a few MiB. @throws NOT_FOUND */
  run(index: number): Promise<LeafRecord[]> {
    return this.#read(({ leaves }) => leaves.run(index, this.head.size));
  }

  /** @throws NOT_FOUND */
  record(index: number): Promise<LeafRecord> {
    return this.#read(({ leaves }) => leaves.record(index, this.head.size));
  }

  leafData(record: LeafRecord): Bytes {
    return leafDataOf(this.#options.crypto, record);
  }

  /** Index of the state entry that closes the batch of leaf `index`. */
  closingStateEntry(index: number): Promise<number> {
    return this.#read(({ leaves }) => leaves.closingStateEntry(index, this.head.size));
  }

  /** The verdicts of the batch that the state entry closes; undefined: all are plain "ok". */
  async verdicts(stateIndex: number): Promise<Verdict[] | undefined> {
    const stored = await this.#read(({ storage }) => storage.get(verdictsKey(stateIndex)));
    return stored && decodeVerdicts(stored);
  }

  /**
   * The stored log as one snapshot, no older than what was published at the call, with the checkpoint of its head.
   * @throws UNAVAILABLE its newest commit is not published in time
   */
  async stored(): Promise<StoredRows & { readonly checkpoint: string }> {
    const stored = await this.#read(({ storage }) => storedRows(storage));
    // The snapshot may hold a commit whose mark is being raised this moment: its head is not shown before that.
    const deadline = performance.now() + PUBLISH_MS;
    while (this.head.size < stored.head.size && performance.now() < deadline) await delay(5);
    if (this.head.size < stored.head.size) {
      await stored.discard();
      throw fail('UNAVAILABLE', 'the newest commit is not published yet', { retryAfter: 5 });
    }
    const { checkpoint } = await this.headOf(stored.head.size);
    return { ...stored, checkpoint };
  }

  /** Calls back with every current record of a type. @param example key of a record of the type, with short members */
  async eachRecord(type: string, example: Bytes, callback: (value: Bytes) => void): Promise<void> {
    await this.#read(async ({ storage }) => {
      for await (const [, value] of storage.range(recordTypeRange(type, example))) callback(value);
    });
  }

  /** Leaves that the lineage index covers, and those that it should. */
  get lineageStatus(): { next: number; size: number } {
    const { lineage } = this.#committed;
    return { next: lineage.stale ? 0 : lineage.next, size: this.#head?.size ?? 0 };
  }

  /**
   * Asks the lineage index, which covers at least `size` leaves.
   * @throws INDEX_BEHIND while it is being built; a damaged row has it built anew
   */
  async lineage<T>(ask: (index: LineageIndex, size: number) => Promise<T>): Promise<T> {
    const { size } = this.head;
    try {
      return await this.#read(({ lineage }) => {
        if (lineage.behind(size)) throw behind(this.lineageStatus);
        return ask(lineage, size);
      });
    } catch (error) {
      if (!isLedgerError(error, 'LOG_CORRUPT') && !isLedgerError(error, 'BYTES_MALFORMED')) throw error;
      this.#event('error', 'the lineage index is damaged', { message: error.message });
      this.#committed.lineage.discard();
      this.#bringLevel();
      throw behind(this.lineageStatus);
    }
  }

  /** A storage that a reload has closed under the reader is no defect: it reads the new one, or asks again later. */
  async #read<T>(read: (committed: Committed) => Promise<T>): Promise<T> {
    const committed = this.#committed;
    try {
      return await read(committed);
    } catch (error) {
      if (!isLedgerError(error, 'STORAGE_FAILED')) throw error;
      if (committed.storage !== this.#committed.storage) return read(this.#committed);
      throw this.#phase.name === 'open' ? error : this.#closedBecause();
    }
  }
}

/** The mark must be held; it is raised to what has been read back, since that is what will be published. */
async function keepMark(
  { crypto, keys, origin, publishedMark }: LogOptions,
  { head, tree, tip }: Restored,
): Promise<void> {
  if (!publishedMark) return;
  const size = head?.size ?? 0;
  const held = { size, rootAt: (at: number) => tree.rootAt(at) };
  await assertHoldsMark(crypto, keys.checkpoint.verifierKey, publishedMark, held);
  if (head && tip) await publishedMark.raise(signCheckpoint(keys, origin, { ...head, time: tip.time }));
}

async function committedFrom(
  crypto: Crypto,
  storage: Storage,
  { head, tree, leaves, index, state, tip, mark }: Restored,
): Promise<Committed> {
  const lineage = await LineageIndex.open(crypto, storage, head?.size ?? 0);
  return { storage, tree, leaves, index, state, tip, mark, lineage, headBytes: head && encodeHead(head) };
}

function behind({ next, size }: { next: number; size: number }): LedgerError {
  const message = `the lineage index is being built: ${next} of ${size} leaves. The log itself is not affected.`;
  return fail('INDEX_BEHIND', message, { retryAfter: 5 });
}

function addRows(write: WriteBatch, applied: AppliedBatch): void {
  for (const [key, value] of applied.writes) {
    if (value) write.put(recordKey(key), value);
    else write.del(recordKey(key));
  }
  if (applied.verdicts) write.put(verdictsKey(applied.tip!.index), applied.verdicts);
}
