/** The crypto interface over noble: pure TypeScript, for browsers and as the second opinion on the server. */
import { ed25519 } from '@noble/curves/ed25519.js';
import { p256, p384 } from '@noble/curves/nist.js';
import { sha256, sha384, sha512 } from '@noble/hashes/sha2.js';
import { randomBytes } from '@noble/hashes/utils.js';
import { type Bytes, concat, equal, fromHex } from './bytes.ts';
import type { Crypto, PrivateKey, PublicKey, SignatureAlgorithm, VerifyOptions } from './crypto.ts';
import { bigEndian, checkPrivateKey, checkPublicKey, signatureInProfile } from './signature-profile.ts';

export const nobleCrypto: Crypto = {
  name: 'noble',
  sha256,
  sha384,
  sha512,
  rsavp1,
  randomBytes,
  importPublicKey: publicKey,
  importPrivateKey: privateKey,
  generatePrivateKey: (algorithm) =>
    privateKey(
      algorithm,
      algorithm === 'Ed25519' ? ed25519.utils.randomSecretKey() : curve(algorithm).utils.randomSecretKey(),
    ),
};

/** 17 multiplications. */
function rsavp1(modulus: Bytes, signature: Bytes): Bytes {
  const n = bigEndian(modulus);
  const s = bigEndian(signature);
  let m = s;
  for (let i = 0; i < 16; i++) m = (m * m) % n;
  m = (m * s) % n;
  return fromHex(m.toString(16).padStart(modulus.length * 2, '0'));
}

function curve(algorithm: 'ES256' | 'ES384') {
  return algorithm === 'ES256' ? p256 : p384;
}

function publicKey(algorithm: SignatureAlgorithm, bytes: Bytes): PublicKey {
  checkPublicKey(algorithm, bytes);
  const own = Uint8Array.from(bytes);
  const verify = algorithm === 'Ed25519' ? ed25519Verifier(own) : ecdsaVerifier(algorithm, own);
  return {
    algorithm,
    bytes: own,
    verify(message, signature, { lowS = true }: VerifyOptions = {}) {
      return signatureInProfile(algorithm, signature, lowS) && verify(message, signature);
    },
  };
}

function ecdsaVerifier(algorithm: 'ES256' | 'ES384', key: Bytes) {
  // The range and low-s checks are made before; noble's own low-s check would refuse what `lowS: false` allows.
  return (message: Bytes, signature: Bytes) => {
    try {
      return curve(algorithm).verify(signature, message, key, { lowS: false, prehash: true });
    } catch {
      return false; // Never throws: a point at infinity on the way is simply not a signature.
    }
  };
}

/**
 * Cofactorless verification, RFC 8032 §5.1.7 without the factor 8: encode([S]B − [k]A) must equal R byte for byte.
 * noble's own `verify` multiplies by the cofactor, and would accept a torsioned R that OpenSSL refuses.
 */
function ed25519Verifier(key: Bytes) {
  const { Point } = ed25519;
  const minusA = Point.fromBytes(key, false).negate();
  return (message: Bytes, signature: Bytes) => {
    const r = signature.subarray(0, 32);
    const s = Point.Fn.fromBytes(signature.slice(32));
    const k = Point.Fn.create(littleEndian(sha512(concat(r, key, message))));
    return equal(Point.BASE.multiplyUnsafe(s).add(minusA.multiplyUnsafe(k)).toBytes(), r);
  };
}

function littleEndian(bytes: Bytes): bigint {
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]!);
  return value;
}

function privateKey(algorithm: SignatureAlgorithm, secret: Bytes): PrivateKey {
  checkPrivateKey(algorithm, secret);
  const own = Uint8Array.from(secret);
  if (algorithm === 'Ed25519') {
    return {
      algorithm,
      secret: own,
      publicKey: publicKey(algorithm, ed25519.getPublicKey(own)),
      sign: (message) => ed25519.sign(message, own),
    };
  }
  return {
    algorithm,
    secret: own,
    publicKey: publicKey(algorithm, curve(algorithm).getPublicKey(own, false)),
    sign: (message) => curve(algorithm).sign(message, own, { lowS: true, prehash: true }),
  };
}
