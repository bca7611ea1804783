/** Records of payments: DUE (at deploy) → HELD → SETTLED | REFUNDED | FAILED; one for each row of a contract and room. */
import { recordType } from '../record.ts';
import { amount, did, type Infer, milliseconds, oneOf, struct, uint } from '../schema.ts';
import { currency } from './contract.ts';

const paymentRecord = struct({
  payer: did,
  payee: did,
  amount: amount(),
  currency,
  state: oneOf('DUE', 'HELD', 'SETTLED', 'REFUNDED', 'FAILED'),
  changed: uint(),
  changedAt: milliseconds,
});
export type PaymentRecord = Infer<typeof paymentRecord>;
export const PAYMENT = recordType<[contract: string, row: number, cleanroom: string], PaymentRecord>(
  'payment',
  paymentRecord,
);
