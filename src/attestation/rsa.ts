/**
 * RSA signature verification (RFC 8017). Only the arithmetic, which is exact, is that of the crypto back end: what a key, an
 * encoding and a padding may be is judged here, once for both, so that they cannot differ. Nothing here is secret.
 */
import { type Bytes, compare, concat, equal } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { bigEndian } from '../core/signature-profile.ts';

export type RsaHash = 'sha256' | 'sha384' | 'sha512';
type Primitives = Pick<Crypto, RsaHash | 'rsavp1'>;
type Hashes = Pick<Crypto, RsaHash>;

export interface RsaPublicKey {
  /** Big-endian, the first byte not zero. */
  readonly modulus: Bytes;
  /** Of the modulus. */
  readonly bits: number;
  /** Always 65537: see {@link rsaPublicKey}. */
  readonly exponent: number;
}

const EXPONENT = 65_537;
const MAX_BITS = 4096;
const MIN_BITS = 2048;

/** A key of 2048 to 4096 bits with the exponent that everybody uses, or undefined. */
export function rsaPublicKey(modulus: Bytes, exponent: Bytes): RsaPublicKey | undefined {
  const [first = 0] = modulus;
  const bits = modulus.length * 8 - Math.clz32(first) + 24;
  if (first === 0 || bits < MIN_BITS || bits > MAX_BITS || (modulus.at(-1)! & 1) === 0) return undefined;
  if (bigEndian(exponent) !== BigInt(EXPONENT)) return undefined;
  return { modulus: Uint8Array.from(modulus), bits, exponent: EXPONENT };
}

/** RSASSA-PSS-VERIFY, §8.1.2, with MGF1 over the same hash. Never throws. */
export function verifyPss(
  crypto: Primitives,
  key: RsaPublicKey,
  hash: RsaHash,
  saltLength: number,
  message: Bytes,
  signature: Bytes,
): boolean {
  const encodedBits = key.bits - 1;
  const encoded = recover(crypto, key, signature, Math.ceil(encodedBits / 8));
  return encoded !== undefined && verifyPssEncoding(crypto, hash, saltLength, encodedBits, message, encoded);
}

/** EMSA-PSS-VERIFY, §9.1.2; the comments are its steps. */
function verifyPssEncoding(
  crypto: Hashes,
  hash: RsaHash,
  saltLength: number,
  encodedBits: number,
  message: Bytes,
  encoded: Bytes,
): boolean {
  const digest = crypto[hash](message); // 2
  if (encoded.length < digest.length + saltLength + 2) return false; // 3
  if (encoded.at(-1) !== 0xbc) return false; // 4
  const masked = encoded.subarray(0, encoded.length - digest.length - 1); // 5
  const h = encoded.subarray(masked.length, -1);
  const unused = encoded.length * 8 - encodedBits;
  if (unused > 0 && masked[0]! >> (8 - unused) !== 0) return false; // 6
  const mask = mgf1(crypto, hash, h, masked.length); // 7
  const block = masked.map((byte, i) => byte ^ mask[i]!); // 8
  block[0]! &= 0xff >> unused; // 9
  const padding = block.length - saltLength - 1; // 10
  if (block.subarray(0, padding).some((byte) => byte !== 0) || block[padding] !== 1) return false;
  const salt = block.subarray(padding + 1); // 11
  return equal(crypto[hash](concat(new Uint8Array(8), digest, salt)), h); // 12–14
}

/** RSASSA-PKCS1-V1_5-VERIFY, §8.2.2: the encoding is made and compared, never parsed. Never throws. */
export function verifyPkcs1(
  crypto: Primitives,
  key: RsaPublicKey,
  hash: RsaHash,
  message: Bytes,
  signature: Bytes,
): boolean {
  const size = Math.ceil(key.bits / 8);
  const encoded = recover(crypto, key, signature, size);
  const info = concat(DIGEST_INFO[hash], crypto[hash](message));
  const padding = new Uint8Array(size - info.length).fill(0xff);
  padding.set([0, 1]);
  padding[padding.length - 1] = 0;
  return encoded !== undefined && equal(encoded, concat(padding, info));
}

/** §9.2 note 1: DER of DigestInfo up to the digest. */
const DIGEST_INFO: Readonly<Record<RsaHash, Bytes>> = {
  sha256: digestInfo(1, 32),
  sha384: digestInfo(2, 48),
  sha512: digestInfo(3, 64),
};

function digestInfo(arc: number, size: number): Bytes {
  const oid = [0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, arc];
  return Uint8Array.of(0x30, 0x11 + size, 0x30, 0x0d, ...oid, 0x05, 0x00, 0x04, size);
}

/** RSAVP1, §5.2.2, as `size` bytes, that is all or one fewer; undefined if the signature is none, or the message does not fit. */
function recover(
  crypto: Primitives,
  { modulus }: RsaPublicKey,
  signature: Bytes,
  size: number,
): Bytes | undefined {
  if (signature.length !== modulus.length || compare(signature, modulus) >= 0) return undefined;
  const message = crypto.rsavp1(modulus, signature);
  const over = message.length - size;
  return over > 0 && message[0] !== 0 ? undefined : message.subarray(over);
}

/** MGF1, appendix B.2.1. */
function mgf1(crypto: Hashes, hash: RsaHash, seed: Bytes, length: number): Bytes {
  const parts: Bytes[] = [];
  for (let counter = 0, made = 0; made < length; counter++) {
    const part = crypto[hash](concat(seed, Uint8Array.of(0, 0, counter >> 8, counter & 0xff)));
    parts.push(part);
    made += part.length;
  }
  return concat(...parts).subarray(0, length);
}
