/**
 * The envelope of a statement: COSE_Sign1 with the protected header of FORMATS §1, from bytes that anybody may have
 * made. Nothing of the payload is looked at here, and no signature is verified.
 *
 * A statement is *ours* (it has the "aichain" label) or *foreign* (any other SCITT statement). Ours has a closed,
 * deterministic header; a foreign header is only read, for its bytes stay as they were signed.
 */

import { type Bytes, equal } from '../core/bytes.ts';
import { type Cbor, type CborMap, decode, Float, headLength, Tagged } from '../core/cbor.ts';
import type { SignatureAlgorithm } from '../core/crypto.ts';
import { fail, isLedgerError } from '../core/errors.ts';
import { algorithmOf } from '../cose/algorithm.ts';
import { AICHAIN, ALG, CRIT, CWT_CLAIMS, isMap, KID, TYP } from '../cose/header.ts';
import { canonicalSign1, SIGN1_TAG } from '../cose/sign1.ts';
import { isDid, isUrn, MAX_IDENTIFIER } from './identifier.ts';
import { MAX_SECONDS } from './schema.ts';

/** Bytes of the largest statement, as it arrives. */
export const MAX_STATEMENT = 1_048_576;
/** `typ` of this project's statements. */
export const STATEMENT_TYPE = 'application/vnd.depa.aichain+cbor';
/** "v" of the "aichain" header. */
export const ENVELOPE_VERSION = 1;
/** References of one statement. */
export const MAX_REFS = 64;
const DIGEST = 32;

// CWT claims, RFC 8392 §4.
const ISS = 1;
const SUB = 2;
const IAT = 6;

/** An earlier entry that a statement builds on; `rel` says in which way. */
export interface Ref {
  readonly rel: string;
  readonly index: number;
  /** Entry id, 32 bytes. */
  readonly entry: Bytes;
}

/** What the "aichain" header says. */
export interface ChainHeader {
  readonly kind: string;
  /** Origin of the log that the statement is for: it is void in any other. */
  readonly log: string;
  readonly onBehalf?: string;
  readonly refs: readonly Ref[];
}

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
  return canonicalFrame(bytes) ? bytes : canonicalSign1(readFrame(bytes));
}

/**
 * @throws STATEMENT_TOO_LARGE, CBOR_MALFORMED, COSE_TAG_WRONG, COSE_MALFORMED, CBOR_NOT_DETERMINISTIC (not canonical
 * bytes, or a header of ours out of order), HEADER_MISSING, CRIT_UNKNOWN, ALG_NOT_ALLOWED, ID_MALFORMED
 */
export function readEnvelope(canonical: Bytes): Envelope {
  const frame = canonicalFrame(canonical) ?? comparedFrame(canonical);
  const { header, chain } = readProtected(frame.protectedBytes);
  const algorithmId = header.get(ALG);
  if (typeof algorithmId !== 'number') throw missing('alg', 'an integer');
  const kid = header.get(KID);
  if (!isDigest(kid)) throw missing('kid', '32 bytes');
  const claims = readClaims(header.get(CWT_CLAIMS), chain);
  if (header.has(CRIT)) throw fail('CRIT_UNKNOWN', 'no header may be critical');
  if (chain) checkClosed(header);
  const algorithm = algorithmOf(algorithmId);
  if (!algorithm) throw fail('ALG_NOT_ALLOWED', `alg ${algorithmId}`);
  const { protectedBytes, payload, signature } = frame;
  const { issuer, subject, issuedAt } = claims;
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
  if (bytes.length > MAX_STATEMENT || bytes[0] !== TAG_SIGN1 || bytes[1] !== ARRAY_OF_4) return undefined;
  const protectedBytes = byteString(bytes, 2);
  if (!protectedBytes) return undefined;
  const unprotected = endOf(bytes, protectedBytes);
  if (bytes[unprotected] !== EMPTY_MAP) return undefined;
  const payload = byteString(bytes, unprotected + 1);
  const signature = payload && byteString(bytes, endOf(bytes, payload));
  return signature && endOf(bytes, signature) === bytes.length
    ? { protectedBytes, payload, signature }
    : undefined;
}

const TAG_SIGN1 = 0xc0 | SIGN1_TAG;
const ARRAY_OF_4 = 0x84;
const EMPTY_MAP = 0xa0;
const BYTE_STRING = 0x40;

/** The contents of a byte string at `at` whose length is in shortest form and within `bytes`. */
function byteString(bytes: Bytes, at: number): Bytes | undefined {
  const width = WIDTH_OF_LENGTH[(bytes[at] ?? 0) - BYTE_STRING];
  if (width === undefined) return undefined;
  let length = bytes[at]! - BYTE_STRING;
  if (width > 0) {
    length = 0;
    for (let i = 1; i <= width; i++) length = length * 256 + (bytes[at + i] ?? Number.NaN);
  }
  const start = at + headLength(length);
  // NaN, where the length itself is cut off, is not within.
  if (start !== at + 1 + width || !(start + length <= bytes.length)) return undefined;
  return new Uint8Array(bytes.buffer, bytes.byteOffset + start, length);
}

/** By additional information, RFC 8949 §3: how many bytes of length follow. */
const WIDTH_OF_LENGTH: readonly number[] = [...new Array<number>(24).fill(0), 1, 2, 4];

/** Where a view into `bytes` ends in them. */
function endOf(bytes: Bytes, part: Bytes): number {
  return part.byteOffset - bytes.byteOffset + part.length;
}

function comparedFrame(canonical: Bytes): Frame {
  const frame = readFrame(canonical);
  if (!equal(canonicalSign1(frame), canonical)) {
    throw fail('CBOR_NOT_DETERMINISTIC', 'not the canonical bytes of a statement');
  }
  return frame;
}

