/**
 * COSE_Sign1, RFC 9052 §4.2: one signature over a protected header and a payload. Everything in the structure
 * comes from a stranger; after {@link decodeSign1} its shape is certain, after {@link verifySign1} the protected
 * header and the payload are the key holder's. The unprotected header never is.
 */
import { type Bytes, equal } from '../core/bytes.ts';
import {
  type CborKey,
  type CborMap,
  decode,
  encode,
  headLength,
  Tagged,
  writeByteString,
} from '../core/cbor.ts';
import type { PrivateKey, PublicKey, VerifyOptions } from '../core/crypto.ts';
import { fail } from '../core/errors.ts';
import { ALGORITHM_ID, checkAlgorithm } from './algorithm.ts';
import {
  ALG,
  checkBuckets,
  checkCritical,
  decodeProtected,
  encodeProtected,
  isMap,
  signedForm,
} from './header.ts';

/** CBOR tag of COSE_Sign1, RFC 9052 §2. */
export const SIGN1_TAG = 18;
const EMPTY = new Uint8Array(0);
const NO_HEADER: CborMap = new Map();

/** Byte members are views into the decoded bytes, which must not be changed afterwards. */
export interface Sign1 {
  /** The protected header exactly as received: what was signed. Never encode it again. */
  readonly protectedBytes: Bytes;
  readonly protected: CborMap;
  readonly unprotected: CborMap;
  /** null: detached. */
  readonly payload: Bytes | null;
  readonly signature: Bytes;
  readonly tagged: boolean;
}

export interface DecodeSign1Options {
  /** Refuse a structure without tag 18 (default true). */
  requireTag?: boolean;
}

/**
 * The typed value of a COSE_Sign1.
 * @throws COSE_TAG_WRONG another tag, or none where one is required
 * @throws COSE_MALFORMED not the four members, or a label that occurs twice
 * @throws CBOR_MALFORMED not CBOR with definite lengths and without duplicate keys
 * @example const { payload } = decodeSign1(bytes);
 */
export function decodeSign1(bytes: Bytes, { requireTag = true }: DecodeSign1Options = {}): Sign1 {
  const item = decode(bytes, { profile: 'definite' });
  const tagged = item instanceof Tagged;
  if (tagged ? item.tag !== SIGN1_TAG : requireTag) {
    throw fail('COSE_TAG_WRONG', tagged ? `tag ${item.tag}` : 'no tag');
  }
  const members = tagged ? item.value : item;
  if (!Array.isArray(members) || members.length !== 4) throw fail('COSE_MALFORMED', 'not four members');
  const [protectedBytes, unprotected, payload, signature] = members;
  if (!(protectedBytes instanceof Uint8Array)) throw fail('COSE_MALFORMED', 'protected is not bytes');
  if (!isMap(unprotected)) throw fail('COSE_MALFORMED', 'unprotected is not a map');
  if (payload !== null && !(payload instanceof Uint8Array)) {
    throw fail('COSE_MALFORMED', 'payload is neither bytes nor nil');
  }
  if (!(signature instanceof Uint8Array)) throw fail('COSE_MALFORMED', 'signature is not bytes');
  const protectedMap = decodeProtected(protectedBytes);
  checkBuckets(protectedMap, unprotected);
  return { protectedBytes, protected: protectedMap, unprotected, payload, signature, tagged };
}

export interface Sign1Parts {
  protectedBytes: Bytes;
  /** Default: empty. */
  unprotected?: CborMap;
  payload: Bytes | null;
  signature: Bytes;
}

/** Tagged, shortest lengths; the protected bytes go in untouched. @throws CBOR_MALFORMED a float in `unprotected` */
export function encodeSign1({
  protectedBytes,
  unprotected = NO_HEADER,
  payload,
  signature,
}: Sign1Parts): Bytes {
  return encode(new Tagged(SIGN1_TAG, [protectedBytes, unprotected, payload, signature]));
}

/**
 * FORMATS §1 canonical bytes: tag 18, empty unprotected header, shortest lengths. They are what an entry id is
 * the hash of; what arrived unprotected or untagged is not in them.
 */
export function canonicalSign1({ protectedBytes, payload, signature }: Sign1Parts): Bytes {
  return encodeSign1({ protectedBytes, payload, signature });
}

