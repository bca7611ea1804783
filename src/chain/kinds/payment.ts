/**
 * payment.*: what a contract’s payment service says of the money, one payment for each row and clean room.
 * DUE (from the deployment) → HELD → SETTLED | REFUNDED | FAILED. The money itself moves elsewhere.
 */
import { type Context, declareKind } from '../kind.ts';
import { isEarned } from '../payment-standing.ts';
import type { Write } from '../record.ts';
import { CLEANROOM } from '../records/cleanroom.ts';
import { CONTRACT, type ContractRecord, currency, MAX_ROWS } from '../records/contract.ts';
import { PAYMENT, type PaymentRecord } from '../records/payment.ts';
import { isRefusal, type Refusal, refuse } from '../refusal.ts';
import { roomStateAt } from '../room-end.ts';
import { amount, did, type Infer, struct, text, uint, urn } from '../schema.ts';
import { digest, PARTICIPANT } from '../state.ts';
import { stateAt } from '../stop.ts';

const body = struct({
  contract: urn('contract'),
  /** Position in the contract’s payments, from 0. */
  row: uint({ max: MAX_ROWS - 1 }),
  cleanroom: urn('cleanroom'),
  payer: did,
  payee: did,
  /** Minor units. */
  amount: amount(),
  currency,
  processor: text({ max: 128 }),
  /** Salted commitment to the processor’s own reference. */
  reference: digest,
});
type Body = Infer<typeof body>;

const TERMS = {
  PAYMENT_NOT_IN_TERMS: 'No contract has such a payment for this clean room, between these parties.',
  AMOUNT_MISMATCH: 'The amount is not that of the contract.',
  CURRENCY_MISMATCH: 'The currency is not that of the contract.',
} as const;

const shape = {
  signer: 'active',
  delegate: 'payment',
  body,
  subject: (of: Body) => of.contract,
} as const;

type State = PaymentRecord['state'];
interface Found {
  readonly contract: ContractRecord;
  readonly payment: PaymentRecord;
}

/**
 * The payment as the contract has it, in one of the states; the service that the contract names is who answers for it.
 * @param heir may answer when that is no participant any more
 */
function find(
  ctx: Context<'active'>,
  stated: Body,
  from: readonly State[],
  heir = false,
): Found | Refusal<keyof typeof TERMS | 'ROLE_NOT_HELD' | 'STATE_WRONG'> {
  const contract = CONTRACT.read(ctx.read, stated.contract);
  const payment = PAYMENT.read(ctx.read, stated.contract, stated.row, stated.cleanroom);
  if (!contract || !payment) return refuse('PAYMENT_NOT_IN_TERMS', `row ${stated.row}`);
  const service = contract.paymentService ?? contract.tdc;
  const inherits = heir && hasLeft(ctx, service);
  if (ctx.principal.did !== service && !inherits) {
    return refuse('ROLE_NOT_HELD', 'not the payment service of the contract');
  }
  if (stated.payer !== payment.payer || stated.payee !== payment.payee) {
    return refuse('PAYMENT_NOT_IN_TERMS', 'other parties');
  }
  if (stated.amount !== payment.amount) return refuse('AMOUNT_MISMATCH', String(payment.amount));
  if (stated.currency !== payment.currency) return refuse('CURRENCY_MISMATCH', payment.currency);
  if (!from.includes(payment.state)) return refuse('STATE_WRONG', `the payment is ${payment.state}`);
  return { contract, payment };
}

/** For good, and by now. A service signs no contract, so nothing keeps it from withdrawing while payments are open. */
function hasLeft({ read, time }: Context<'active'>, did: string): boolean {
  const service = PARTICIPANT.read(read, did);
  const state = service && stateAt(service, time);
  return state === 'REVOKED' || state === 'WITHDRAWN';
}

function move(
  ctx: Context<'active'>,
  { contract: id, row, cleanroom }: Body,
  { contract, payment }: Found,
  state: State,
): readonly Write[] {
  const moved = PAYMENT.put(
    { ...payment, state, changed: ctx.index, changedAt: ctx.time },
    id,
    row,
    cleanroom,
  );
  if (state === 'HELD') return [moved];
  // It has ended: the contract waits for it no longer.
  return [moved, CONTRACT.put({ ...contract, openPayments: contract.openPayments - 1 }, id)];
}

export const hold = declareKind({
  ...shape,
  name: 'payment.hold',
  rule: 'The money is held for the payee. DUE → HELD.',
  refusals: TERMS,
  shared: ['ROLE_NOT_HELD', 'STATE_WRONG'],
  apply(ctx, stated) {
    const found = find(ctx, stated, ['DUE']);
    return isRefusal(found) ? found : move(ctx, stated, found, 'HELD');
  },
});

export const settle = declareKind({
  ...shape,
  name: 'payment.settle',
  rule:
    'The payee has the money: the run of the clean room was completed, or the room has ended after a key was released to ' +
    'it. HELD → SETTLED.',
  refusals: TERMS,
  shared: ['ROLE_NOT_HELD', 'STATE_WRONG'],
  apply(ctx, stated) {
    const found = find(ctx, stated, ['HELD']);
    if (isRefusal(found)) return found;
    const room = CLEANROOM.read(ctx.read, stated.cleanroom)!;
    // Else the payer would have lost what a room that never trains, or that fails, may still give back.
    if (!isEarned(ctx.read, room, ctx.time)) return refuse('STATE_WRONG', `the clean room is ${room.state}`);
    return move(ctx, stated, found, 'SETTLED');
  },
});

export const refund = declareKind({
  ...shape,
  name: 'payment.refund',
  rule:
    'The payer has the money back. Once a key was released to the clean room, only if the room has failed and the ' +
    'contract’s terms allow it. DUE | HELD → REFUNDED.',
  refusals: {
    ...TERMS,
    REFUND_NOT_ALLOWED:
      'A key was released to the clean room, and the terms allow no refund for what came of it.',
  },
  shared: ['ROLE_NOT_HELD', 'STATE_WRONG'],
  apply(ctx, stated) {
    const found = find(ctx, stated, ['DUE', 'HELD']);
    if (isRefusal(found)) return found;
    const room = CLEANROOM.read(ctx.read, stated.cleanroom)!;
    const failed =
      roomStateAt(room, ctx.time) === 'FAILED' && found.contract.refundAfterGrant === 'if-failed';
    if (room.granted && !failed) return refuse('REFUND_NOT_ALLOWED');
    return move(ctx, stated, found, 'REFUNDED');
  },
});

export const fail = declareKind({
  ...shape,
  name: 'payment.fail',
  rule:
    'The processor could not make the payment. DUE | HELD → FAILED. (The SRO says so when the payment service is no ' +
    'participant any more: else its contract would never be complete.)',
  refusals: TERMS,
  shared: ['ROLE_NOT_HELD', 'STATE_WRONG'],
  apply(ctx, stated) {
    const found = find(ctx, stated, ['DUE', 'HELD'], ctx.principal.roles.includes('SRO'));
    return isRefusal(found) ? found : move(ctx, stated, found, 'FAILED');
  },
});
