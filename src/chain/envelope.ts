/**
 * The envelope of a statement: COSE_Sign1 with the protected header of FORMATS §1, from bytes that anybody may have
 * made. Nothing of the payload is looked at here, and no signature is verified.
 */

import { type Bytes, equal } from '../core/bytes.ts';
import { type Cbor, decode, headLength, Tagged } from '../core/cbor.ts';
import type { SignatureAlgorithm } from '../core/crypto.ts';
import { fail } from '../core/errors.ts';
import { isMap } from '../cose/header.ts';
import { canonicalSign1, SIGN1_TAG } from '../cose/sign1.ts';
import { type ChainHeader, readHeader } from './protected-header.ts';

/** Bytes of the largest statement, as it arrives. */
export const MAX_STATEMENT = 1_048_576;

export interface Envelope {
  /** The canonical statement. */
  readonly bytes: Bytes;
  readonly protectedBytes: Bytes;
  readonly payload: Bytes;
  readonly signature: Bytes;
  readonly algorithm: SignatureAlgorithm;
  readonly algorithmId: number;
  /** COSE key thumbprint, 32 bytes. */
  readonly kid: Bytes;
  readonly issuer: string;
  readonly subject?: string;
  /** Unix seconds. */
  readonly issuedAt?: number;
  /** Absent: a foreign statement. */
  readonly chain?: ChainHeader;
}

interface Frame {
  readonly protectedBytes: Bytes;
  readonly payload: Bytes;
  readonly signature: Bytes;
}

/**
 * The canonical bytes of a statement as it arrived: what is unprotected is dropped (RFC 9052 §3: it is nobody's
 * word), lengths are the shortest. Bytes that are canonical are answered themselves.
 * @throws STATEMENT_TOO_LARGE, CBOR_MALFORMED, COSE_TAG_WRONG, COSE_MALFORMED
 */
export function canonicalStatement(bytes: Bytes): Bytes {
  return canonicalEnds(bytes) ? bytes : canonicalSign1(readFrame(bytes));
}

/**
 * @throws STATEMENT_TOO_LARGE, CBOR_MALFORMED, COSE_TAG_WRONG, COSE_MALFORMED, CBOR_NOT_DETERMINISTIC (not canonical
 * bytes, or a header of ours out of order), HEADER_MISSING, CRIT_UNKNOWN, ALG_NOT_ALLOWED, ID_MALFORMED
 */
export function readEnvelope(canonical: Bytes): Envelope {
  const frame = canonicalFrame(canonical) ?? comparedFrame(canonical);
  const { algorithm, algorithmId, kid, issuer, subject, issuedAt, chain } = readHeader(frame.protectedBytes);
  const { protectedBytes, payload, signature } = frame;
  // Member by member: spreading as many objects would take as long as reading the header.
  const envelope: { -readonly [Name in keyof Envelope]: Envelope[Name] } = {
    bytes: canonical,
    protectedBytes,
    payload,
    signature,
    algorithm,
    algorithmId,
    kid,
    issuer,
  };
  if (subject !== undefined) envelope.subject = subject;
  if (issuedAt !== undefined) envelope.issuedAt = issuedAt;
  if (chain) envelope.chain = chain;
  return envelope;
}

function readFrame(bytes: Bytes): Frame {
  // Before anything is decoded: the work for a statement is bounded by its size.
  if (bytes.length > MAX_STATEMENT) throw fail('STATEMENT_TOO_LARGE', `more than ${MAX_STATEMENT} bytes`);
  const item = decode(bytes, { profile: 'definite' });
  if (!(item instanceof Tagged)) throw fail('COSE_TAG_WRONG', 'no tag');
  if (item.tag !== SIGN1_TAG) throw fail('COSE_TAG_WRONG', `tag ${item.tag}`);
  const members = item.value;
  if (!Array.isArray(members) || members.length !== 4) throw fail('COSE_MALFORMED', 'not four members');
  const [protectedBytes, unprotected, payload, signature] = members as readonly Cbor[];
  if (!(protectedBytes instanceof Uint8Array)) throw fail('COSE_MALFORMED', 'protected is not bytes');
  if (!isMap(unprotected)) throw fail('COSE_MALFORMED', 'unprotected is not a map');
  if (!(payload instanceof Uint8Array)) throw fail('COSE_MALFORMED', 'the payload has to be inline');
  if (!(signature instanceof Uint8Array)) throw fail('COSE_MALFORMED', 'signature is not bytes');
  return { protectedBytes, payload, signature };
}

/**
 * The frame of bytes that are canonical, without decoding and encoding them: tag 18, an array of four, three byte
 * strings of shortest lengths, and between them the empty map. Undefined for all other bytes; what is wrong with them,
 * {@link comparedFrame} says.
 */
function canonicalFrame(bytes: Bytes): Frame | undefined {
  const ends = canonicalEnds(bytes);
  if (!ends) return undefined;
  const [protectedEnd, payloadEnd] = ends;
  return {
    protectedBytes: contents(bytes, PROTECTED_AT, protectedEnd),
    payload: contents(bytes, protectedEnd + 1, payloadEnd),
    signature: contents(bytes, payloadEnd, bytes.length),
  };
}

/** Where its protected header and its payload end: of bytes that are canonical. */
function canonicalEnds(bytes: Bytes): [protectedEnd: number, payloadEnd: number] | undefined {
  if (bytes.length > MAX_STATEMENT || bytes[0] !== TAG_SIGN1 || bytes[1] !== ARRAY_OF_4) return undefined;
  const protectedEnd = endOfByteString(bytes, PROTECTED_AT);
  if (bytes[protectedEnd] !== EMPTY_MAP) return undefined;
  const payloadEnd = endOfByteString(bytes, protectedEnd + 1);
  return endOfByteString(bytes, payloadEnd) === bytes.length ? [protectedEnd, payloadEnd] : undefined;
}

const TAG_SIGN1 = 0xc0 | SIGN1_TAG;
const ARRAY_OF_4 = 0x84;
const PROTECTED_AT = 2;
const EMPTY_MAP = 0xa0;
const BYTE_STRING = 0x40;

/** Where the byte string at `at` ends, whose length is in shortest form and within `bytes`; else NaN, where nothing is. */
function endOfByteString(bytes: Bytes, at: number): number {
  const width = WIDTH_OF_LENGTH[(bytes[at] ?? 0) - BYTE_STRING];
  if (width === undefined) return Number.NaN;
  let length = bytes[at]! - BYTE_STRING;
  if (width > 0) {
    length = 0;
    for (let i = 1; i <= width; i++) length = length * 256 + (bytes[at + i] ?? Number.NaN);
  }
  const end = at + 1 + width + length;
  // NaN, where the length itself is cut off, is not within.
  return headLength(length) === 1 + width && end <= bytes.length ? end : Number.NaN;
}

/** Of the byte string that begins at `at` and ends at `end`. */
function contents(bytes: Bytes, at: number, end: number): Bytes {
  const start = at + 1 + WIDTH_OF_LENGTH[bytes[at]! - BYTE_STRING]!;
  return new Uint8Array(bytes.buffer, bytes.byteOffset + start, end - start);
}

/** By additional information, RFC 8949 §3: how many bytes of length follow. */
const WIDTH_OF_LENGTH: readonly number[] = [...new Array<number>(24).fill(0), 1, 2, 4];

function comparedFrame(canonical: Bytes): Frame {
  const frame = readFrame(canonical);
  if (!equal(canonicalSign1(frame), canonical)) {
    throw fail('CBOR_NOT_DETERMINISTIC', 'not the canonical bytes of a statement');
  }
  return frame;
}
