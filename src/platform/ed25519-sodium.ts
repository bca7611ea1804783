/**
 * Ed25519 by libsodium, which verifies a signature in less than half the time that OpenSSL takes. It may only say yes sooner: what it
 * refuses OpenSSL is asked about, so that the answer is OpenSSL's in every case (libsodium also refuses an R of small order).
 */
import { createRequire } from 'node:module';
import { type Bytes, fromHex } from '../core/bytes.ts';

/** Whether the signature (64 bytes, S < L) is the key's (32 bytes, canonical, not of small order) over the message. */
export type VerifyEd25519 = (signature: Bytes, message: Bytes, key: Bytes) => boolean;

interface Sodium {
  readonly crypto_sign_verify_detached: VerifyEd25519;
}

/** No message, and two signatures of one key over it: S fits R in the first, and R without its part of order 2 in the second. */
const KEY = fromHex('88aa55e6afeed8960a3191de78600347db8acd0a3795412f275f049b86260488');
const GOOD = fromHex(
  '3e54c441927f9f0ee5e13e34f0b0404c5043651a8f4b7ef087a1c42262a85d0a78ecf6eaee95b607f963c43ab5a6733464a2b4bd8d8b5f99884a0776f693c90d',
);
const COFACTORED = fromHex(
  'afab3bbe6d8060f11a1ec1cb0f4fbfb3afbc9ae570b4810f785e3bdd9d57a2f542eaecf4662bcfd985803d3dd17e257b90279c072d0dc3b694064c6d33c94d07',
);
const NOTHING = new Uint8Array(0);

/**
 * @returns undefined where the platform has no such library, or has one that verifies by another equation: by the cofactored one, which
 * RFC 8032 §5.1.7 allows as well, it would accept what others refuse, and split those who replay a log
 */
export function ed25519BySodium(load: () => unknown = fromPackage): VerifyEd25519 | undefined {
  try {
    const { crypto_sign_verify_detached: verify } = load() as Sodium;
    const asOpenSsl = verify(GOOD, NOTHING, KEY) && !verify(COFACTORED, NOTHING, KEY);
    return asOpenSsl ? verify : undefined;
  } catch {
    return undefined;
  }
}

function fromPackage(): unknown {
  const require = createRequire(import.meta.url);
  return require('sodium-native');
}
