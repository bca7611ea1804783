/**
 * COSE header parameters, RFC 9052 §3: the labels in use here and the rules that every signed structure shares.
 * What is in the protected bucket is signed; what is in the unprotected bucket anybody on the way can change.
 */
import { type Bytes, equal } from '../core/bytes.ts';
import { type Cbor, type CborKey, type CborMap, decode, encode } from '../core/cbor.ts';
import { fail } from '../core/errors.ts';

/** Signature algorithm, RFC 9052 §3.1. */
export const ALG = 1;
/** Labels that a verifier must understand, RFC 9052 §3.1. */
export const CRIT = 2;
/** Content type of the payload, RFC 9052 §3.1. */
export const CONTENT_TYPE = 3;
/** Key identifier, bytes, RFC 9052 §3.1. */
export const KID = 4;
/** CWT claims in a header, RFC 9597 §2. */
export const CWT_CLAIMS = 15;
/** Type of the whole COSE object, RFC 9596 §2. */
export const TYP = 16;
/** Algorithm that hashed the preimage into the payload, RFC 9995 §3. */
export const PAYLOAD_HASH_ALG = 258;
/** Content type of the preimage, RFC 9995 §3. */
export const PREIMAGE_CONTENT_TYPE = 259;
/** Where the preimage may be found, RFC 9995 §3. */
export const PAYLOAD_LOCATION = 260;
/** Array of receipts, RFC 9942 §2. */
export const RECEIPTS = 394;
/** Verifiable data structure, RFC 9942 §2. */
export const VDS = 395;
/** Proofs over the verifiable data structure, RFC 9942 §2. */
export const VDP = 396;
/** This project's own label: text, so that it cannot meet a registered one. */
export const AICHAIN = 'aichain';

const EMPTY = new Uint8Array(0);
const EMPTY_MAP = Uint8Array.of(0xa0);

export function isMap(value: Cbor | undefined): value is CborMap {
  return value instanceof Map;
}

/**
 * The map inside a protected bucket. The empty string and an encoded empty map both mean no parameters (RFC 9052
 * §3). Any order and integer width is taken, since the bytes are only ever hashed as received.
 * @throws COSE_MALFORMED not a map; CBOR_MALFORMED not CBOR of the `definite` profile (duplicate labels, …)
 */
export function decodeProtected(bytes: Bytes): CborMap {
  if (bytes.length === 0) return new Map();
  const map = decode(bytes, { profile: 'definite' });
  if (!isMap(map)) throw fail('COSE_MALFORMED', 'the protected header is not a map');
  return map;
}

/** Deterministic bytes of a protected bucket; no parameters are the empty string, RFC 9052 §3. */
export function encodeProtected(map: CborMap): Bytes {
  return map.size === 0 ? EMPTY : encode(map);
}

/**
 * What a signature covers for a protected bucket: the bytes as received, but the empty string for an empty map
 * (RFC 9052 §4.4), however that was spelled.
 */
export function signedForm(protectedBytes: Bytes, map?: CborMap): Bytes {
  return map?.size === 0 || equal(protectedBytes, EMPTY_MAP) ? EMPTY : protectedBytes;
}

/**
 * RFC 9052 §3: a label occurs once in both buckets together, or a verifier and an application could read
 * different values; and `crit` is protected.
 * @throws COSE_MALFORMED
 */
export function checkBuckets(protectedMap: CborMap, unprotected: CborMap): void {
  for (const label of unprotected.keys()) {
    if (protectedMap.has(label)) throw fail('COSE_MALFORMED', `label ${label} is in both headers`);
  }
  if (unprotected.has(CRIT)) throw fail('COSE_MALFORMED', 'crit is in the unprotected header');
}

/**
 * RFC 9052 §3.1 `crit`: a non-empty array of labels, each in the protected header and each understood.
 * @throws COSE_MALFORMED not such an array; CRIT_UNKNOWN a label that is not in `understood`
 */
export function checkCritical(protectedMap: CborMap, understood: readonly CborKey[] = []): void {
  const critical = protectedMap.get(CRIT);
  if (critical === undefined) return;
  if (!Array.isArray(critical) || critical.length === 0) {
    throw fail('COSE_MALFORMED', 'crit is not a list of labels');
  }
  for (const label of critical as readonly Cbor[]) {
    if (typeof label !== 'number' && typeof label !== 'bigint' && typeof label !== 'string') {
      throw fail('COSE_MALFORMED', 'crit lists something that is not a label');
    }
    if (!protectedMap.has(label)) throw fail('COSE_MALFORMED', `crit lists ${label}, which is not there`);
    if (!understood.includes(label)) throw fail('CRIT_UNKNOWN', `critical label ${label}`);
  }
}

/** The protected kid, or undefined. @throws HEADER_MISSING not bytes: a kid is never text, RFC 9052 §3.1 */
export function protectedKid(protectedMap: CborMap): Bytes | undefined {
  const kid = protectedMap.get(KID);
  if (kid !== undefined && !(kid instanceof Uint8Array)) throw fail('HEADER_MISSING', 'kid is not bytes');
  return kid;
}
