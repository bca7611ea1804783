/**
 * Payments of contracts whose payment service this is. The money moves elsewhere: the processor is told when to hold and when
 * to pay, and what it says that it has done is logged. Nothing is paid out but against a verified gate.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  CLEANROOM,
  type CleanroomRecord,
  type ContractRecord,
  describeReason,
  roomStateAt,
} from '../../chain/index.ts';
import type { GateDecision, LedgerClient } from '../../client/index.ts';
import { fromBase64url, toBase64url, toHex, utf8 } from '../../core/bytes.ts';
import { encode } from '../../core/cbor.ts';
import type { Crypto } from '../../core/crypto.ts';
import { fail, isLedgerError, LedgerError } from '../../core/errors.ts';
import { makeFolder, writeFileAtomically } from '../../platform/write-file.ts';
import { contractOf } from './contract-view.ts';
import type { Registered, Registry } from './registry.ts';

/** One row of a contract's payment terms, for one clean room. */
export interface PaymentName {
  readonly contract: string;
  /** From 0. */
  readonly row: number;
  readonly cleanroom: string;
}

/** What the processor has done. */
export const OUTCOMES = { held: 'hold', settled: 'settle', refunded: 'refund', failed: 'fail' } as const;
export type PaymentOutcome = keyof typeof OUTCOMES;

export interface Confirmation extends PaymentName {
  readonly outcome: PaymentOutcome;
  /** Minor units. */
  readonly amount: number;
  readonly currency: string;
  /** What the processor calls it; the log has a salted commitment to it. */
  readonly reference: string;
}

/**
 * - `none`: the contract has no such payment yet. - `due`: to be held. - `refundable`: the payer can have it back.
 * - `held`. - `earned`: it may be paid out. - `closed`.
 */
export type PaymentStage = 'none' | 'due' | 'refundable' | 'held' | 'earned' | 'closed';

export interface PaymentStanding {
  readonly stage: PaymentStage;
  readonly decision: GateDecision<'payment.settle'>;
}

interface PaymentParts {
  readonly crypto: Crypto;
  readonly client: LedgerClient;
  readonly registry: Registry;
  readonly did: string;
  readonly folder: string;
  /** Who moves the money, such as a bank. */
  readonly processor: string;
}

export class Payments {
  readonly #parts: PaymentParts;
  readonly #under = new Set<string>();

  constructor(parts: PaymentParts) {
    makeFolder(parts.folder);
    this.#parts = parts;
  }

  /** @throws as the gate */
  async standing(
    { contract, row, cleanroom }: PaymentName,
    record: ContractRecord,
  ): Promise<PaymentStanding> {
    const { client, did: service } = this.#parts;
    const { payee, amount, currency } = rowOf(record, row);
    const decision = await client.checkPayment({
      ...{ contract, row, cleanroom, service, payee, amount, currency },
    });
    const stage = stageOf(decision);
    if (stage === 'none' || stage === 'closed') return { stage, decision };
    const { values } = await client.facts([CLEANROOM.key(cleanroom)]);
    const room = values[0] ? CLEANROOM.decode(values[0]) : undefined;
    // Before what was earned: of a room that has failed, the terms may give it back.
    const refundable = room !== undefined && isRefundable(record, room, decision.at);
    return { stage: refundable ? 'refundable' : stage, decision };
  }

  /**
   * Logs what the processor has done. Asked again: the same answer.
   * @throws NOT_FOUND; the gate’s reason why it must not be settled; the log’s refusal
   */
  async confirm(said: Confirmation): Promise<Registered> {
    const { client } = this.#parts;
    const path = this.#fileOf(said);
    // Two at once would be two statements, one of them with a reference that nobody can open.
    if (this.#under.has(path)) throw fail('UNAVAILABLE', 'this confirmation is being logged');
    this.#under.add(path);
    try {
      const before = await this.#before(path, said);
      if (before) return before;
      const known = await contractOf(client, said.contract);
      if (!known) throw fail('NOT_FOUND', `there is no contract ${said.contract}`);
      if (said.outcome === 'settled') {
        const { stage, decision } = await this.standing(said, known.record);
        if (stage !== 'earned') {
          const code = decision.reason ?? 'STATE_WRONG';
          throw new LedgerError(code, `the payment must not be settled: it is ${stage}`);
        }
      }
      return await this.#log(path, said, known.record);
    } finally {
      this.#under.delete(path);
    }
  }

  async #log(path: string, said: Confirmation, record: ContractRecord): Promise<Registered> {
    const { crypto, registry, processor } = this.#parts;
    const { contract, row, cleanroom, outcome, amount, currency, reference } = said;
    const salt = crypto.randomBytes(32);
    const statement = registry.sign(`payment.${OUTCOMES[outcome]}`, {
      ...{ contract, row, cleanroom, payer: record.tdc, payee: rowOf(record, row).payee, amount, currency },
      ...{ processor, reference: crypto.sha256(encode([salt, utf8(reference)])) },
    });
    // Before it is logged: without salt and reference nobody could show what the commitment is to.
    const kept = { v: 1, ...said, salt: toBase64url(salt), statement: toBase64url(statement) };
    writeFileAtomically(path, `${JSON.stringify(kept)}\n`);
    return registry.register(statement);
  }

  /** The entry of the statement that was made for it before, if there is one and the log takes it. */
  async #before(path: string, said: Confirmation): Promise<Registered | undefined> {
    let text: string;
    try {
      text = await readFile(path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
    const kept = JSON.parse(text) as Confirmation & { readonly statement: string };
    let registered: Registered;
    try {
      registered = await this.#parts.registry.register(fromBase64url(kept.statement));
    } catch (error) {
      // It was refused, so it stands for nothing; a log that is away has refused nothing.
      if (isLedgerError(error) && describeReason(error.code)?.class === 'refused') return undefined;
      throw error;
    }
    if (kept.reference !== said.reference) {
      throw fail('ID_TAKEN', 'this was confirmed before, under another reference');
    }
    return registered;
  }

  #fileOf({ contract, row, cleanroom, outcome }: Confirmation): string {
    const { crypto, folder } = this.#parts;
    return join(folder, `${toHex(crypto.sha256(encode([contract, row, cleanroom, outcome])))}.json`);
  }
}

/** @throws NOT_FOUND */
export function rowOf({ payments }: ContractRecord, row: number) {
  const found = payments[row];
  if (!found) throw fail('NOT_FOUND', `the contract has no payment ${row}`);
  return found;
}

/** As payment.refund has it: nothing was granted to a room that has ended; or it failed, and the terms allow it. */
function isRefundable({ refundAfterGrant }: ContractRecord, room: CleanroomRecord, time: number): boolean {
  const state = roomStateAt(room, time);
  if (room.granted) return state === 'FAILED' && refundAfterGrant === 'if-failed';
  return state === 'ABORTED' || state === 'FAILED' || state === 'TERMINATED';
}

function stageOf({ decision, reason }: GateDecision<'payment.settle'>): PaymentStage {
  if (decision === 'allow') return 'earned';
  if (reason === 'PAYMENT_NOT_HELD') return 'due';
  if (reason === 'RUN_NOT_COMPLETED') return 'held';
  return reason === 'PAYMENT_CLOSED' ? 'closed' : 'none';
}
