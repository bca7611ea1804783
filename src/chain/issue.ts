/** Making statements. Nothing is checked against a schema or a log here: the transition function is the judge. */

import type { Bytes } from '../core/bytes.ts';
import { type Cbor, type CborKey, encode } from '../core/cbor.ts';
import type { Crypto, PrivateKey } from '../core/crypto.ts';
import { ALGORITHM_ID } from '../cose/algorithm.ts';
import { hashEnvelope } from '../cose/hash-envelope.ts';
import { AICHAIN, ALG, CONTENT_TYPE, CWT_CLAIMS, KID, TYP } from '../cose/header.ts';
import { thumbprint } from '../cose/key.ts';
import { signSign1 } from '../cose/sign1.ts';
import { ENVELOPE_VERSION, type Ref, STATEMENT_TYPE } from './protected-header.ts';

// CWT claims, RFC 8392 §4.
const ISS = 1;
const SUB = 2;
const IAT = 6;

type SigningCrypto = Pick<Crypto, 'sha256'>;

export interface StatementParts {
  /** Origin of the log that it is for. */
  log: string;
  kind: string;
  /** DID of the signer, or URN of the clean room. */
  issuer: string;
  /** DID or URN of what it is about (default: the issuer). */
  subject?: string;
  /** Unix seconds. */
  issuedAt: number;
  /** DID of the participant that the signer is a delegate of. */
  onBehalf?: string;
  refs?: readonly Ref[];
  body: object;
}

/** A chain statement in canonical bytes. @example signStatement(crypto, key, { log, kind: 'key.add', issuer, … }) */
export function signStatement(crypto: SigningCrypto, key: PrivateKey, parts: StatementParts): Bytes {
  const { log, kind, issuer, subject = issuer, issuedAt, onBehalf, refs = [], body } = parts;
  const header = new Map<CborKey, Cbor>([
    [ALG, ALGORITHM_ID[key.algorithm]],
    [KID, thumbprint(crypto, key.publicKey)],
    [CWT_CLAIMS, claims(issuer, subject, issuedAt)],
    [TYP, STATEMENT_TYPE],
    [
      AICHAIN,
      { v: ENVELOPE_VERSION, log, kind, onBehalf, refs: refs.map((ref) => [ref.rel, ref.index, ref.entry]) },
    ],
  ]);
  return signSign1(key, { protected: header, payload: encode(body as Cbor) });
}

export interface ForeignParts {
  issuer: string;
  subject?: string;
  /** Unix seconds. */
  issuedAt?: number;
  /** Media type or CoAP content format of the payload; of the preimage, if it is hashed. */
  contentType: string | number;
  payload: Bytes;
  /** Log the SHA-256 of the payload only (RFC 9995); `location` says where the payload may be found. */
  hashEnvelope?: boolean | { location: string };
}

/** A SCITT statement that is not of this project's kinds: it gets a receipt, and has no effect on the state. */
export function signForeign(crypto: SigningCrypto, key: PrivateKey, parts: ForeignParts): Bytes {
  const { issuer, subject, issuedAt, contentType, payload, hashEnvelope: hashed = false } = parts;
  const envelope = hashed
    ? hashEnvelope(crypto, payload, { contentType, ...(hashed === true ? {} : hashed) })
    : { header: [[CONTENT_TYPE, contentType]] as [CborKey, Cbor][], payload };
  const header = new Map<CborKey, Cbor>([
    [ALG, ALGORITHM_ID[key.algorithm]],
    [KID, thumbprint(crypto, key.publicKey)],
    [CWT_CLAIMS, claims(issuer, subject, issuedAt)],
    ...envelope.header,
  ]);
  return signSign1(key, { protected: header, payload: envelope.payload });
}

function claims(issuer: string, subject: string | undefined, issuedAt: number | undefined): Cbor {
  return new Map<CborKey, Cbor>([
    [ISS, issuer],
    ...(subject === undefined ? [] : [[SUB, subject] as const]),
    ...(issuedAt === undefined ? [] : [[IAT, issuedAt] as const]),
  ]);
}
