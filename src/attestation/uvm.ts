/**
 * The endorsement of a launch measurement: Microsoft's document for the utility VM of its confidential containers. A
 * COSE_Sign1 with PS384, whose certificates are in the protected header and whose issuer is a did:x509. Its security
 * version has nothing to do with GUEST_SVN of the report.
 */
import { type Bytes, equal, fromHex } from '../core/bytes.ts';
import { type Cbor, Tagged } from '../core/cbor.ts';
import type { Crypto } from '../core/crypto.ts';
import { isLedgerError } from '../core/errors.ts';
import { ALG, CONTENT_TYPE, checkCritical, signedForm } from '../cose/header.ts';
import { decodeSign1, type Sign1, sigStructure } from '../cose/sign1.ts';
import { type Certificate, readCertificate } from './certificate.ts';
import { authorityFault, dateFault, isSignedBy, namesIssuer } from './certificate-link.ts';
import { deny } from './codes.ts';
import { checkDidX509 } from './did-x509.ts';
import { type JsonMap, readJsonMap } from './json.ts';
import { verifyPss } from './rsa.ts';

/** Genuine ones have 11 KiB, half of which is an unprotected time stamp. */
const MAX_BYTES = 64 * 1024;
const MAX_PAYLOAD = 4 * 1024;
const MAX_CERTIFICATES = 5;
/** RFC 9360 §2. */
const X5CHAIN = 33;
const X5T = 34;
/** RFC 8812 §2. */
const PS384 = -38;
/** RFC 9053 §2.1: SHA-256 in a certificate's hash. */
const SHA256 = -16;
/** RFC 8949 §3.4.2. */
const EPOCH = 1;
const MEASUREMENT = 'x-ms-sevsnpvm-launchmeasurement';
const SVN = 'x-ms-sevsnpvm-guestsvn';
const SVN_NUMBER = 'x-ms-sevsnpvm-guestsvn-int';

export interface UvmEndorsement {
  readonly issuer: string;
  readonly feed: string;
  readonly svn: number;
  /** 48 bytes. */
  readonly measurement: Bytes;
  /** Unix milliseconds; the certificates are judged at this time. */
  readonly signedAt: number;
}

/**
 * The endorsement, once everything about it has been verified but who it may be by.
 * @param at Unix milliseconds: it cannot have been signed later
 * @throws the codes UVM_*; certificates' own codes become UVM_CHAIN_INVALID
 */
export function verifyUvmEndorsement(crypto: Crypto, bytes: Bytes, at: number): UvmEndorsement {
  const sign1 = read(bytes);
  const { payload } = sign1;
  if (sign1.protected.get(ALG) !== PS384) throw deny('UVM_ALGORITHM_WRONG', 'not PS384');
  if (payload === null || payload.length > MAX_PAYLOAD)
    throw deny('UVM_MALFORMED', 'no payload, or a long one');
  if (sign1.protected.get(CONTENT_TYPE) !== 'application/json') throw deny('UVM_MALFORMED', 'not JSON');
  const issuer = text(sign1, 'iss');
  const signedAt = signingTime(sign1.protected.get('signingtime'), at);
  const chain = readChain(crypto, sign1);
  const [leaf] = chain;
  checkChain(crypto, chain);
  checkDidX509(crypto, issuer, chain);
  for (const certificate of chain) {
    const fault = dateFault(certificate, signedAt);
    if (fault) throw deny('UVM_SIGNING_TIME', `${fault} at ${signedAt}: ${certificate.commonName}`);
  }
  const message = sigStructure(signedForm(sign1.protectedBytes, sign1.protected), payload);
  const { key } = leaf;
  if (key.type !== 'rsa' || !verifyPss(crypto, key.key, 'sha384', 48, message, sign1.signature)) {
    throw deny('UVM_SIGNATURE_INVALID', 'not signed by the key of the first certificate');
  }
  return { issuer, feed: text(sign1, 'feed'), signedAt, ...readPayload(payload) };
}

function read(bytes: Bytes): Sign1 {
  if (bytes.length > MAX_BYTES) throw deny('EVIDENCE_TOO_LARGE', `an endorsement of ${bytes.length} bytes`);
  try {
    const sign1 = decodeSign1(bytes);
    checkCritical(sign1.protected);
    return sign1;
  } catch (cause) {
    if (!isLedgerError(cause)) throw cause;
    throw deny('UVM_MALFORMED', cause.message, cause);
  }
}

