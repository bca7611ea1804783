/**
 * The protected header of a statement, FORMATS §1: who says it, when, and for which log. Most headers have the one shape in which
 * they are issued here, and are read straight from their bytes; all others, and those with a fault, by way of a map.
 *
 * A statement is *ours* (it has the "aichain" label) or *foreign* (any other SCITT statement). Ours has a closed,
 * deterministic header; a foreign header is only read, for its bytes stay as they were signed.
 */

import type { Bytes } from '../core/bytes.ts';
import { type Cbor, type CborMap, decode, encode, Float, Tagged } from '../core/cbor.ts';
import type { SignatureAlgorithm } from '../core/crypto.ts';
import { fail, isLedgerError } from '../core/errors.ts';
import { type ItemReader, readKnown, refuse } from '../core/item-reader.ts';
import { ALGORITHM_IDS, algorithmOf } from '../cose/algorithm.ts';
import { AICHAIN, ALG, CONTENT_TYPE, CRIT, CWT_CLAIMS, isMap, KID, TYP } from '../cose/header.ts';
import { isDid, isUrn, MAX_IDENTIFIER } from './identifier.ts';
import { MAX_SECONDS } from './schema.ts';

/** `typ` of this project's statements. */
export const STATEMENT_TYPE = 'application/vnd.depa.aichain+cbor';
/** "v" of the "aichain" header. */
export const ENVELOPE_VERSION = 1;
/** References of one statement. */
export const MAX_REFS = 64;
const DIGEST = 32;
const RELATION = /^[a-zA-Z]{1,32}$/;

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

export interface Header {
  readonly algorithm: SignatureAlgorithm;
  readonly algorithmId: number;
  /** COSE key thumbprint, 32 bytes. */
  readonly kid: Bytes;
  readonly issuer: string;
  readonly subject: string | undefined;
  /** Unix seconds. */
  readonly issuedAt: number | undefined;
  /** Undefined: a foreign statement. */
  readonly chain: ChainHeader | undefined;
}

/**
 * @throws CBOR_MALFORMED, COSE_MALFORMED, CBOR_NOT_DETERMINISTIC (a header of ours out of order), HEADER_MISSING, CRIT_UNKNOWN,
 * ALG_NOT_ALLOWED, ID_MALFORMED
 */
export function readHeader(bytes: Bytes): Header {
  return readUsualHeader(bytes) ?? readAnyHeader(bytes);
}

/** Undefined: of another shape, or with a fault. */
export function readUsualHeader(bytes: Bytes): Header | undefined {
  return readKnown(bytes, takeHeader);
}

// --- from the bytes: only what needs no word about it ---------------------------------------------------------------

// Labels, names and values as they are encoded: in deterministic form there is one way to write each.
const encoded = (value: Cbor): readonly number[] => [...encode(value)];
const LABEL = {
  alg: encoded(ALG),
  contentType: encoded(CONTENT_TYPE),
  kid: encoded(KID),
  claims: encoded(CWT_CLAIMS),
  type: [...encode(TYP), ...encode(STATEMENT_TYPE)],
  chain: encoded(AICHAIN),
};
const CLAIM = { issuer: encoded(ISS), subject: encoded(SUB), issuedAt: encoded(IAT) };
const MEMBER = {
  version: [...encode('v'), ...encode(ENVELOPE_VERSION)],
  log: encoded('log'),
  kind: encoded('kind'),
  refs: encoded('refs'),
  onBehalf: encoded('onBehalf'),
};
const ALGORITHMS = ALGORITHM_IDS.map((id) => ({ id, algorithm: algorithmOf(id)!, encoded: encoded(id) }));
/** Longer texts are read the other way. */
const USUAL_TEXT = 512;

function takeHeader(from: ItemReader): Header {
  const members = from.map();
  take(from, LABEL.alg);
  const { id: algorithmId, algorithm } = ALGORITHMS.find((each) => from.is(each.encoded)) ?? refuse();
  const typed = from.is(LABEL.contentType);
  if (typed) from.text(USUAL_TEXT);
  take(from, LABEL.kid);
  const kid = takeDigest(from);
  take(from, LABEL.claims);
  const claims = takeClaims(from);
  const ours = from.is(LABEL.type);
  if (members !== (typed ? 4 : 3) + (ours ? 2 : 0)) refuse();
  let chain: ChainHeader | undefined;
  if (ours) {
    if (typed || !isOurs(claims)) refuse();
    take(from, LABEL.chain);
    chain = takeChainHeader(from);
  }
  const { issuer, subject, issuedAt } = claims;
  return { algorithm, algorithmId, kid, issuer, subject, issuedAt, chain };
}

