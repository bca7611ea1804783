/**
 * COSE_Sign, RFC 9052 §4.1: several signers over one payload. The log itself signs none; DEPA contracts arrive in
 * this form, with one signature for each party.
 */
import type { Bytes } from '../core/bytes.ts';
import { type Cbor, type CborMap, decode, encode, Tagged } from '../core/cbor.ts';
import type { PrivateKey, PublicKey } from '../core/crypto.ts';
import { fail } from '../core/errors.ts';
import { checkAlgorithm } from './algorithm.ts';
import {
  checkBuckets,
  checkCritical,
  decodeProtected,
  encodeProtected,
  isMap,
  signedForm,
} from './header.ts';
import { type DecodeSign1Options, expectedPayload, type VerifySign1Options, withAlgorithm } from './sign1.ts';

/** CBOR tag of COSE_Sign, RFC 9052 §2. */
export const SIGN_TAG = 98;
/** Most signers that are taken: each costs a verification. */
export const MAX_SIGNERS = 64;
const EMPTY = new Uint8Array(0);
const NO_HEADER: CborMap = new Map();

/** COSE_Signature: one signer. Byte members are views into the decoded bytes. */
export interface Signer {
  readonly protectedBytes: Bytes;
  readonly protected: CborMap;
  readonly unprotected: CborMap;
  readonly signature: Bytes;
}

export interface Sign {
  readonly protectedBytes: Bytes;
  readonly protected: CborMap;
  readonly unprotected: CborMap;
  /** null: detached. */
  readonly payload: Bytes | null;
  /** 1 to {@link MAX_SIGNERS}. */
  readonly signers: readonly Signer[];
  readonly tagged: boolean;
}

/**
 * The typed value of a COSE_Sign.
 * @throws COSE_TAG_WRONG another tag than 98, or none where one is required
 * @throws COSE_MALFORMED not the members, no signer or too many, or a label that occurs twice
 * @throws CBOR_MALFORMED not CBOR with definite lengths and without duplicate keys
 */
export function decodeSign(bytes: Bytes, { requireTag = true }: DecodeSign1Options = {}): Sign {
  const item = decode(bytes, { profile: 'definite' });
  const tagged = item instanceof Tagged;
  if (tagged ? item.tag !== SIGN_TAG : requireTag) {
    throw fail('COSE_TAG_WRONG', tagged ? `tag ${item.tag}` : 'no tag');
  }
  const members = tagged ? item.value : item;
  if (!Array.isArray(members) || members.length !== 4) throw fail('COSE_MALFORMED', 'not four members');
  const [protectedBytes, unprotected, payload, signers] = members;
  if (payload !== null && !(payload instanceof Uint8Array)) {
    throw fail('COSE_MALFORMED', 'payload is neither bytes nor nil');
  }
  if (!Array.isArray(signers) || signers.length === 0 || signers.length > MAX_SIGNERS) {
    throw fail('COSE_MALFORMED', `not 1 to ${MAX_SIGNERS} signers`);
  }
  return { ...headers(protectedBytes, unprotected), payload, signers: signers.map(signer), tagged };
}

function headers(protectedBytes: Cbor | undefined, unprotected: Cbor | undefined) {
  if (!(protectedBytes instanceof Uint8Array)) throw fail('COSE_MALFORMED', 'protected is not bytes');
  if (!isMap(unprotected)) throw fail('COSE_MALFORMED', 'unprotected is not a map');
  const protectedMap = decodeProtected(protectedBytes);
  checkBuckets(protectedMap, unprotected);
  return { protectedBytes, protected: protectedMap, unprotected };
}

function signer(item: Cbor): Signer {
  if (!Array.isArray(item) || item.length !== 3) throw fail('COSE_MALFORMED', 'a signer has three members');
  const [protectedBytes, unprotected, signature] = item;
  if (!(signature instanceof Uint8Array)) throw fail('COSE_MALFORMED', 'signature is not bytes');
  return { ...headers(protectedBytes, unprotected), signature };
}

/** Sig_structure of RFC 9052 §4.4 for one signer of a COSE_Sign. */
export function signerStructure(
  bodyProtected: Bytes,
  signerProtected: Bytes,
  payload: Bytes,
  externalAad: Bytes = EMPTY,
): Bytes {
  return encode(['Signature', signedForm(bodyProtected), signedForm(signerProtected), externalAad, payload]);
}

/**
 * Returns if this signer's signature is by `key`. Throws as {@link verifySign1} does.
 * @throws HEADER_MISSING, ALG_NOT_ALLOWED, CRIT_UNKNOWN, COSE_MALFORMED, SIGNATURE_INVALID
 */
export function verifySigner(
  key: PublicKey,
  sign: Sign,
  one: Signer,
  options: VerifySign1Options = {},
): void {
  checkCritical(sign.protected, options.understood);
  checkCritical(one.protected, options.understood);
  checkAlgorithm(one.protected, key);
  const message = signerStructure(
    signedForm(sign.protectedBytes, sign.protected),
    signedForm(one.protectedBytes, one.protected),
    expectedPayload(sign.payload, options.payload),
    options.externalAad,
  );
  if (!key.verify(message, one.signature, { lowS: options.lowS ?? true })) {
    throw fail('SIGNATURE_INVALID', 'a COSE signature does not verify');
  }
}

/**
 * Returns if every signer verifies under the key that `keyOf` gives for it. Which signers there must be is for
 * the caller. @throws what `keyOf` or {@link verifySigner} throws
 */
export function verifySign(
  sign: Sign,
  keyOf: (signer: Signer, position: number) => PublicKey,
  options: VerifySign1Options = {},
): void {
  sign.signers.forEach((one, position) => {
    verifySigner(keyOf(one, position), sign, one, options);
  });
}

export interface SignSignParts {
  protected?: CborMap;
  unprotected?: CborMap;
  payload: Bytes;
  /** `alg` is added to each protected header that has none. */
  signers: readonly { key: PrivateKey; protected: CborMap; unprotected?: CborMap }[];
  externalAad?: Bytes;
}

/** A tagged COSE_Sign with an attached payload and deterministic protected headers. */
export function signSign(parts: SignSignParts): Bytes {
  const body = encodeProtected(parts.protected ?? NO_HEADER);
  const signers = parts.signers.map(({ key, protected: header, unprotected = NO_HEADER }) => {
    const own = encodeProtected(withAlgorithm(key, header));
    return [own, unprotected, key.sign(signerStructure(body, own, parts.payload, parts.externalAad))];
  });
  return encode(new Tagged(SIGN_TAG, [body, parts.unprotected ?? NO_HEADER, parts.payload, signers]));
}
