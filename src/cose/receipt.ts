/**
 * COSE receipts over an RFC 9162 tree, RFC 9942: a signature over the tree's root, and in the unprotected header
 * the path that leads to it. This file reads anybody's.
 *
 * The attacker controls all of `396`, so sizes and indexes in it mean nothing until the path leads to the signed
 * root, and the size only if the protected header states it too.
 */
import type { Bytes } from '../core/bytes.ts';
import { type Cbor, type CborMap, decode } from '../core/cbor.ts';
import { fail } from '../core/errors.ts';
import { MAX_PATH } from '../merkle/index.ts';
import { type CwtClaims, readCwtClaims } from './cwt-claims.ts';
import { AICHAIN, isMap, protectedKid, TYP, VDP, VDS } from './header.ts';
import { decodeSign1, type Sign1 } from './sign1.ts';

/** RFC9162_SHA256, RFC 9942 §4.1: the only structure that is known here. */
export const RFC9162_SHA256 = 1;
/** Proof types of RFC9162_SHA256: labels in {@link VDP}, RFC 9942 §4.2. */
export const INCLUSION = -1;
export const CONSISTENCY = -2;

/** `typ` of an inclusion receipt. */
export const INCLUSION_RECEIPT_TYPE = 'application/scitt-receipt+cose';
/**
 * `typ` of a consistency receipt. Another than that of an inclusion receipt, so that the signature of one cannot
 * be put before a proof of the other kind; `vnd`, because no type is registered for it.
 */
export const CONSISTENCY_RECEIPT_TYPE = 'application/vnd.depa.aichain.consistency-receipt+cose';
/** Proofs of one kind in a receipt: each may cost a signature check, in each of the receipts of a statement. */
const MAX_PROOFS = 4;

export interface InclusionProof {
  readonly size: number | bigint;
  readonly index: number | bigint;
  /** Hashes of 32 bytes, leaf to root. */
  readonly path: readonly Bytes[];
}

export interface ConsistencyProof {
  readonly size1: number | bigint;
  readonly size2: number | bigint;
  /** Hashes of 32 bytes, RFC 9162 §2.1.4. */
  readonly path: readonly Bytes[];
}

export interface Receipt {
  readonly sign1: Sign1;
  readonly kid: Bytes | undefined;
  readonly claims: CwtClaims;
  readonly type: Cbor | undefined;
  /** The tree size in this log's protected "aichain" header; undefined in receipts of other software. */
  readonly size: number | undefined;
  readonly inclusion: readonly InclusionProof[];
  readonly consistency: readonly ConsistencyProof[];
}

/**
 * The typed value of a receipt; nothing in it is verified.
 * @throws VDS_UNSUPPORTED over a structure that is not known here, which says nothing about its validity
 * @throws HEADER_MISSING no protected vds, or a header of the wrong type
 * @throws PROOF_MALFORMED the proofs do not have their shape
 * @throws COSE_TAG_WRONG, COSE_MALFORMED, CBOR_MALFORMED
 */
export function decodeReceipt(bytes: Bytes): Receipt {
  const sign1 = decodeSign1(bytes); // RFC 9942 §4.3: receipts are tagged
  const vds = sign1.protected.get(VDS);
  if (typeof vds !== 'number') throw fail('HEADER_MISSING', 'no vds in the protected header');
  if (vds !== RFC9162_SHA256) throw fail('VDS_UNSUPPORTED', `verifiable data structure ${vds}`);
  const proofs = sign1.unprotected.get(VDP);
  if (!isMap(proofs)) throw fail('PROOF_MALFORMED', 'the receipt has no proofs');
  const inclusion = proofList(proofs, INCLUSION, ([size, index], path) => ({ size, index, path }));
  const consistency = proofList(proofs, CONSISTENCY, ([size1, size2], path) => ({ size1, size2, path }));
  if (inclusion.length + consistency.length === 0) throw fail('PROOF_MALFORMED', 'no proof of a known kind');
  return {
    sign1,
    kid: protectedKid(sign1.protected),
    claims: readCwtClaims(sign1.protected),
    type: sign1.protected.get(TYP),
    size: protectedSize(sign1.protected),
    inclusion,
    consistency,
  };
}

type Pair = readonly [number | bigint, number | bigint];

function proofList<T>(proofs: CborMap, type: number, make: (pair: Pair, path: Bytes[]) => T): T[] {
  const list = proofs.get(type);
  if (list === undefined) return [];
  if (!Array.isArray(list) || list.length === 0 || list.length > MAX_PROOFS) {
    throw fail('PROOF_MALFORMED', `not 1 to ${MAX_PROOFS} proofs`);
  }
  return (list as readonly Cbor[]).map((bytes) => {
    if (!(bytes instanceof Uint8Array)) throw fail('PROOF_MALFORMED', 'a proof is not bytes');
    const proof = decode(bytes, { profile: 'definite', maxItems: 256 });
    if (!Array.isArray(proof) || proof.length !== 3) throw fail('PROOF_MALFORMED', 'not three members');
    return make([unsigned(proof[0]), unsigned(proof[1])], hashes(proof[2]));
  });
}

function unsigned(value: Cbor | undefined): number | bigint {
  if ((typeof value !== 'number' && typeof value !== 'bigint') || value < 0) {
    throw fail('PROOF_MALFORMED', 'a size or index is not an unsigned integer');
  }
  return value;
}

function hashes(value: Cbor | undefined): Bytes[] {
  if (!Array.isArray(value) || value.length > MAX_PATH) {
    throw fail('PROOF_MALFORMED', `not a path of at most ${MAX_PATH} hashes`);
  }
  return (value as readonly Cbor[]).map((hash) => {
    if (!(hash instanceof Uint8Array) || hash.length !== 32) throw fail('PROOF_MALFORMED', 'not a hash');
    return hash;
  });
}

function protectedSize(protectedMap: CborMap): number | undefined {
  const own = protectedMap.get(AICHAIN);
  if (own === undefined) return undefined;
  const size = isMap(own) ? own.get('size') : undefined;
  if (typeof size !== 'number' || size < 1) throw fail('HEADER_MISSING', 'no size in the aichain header');
  return size;
}
