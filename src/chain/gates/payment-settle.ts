/** payment.settle: may what is held be paid out? Asked by the payment service before it moves the money. */
import { isEarned } from '../payment-standing.ts';
import { CLEANROOM } from '../records/cleanroom.ts';
import { CONTRACT, currency, MAX_ROWS } from '../records/contract.ts';
import { PAYMENT } from '../records/payment.ts';
import { refuse } from '../refusal.ts';
import { amount, did, uint, urn } from '../schema.ts';
import { declareGate } from './gate.ts';

export const settle = declareGate({
  step: 'payment.settle',
  question:
    'Is this payment held, in this amount and to this payee, and has the clean room that it is for earned it?',
  members: {
    contract: urn('contract'),
    /** Position in the contract's payment terms. */
    row: uint({ max: MAX_ROWS - 1 }),
    cleanroom: urn('cleanroom'),
    /** Who asks. */
    service: did,
    payee: did,
    /** In minor units. */
    amount: amount(),
    currency,
  },
  reasons: {
    PAYMENT_NOT_IN_TERMS: 'The contract has no such payment for this clean room.',
    PAYMENT_SERVICE_MISMATCH: 'Another participant settles the payments of the contract.',
    PAYEE_MISMATCH: 'The payment is to another payee.',
    AMOUNT_MISMATCH: 'The payment is of another amount.',
    CURRENCY_MISMATCH: 'The payment is in another currency.',
    PAYMENT_NOT_HELD: 'The amount is due, and not held.',
    PAYMENT_CLOSED: 'The payment was settled, refunded, or has failed.',
    RUN_NOT_COMPLETED:
      'The run of the clean room has not been completed, nor has the room ended after a key was released to it.',
  },
  decide({ read, at }, { contract: id, row, cleanroom, service, payee, amount: sum, currency: unit }) {
    const contract = CONTRACT.read(read, id);
    const payment = PAYMENT.read(read, id, row, cleanroom);
    if (!contract || !payment) return refuse('PAYMENT_NOT_IN_TERMS');
    if ((contract.paymentService ?? contract.tdc) !== service) return refuse('PAYMENT_SERVICE_MISMATCH');
    if (payment.payee !== payee) return refuse('PAYEE_MISMATCH');
    if (payment.amount !== sum) return refuse('AMOUNT_MISMATCH');
    if (payment.currency !== unit) return refuse('CURRENCY_MISMATCH');
    if (payment.state === 'DUE') return refuse('PAYMENT_NOT_HELD');
    if (payment.state !== 'HELD') return refuse('PAYMENT_CLOSED', payment.state);
    const room = CLEANROOM.read(read, cleanroom);
    return room && isEarned(read, room, at) ? undefined : refuse('RUN_NOT_COMPLETED');
  },
});
