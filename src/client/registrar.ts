/**
 * Registration: from a statement to its verified place in the log. The entry id is computed here, from the bytes that
 * were sent; whatever the server says about it does not count.
 */
import { canonicalStatement } from '../chain/index.ts';
import type { Bytes } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { fail, isLedgerError, type LedgerError } from '../core/errors.ts';
import { evaluateQuorum } from '../note/index.ts';
import {
  openHead,
  sameHead,
  type TreeHead,
  type Trust,
  verifyReceipt,
  witnessPolicy,
} from '../verify/index.ts';
import { attempt, isRetryable, pause } from './attempt.ts';
import type { HighWater } from './high-water.ts';
import type { VerifiedHead } from './ledger-client.ts';
import { StatementSource } from './statement-source.ts';
import {
  type BatchChannel,
  type Call,
  type ClaimedRegistration,
  present,
  type Transport,
  type Wait,
} from './transport.ts';

/** A statement's verified place in the log. */
export interface Registration {
  readonly index: number;
  /** SHA-256 of the canonical statement, 32 bytes. */
  readonly entryId: Bytes;
  /** COSE receipt (RFC 9942): the proof, to keep with the statement. */
  readonly receipt: Bytes;
  /** The tree that the receipt is for: of one history with everything this client has accepted. */
  readonly head: TreeHead;
  /** Where it was waited for: the same tree, under cosignatures that meet the quorum of the trust file's policy. */
  readonly witnessed?: VerifiedHead;
}

/** What became of one statement of many. `position` counts the statements of the source from 0. */
export type RegistrationOutcome =
  | { readonly position: number; readonly registration: Registration }
  | { readonly position: number; readonly error: LedgerError };

export interface BatchOptions {
  /** Statements in one batch (default 256, at most 1,024). */
  readonly batch?: number;
  /** Batches that are under way at once (default 4). */
  readonly window?: number;
  /** Default: LOGGED. */
  readonly wait?: Wait;
}

export interface RegistrarOptions {
  readonly crypto: Crypto;
  readonly trust: Trust;
  readonly transport: Transport;
  readonly highWater: HighWater;
  readonly retries: number;
}

/** Of one batch, so that its message stays well below what a server takes. */
const BATCH_BYTES = 2 << 20;
const MAX_BATCH = 1024;

interface Prepared {
  readonly statement: Bytes;
  readonly entryId: Bytes;
}

export class Registrar {
  readonly #options: RegistrarOptions;

  constructor(options: RegistrarOptions) {
    this.#options = options;
  }

  async register(arrived: Bytes, call: Call, wait: Wait = 'LOGGED'): Promise<Registration> {
    const { transport, retries, trust } = this.#options;
    checkWait(trust, wait);
    const { statement, entryId } = this.#prepare(arrived);
    const claim = await attempt(retries, call, (each) => transport.register(statement, each, wait));
    return this.#accepted(this.#verify(entryId, claim, wait), call);
  }

  /** @throws NOT_FOUND */
  async receipt(entryId: Bytes, call: Call): Promise<Registration> {
    const { transport, retries } = this.#options;
    const receipt = await attempt(retries, call, (each) => transport.receipt(entryId, each));
    return this.#accepted(this.#verify(entryId, { receipt, checkpoint: null }, 'LOGGED'), call);
  }

