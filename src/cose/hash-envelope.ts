/** COSE hash envelopes, RFC 9995: the payload is the digest of something that travels by itself. */
import { type Bytes, equal } from '../core/bytes.ts';
import type { Cbor, CborKey } from '../core/cbor.ts';
import type { Crypto } from '../core/crypto.ts';
import { fail } from '../core/errors.ts';
import { CONTENT_TYPE, PAYLOAD_HASH_ALG, PAYLOAD_LOCATION, PREIMAGE_CONTENT_TYPE } from './header.ts';
import type { Sign1 } from './sign1.ts';

/** COSE ids of the hash algorithms that can be checked here (RFC 9054 §2.1), with their output in bytes. */
const HASHES = {
  [-16]: { name: 'sha256', size: 32 },
  [-43]: { name: 'sha384', size: 48 },
  [-44]: { name: 'sha512', size: 64 },
} as const;
/** SHA-256. */
export const SHA_256 = -16;
/** Largest CoAP content format, RFC 7252 §12.3. */
const MAX_CONTENT_FORMAT = 0xffff;

export interface HashEnvelope {
  /** COSE hash algorithm id, e.g. −16. It may be one that cannot be checked here. */
  readonly algorithm: number;
  /** Media type, or CoAP content format. */
  readonly contentType: string | number | undefined;
  readonly location: string | undefined;
  /** The digest; null when it is detached. */
  readonly digest: Bytes | null;
}

/**
 * The envelope that a decoded COSE_Sign1 is, or undefined when it is none (no 258).
 * @throws COSE_MALFORMED against RFC 9995 §4: 258–260 unprotected, 3 beside 258, or a payload that is not of the
 * hash's length
 * @throws HEADER_MISSING a header of the wrong type, or 259/260 without 258
 */
export function readHashEnvelope(sign1: Sign1): HashEnvelope | undefined {
  const { protected: header, unprotected, payload: digest } = sign1;
  for (const label of [PAYLOAD_HASH_ALG, PREIMAGE_CONTENT_TYPE, PAYLOAD_LOCATION]) {
    if (unprotected.has(label)) throw fail('COSE_MALFORMED', `label ${label} is not protected`);
  }
  const algorithm = header.get(PAYLOAD_HASH_ALG);
  const contentType = header.get(PREIMAGE_CONTENT_TYPE);
  const location = header.get(PAYLOAD_LOCATION);
  if (algorithm === undefined) {
    if (contentType === undefined && location === undefined) return undefined;
    throw fail('HEADER_MISSING', 'a preimage is described, but no hash algorithm');
  }
  if (typeof algorithm !== 'number') throw fail('HEADER_MISSING', 'payload-hash-alg is not an integer');
  if (header.has(CONTENT_TYPE) || unprotected.has(CONTENT_TYPE)) {
    throw fail('COSE_MALFORMED', 'content_type in a hash envelope');
  }
  if (!isContentType(contentType)) {
    throw fail('HEADER_MISSING', 'preimage-content-type is neither text nor a content format');
  }
  if (location !== undefined && typeof location !== 'string') {
    throw fail('HEADER_MISSING', 'payload-location is not text');
  }
  const size = hash(algorithm)?.size;
  if (digest !== null && size !== undefined && digest.length !== size) {
    throw fail('COSE_MALFORMED', `the payload is not a digest of ${size} bytes`);
  }
  return { algorithm, contentType, location, digest };
}

function isContentType(value: Cbor | undefined): value is string | number | undefined {
  if (typeof value === 'number') return value >= 0 && value <= MAX_CONTENT_FORMAT;
  return value === undefined || typeof value === 'string';
}

function hash(algorithm: number) {
  return (HASHES as Partial<Record<number, (typeof HASHES)[keyof typeof HASHES]>>)[algorithm];
}

/** Header entries and payload of an envelope around `preimage`, hashed with SHA-256. */
export function hashEnvelope(
  crypto: Pick<Crypto, 'sha256'>,
  preimage: Bytes,
  { contentType, location }: { contentType?: string | number; location?: string } = {},
): { header: [CborKey, Cbor][]; payload: Bytes } {
  const header: [CborKey, Cbor][] = [[PAYLOAD_HASH_ALG, SHA_256]];
  if (contentType !== undefined) header.push([PREIMAGE_CONTENT_TYPE, contentType]);
  if (location !== undefined) header.push([PAYLOAD_LOCATION, location]);
  return { header, payload: crypto.sha256(preimage) };
}

/**
 * Returns if `preimage` is what the envelope is about. The envelope's signature is verified elsewhere.
 * @throws PREIMAGE_MISMATCH; ALG_NOT_ALLOWED the hash cannot be checked here; COSE_MALFORMED detached digest
 */
export function verifyPreimage(
  crypto: Pick<Crypto, 'sha256' | 'sha384' | 'sha512'>,
  envelope: HashEnvelope,
  preimage: Bytes,
): void {
  const known = hash(envelope.algorithm);
  if (!known) throw fail('ALG_NOT_ALLOWED', `hash algorithm ${envelope.algorithm}`);
  if (envelope.digest === null) throw fail('COSE_MALFORMED', 'the digest is detached');
  if (!equal(crypto[known.name](preimage), envelope.digest)) {
    throw fail('PREIMAGE_MISMATCH', 'the bytes are not those that the envelope names');
  }
}
