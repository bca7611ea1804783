/**
 * Verification of receipts, RFC 9942 §5.2 and §5.3: recompute the root from what the verifier holds, then check
 * the signature over it. What verifies is the operator's promise, not witnessed.
 */
import { type Bytes, equal } from '../core/bytes.ts';
import type { Hasher, PublicKey } from '../core/crypto.ts';
import { fail, isLedgerError } from '../core/errors.ts';
import { leafHash, rootFromConsistency, rootFromInclusion } from '../merkle/index.ts';
import { thumbprint } from './key.ts';
import { CONSISTENCY_RECEIPT_TYPE, INCLUSION_RECEIPT_TYPE, type Receipt } from './receipt.ts';
import { verifySign1 } from './sign1.ts';

/** What the verifier knows about the log whose receipt it wants; without it, any RFC 9942 receipt will do. */
export interface ExpectedLog {
  origin: string;
  service?: string;
}

/** A tree head as a receipt vouches for it. */
export interface ReceiptHead {
  /** 32 bytes: compare with a checkpoint of the same size. */
  readonly root: Bytes;
  /** Authenticated in this log's receipts; in others only as the path makes it so. */
  readonly size: number | bigint;
}

/**
 * Verifies that the leaf data `entry` is in the tree whose root `key` signed. For a statement, `entry` is its
 * entry id, **computed by the caller from the statement**: a valid receipt for another statement is the classic
 * hole. For this log's receipts (protected "aichain"), the protected size, `typ`, kid and low-s must fit as well.
 * @throws RECEIPT_INVALID path, signature or size do not fit, or it is not the expected log's
 * @throws PROOF_MALFORMED the path does not have the length that size and index call for
 * @throws HEADER_MISSING, ALG_NOT_ALLOWED, CRIT_UNKNOWN
 */
export function verifyInclusionReceipt(
  crypto: Hasher,
  key: PublicKey,
  receipt: Receipt,
  entry: Bytes,
  expected?: ExpectedLog,
): ReceiptHead & { readonly index: number | bigint } {
  checkLog(crypto, key, receipt, INCLUSION_RECEIPT_TYPE, expected);
  const leaf = leafHash(crypto, entry);
  // Several proofs in one receipt are alternatives under one root, RFC 9942 §5.2: one must fit this entry.
  return firstGood(receipt.inclusion, ({ size, index, path }) => {
    checkSize(receipt, size);
    const root = rootFromInclusion(crypto, index, size, leaf, path);
    verifyRoot(key, receipt, root);
    return { root, size, index };
  });
}

/**
 * Verifies that the tree whose root `key` signed extends the tree (`size`, `root`), a head that the verifier
 * holds already. Returns the newer head. @throws as {@link verifyInclusionReceipt}, and CONSISTENCY_INVALID
 */
export function verifyConsistencyReceipt(
  crypto: Hasher,
  key: PublicKey,
  receipt: Receipt,
  older: ReceiptHead,
  expected?: ExpectedLog,
): ReceiptHead {
  checkLog(crypto, key, receipt, CONSISTENCY_RECEIPT_TYPE, expected);
  return firstGood(receipt.consistency, ({ size1, size2, path }) => {
    if (BigInt(size1) !== BigInt(older.size)) {
      throw fail('RECEIPT_INVALID', `the proof begins at size ${size1}, not ${older.size}`);
    }
    checkSize(receipt, size2);
    const root = rootFromConsistency(crypto, size1, size2, older.root, path);
    verifyRoot(key, receipt, root);
    return { root, size: size2 };
  });
}

function checkLog(
  hasher: Hasher,
  key: PublicKey,
  { size, type, kid, claims }: Receipt,
  expectedType: string,
  expected: ExpectedLog | undefined,
): void {
  if (size === undefined) {
    if (expected) throw fail('RECEIPT_INVALID', 'not a receipt of an AI Chain log');
    return;
  }
  if (type !== expectedType) throw fail('RECEIPT_INVALID', 'a receipt of another type');
  if (!kid || !equal(kid, thumbprint(hasher, key))) throw fail('RECEIPT_INVALID', 'the kid is another key’s');
  if (expected && claims.subject !== expected.origin) {
    throw fail('RECEIPT_INVALID', `a receipt of the log ${claims.subject}`);
  }
  if (expected?.service !== undefined && claims.issuer !== expected.service) {
    throw fail('RECEIPT_INVALID', `a receipt of the service ${claims.issuer}`);
  }
}

function checkSize(receipt: Receipt, size: number | bigint): void {
  if (receipt.size !== undefined && BigInt(receipt.size) !== BigInt(size)) {
    throw fail('RECEIPT_INVALID', `the proof is for size ${size}, the head for ${receipt.size}`);
  }
}

function verifyRoot(key: PublicKey, receipt: Receipt, root: Bytes): void {
  try {
    // Others may sign high-s; this log never does.
    verifySign1(key, receipt.sign1, { payload: root, lowS: receipt.size !== undefined });
  } catch (cause) {
    if (!isLedgerError(cause, 'SIGNATURE_INVALID')) throw cause;
    // The root is detached: a wrong path and a wrong signature look the same.
    throw fail('RECEIPT_INVALID', 'the path does not lead to a root that the key signed', { cause });
  }
}

function firstGood<P, T>(proofs: readonly P[], verify: (proof: P) => T): T {
  let failure: unknown = fail('RECEIPT_INVALID', 'the receipt has no proof of this kind');
  for (const proof of proofs) {
    try {
      return verify(proof);
    } catch (cause) {
      if (!isLedgerError(cause)) throw cause;
      failure = cause;
    }
  }
  throw failure;
}
