/**
 * COSE_Key, RFC 9052 §7 and RFC 9053 §7: the key types that this project knows, in one canonical form each, and
 * the thumbprint (RFC 9679) that names a key everywhere. A key that decodes is a usable point.
 */
import { type Bytes, concat, equal, fromHex } from '../core/bytes.ts';
import { type Cbor, type CborMap, decode, encode } from '../core/cbor.ts';
import {
  type Crypto,
  type Hasher,
  LENGTHS,
  type PrivateKey,
  type SignatureAlgorithm,
} from '../core/crypto.ts';
import { fail } from '../core/errors.ts';
import { checkPublicKey } from '../core/signature-profile.ts';
import { algorithmOf } from './algorithm.ts';
import { isMap } from './header.ts';

// Common parameters, RFC 9052 §7.1.
const KTY = 1;
const KEY_ALG = 3;
// Key type parameters, RFC 9053 §7.1 and §7.2.
const CRV = -1;
const X = -2;
const Y = -3;
const D = -4;
const OKP = 1;
const EC2 = 2;

/** kty and crv of each algorithm: RFC 9053 tables 17 and 18. */
const SHAPES = {
  ES256: { kty: EC2, crv: 1, width: 32 },
  ES384: { kty: EC2, crv: 2, width: 48 },
  Ed25519: { kty: OKP, crv: 6, width: 32 },
  X25519: { kty: OKP, crv: 4, width: 32 },
} as const;

/** A signature key; `bytes` as in {@link Crypto.importPublicKey}: Ed25519 32, P-256 65, P-384 97. */
export interface CosePublicKey {
  readonly algorithm: SignatureAlgorithm;
  readonly bytes: Bytes;
}

/**
 * A key that things are encrypted to, never a signer's. A P-256 key that serves for encryption decodes as
 * {@link CosePublicKey}: the same COSE_Key means both, and the record that lists it says which.
 */
export interface CoseEncryptionKey {
  readonly algorithm: 'X25519';
  /** RFC 7748 u-coordinate, 32 bytes. */
  readonly bytes: Bytes;
}

export type CoseKey = CosePublicKey | CoseEncryptionKey;

export function isEncryptionKey(key: CoseKey): key is CoseEncryptionKey {
  return key.algorithm === 'X25519';
}

/**
 * A public key from its COSE_Key. Coordinates have the full width and are not compressed, so that a key has one
 * thumbprint. Members beyond the required ones are passed over, except that `alg` must fit.
 * @throws KEY_MALFORMED unknown type or curve, wrong width, compressed, or a private key
 * @throws KEY_WEAK off the curve, of small order or not canonical
 * @throws CBOR_MALFORMED
 * @example crypto.importPublicKey(key.algorithm, key.bytes) // once isEncryptionKey(key) is false
 */
export function decodeCoseKey(input: Bytes | CborMap): CoseKey {
  const map = input instanceof Uint8Array ? decode(input, { profile: 'definite' }) : input;
  if (!isMap(map)) throw fail('KEY_MALFORMED', 'a COSE key is a map');
  if (map.has(D)) throw fail('KEY_MALFORMED', 'a private key, where a public one is needed');
  return publicPart(map);
}

function publicPart(map: CborMap): CoseKey {
  const algorithm = shapeOf(map);
  const { kty, width } = SHAPES[algorithm];
  const x = coordinate(map, X, width);
  const bytes = kty === EC2 ? concat(Uint8Array.of(4), x, coordinate(map, Y, width)) : Uint8Array.from(x);
  const alg = map.get(KEY_ALG);
  if (algorithm === 'X25519') {
    checkX25519(bytes);
    return { algorithm, bytes };
  }
  if (alg !== undefined && algorithmOf(alg) !== algorithm) {
    throw fail('KEY_MALFORMED', 'the alg of the key is not one for its curve');
  }
  checkPublicKey(algorithm, bytes);
  return { algorithm, bytes };
}

