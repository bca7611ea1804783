/**
 * The log's side of one witness: what it is known to have recorded, one exchange with it, and how it has been doing. A
 * witness is not trusted for anything but its signature.
 */
import type { Bytes } from '../core/bytes.ts';
import { fail, isLedgerError } from '../core/errors.ts';
import type { AddCheckpoint, PolicyWitness, WitnessAnswer } from '../note/index.ts';
import { timeLimit } from '../platform/time-limit.ts';
import type { CosignedHead, Prove } from './cosigned-head.ts';

/** How a witness is reached. */
export interface WitnessConnection {
  /**
   * @throws UNAVAILABLE, DEADLINE_EXCEEDED nothing came back; WITNESS_REFUSED it will not; RESPONSE_MALFORMED,
   * NOTE_MALFORMED what came back is no answer
   */
  addCheckpoint(request: AddCheckpoint, signal: AbortSignal): Promise<WitnessAnswer>;
  /**
   * The last checkpoint of the log that it has cosigned, where it shows one.
   * @param hash SHA-256 of the origin. @throws as addCheckpoint
   */
  lastCosigned?(hash: Bytes, signal: AbortSignal): Promise<Bytes>;
}

/** What an operator wants to know of a witness. */
export interface WitnessHealth {
  /** In the policy. */
  readonly name: string;
  /** Whether its last answer was a cosignature; false before the first. */
  readonly healthy: boolean;
  /** Size of the tree that it has cosigned last; null: none since the start. */
  readonly size: number | null;
  /** Of its last cosignature, Unix seconds. */
  readonly timestamp: number | null;
  /** Code of what went wrong last; null while it is healthy. */
  readonly error: string | null;
  /** Attempts in a row that have failed. */
  readonly failures: number;
}

/** Of one request. */
const TIMEOUT = 10_000;
/** A recorded size that is not ours is asked for once, and may have moved once meanwhile. */
const MOST_TRIES = 3;
const FIRST_DELAY = 1000;
const LONGEST_DELAY = 60_000;
/** A witness that asks for more is asked again then: nobody would look for the reason of its silence. */
const LONGEST_ASKED = 300_000;

export class WitnessLink {
  readonly witness: PolicyWitness;
  readonly #connection: WitnessConnection;
  #health: Omit<WitnessHealth, 'name'> = {
    healthy: false,
    size: null,
    timestamp: null,
    error: null,
    failures: 0,
  };
  busy = false;
  /** By performance.now(); not asked before. */
  retryAt = 0;
  /** Whether what came of asking it is known, at least once. */
  settled = false;

  constructor(witness: PolicyWitness, connection: WitnessConnection) {
    this.witness = witness;
    this.#connection = connection;
  }

  get name(): string {
    return this.witness.name;
  }

  get health(): WitnessHealth {
    return { name: this.name, ...this.#health };
  }

  /**
   * Asks for a cosignature and adds it to the head; a failure sets {@link retryAt}. Never throws.
   * @returns the code of what went wrong, or undefined
   */
  async ask(
    head: CosignedHead,
    { prove, now, signal }: { prove: Prove; now: () => number; signal: AbortSignal },
  ): Promise<{ readonly code: string; readonly message: string } | undefined> {
    this.busy = true;
    try {
      using limit = timeLimit(TIMEOUT, signal);
      const signatures = await this.#exchange(head, prove, limit.signal);
      const timestamp = head.add(this.name, this.witness.key, signatures, now());
      this.#health = { healthy: true, size: head.size, timestamp, error: null, failures: 0 };
      this.retryAt = 0;
      return undefined;
    } catch (error) {
      // A defect here must not stop a log that has no need of witnesses to take statements.
      const {
        code,
        message,
        retryAfter = 0,
      } = isLedgerError(error) ? error : fail('INTERNAL', String(error));
      const failures = this.#health.failures + 1;
      this.#health = { ...this.#health, healthy: false, error: code, failures };
      // With jitter: witnesses that failed together do not come back together.
      const backOff = Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** Math.min(failures - 1, 10));
      const asked = Math.min(LONGEST_ASKED, retryAfter * 1000);
      this.retryAt = performance.now() + Math.max(asked, backOff * (0.5 + Math.random() / 2));
      return { code, message };
    } finally {
      this.busy = false;
    }
  }

  /** What it shows of the log; undefined: nothing, or nothing in time. */
  async lastCosigned(hash: Bytes, signal: AbortSignal): Promise<Bytes | undefined> {
    using limit = timeLimit(TIMEOUT, signal);
    try {
      return await this.#connection.lastCosigned?.(hash, limit.signal);
    } catch (error) {
      if (isLedgerError(error)) return undefined;
      throw error;
    }
  }

  async #exchange(head: CosignedHead, prove: Prove, signal: AbortSignal) {
    // A witness that is asked for the first time says by a conflict where it is: nothing about it is remembered here.
    let old = this.#health.size ?? 0;
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      const proof = old > 0 && old < head.size ? await prove(old, head.size) : [];
      const answer = await this.#connection.addCheckpoint({ old, proof, checkpoint: head.signed }, signal);
      if (answer.type === 'cosigned') return answer.signatures;
      if (answer.size === old)
        throw fail('RESPONSE_MALFORMED', 'a conflict with the very size that was given');
      if (answer.size > head.size) {
        throw fail(
          'STALE',
          `the witness has cosigned a tree of ${answer.size} of this log, which has ${head.size}: a restored backup, or a second log with this key?`,
        );
      }
      old = answer.size;
    }
    throw fail('UNAVAILABLE', 'the recorded size moves faster than it can be followed');
  }
}
