/**
 * How this log writes receipts, FORMATS §4: one signature for each tree head and kind of proof, and any number of
 * receipts from it that differ only in the unprotected proof.
 */
import type { Bytes } from '../core/bytes.ts';
import { type Cbor, encode } from '../core/cbor.ts';
import type { PrivateKey } from '../core/crypto.ts';
import { fail } from '../core/errors.ts';
import { cwtClaims } from './cwt-claims.ts';
import { AICHAIN, ALG, CWT_CLAIMS, KID, TYP, VDP, VDS } from './header.ts';
import {
  CONSISTENCY,
  CONSISTENCY_RECEIPT_TYPE,
  type ConsistencyProof,
  INCLUSION,
  INCLUSION_RECEIPT_TYPE,
  type InclusionProof,
  RFC9162_SHA256,
} from './receipt.ts';
import { encodeSign1, sigStructure } from './sign1.ts';

/** What goes before every receipt of one tree head. */
export interface ReceiptHeader {
  /** Thumbprint of the receipt key, 32 bytes. */
  kid: Bytes;
  /** The issuer: the log's URL or DID. */
  service: string;
  origin: string;
  /** Unix milliseconds. */
  time: number;
  size: number;
  /** Default: inclusion. */
  proof?: 'inclusion' | 'consistency';
}

/** Deterministic protected header of FORMATS §4: constant for one tree head and kind of proof. alg is ES256. */
export function receiptProtected({
  kid,
  service,
  origin,
  time,
  size,
  proof = 'inclusion',
}: ReceiptHeader): Bytes {
  return encode(
    new Map<number | string, Cbor>([
      [ALG, -7],
      [KID, kid],
      [CWT_CLAIMS, cwtClaims(service, origin, time)],
      [TYP, proof === 'inclusion' ? INCLUSION_RECEIPT_TYPE : CONSISTENCY_RECEIPT_TYPE],
      [VDS, RFC9162_SHA256],
      [AICHAIN, { size }],
    ]),
  );
}

/**
 * The one signature that all receipts of a tree head share: over the detached 32-byte root.
 * @throws ALG_NOT_ALLOWED the receipt key is not a P-256 key
 */
export function signTreeHead(key: PrivateKey, protectedBytes: Bytes, root: Bytes): Bytes {
  if (key.algorithm !== 'ES256') throw fail('ALG_NOT_ALLOWED', 'receipts are signed with ES256');
  return key.sign(sigStructure(protectedBytes, root));
}

interface SignedHead {
  /** Of {@link receiptProtected}. */
  protectedBytes: Bytes;
  /** Of {@link signTreeHead}. */
  signature: Bytes;
}

export function encodeInclusionReceipt(parts: SignedHead & InclusionProof): Bytes {
  return encodeReceipt(parts, INCLUSION, [parts.size, parts.index, parts.path]);
}

/** Its protected bytes and signature are those made with `proof: 'consistency'`, at `size2`. */
export function encodeConsistencyReceipt(parts: SignedHead & ConsistencyProof): Bytes {
  return encodeReceipt(parts, CONSISTENCY, [parts.size1, parts.size2, parts.path]);
}

function encodeReceipt({ protectedBytes, signature }: SignedHead, type: number, proof: Cbor): Bytes {
  const unprotected = new Map([[VDP, new Map([[type, [encode(proof)]]])]]);
  return encodeSign1({ protectedBytes, unprotected, payload: null, signature });
}