function shapeOf(map: CborMap): keyof typeof SHAPES {
  const names = Object.keys(SHAPES) as (keyof typeof SHAPES)[];
  const found = names.find((name) => SHAPES[name].kty === map.get(KTY) && SHAPES[name].crv === map.get(CRV));
  if (!found) throw fail('KEY_MALFORMED', 'not a key type and curve that is known here');
  return found;
}

function coordinate(map: CborMap, label: number, width: number): Bytes {
  const value = map.get(label);
  // RFC 9679 §4.2 hashes the uncompressed form: a sign bit in place of y would give a second thumbprint.
  if (!(value instanceof Uint8Array) || value.length !== width) {
    throw fail('KEY_MALFORMED', `key parameter ${label} is not ${width} bytes`);
  }
  return value;
}

/** 2^255 − 19 in little-endian. */
const FIELD = Uint8Array.of(0xed, ...new Array<number>(30).fill(0xff), 0x7f);
/**
 * The u-coordinates of all points of order 1, 2, 4 and 8, on the curve and on its twist, whose secret is zero whatever the
 * scalar (RFC 7748 §6.1). To try a scalar says the same in a thousand times the time, and a room lists such a key each time.
 */
const SMALL_ORDER = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
  '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
].map(fromHex);

function checkX25519(u: Bytes): void {
  // RFC 7748 §5 reduces u modulo p and masks a bit: refused here, since one point would have two thumbprints.
  if (!lessThanField(u)) throw fail('KEY_WEAK', 'u-coordinate is not canonical');
  if (SMALL_ORDER.some((point) => equal(point, u))) throw fail('KEY_WEAK', 'point of small order');
}

function lessThanField(u: Bytes): boolean {
  for (let i = 31; i >= 0; i--) {
    if (u[i]! !== FIELD[i]!) return u[i]! < FIELD[i]!;
  }
  return false;
}

/** Deterministic COSE_Key with the required members only: the form that RFC 9679 §3 hashes. */
export function encodeCoseKey(key: CoseKey): Bytes {
  return encode(coseKeyMap(key));
}

/** The same as a map, for a record that holds it. */
export function coseKeyMap({ algorithm, bytes }: CoseKey): ReadonlyMap<number, Cbor> {
  const { kty, crv, width } = SHAPES[algorithm];
  const members = new Map<number, Cbor>([
    [KTY, kty],
    [CRV, crv],
  ]);
  if (kty === OKP) return members.set(X, bytes);
  return members.set(X, bytes.slice(1, 1 + width)).set(Y, bytes.slice(1 + width));
}

/** COSE Key Thumbprint with SHA-256, RFC 9679 §3: 32 bytes, the kid of the key. */
export function thumbprint(hasher: Hasher, key: CoseKey): Bytes {
  return hasher.sha256(encodeCoseKey(key));
}

/** A key file: the COSE_Key with its secret scalar or seed (-4). Deterministic. */
export function encodePrivateKey(key: PrivateKey): Bytes {
  return encode(new Map([...coseKeyMap(key.publicKey), [D, key.secret]]));
}

/**
 * @throws KEY_MALFORMED not a private signature key, or its public part is another key's: signing with such a pair
 * can give the secret away
 * @throws KEY_WEAK, CBOR_MALFORMED
 */
export function decodePrivateKey(crypto: Crypto, bytes: Bytes): PrivateKey {
  const map = decode(bytes, { profile: 'definite' });
  if (!isMap(map)) throw fail('KEY_MALFORMED', 'a COSE key is a map');
  const expected = publicPart(map);
  if (isEncryptionKey(expected)) throw fail('KEY_MALFORMED', 'not a signature key');
  const secret = coordinate(map, D, LENGTHS[expected.algorithm].secret);
  const key = crypto.importPrivateKey(expected.algorithm, secret);
  if (!equal(key.publicKey.bytes, expected.bytes)) {
    throw fail('KEY_MALFORMED', 'the public part is not that of the secret');
  }
  return key;
}
