/**
 * Receipts of the trusted log, and where they put an entry. A receipt is taken for the log's only by its protected
 * header and its signature; where it was found says nothing.
 */
import { type Bytes, equal } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { fail, isLedgerError } from '../core/errors.ts';
import { decodeReceipt, type Receipt, thumbprint, verifyInclusionReceipt } from '../cose/index.ts';
import type { TreeHead } from './head.ts';
import type { Trust } from './trust.ts';

/** Where a proof puts the statement. The head is the log's word only once its signature has been verified. */
export interface Placement {
  readonly index: number;
  readonly head: TreeHead;
}

/** @throws ORIGIN_MISMATCH of another log; RECEIPT_INVALID of another key or service; as decodeReceipt */
export function readReceipt(crypto: Crypto, trust: Trust, bytes: Bytes): Receipt {
  const receipt = decodeReceipt(bytes);
  const { kid, claims } = receipt;
  if (claims.subject !== trust.origin) {
    throw fail('ORIGIN_MISMATCH', `a receipt of the log ${claims.subject ?? 'without a name'}`);
  }
  if (!kid || !equal(kid, thumbprint(crypto, trust.receiptKey))) {
    throw fail('RECEIPT_INVALID', 'the receipt names another key than the trusted one');
  }
  return receipt;
}

/** Header 394 is nobody's: junk and other logs' receipts are passed over. @throws RECEIPT_INVALID, or the last refusal */
export function ownReceipts(crypto: Crypto, trust: Trust, embedded: readonly Bytes[]): Receipt[] {
  let refusal: unknown = fail('RECEIPT_INVALID', 'there is no receipt');
  const receipts = embedded.flatMap((bytes) => {
    try {
      return [readReceipt(crypto, trust, bytes)];
    } catch (error) {
      if (!isLedgerError(error)) throw error;
      refusal = error;
      return [];
    }
  });
  if (receipts.length === 0) throw refusal;
  return receipts;
}

export function firstPlacement(
  crypto: Crypto,
  trust: Trust,
  receipts: readonly Receipt[],
  entryId: Bytes,
): Placement {
  let refusal: unknown;
  for (const receipt of receipts) {
    try {
      return verifyPlacement(crypto, trust, receipt, entryId);
    } catch (error) {
      if (!isLedgerError(error)) throw error;
      refusal = error;
    }
  }
  throw refusal;
}

/** @throws RECEIPT_INVALID, PROOF_MALFORMED as verifyInclusionReceipt */
function verifyPlacement(
  crypto: Crypto,
  { origin, service, receiptKey }: Trust,
  receipt: Receipt,
  entryId: Bytes,
): Placement {
  const expected = service === undefined ? { origin } : { origin, service };
  const { index, size, root } = verifyInclusionReceipt(crypto, receiptKey, receipt, entryId, expected);
  return { index: Number(index), head: { size: Number(size), root } };
}

/**
 * Where a receipt puts an entry, from its bytes.
 * @param entryId 32 bytes, computed by the caller from the statement
 * @throws as {@link readReceipt}, verifyInclusionReceipt
 */
export function verifyReceipt(crypto: Crypto, trust: Trust, receipt: Bytes, entryId: Bytes): Placement {
  return verifyPlacement(crypto, trust, readReceipt(crypto, trust, receipt), entryId);
}
