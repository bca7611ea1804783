/**
 * The in-force watch: follows the log, asks the gates about every contract that concerns the service, and says what has
 * changed. What ends by time has no entry, so that it asks again from time to time, too.
 */
import { type ContractRecord, objectStatus, parseStatement } from '../../chain/index.ts';
import type { LedgerClient, VerifiedEntry } from '../../client/index.ts';
import { toBase64url } from '../../core/bytes.ts';
import type { Crypto } from '../../core/crypto.ts';
import { isLedgerError, type LedgerError } from '../../core/errors.ts';
import { contractOf, type KnownContract } from './contract-view.ts';
import type { Drafts } from './drafts.ts';
import type { EventType, Outbox } from './outbox.ts';
import type { PaymentStage, Payments } from './payments.ts';
import type { Registry } from './registry.ts';
import type { WatchBook, WatchedContract } from './watch-book.ts';

export interface WatchOptions {
  readonly crypto: Crypto;
  readonly client: LedgerClient;
  readonly did: string;
  readonly book: WatchBook;
  readonly drafts: Drafts;
  readonly outbox: Outbox;
  readonly payments: Payments;
  readonly registry: Registry;
  /** Complete a contract as soon as its runs are used up, or its term is over, and nothing of it is open. */
  readonly complete: boolean;
  /** Milliseconds after which everything is asked again. */
  readonly everyMs: number;
  readonly now: () => number;
  /** Told of what could not be asked or logged; it is tried again. */
  readonly failed?: (contract: string | null, error: LedgerError) => void;
}

const STAGE_EVENTS: Readonly<Partial<Record<PaymentStage, EventType>>> = {
  due: 'payment.due',
  earned: 'payment.earned',
  refundable: 'payment.refundable',
};
/** Nothing follows these, once nothing is open. */
const ENDS = ['COMPLETED', 'REVOKED', 'SUPERSEDED', 'DECLINED', 'LAPSED'];
/** Milliseconds before a log that is away is asked again, and before one whose witnesses are still to answer. */
const AWAY = 2000;
const SOON = 250;

export class Watch {
  readonly #options: WatchOptions;

  constructor(options: WatchOptions) {
    this.#options = options;
  }