function readProtected(bytes: Bytes): { header: CborMap; chain: ChainHeader | undefined } {
  const { header, fault } = decodeHeader(bytes);
  if (!isMap(header)) throw fail('COSE_MALFORMED', 'the protected header is not a map');
  const own = header.get(AICHAIN);
  const typed = header.get(TYP) === STATEMENT_TYPE;
  if (own === undefined && !typed) return { header, chain: undefined };
  if (fault) throw fault;
  if (own === undefined) throw missing('"aichain"', 'there with this typ');
  if (!typed) throw missing('typ', STATEMENT_TYPE);
  return { header, chain: readChainHeader(own) };
}

/** The header, and what is wrong with it if it has to be deterministic. Most are, and are decoded once. */
function decodeHeader(bytes: Bytes): { header: Cbor; fault?: Error } {
  if (bytes.length === 0) return { header: new Map() }; // RFC 9052 §3: no parameters.
  try {
    return { header: decode(bytes) };
  } catch (error) {
    if (!isLedgerError(error)) throw error;
    return { header: decode(bytes, { profile: 'definite' }), fault: error };
  }
}

const LABELS: readonly Cbor[] = [ALG, KID, CWT_CLAIMS, TYP, AICHAIN];
const CHAIN_MEMBERS = ['v', 'log', 'kind', 'onBehalf', 'refs'];

function checkClosed(header: CborMap): void {
  for (const label of header.keys()) {
    if (!LABELS.includes(label)) throw fail('COSE_MALFORMED', `header ${label} is not one of a statement`);
  }
}

function readChainHeader(value: Cbor): ChainHeader {
  if (!isMap(value)) throw missing('"aichain"', 'a map');
  for (const name of value.keys()) {
    if (!CHAIN_MEMBERS.includes(name as string)) throw fail('COSE_MALFORMED', `"aichain" has ${name}`);
  }
  if (value.get('v') !== ENVELOPE_VERSION) throw missing('"aichain" v', String(ENVELOPE_VERSION));
  const log = value.get('log');
  if (typeof log !== 'string') throw missing('"aichain" log', 'text');
  const kind = value.get('kind');
  if (typeof kind !== 'string') throw missing('"aichain" kind', 'text');
  const onBehalf = value.get('onBehalf');
  if (onBehalf !== undefined && typeof onBehalf !== 'string') throw missing('"aichain" onBehalf', 'text');
  if (onBehalf !== undefined && !isDid(onBehalf)) throw fail('ID_MALFORMED', 'onBehalf is not a DID');
  const refs = value.get('refs');
  if (!Array.isArray(refs) || refs.length > MAX_REFS) throw missing('"aichain" refs', 'a list');
  return {
    kind,
    log,
    refs: (refs as readonly Cbor[]).map(readRef),
    ...(onBehalf !== undefined && { onBehalf }),
  };
}

function readRef(value: Cbor): Ref {
  if (!Array.isArray(value) || value.length !== 3) throw missing('a ref', '[rel, index, entry]');
  const [rel, index, entry] = value as readonly Cbor[];
  if (typeof rel !== 'string' || !/^[a-zA-Z]{1,32}$/.test(rel)) throw missing('a ref’s relation', 'a word');
  if (typeof index !== 'number' || index < 0) throw missing('a ref’s index', 'an unsigned integer');
  if (!isDigest(entry)) throw missing('a ref’s entry', '32 bytes');
  return { rel, index, entry };
}

function readClaims(value: Cbor | undefined, chain: ChainHeader | undefined) {
  if (!isMap(value)) throw missing('the CWT claims', 'a map');
  const issuer = value.get(ISS);
  if (typeof issuer !== 'string') throw missing('iss', 'text');
  const subject = value.get(SUB);
  if (subject !== undefined && typeof subject !== 'string') throw missing('sub', 'text');
  const issuedAt = chain ? value.get(IAT) : foreignTime(value.get(IAT));
  if (issuedAt !== undefined && !isSeconds(issuedAt)) throw missing('iat', 'whole seconds');
  if (chain) {
    if (subject === undefined) throw missing('sub', 'text');
    if (issuedAt === undefined) throw missing('iat', 'whole seconds');
    if (value.size !== 3) throw fail('COSE_MALFORMED', 'claims other than iss, sub and iat');
    if (!isDid(issuer) && !isUrn(issuer)) throw fail('ID_MALFORMED', 'iss is neither a DID nor a URN');
    if (!isSubject(subject)) throw fail('ID_MALFORMED', 'sub is neither a DID nor a URN');
  }
  return { issuer, subject, issuedAt };
}

/** RFC 8392 NumericDate of others: an integer, one with tag 1, or a float, of which the fraction is dropped. */
function foreignTime(value: Cbor | undefined): Cbor | undefined {
  const untagged = value instanceof Tagged && value.tag === 1 ? value.value : value;
  if (!(untagged instanceof Float) || untagged.value === undefined) return untagged;
  return Math.floor(untagged.value);
}

function isSeconds(value: Cbor): value is number {
  return typeof value === 'number' && value >= 0 && value <= MAX_SECONDS;
}

function isSubject(text: string): boolean {
  return isDid(text) || (text.length <= MAX_IDENTIFIER && /^urn:[a-z0-9][a-z0-9-]{0,31}:[!-~]+$/.test(text));
}

function isDigest(value: Cbor | undefined): value is Bytes {
  return value instanceof Uint8Array && value.length === DIGEST;
}

function missing(what: string, needed: string) {
  return fail('HEADER_MISSING', `${what} has to be ${needed}`);
}
