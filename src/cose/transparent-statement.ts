/**
 * Transparent statements, RFC 9943: a signed statement with its receipts in the unprotected header (394). That
 * header is nobody's: whoever passes the statement on can add, drop or spoil receipts. So junk is tolerated, one
 * good receipt is needed, and the number that is looked at is capped.
 */
import type { Bytes } from '../core/bytes.ts';
import type { Cbor } from '../core/cbor.ts';
import type { Hasher, PublicKey } from '../core/crypto.ts';
import { fail, isLedgerError, type LedgerError } from '../core/errors.ts';
import { RECEIPTS } from './header.ts';
import { decodeReceipt, type Receipt } from './receipt.ts';
import { type ExpectedLog, type ReceiptHead, verifyInclusionReceipt } from './receipt-verify.ts';
import { canonicalSign1, decodeSign1, encodeSign1, type Sign1 } from './sign1.ts';

/** Receipts beyond this many are not looked at. */
export const MAX_RECEIPTS = 16;

export interface TransparentStatement {
  readonly sign1: Sign1;
  /** Canonical bytes: tag 18, empty unprotected header. Their SHA-256 is the entry id. */
  readonly statement: Bytes;
  /** The first {@link MAX_RECEIPTS} byte strings of header 394; not decoded, not verified. */
  readonly receipts: readonly Bytes[];
}

/**
 * @throws COSE_TAG_WRONG, COSE_MALFORMED, CBOR_MALFORMED the statement itself cannot be read; never because of
 * what is in 394
 */
export function decodeTransparentStatement(bytes: Bytes): TransparentStatement {
  const sign1 = decodeSign1(bytes);
  return { sign1, statement: canonicalSign1(sign1), receipts: receiptsOf(sign1) };
}

function receiptsOf(sign1: Sign1): Bytes[] {
  const list = sign1.unprotected.get(RECEIPTS);
  if (!Array.isArray(list)) return [];
  return (list as readonly Cbor[])
    .filter((item): item is Bytes => item instanceof Uint8Array)
    .slice(0, MAX_RECEIPTS);
}

/**
 * The statement with `receipts` after those that it has. Other unprotected headers are dropped: they are not
 * registered, and a reader should not take them for it.
 * @throws COSE_TAG_WRONG, COSE_MALFORMED, CBOR_MALFORMED not a statement; ARGUMENT_INVALID more than the cap
 */
export function attachReceipts(statement: Bytes, receipts: readonly Bytes[]): Bytes {
  const sign1 = decodeSign1(statement);
  const all = [...receiptsOf(sign1), ...receipts];
  if (all.length > MAX_RECEIPTS) throw fail('ARGUMENT_INVALID', `more than ${MAX_RECEIPTS} receipts`);
  const { protectedBytes, payload, signature } = sign1;
  const unprotected = all.length === 0 ? new Map() : new Map([[RECEIPTS, all]]);
  return encodeSign1({ protectedBytes, unprotected, payload, signature });
}

export interface VerifiedReceipt extends ReceiptHead {
  readonly receipt: Receipt;
  readonly index: number | bigint;
}

export interface VerifiedTransparency {
  /** SHA-256 of the canonical bytes, computed here: 32 bytes. */
  readonly entry: Bytes;
  /** At least one. */
  readonly verified: readonly VerifiedReceipt[];
  /** Why each of the others does not count. */
  readonly rejected: readonly LedgerError[];
}

/**
 * Verifies that at least one receipt puts this very statement into a log. `keyOf` gives the key to verify a
 * receipt with, or undefined for a log that the verifier does not trust. The statement's own signature is not
 * looked at here: that takes its issuer's key ({@link verifySign1}).
 * @throws RECEIPT_INVALID no receipt, or none that verifies (the cause is the first failure)
 */
export function verifyTransparentStatement(
  crypto: Hasher,
  { statement, receipts }: TransparentStatement,
  keyOf: (receipt: Receipt) => PublicKey | undefined,
  expected?: ExpectedLog,
): VerifiedTransparency {
  const entry = crypto.sha256(statement);
  const verified: VerifiedReceipt[] = [];
  const rejected: LedgerError[] = [];
  for (const bytes of receipts) {
    try {
      const receipt = decodeReceipt(bytes);
      const key = keyOf(receipt);
      if (!key) throw fail('RECEIPT_INVALID', 'no trusted key for this receipt');
      verified.push({ receipt, ...verifyInclusionReceipt(crypto, key, receipt, entry, expected) });
    } catch (cause) {
      if (!isLedgerError(cause)) throw cause;
      rejected.push(cause);
    }
  }
  if (verified.length === 0) {
    throw fail('RECEIPT_INVALID', 'no receipt verifies', { cause: rejected[0] });
  }
  return { entry, verified, rejected };
}