function take(from: ItemReader, bytes: readonly number[]): void {
  if (!from.is(bytes)) refuse();
}

interface Claims {
  readonly issuer: string;
  readonly subject: string | undefined;
  readonly issuedAt: number | undefined;
}

function takeClaims(from: ItemReader): Claims {
  const members = from.map();
  take(from, CLAIM.issuer);
  const issuer = from.text(USUAL_TEXT);
  const subject = from.is(CLAIM.subject) ? from.text(USUAL_TEXT) : undefined;
  const issuedAt = from.is(CLAIM.issuedAt) ? from.uint() : undefined;
  const found = 1 + (subject === undefined ? 0 : 1) + (issuedAt === undefined ? 0 : 1);
  if (members !== found || (issuedAt !== undefined && !isSeconds(issuedAt))) refuse();
  from.end();
  return { issuer, subject, issuedAt };
}

/** Whether the claims are those of a statement of ours. */
function isOurs({ issuer, subject, issuedAt }: Claims): boolean {
  if (subject === undefined || issuedAt === undefined) return false;
  return (isDid(issuer) || isUrn(issuer)) && isSubject(subject);
}

function takeChainHeader(from: ItemReader): ChainHeader {
  const members = from.map();
  take(from, MEMBER.version);
  take(from, MEMBER.log);
  const log = from.text(USUAL_TEXT);
  take(from, MEMBER.kind);
  const kind = from.text(USUAL_TEXT);
  take(from, MEMBER.refs);
  const count = from.array();
  if (count > MAX_REFS) refuse();
  const refs: Ref[] = [];
  for (let i = 0; i < count; i++) refs.push(takeRef(from));
  from.end();
  const onBehalf = from.is(MEMBER.onBehalf) ? from.text(USUAL_TEXT) : undefined;
  if (members !== (onBehalf === undefined ? 4 : 5)) refuse();
  from.end();
  if (onBehalf === undefined) return { kind, log, refs };
  return isDid(onBehalf) ? { kind, log, refs, onBehalf } : refuse();
}

function takeRef(from: ItemReader): Ref {
  if (from.array() !== 3) refuse();
  const rel = from.text(USUAL_TEXT);
  const index = from.uint();
  const entry = takeDigest(from);
  from.end();
  return RELATION.test(rel) ? { rel, index, entry } : refuse();
}

function takeDigest(from: ItemReader): Bytes {
  const digest = from.bytes();
  return digest.length === DIGEST ? digest : refuse();
}

// --- from a map: in any order that COSE allows others, and with the fault by its name -------------------------------

/** @throws as {@link readHeader} does */
export function readAnyHeader(bytes: Bytes): Header {
  const { header, chain } = readProtected(bytes);
  const algorithmId = header.get(ALG);
  if (typeof algorithmId !== 'number') throw missing('alg', 'an integer');
  const kid = header.get(KID);
  if (!isDigest(kid)) throw missing('kid', '32 bytes');
  const claims = readClaims(header.get(CWT_CLAIMS), chain);
  if (header.has(CRIT)) throw fail('CRIT_UNKNOWN', 'no header may be critical');
  if (chain) checkClosed(header);
  const algorithm = algorithmOf(algorithmId);
  if (!algorithm) throw fail('ALG_NOT_ALLOWED', `alg ${algorithmId}`);
  const { issuer, subject, issuedAt } = claims;
  return { algorithm, algorithmId, kid, issuer, subject, issuedAt, chain };
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
  if (typeof rel !== 'string' || !RELATION.test(rel)) throw missing('a ref’s relation', 'a word');
  if (typeof index !== 'number' || index < 0) throw missing('a ref’s index', 'an unsigned integer');
  if (!isDigest(entry)) throw missing('a ref’s entry', '32 bytes');
  return { rel, index, entry };
}

function readClaims(value: Cbor | undefined, chain: ChainHeader | undefined): Claims {
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