  /** Until the signal aborts. @throws FORK: nothing that such a log says is worth acting on; INTERNAL */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#follow(signal);
      } catch (error) {
        if (signal.aborted) return;
        if (!isLedgerError(error) || isAlarming(error)) throw error;
        this.#options.failed?.(null, error);
        await wait(AWAY, signal);
      }
    }
  }

  /** Reads what is new, and asks about every contract once. */
  async pass(signal: AbortSignal): Promise<void> {
    const { client, book } = this.#options;
    for await (const entry of client.entries(book.cursor, undefined, { signal })) {
      this.#read(entry);
      book.cursor = entry.index + 1;
    }
    book.write();
    for (const contract of book.contracts) {
      signal.throwIfAborted();
      try {
        await this.#look(contract);
      } catch (error) {
        if (signal.aborted) throw signal.reason;
        if (!isLedgerError(error) || isAlarming(error)) throw error;
        this.#options.failed?.(contract.id, error);
      }
    }
    book.write();
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const heads = this.#options.client.follow({ signal });
    const { everyMs, book } = this.#options;
    let next = heads.next();
    let size = 0;
    try {
      for (;;) {
        await this.pass(signal);
        // A head is told when it is published; gates answer from it when its witnesses have cosigned it.
        const again = book.cursor < size ? Math.min(SOON, everyMs) : everyMs;
        const woken = new AbortController();
        const late = wait(again, AbortSignal.any([signal, woken.signal]));
        const head = await Promise.race([next, late]);
        woken.abort();
        if (signal.aborted) return;
        if (!head) continue;
        if (head.done) return;
        size = head.value.size;
        next = heads.next();
      }
    } finally {
      next.catch(() => undefined);
      void heads.return().catch(() => undefined);
    }
  }

  /** Contracts that name this service, or were drafted or imported here, and their rooms. Whether they count, the gates say. */
  #read({ statement: bytes }: VerifiedEntry): void {
    const { crypto, did, book, drafts } = this.#options;
    const statement = bytes && parsed(crypto, bytes);
    if (!statement?.chain) return;
    const { kind } = statement.chain;
    if (kind === 'contract.propose' || kind === 'contract.import') {
      const { id, parties } = statement.body as { id: string; parties: { paymentService?: string } };
      const own = statement.issuer === did || drafts.has(statement.payload);
      if (own || parties.paymentService === did) book.add(id);
    } else if (kind === 'cleanroom.deploy') {
      const { id, contracts } = statement.body as { id: string; contracts: readonly string[] };
      for (const contract of contracts) book.addRoom(contract, id);
    }
  }

  async #look(contract: WatchedContract): Promise<void> {
    const { client, did, now, book } = this.#options;
    const known = await contractOf(client, contract.id);
    if (!known) return;
    const { record } = known;
    await this.#inForce(contract, record);
    if ((record.paymentService ?? record.tdc) === did) await this.#pay(contract, record);
    await this.#complete(contract, record);
    const state = objectStatus(known.read, contract.id, Math.max(known.time, now()))?.state ?? record.state;
    if (ENDS.includes(state) && record.openRooms === 0 && record.openPayments === 0) {
      this.#options.outbox.say(
        'contract.closed',
        [contract.id, state],
        this.#data(contract, known, { state }),
      );
      book.drop(contract.id);
    }
  }

  async #inForce(contract: WatchedContract, { text }: ContractRecord): Promise<void> {
    const { client, outbox } = this.#options;
    const { decision, reason, at, head, bundle, simulated } = await client.checkContract({
      ...{ contract: contract.id, text, full: true },
    });
    const said = reason ?? decision;
    if (said === contract.said) return;
    const data = {
      ...{ log: client.trust.origin, simulated, contract: contract.id, reason, at, size: head.size },
      bundle: toBase64url(bundle),
    };
    const change = contract.changes + 1;
    if (decision === 'allow') outbox.say('contract.in-force', [contract.id, change], data);
    else if (contract.said === 'allow') outbox.say('contract.stopped', [contract.id, change], data);
    contract.said = said;
    contract.changes = change;
  }

  async #pay({ id: contract, rooms }: WatchedContract, record: ContractRecord): Promise<void> {
    const { client, payments, outbox } = this.#options;
    if (record.openPayments === 0) return;
    for (const cleanroom of rooms) {
      for (const [row, { payee, amount, currency, trigger }] of record.payments.entries()) {
        const { stage, decision } = await payments.standing({ contract, row, cleanroom }, record);
        const type = STAGE_EVENTS[stage];
        if (!type) continue;
        outbox.say(type, [contract, row, cleanroom], {
          ...{ log: client.trust.origin, simulated: decision.simulated },
          ...{ contract, row, cleanroom, payer: record.tdc, payee, amount, currency, trigger },
          ...{ at: decision.at, size: decision.head.size },
          // Against it the processor pays: it needs no word of ours.
          ...(stage === 'earned' && { bundle: toBase64url(decision.bundle) }),
        });
      }
    }
  }

  async #complete({ id }: WatchedContract, record: ContractRecord): Promise<void> {
    const { complete, registry, now } = this.#options;
    const { state, runs, maxRuns, expiry, openRooms, openPayments } = record;
    const open = openRooms > 0 || openPayments > 0;
    if (!complete || state !== 'SIGNED' || open || (runs < maxRuns && now() <= expiry * 1000)) return;
    await registry.register(registry.sign('contract.complete', { id }));
  }

  #data({ id: contract }: WatchedContract, { head }: KnownContract, more: object) {
    return { log: this.#options.client.trust.origin, contract, size: head.size, ...more };
  }
}

/** What is not read here changes nothing here: foreign statements, and kinds of a later version. */
function parsed(crypto: Crypto, statement: Uint8Array) {
  try {
    return parseStatement(crypto, statement);
  } catch (error) {
    if (!isLedgerError(error)) throw error;
    return undefined;
  }
}

/** The log contradicts itself, or this software does. */
function isAlarming({ code }: LedgerError): boolean {
  return code === 'FORK' || code === 'INTERNAL';
}

function wait(milliseconds: number, signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve(undefined);
    };
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener('abort', done);
    if (signal.aborted) done();
  });
}
