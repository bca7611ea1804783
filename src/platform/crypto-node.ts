/** The crypto interface over node:crypto (OpenSSL): what servers, workers and the CLI use. */
import {
  constants,
  createECDH,
  createPrivateKey,
  createPublicKey,
  type JsonWebKeyInput,
  type KeyObject,
  publicDecrypt,
  randomBytes,
  sign,
  verify,
} from 'node:crypto';
import { type Bytes, fromBase64url, toBase64url } from '../core/bytes.ts';
import type { Crypto, PrivateKey, PublicKey, SignatureAlgorithm, VerifyOptions } from '../core/crypto.ts';
import { fail } from '../core/errors.ts';
import { checkPrivateKey, checkPublicKey, signatureInProfile, toLowS } from '../core/signature-profile.ts';
import { derOfSignature } from './ecdsa-der.ts';
import { verifyEd25519 } from './ed25519.ts';
import { digest, nodeHasher } from './hash-node.ts';

export const nodeCrypto: Crypto = {
  name: 'node',
  ...nodeHasher,
  sha384: (data) => digest('sha384', data),
  sha512: (data) => digest('sha512', data),
  rsavp1(modulus, signature) {
    const key = createPublicKey({ key: { kty: 'RSA', n: toBase64url(modulus), e: 'AQAB' }, format: 'jwk' });
    return plain(publicDecrypt({ key, padding: constants.RSA_NO_PADDING }, signature));
  },
  randomBytes: (size) => plain(randomBytes(size)),
  importPublicKey: publicKey,
  importPrivateKey: privateKey,
  /**
   * Not by `generateKeyPairSync`: to export a key that it made can hang (node 20). Its generator shares a lock with the key, the
   * export allocates while it holds that lock, and a collection at that moment frees the generator, which asks for it.
   */
  generatePrivateKey(algorithm) {
    return privateKey(algorithm, algorithm === 'Ed25519' ? plain(randomBytes(32)) : ecSecret(algorithm));
  },
};

const CURVES = {
  ES256: { name: 'P-256', curve: 'prime256v1', hash: 'sha256', width: 32 },
  ES384: { name: 'P-384', curve: 'secp384r1', hash: 'sha384', width: 48 },
} as const;

/** A Buffer's bytes as a plain Uint8Array: Buffer changes what `slice` means, and prints differently in tests. */
function plain(buffer: Buffer): Bytes {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}

function publicKey(algorithm: SignatureAlgorithm, bytes: Bytes): PublicKey {
  checkPublicKey(algorithm, bytes);
  const own = Uint8Array.from(bytes);
  // Made with the first signature: it costs more than verifying one, and most keys that a replay meets never sign again.
  let ready: KeyObject | undefined;
  const openSsl = () => {
    ready ??= createPublicKey({ key: publicJwk(algorithm, own), format: 'jwk' } as JsonWebKeyInput);
    return ready;
  };
  return {
    algorithm,
    bytes: own,
    verify(message, signature, { lowS = true }: VerifyOptions = {}) {
      if (!signatureInProfile(algorithm, signature, lowS)) return false;
      if (algorithm === 'Ed25519') return verifyEd25519(signature, message, own, openSsl);
      return verify(CURVES[algorithm].hash, message, openSsl(), derOfSignature(signature));
    },
  };
}

function publicJwk(algorithm: SignatureAlgorithm, bytes: Bytes): Record<string, string> {
  if (algorithm === 'Ed25519') return { kty: 'OKP', crv: 'Ed25519', x: toBase64url(bytes) };
  const { name, width } = CURVES[algorithm];
  return {
    kty: 'EC',
    crv: name,
    x: toBase64url(bytes.subarray(1, 1 + width)),
    y: toBase64url(bytes.subarray(1 + width)),
  };
}

// RFC 8410 §7 PKCS #8 wrapping of a 32-byte Ed25519 seed.
const ED25519_PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');

function privateKey(algorithm: SignatureAlgorithm, secret: Bytes): PrivateKey {
  checkPrivateKey(algorithm, secret);
  const own = Uint8Array.from(secret);
  if (algorithm === 'Ed25519') {
    const key = createPrivateKey({ key: Buffer.concat([ED25519_PKCS8, own]), format: 'der', type: 'pkcs8' });
    return {
      algorithm,
      secret: own,
      publicKey: publicKey(algorithm, rawPublic(key)),
      sign: (message) => plain(sign(null, message, key)),
    };
  }
  const { hash: hashName } = CURVES[algorithm];
  const point = ecPoint(algorithm, own);
  const key = createPrivateKey({
    key: { ...publicJwk(algorithm, point), d: toBase64url(own) },
    format: 'jwk',
  } as JsonWebKeyInput);
  return {
    algorithm,
    secret: own,
    publicKey: publicKey(algorithm, point),
    sign: (message) => toLowS(algorithm, plain(sign(hashName, message, { key, dsaEncoding: 'ieee-p1363' }))),
  };
}

function rawPublic(key: KeyObject): Bytes {
  const { x } = createPublicKey(key).export({ format: 'jwk' });
  if (!x) throw fail('INTERNAL', 'no public part');
  return fromBase64url(x);
}

function ecPoint(algorithm: 'ES256' | 'ES384', secret: Bytes): Bytes {
  const ecdh = createECDH(CURVES[algorithm].curve);
  ecdh.setPrivateKey(secret);
  return plain(ecdh.getPublicKey(null, 'uncompressed'));
}

function ecSecret(algorithm: 'ES256' | 'ES384'): Bytes {
  const { curve, width } = CURVES[algorithm];
  const ecdh = createECDH(curve);
  ecdh.generateKeys();
  const secret = new Uint8Array(width);
  // Without its leading zeros, as OpenSSL writes numbers.
  const digits = ecdh.getPrivateKey();
  secret.set(digits, width - digits.length);
  return secret;
}