  /**
   * Outcomes in the order of the source. The source is read only as fast as the log answers.
   * @throws FORK, STALE and what is wrong with the marks: no outcome is to be had from such a log
   */
  async *registerAll(
    statements: Iterable<Bytes> | AsyncIterable<Bytes>,
    call: () => Call,
    { batch = 256, window = 4, wait = 'LOGGED' }: BatchOptions,
  ): AsyncGenerator<RegistrationOutcome, void, undefined> {
    if (batch < 1 || batch > MAX_BATCH || window < 1) throw fail('ARGUMENT_INVALID', 'batch and window');
    checkWait(this.#options.trust, wait);
    const source = new StatementSource(statements, { statements: batch, bytes: BATCH_BYTES });
    const channel = this.#options.transport.openBatches();
    const over = new AbortController();
    const underWay: Promise<RegistrationOutcome[]>[] = [];
    let reading: Promise<Bytes[] | null> | undefined;
    let position = 0;
    let ended = false;
    try {
      for (;;) {
        if (!ended && underWay.length < window) reading ??= source.batch();
        const first = underWay[0];
        if (!reading && !first) return;
        // Whichever comes first: a source may wait for an outcome before it gives the next statement.
        const event = await Promise.race([
          ...(first ? [first.then((outcomes) => ({ outcomes }))] : []),
          ...(reading ? [reading.then((next) => ({ next }))] : []),
        ]);
        if ('outcomes' in event) {
          underWay.shift();
          yield* event.outcomes;
          continue;
        }
        reading = undefined;
        if (!event.next) {
          ended = true;
          continue;
        }
        const outcomes = this.#registerBatch(channel, event.next, position, until(call(), over.signal), wait);
        // If the loop ends before its turn comes, nobody else looks at it.
        outcomes.catch(() => undefined);
        underWay.push(outcomes);
        position += event.next.length;
      }
    } finally {
      reading?.catch(() => undefined);
      source.close();
      // Also what would be tried again: nobody waits for it any more.
      over.abort();
      channel.close();
    }
  }

  async #registerBatch(
    channel: BatchChannel,
    arrived: readonly Bytes[],
    position: number,
    call: Call,
    wait: Wait,
  ): Promise<RegistrationOutcome[]> {
    const outcomes: (Registration | LedgerError)[] = [];
    const waiting: (Prepared & { at: number })[] = [];
    arrived.forEach((bytes, at) => {
      const prepared = refusedOr(() => this.#prepare(bytes));
      if ('statement' in prepared) waiting.push({ ...prepared, at });
      else outcomes[at] = prepared;
    });
    for (let tried = 0, left = waiting; left.length > 0; tried++) {
      const answers = await this.#send(channel, left, call, wait);
      left.forEach(({ entryId, at }, i) => {
        const answer = answers[i]!;
        outcomes[at] = isLedgerError(answer) ? answer : refusedOr(() => this.#verify(entryId, answer, wait));
      });
      left = left.filter(({ at }) => isRetryable(outcomes[at]));
      const delays = left.map(({ at }) => (outcomes[at] as LedgerError).retryAfter ?? 0);
      if (left.length === 0 || tried >= this.#options.retries) break;
      if (!(await pause(tried, Math.max(...delays), call))) break;
    }
    await this.#acceptHeads(outcomes, call);
    return outcomes.map((outcome, i) =>
      isLedgerError(outcome)
        ? { position: position + i, error: outcome }
        : { position: position + i, registration: outcome },
    );
  }

  /** What hits the whole batch (a broken stream, a deadline) is the answer to each of its statements. */
  async #send(channel: BatchChannel, batch: readonly Prepared[], call: Call, wait: Wait) {
    try {
      return await channel.register(
        batch.map(({ statement }) => statement),
        call,
        wait,
      );
    } catch (error) {
      if (!isLedgerError(error)) throw error;
      return batch.map(() => error);
    }
  }

  /** @throws what is malformed in it: such a statement is not sent */
  #prepare(arrived: Bytes): Prepared {
    const canonical = canonicalStatement(arrived);
    // The caller may use its buffer again while this is under way, and it is sent again where an attempt fails.
    const statement = canonical === arrived ? arrived.slice() : canonical;
    return { statement, entryId: this.#options.crypto.sha256(statement) };
  }

  /**
   * @throws RECEIPT_INVALID, ORIGIN_MISMATCH and the like: not a receipt for this statement by this log
   * @throws QUORUM_NOT_MET and what is wrong with the checkpoint, where one was waited for
   */
  #verify(entryId: Bytes, claim: ClaimedRegistration, wait: Wait): Registration {
    const { crypto, trust } = this.#options;
    // A view would keep the whole answer in memory.
    const receipt = claim.receipt.slice();
    const { index, head } = verifyReceipt(crypto, trust, receipt, entryId);
    if (wait === 'LOGGED') return { index, entryId, receipt, head };
    return { index, entryId, receipt, head, witnessed: this.#witnessed(claim.checkpoint, head) };
  }

  #witnessed(note: string | null, receiptHead: TreeHead): VerifiedHead {
    const { crypto, trust } = this.#options;
    const checkpoint = present(note, 'checkpoint');
    const head = openHead(crypto, trust, checkpoint);
    // The receipt proves inclusion in its own tree: it has to be the one that the witnesses have seen.
    if (!sameHead(head, receiptHead)) {
      throw fail('RECEIPT_INVALID', 'the receipt is for another tree than the witnessed head');
    }
    const policy = witnessPolicy(trust)!;
    if (!evaluateQuorum(policy, head.cosignatures)) {
      throw fail('QUORUM_NOT_MET', `${head.cosignatures.length} known cosignatures are not enough`);
    }
    return { ...head, checkpoint, witnessed: true };
  }

  async #accepted(registration: Registration, call: Call): Promise<Registration> {
    const { head, witnessed, receipt, entryId } = registration;
    const signed = witnessed?.checkpoint ?? { receipt, entryId };
    await this.#options.highWater.accept({ ...head, signed }, witnessed !== undefined, call);
    return registration;
  }

  /** Receipts of a batch come under a few heads: each is linked once, the largest last. */
  async #acceptHeads(outcomes: readonly (Registration | LedgerError)[], call: Call): Promise<void> {
    let last: TreeHead | undefined;
    const registrations = outcomes.flatMap((outcome) => (isLedgerError(outcome) ? [] : [outcome]));
    for (const registration of registrations.sort((a, b) => a.head.size - b.head.size)) {
      if (last && sameHead(registration.head, last)) continue;
      await this.#accepted(registration, call);
      last = registration.head;
    }
  }
}

/** Whether an answer is witnessed is for the caller's own policy to say. @throws ARGUMENT_INVALID */
function checkWait(trust: Trust, wait: Wait): void {
  if (wait === 'WITNESSED' && !witnessPolicy(trust)) {
    throw fail('ARGUMENT_INVALID', 'the trust file has no policy: it names no witnesses to wait for');
  }
}

function until(call: Call, over: AbortSignal): Call {
  return { ...call, signal: call.signal ? AbortSignal.any([call.signal, over]) : over };
}

function refusedOr<T>(act: () => T): T | LedgerError {
  try {
    return act();
  } catch (error) {
    if (!isLedgerError(error)) throw error;
    return error;
  }
}