function text({ protected: header }: Sign1, label: string): string {
  const value = header.get(label);
  if (typeof value !== 'string' || value.length > 512) throw deny('UVM_MALFORMED', `no ${label}`);
  return value;
}

function signingTime(value: Cbor | undefined, at: number): number {
  const seconds = value instanceof Tagged && value.tag === EPOCH ? value.value : undefined;
  if (typeof seconds !== 'number' || seconds < 0) throw deny('UVM_SIGNING_TIME', 'not stated');
  if (seconds * 1000 > at) throw deny('UVM_SIGNING_TIME', `${seconds} is to come`);
  return seconds * 1000;
}

type Chain = readonly [leaf: Certificate, ...Certificate[]];

function readChain(crypto: Crypto, { protected: header }: Sign1): Chain {
  const list = header.get(X5CHAIN);
  if (!Array.isArray(list) || list.length < 2 || list.length > MAX_CERTIFICATES) {
    throw deny('UVM_CHAIN_INVALID', `not 2 to ${MAX_CERTIFICATES} certificates`);
  }
  const chain = (list as readonly Cbor[]).map((item) => {
    if (!(item instanceof Uint8Array)) throw deny('UVM_CHAIN_INVALID', 'a certificate that is not bytes');
    return invalid(() => readCertificate(item));
  }) as unknown as Chain;
  const hash = header.get(X5T);
  if (hash !== undefined) {
    const [algorithm, digest] = Array.isArray(hash) ? (hash as readonly Cbor[]) : [];
    const same = digest instanceof Uint8Array && equal(digest, crypto.sha256(chain[0].raw));
    if (algorithm !== SHA256 || !same) throw deny('UVM_CHAIN_INVALID', 'x5t is of another certificate');
  }
  return chain;
}

/** Every certificate is issued by the next; the did:x509 says which of them is trusted. */
function checkChain(crypto: Crypto, chain: Chain): void {
  const [leaf] = chain;
  // digitalSignature, RFC 5280 §4.2.1.3.
  if (leaf.basicConstraints?.ca || leaf.keyUsage?.[0] !== true) {
    throw deny('UVM_CHAIN_INVALID', 'the first certificate is not for signing');
  }
  for (let i = 1; i < chain.length; i++) {
    const [certificate, issuer] = [chain[i - 1]!, chain[i]!];
    const fault = authorityFault(issuer, i - 1);
    if (fault) throw deny('UVM_CHAIN_INVALID', `${fault}: ${issuer.commonName}`);
    if (!namesIssuer(certificate, issuer)) throw deny('UVM_CHAIN_INVALID', `CHAIN_NAMES_MISMATCH at ${i}`);
    if (!isSignedBy(crypto, certificate, issuer)) {
      throw deny('UVM_CHAIN_INVALID', `CHAIN_SIGNATURE_INVALID: ${certificate.commonName}`);
    }
  }
}

function invalid<T>(make: () => T): T {
  try {
    return make();
  } catch (cause) {
    if (!isLedgerError(cause)) throw cause;
    throw deny('UVM_CHAIN_INVALID', `${cause.code}: ${cause.message}`, cause);
  }
}

function readPayload(payload: Bytes): Pick<UvmEndorsement, 'svn' | 'measurement'> {
  let map: JsonMap;
  try {
    map = readJsonMap(payload);
  } catch (cause) {
    if (isLedgerError(cause, 'JSON_NUMBER_INEXACT')) throw deny('UVM_SVN_MALFORMED', cause.message, cause);
    if (!isLedgerError(cause)) throw cause;
    throw deny('UVM_MALFORMED', cause.message, cause);
  }
  const measurement = map.get(MEASUREMENT);
  if (typeof measurement !== 'string' || !/^[0-9a-f]{96}$/.test(measurement)) {
    throw deny('UVM_MALFORMED', 'no launch measurement');
  }
  const svn = map.get(SVN);
  if (typeof svn !== 'string' || !/^(?:0|[1-9][0-9]{0,8})$/.test(svn)) {
    throw deny('UVM_SVN_MALFORMED', typeof svn === 'string' ? svn.slice(0, 40) : 'not text');
  }
  const number = map.get(SVN_NUMBER);
  if (number !== undefined && number !== Number(svn)) throw deny('UVM_SVN_MALFORMED', 'stated in two ways');
  return { svn: Number(svn), measurement: fromHex(measurement) };
}
