/**
 * Admission: a bounded queue in front of the worker threads. Courtesy, not law: it gives the sender a fast, precise
 * refusal; the transition function decides again on the logged bytes.
 */
import type { Bytes } from '../core/bytes.ts';
import { fail, LedgerError } from '../core/errors.ts';
import type { SigningKey } from './signing-keys.ts';
import type { MakeVerifier, Verifier } from './verifier.ts';
import { type Admission, packStatements, unpackAdmissions } from './verify-batch.ts';

export interface AdmissionLimits {
  /** Statements that may be between arrival and answer. */
  readonly maxQueued: number;
  /** Their bytes. */
  readonly maxQueuedBytes: number;
  /** Bytes of one statement, at most the format's 1 MiB. */
  readonly maxStatementBytes: number;
}

/** Whoever waits for a statement; told once. An error that is no LedgerError is a defect. */
export type Settle<Answer> = (outcome: Answer | Error) => void;

/** A statement on its way, and whom to answer. */
interface Submission<Answer> {
  readonly arrived: Bytes;
  readonly settle: Settle<Answer>;
}

export interface Admitted<Answer> {
  readonly admission: Extract<Admission, { outcome: 'admitted' }>;
  readonly settle: Settle<Answer>;
}

/** Statements a worker gets at a time: enough to forget the cost of the message, few enough to keep both busy. */
const CHUNK = 128;
/** Statements that keep a thread busy while more come in. */
const PLENTY = 32;
/** And their bytes: they are copied for the thread. */
const CHUNK_BYTES = 1024 * 1024;

export interface AdmissionObserver<Answer> {
  /** Called with admitted statements, in order of arrival; with none where all of a chunk were refused. */
  admitted(batch: Admitted<Answer>[]): void;
  /** Seconds from handing a chunk to a thread to its answer. */
  verified(seconds: number): void;
}

export class AdmissionQueue<Answer> {
  readonly #limits: AdmissionLimits;
  readonly #verifier: Verifier;
  readonly #observer: AdmissionObserver<Answer>;
  #waiting: Submission<Answer>[] = [];
  #held = 0;
  #heldBytes = 0;
  /** Chunks that threads have. */
  #verifying = 0;
  /** Chunks are handed on in the order they were taken, whichever worker is faster. */
  #order: Promise<void> = Promise.resolve();

  /** @param keys signing keys of the state, by name; the caller adds to it what {@link learn} is told */
  constructor(
    limits: AdmissionLimits,
    verifier: MakeVerifier,
    keys: ReadonlyMap<string, SigningKey>,
    observer: AdmissionObserver<Answer>,
  ) {
    this.#limits = limits;
    this.#observer = observer;
    this.#verifier = verifier(() => [...keys.values()]);
  }

  /** Statements between arrival and answer. */
  get queued(): number {
    return this.#held;
  }

  /** Their bytes. */
  get queuedBytes(): number {
    return this.#heldBytes;
  }

  /** Whether statements are being verified: what is admitted now is not the last. */
  get verifying(): boolean {
    return this.#verifying > 0;
  }

  /**
   * Queues one statement. The answer comes from whoever takes it on from `admitted`.
   * @param settle a callback, since most statements come in batches, of which each wants one promise
   * @throws STATEMENT_TOO_LARGE, LOG_OVERLOADED
   */
  submit(arrived: Bytes, settle: Settle<Answer>): void {
    const { maxQueued, maxQueuedBytes, maxStatementBytes } = this.#limits;
    const { length } = arrived;
    if (length > maxStatementBytes) {
      throw fail('STATEMENT_TOO_LARGE', `${length} bytes, at most ${maxStatementBytes} are taken`);
    }
    if (this.#held >= maxQueued || this.#heldBytes + length > maxQueuedBytes) {
      throw fail('LOG_OVERLOADED', 'the admission queue is full', { retryAfter: 1 });
    }
    this.#held += 1;
    this.#heldBytes += length;
    this.#waiting.push({
      arrived,
      settle: (outcome) => {
        this.#held -= 1;
        this.#heldBytes -= length;
        settle(outcome);
      },
    });
    // Statements that arrive in one turn of the event loop go to the workers together.
    if (this.#waiting.length === 1) setImmediate(() => this.#pump());
  }

  /** Tells the verifier of new signing keys, ahead of any later statement. */
  learn(keys: readonly SigningKey[]): void {
    if (keys.length > 0) this.#verifier.learn(keys);
  }

  /** Answers everything that waits with `error`. */
  rejectWaiting(error: LedgerError): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { settle } of waiting) settle(error);
  }

  async close(): Promise<void> {
    await this.#verifier.close();
  }

  #pump(): void {
    while (this.#waiting.length > 0 && this.#verifier.free) {
      this.#dispatch(this.#takeChunk());
    }
  }

  /** As many as leave all threads with as much to do; where each has plenty, few messages count for more. */
  #takeChunk(): Submission<Answer>[] {
    const { all, least } = this.#verifier.load;
    const even = Math.ceil((all + this.#waiting.length) / this.#verifier.size) - least;
    const share = Math.min(this.#waiting.length, CHUNK, least < PLENTY ? Math.max(1, even) : CHUNK);
    let count = 0;
    for (let bytes = 0; count < share; count++) {
      bytes += this.#waiting[count]!.arrived.length;
      if (count > 0 && bytes > CHUNK_BYTES) break;
    }
    return this.#waiting.splice(0, count);
  }

  #dispatch(chunk: Submission<Answer>[]): void {
    const statements = chunk.map((submission) => submission.arrived);
    this.#verifying += 1;
    const request = packStatements(statements);
    const began = performance.now();
    const answered = this.#verifier.verify(request).then(
      (answer) => {
        this.#observer.verified((performance.now() - began) / 1000);
        return unpackAdmissions(statements, answer);
      },
      (error: unknown) => (error instanceof Error ? error : new Error(String(error))),
    );
    void answered.then(() => this.#pump());
    this.#order = this.#order.then(async () => {
      const outcome = await answered;
      this.#verifying -= 1;
      const admitted: Admitted<Answer>[] = [];
      chunk.forEach(({ settle }, i) => {
        const admission = outcome instanceof Error ? outcome : outcome[i]!;
        if (admission instanceof Error) settle(admission);
        else if (admission.outcome === 'admitted') admitted.push({ admission, settle });
        else settle(new LedgerError(admission.code, admission.message));
      });
      this.#observer.admitted(admitted);
    });
  }
}
