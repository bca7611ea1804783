/**
 * Ed25519 by the rule of the signature profile (cofactorless: the encoding of [S]B − [k]A is R, byte for byte), by the first of three that
 * says yes. None says yes where another by the same rule would not, so that who replays a log with one of them alone finds the same:
 * - libsodium, which takes less than half the time that OpenSSL does. It refuses every R of small order.
 * - OpenSSL. Since node 24 it refuses those too.
 * - noble, which is asked about nothing else.
 */
import { type KeyObject, verify } from 'node:crypto';
import { createRequire } from 'node:module';
import { ED25519_TORSION_SUBGROUP } from '@noble/curves/ed25519.js';
import { type Bytes, fromHex, toHex } from '../core/bytes.ts';
import { nobleCrypto } from '../core/crypto-noble.ts';

/** Whether the signature (64 bytes, S < L) is the key's (32 bytes, canonical, not of small order) over the message. */
export type VerifyEd25519 = (signature: Bytes, message: Bytes, key: Bytes) => boolean;

/** libsodium's, looked for with the first signature: most commands verify none. */
let bySodium: VerifyEd25519 | null | undefined;

/**
 * @param key as its 32 bytes, which have been checked
 * @param openSsl gives the same key; what only libsodium verifies needs none
 */
export function verifyEd25519(
  signature: Bytes,
  message: Bytes,
  key: Bytes,
  openSsl: () => KeyObject,
): boolean {
  if (bySodium === undefined) bySodium = ed25519BySodium() ?? null;
  if (bySodium?.(signature, message, key)) return true;
  if (verify(null, message, openSsl(), signature)) return true;
  return hasSmallR(signature) && nobleCrypto.importPublicKey('Ed25519', key).verify(message, signature);
}

const SMALL: ReadonlySet<string> = new Set(ED25519_TORSION_SUBGROUP);

/** One of eight encodings: what is not canonical equals no encoding. */
function hasSmallR(signature: Bytes): boolean {
  return smallRRefused() && SMALL.has(toHex(signature.subarray(0, 32)));
}

/** No message, a key, and signatures over it: */
const NOTHING = new Uint8Array(0);
const KEY = fromHex('88aa55e6afeed8960a3191de78600347db8acd0a3795412f275f049b86260488');
/** S fits R; */
const GOOD = fromHex(
  '3e54c441927f9f0ee5e13e34f0b0404c5043651a8f4b7ef087a1c42262a85d0a78ecf6eaee95b607f963c43ab5a6733464a2b4bd8d8b5f99884a0776f693c90d',
);
/** S fits R without its part of order 2; */
const COFACTORED = fromHex(
  'afab3bbe6d8060f11a1ec1cb0f4fbfb3afbc9ae570b4810f785e3bdd9d57a2f542eaecf4662bcfd985803d3dd17e257b90279c072d0dc3b694064c6d33c94d07',
);
/** S fits R, which is the neutral element. */
const SMALL_R = fromHex(
  '0100000000000000000000000000000000000000000000000000000000000000773639e43e3057d36174c9252b5794b52eec654f135aec09ab5d3e8f19e0f40f',
);

let refused: boolean | undefined;

/** Whether this node's OpenSSL is one that refuses such an R: where it is not, its answer is the rule's, and in a twentieth of the time. */
function smallRRefused(): boolean {
  if (refused === undefined) {
    const x = Buffer.from(KEY).toString('base64url');
    const key = { key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' } as const;
    refused = !verify(null, NOTHING, key, SMALL_R);
  }
  return refused;
}

interface Sodium {
  readonly crypto_sign_verify_detached: VerifyEd25519;
}

/**
 * @returns undefined where the platform has no such library, or has one that verifies by another equation: by the cofactored one, which
 * RFC 8032 §5.1.7 allows as well, it would accept what others refuse, and split those who replay a log
 */
export function ed25519BySodium(load: () => unknown = fromPackage): VerifyEd25519 | undefined {
  try {
    const { crypto_sign_verify_detached: verify } = load() as Sodium;
    const byTheRule = verify(GOOD, NOTHING, KEY) && !verify(COFACTORED, NOTHING, KEY);
    if (!byTheRule) return undefined;
    return (signature, message, key) =>
      within(signature) && within(message) && within(key) && verify(signature, message, key);
  } catch {
    return undefined;
  }
}

/** The binding counts in 32 bits: of a message of 4 GiB and a byte it would verify the byte. */
function within({ byteOffset, length }: Bytes): boolean {
  return byteOffset + length < 2 ** 32;
}

function fromPackage(): unknown {
  const require = createRequire(import.meta.url);
  return require('sodium-native');
}