/** Sig_structure of RFC 9052 §4.4: the bytes that are signed. */
export function sigStructure(protectedBytes: Bytes, payload: Bytes, externalAad: Bytes = EMPTY): Bytes {
  if (externalAad.length > 0) {
    return encode(['Signature1', signedForm(protectedBytes), externalAad, payload]);
  }
  const structure = new Uint8Array(sigStructureLength(protectedBytes, payload));
  writeSigStructure(structure, 0, protectedBytes, payload);
  return structure;
}

/** Length of the {@link sigStructure} without external data. */
export function sigStructureLength(protectedBytes: Bytes, payload: Bytes): number {
  const { length } = signedForm(protectedBytes);
  return PREFIX.length + headLength(length) + length + 1 + headLength(payload.length) + payload.length;
}

/** Writes the {@link sigStructure} without external data to where many are collected. @returns where it ends */
export function writeSigStructure(to: Bytes, at: number, protectedBytes: Bytes, payload: Bytes): number {
  to.set(PREFIX, at);
  const end = writeByteString(to, at + PREFIX.length, signedForm(protectedBytes));
  return writeByteString(to, writeByteString(to, end, EMPTY), payload);
}

/** An array of four, and its context. */
const PREFIX = encode(['Signature1', EMPTY, EMPTY, EMPTY]).slice(0, -3);

export interface VerifySign1Options extends VerifyOptions {
  /** What a detached payload is; for an attached one, what it must be. */
  payload?: Bytes;
  externalAad?: Bytes;
  /** Labels that may be in `crit` (none by default). */
  understood?: readonly CborKey[];
}

/**
 * Returns if `sign1` is signed by `key`. Whose key it is, and whether it may sign this, is for the caller.
 * @throws HEADER_MISSING no protected alg; ALG_NOT_ALLOWED unknown alg, or not the key's
 * @throws CRIT_UNKNOWN a critical header that is not understood
 * @throws COSE_MALFORMED the payload is detached and was not given
 * @throws SIGNATURE_INVALID the signature, or an attached payload that is not the given one
 */
export function verifySign1(key: PublicKey, sign1: Sign1, options: VerifySign1Options = {}): void {
  checkCritical(sign1.protected, options.understood);
  checkAlgorithm(sign1.protected, key);
  const payload = expectedPayload(sign1.payload, options.payload);
  const message = sigStructure(
    signedForm(sign1.protectedBytes, sign1.protected),
    payload,
    options.externalAad,
  );
  if (!key.verify(message, sign1.signature, { lowS: options.lowS ?? true })) {
    throw fail('SIGNATURE_INVALID', 'the COSE signature does not verify');
  }
}

/** @throws COSE_MALFORMED neither is there; SIGNATURE_INVALID both are, and differ */
export function expectedPayload(attached: Bytes | null, given: Bytes | undefined): Bytes {
  const payload = attached ?? given;
  if (payload === undefined) throw fail('COSE_MALFORMED', 'the payload is detached and was not given');
  if (given !== undefined && !equal(payload, given)) {
    throw fail('SIGNATURE_INVALID', 'the attached payload is not the expected one');
  }
  return payload;
}

export interface SignSign1Parts {
  /** `alg` is added when it is not there. A Map, because labels are integers and object keys never are. */
  protected: CborMap;
  unprotected?: CborMap;
  payload: Bytes;
  /** Leave the payload out of the structure (default false). */
  detached?: boolean;
  externalAad?: Bytes;
}

/**
 * A tagged COSE_Sign1 with a deterministic protected header.
 * @throws ALG_NOT_ALLOWED `alg` is there and is not the key's
 * @example signSign1(key, { protected: new Map([[KID, thumbprint(crypto, key.publicKey)]]), payload });
 */
export function signSign1(key: PrivateKey, parts: SignSign1Parts): Bytes {
  const { unprotected = NO_HEADER, payload, detached = false } = parts;
  const header = withAlgorithm(key, parts.protected);
  checkBuckets(header, unprotected);
  const protectedBytes = encodeProtected(header);
  const signature = key.sign(sigStructure(protectedBytes, payload, parts.externalAad));
  return encodeSign1({ protectedBytes, unprotected, payload: detached ? null : payload, signature });
}

/** The header with the key's `alg`. @throws ALG_NOT_ALLOWED it has another one */
export function withAlgorithm(key: PrivateKey, header: CborMap): CborMap {
  if (header.get(ALG) === undefined) return new Map([...header, [ALG, ALGORITHM_ID[key.algorithm]]]);
  checkAlgorithm(header, key);
  return header;
}
