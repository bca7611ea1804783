/**
 * The crypto interface of the pure core. Two implementations pass one vector set: node:crypto
 * (src/platform/crypto-node.ts) on servers, and noble (./crypto-noble.ts) in browsers and as the second opinion.
 *
 * The signature profile is part of the interface, because a difference between implementations would split
 * replayers (FORMATS §1):
 * - ECDSA: r ‖ s of fixed width (RFC 9053 §2.1), 1 ≤ r, s < n, and s ≤ n/2 unless `lowS: false` is asked for.
 * - Ed25519: cofactorless; S < L; A canonical and not of small order (refused when the key is imported).
 */
import { type Bytes, toCharacters } from './bytes.ts';

/** Signature algorithms by what is fixed together: curve and hash. */
export type SignatureAlgorithm = 'ES256' | 'ES384' | 'Ed25519';

/** A public key that has been checked: on its curve, canonical, not of small order. */
export interface PublicKey {
  readonly algorithm: SignatureAlgorithm;
  /** Ed25519: 32 bytes. ECDSA: uncompressed SEC1 point, 65 (P-256) or 97 (P-384) bytes. */
  readonly bytes: Bytes;
  /**
   * Whether `signature` (Ed25519 64, ES256 64, ES384 96 bytes) is one over `message`. Never throws: anything wrong
   * is `false`.
   */
  verify(message: Bytes, signature: Bytes, options?: VerifyOptions): boolean;
}

export interface VerifyOptions {
  /** Accept only s ≤ n/2 (default true). `false` is for structures that others define, never for statements. */
  lowS?: boolean;
}

export interface PrivateKey {
  readonly algorithm: SignatureAlgorithm;
  readonly publicKey: PublicKey;
  /** The secret scalar or seed: 32 bytes (48 for ES384). */
  readonly secret: Bytes;
  /** ECDSA signatures are low-s, fixed width. */
  sign(message: Bytes): Bytes;
}

export interface Crypto {
  readonly name: 'node' | 'noble';
  /** 32 bytes. */
  sha256(data: Bytes): Bytes;
  /** The same as 32 characters, a byte each, where that is how the platform has it: see {@link hashCharacters}. */
  sha256Characters?(data: Bytes): string;
  /** 48 bytes. */
  sha384(data: Bytes): Bytes;
  /** 64 bytes. */
  sha512(data: Bytes): Bytes;
  /**
   * RSAVP1 with the exponent 65537 (RFC 8017 §5.2.2), and no padding looked at: signature^65537 mod modulus, as many bytes as
   * the modulus has.
   * @param modulus odd, 256 to 512 bytes, the first not zero
   * @param signature as many bytes, below the modulus
   */
  rsavp1(modulus: Bytes, signature: Bytes): Bytes;
  /** `size` random bytes from the platform's generator. */
  randomBytes(size: number): Bytes;
  /** @throws KEY_MALFORMED wrong length; KEY_WEAK off the curve, of small order or not canonical */
  importPublicKey(algorithm: SignatureAlgorithm, bytes: Bytes): PublicKey;
  /** @throws KEY_MALFORMED wrong length; KEY_WEAK zero or not below the group order */
  importPrivateKey(algorithm: SignatureAlgorithm, secret: Bytes): PrivateKey;
  generatePrivateKey(algorithm: SignatureAlgorithm): PrivateKey;
}

/** Byte lengths that an algorithm fixes. */
export const LENGTHS: Readonly<
  Record<SignatureAlgorithm, { secret: number; public: number; signature: number }>
> = {
  ES256: { secret: 32, public: 65, signature: 64 },
  ES384: { secret: 48, public: 97, signature: 96 },
  Ed25519: { secret: 32, public: 32, signature: 64 },
};

/** What tree code needs of {@link Crypto}. */
export type Hasher = Pick<Crypto, 'sha256' | 'sha256Characters'>;

/** {@link toCharacters} of the SHA-256 of `data`. */
export function hashCharacters(hasher: Hasher, data: Bytes): string {
  return hasher.sha256Characters?.(data) ?? toCharacters(hasher.sha256(data));
}
