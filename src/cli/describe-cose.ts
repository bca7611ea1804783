/** Statements, receipts, keys: what COSE structures say. Nothing is verified, and a broken part is named, not hidden. */
import { parseStatement, type Statement } from '../chain/index.ts';
import { type Bytes, fromUtf8, toBase64url } from '../core/bytes.ts';
import { type Cbor, decode } from '../core/cbor.ts';
import type { Crypto } from '../core/crypto.ts';
import { isLedgerError } from '../core/errors.ts';
import {
  CONTENT_TYPE,
  type CoseKey,
  decodeCoseKey,
  decodeKeySet,
  decodePrivateKey,
  decodeReceipt,
  decodeSign,
  decodeTransparentStatement,
  encodeCoseKey,
  readHashEnvelope,
  type Sign1,
  thumbprint,
} from '../cose/index.ts';
import { diagnostic } from './diagnostic.ts';
import type { Json } from './terminal.ts';

/** Bytes of a payload that are shown. */
const PREVIEW = 4096;

/** @throws what decodeTransparentStatement throws: it is no COSE_Sign1 */
export function describeStatement(crypto: Crypto, bytes: Bytes): Json {
  const { sign1, statement, receipts } = decodeTransparentStatement(bytes);
  const parsed = attempt(() => parseStatement(crypto, statement));
  return {
    entryId: toBase64url(crypto.sha256(statement)),
    ...('value' in parsed ? envelopeOf(parsed.value) : { fault: parsed.fault }),
    contentType: contentType(sign1),
    hashEnvelope: envelopeJson(sign1),
    protected: diagnostic(sign1.protected),
    payload: payloadJson(crypto, sign1.payload),
    signature: `${sign1.signature.length} bytes, not verified here`,
    receipts:
      receipts.length === 0 ? undefined : receipts.map((receipt) => settled(() => describeReceipt(receipt))),
  };
}

function envelopeOf({ issuer, subject, issuedAt, kid, algorithm, chain }: Statement) {
  return {
    kind: chain?.kind ?? 'foreign (no effect on the state)',
    log: chain?.log,
    issuer,
    subject,
    issuedAt: issuedAt === undefined ? undefined : isoSeconds(issuedAt),
    onBehalf: chain?.onBehalf,
    refs: chain?.refs.map(({ rel, index, entry }) => ({ rel, index, entry: toBase64url(entry) })),
    kid: toBase64url(kid),
    algorithm,
  };
}

function contentType({ protected: header }: Sign1): string | number | undefined {
  const value = header.get(CONTENT_TYPE);
  return typeof value === 'string' || typeof value === 'number' ? value : undefined;
}

function envelopeJson(sign1: Sign1): Json | undefined {
  const read = attempt(() => readHashEnvelope(sign1));
  if ('fault' in read) return { fault: read.fault };
  if (!read.value) return undefined;
  const { algorithm, contentType, location } = read.value;
  return { algorithm, contentType, location };
}

function payloadJson(crypto: Crypto, payload: Bytes | null): Json {
  if (!payload) return 'detached';
  const { length } = payload;
  return { bytes: length, sha256: toBase64url(crypto.sha256(payload)), content: previewOf(payload) };
}

/** CBOR as diagnostic notation, text as text, anything else as nothing. */
function previewOf(payload: Bytes): string | undefined {
  const cbor = attempt(() => decode(payload));
  // A lone number or text is more likely the beginning of something else.
  if ('value' in cbor && cbor.value !== null && typeof cbor.value === 'object') return diagnostic(cbor.value);
  const text = attempt(() => fromUtf8(payload));
  if ('fault' in text) return undefined;
  return text.value.length > PREVIEW ? `${text.value.slice(0, PREVIEW)} … (cut off)` : text.value;
}

/** @throws what decodeReceipt throws */
export function describeReceipt(bytes: Bytes): Json {
  const { sign1, kid, claims, type, size, inclusion, consistency } = decodeReceipt(bytes);
  return {
    log: claims.subject,
    service: claims.issuer,
    time: claims.issuedAt === undefined ? undefined : isoSeconds(claims.issuedAt),
    kid: kid && toBase64url(kid),
    typ: typeof type === 'string' || typeof type === 'number' ? type : undefined,
    treeSize: size,
    inclusion: proofs(inclusion, ({ index, size: of }) => ({ index: String(index), size: String(of) })),
    consistency: proofs(consistency, ({ size1, size2 }) => ({ from: String(size1), to: String(size2) })),
    protected: diagnostic(sign1.protected),
    signature: `${sign1.signature.length} bytes, not verified here`,
  };
}

function proofs<P extends { readonly path: readonly Bytes[] }>(
  list: readonly P[],
  head: (proof: P) => Record<string, string>,
): Json | undefined {
  if (list.length === 0) return undefined;
  return list.map((proof) => ({ ...head(proof), path: proof.path.map(toBase64url) }));
}

/** A COSE_Sign, such as a contract of DEPA's contract service. @throws what decodeSign throws */
export function describeMultiSigned(crypto: Crypto, bytes: Bytes): Json {
  const { protected: header, payload, signers } = decodeSign(bytes);
  return {
    protected: diagnostic(header),
    payload: payloadJson(crypto, payload),
    signers: signers.map((signer) => ({
      protected: diagnostic(signer.protected),
      signature: `${signer.signature.length} bytes, not verified here`,
    })),
  };
}

export function describeKey(crypto: Crypto, bytes: Bytes): Json {
  return keyJson(crypto, decodeCoseKey(bytes));
}

/** The public part: a secret is never printed. */
export function describePrivateKey(crypto: Crypto, bytes: Bytes): Json {
  return { ...keyJson(crypto, decodePrivateKey(crypto, bytes).publicKey), secret: 'not shown' };
}

export function describeKeySet(crypto: Crypto, bytes: Bytes): Json {
  return { keys: decodeKeySet(bytes).map((key) => keyJson(crypto, key)) };
}

function keyJson(crypto: Crypto, key: CoseKey) {
  const publicKey = encodeCoseKey(key);
  return {
    kid: toBase64url(thumbprint(crypto, key)),
    algorithm: key.algorithm,
    publicKey: toBase64url(publicKey),
    parameters: diagnostic(decode(publicKey) as Cbor),
  };
}

/** Seconds as a date, or as they are where no date can hold them. */
export function isoSeconds(seconds: number): string {
  return isoMilliseconds(seconds * 1000);
}

export function isoMilliseconds(time: number): string {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? `${time} ms` : date.toISOString();
}

function settled(describe: () => Json): Json {
  const result = attempt(describe);
  return 'value' in result ? result.value : { fault: result.fault };
}

/** The value, or the code and message of the refusal: to inspect something broken is what inspection is for. */
export function attempt<T>(read: () => T): { readonly value: T } | { readonly fault: string } {
  try {
    return { value: read() };
  } catch (error) {
    if (!isLedgerError(error)) throw error;
    return { fault: `${error.code}: ${error.message}` };
  }
}
