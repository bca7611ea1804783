/**
 * The checks of the signature profile that both crypto back ends share, so that they cannot differ: they run on
 * bytes before any library is asked.
 */
import { ed25519 } from '@noble/curves/ed25519.js';
import { p256, p384 } from '@noble/curves/nist.js';
import { type Bytes, fromHex, toHex } from './bytes.ts';
import { LENGTHS, type SignatureAlgorithm } from './crypto.ts';
import { fail } from './errors.ts';

/** The order n of the group that an ECDSA algorithm signs in. */
export const ORDER: Readonly<Record<'ES256' | 'ES384', bigint>> = {
  ES256: p256.Point.Fn.ORDER,
  ES384: p384.Point.Fn.ORDER,
};
/** L of RFC 8032 §5.1, little-endian as signatures have S. */
const L = ofWidth(ed25519.Point.Fn.ORDER, 32).reverse();

/** The greatest r, and s, that a signature may have; and the greatest s of the profile: n − 1 and ⌊n/2⌋. */
const RANGE = {
  ES256: { last: ofWidth(ORDER.ES256 - 1n, 32), lastLow: ofWidth(ORDER.ES256 >> 1n, 32) },
  ES384: { last: ofWidth(ORDER.ES384 - 1n, 48), lastLow: ofWidth(ORDER.ES384 >> 1n, 48) },
} as const;

function ofWidth(number: bigint, width: number): Bytes {
  return fromHex(number.toString(16).padStart(2 * width, '0'));
}

export function bigEndian(bytes: Bytes): bigint {
  return bytes.length === 0 ? 0n : BigInt(`0x${toHex(bytes)}`);
}

/** @throws KEY_MALFORMED wrong length; KEY_WEAK not a usable point */
export function checkPublicKey(algorithm: SignatureAlgorithm, bytes: Bytes): void {
  if (bytes.length !== LENGTHS[algorithm].public) {
    throw fail('KEY_MALFORMED', `a public key of ${LENGTHS[algorithm].public} bytes is needed`);
  }
  try {
    if (algorithm === 'Ed25519') {
      // Strict RFC 8032 decoding refuses y ≥ p; a small-order A has signatures that fit any message.
      if (ed25519.Point.fromBytes(bytes, false).isSmallOrder())
        throw fail('KEY_WEAK', 'point of small order');
    } else {
      if (bytes[0] !== 4) throw fail('KEY_MALFORMED', 'not an uncompressed point');
      (algorithm === 'ES256' ? p256 : p384).Point.fromBytes(bytes).assertValidity();
    }
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause) throw cause;
    throw fail('KEY_WEAK', 'not a point of the curve in canonical form', { cause });
  }
}

/** @throws KEY_MALFORMED wrong length; KEY_WEAK zero or not below the order */
export function checkPrivateKey(algorithm: SignatureAlgorithm, secret: Bytes): void {
  if (secret.length !== LENGTHS[algorithm].secret) {
    throw fail('KEY_MALFORMED', `a secret of ${LENGTHS[algorithm].secret} bytes is needed`);
  }
  if (algorithm === 'Ed25519') return; // any 32 bytes are a seed, RFC 8032 §5.1.5
  const scalar = bigEndian(secret);
  if (scalar === 0n || scalar >= ORDER[algorithm]) throw fail('KEY_WEAK', 'secret scalar out of range');
}

/** Whether the signature's numbers are in the profile's ranges; says nothing about the message. */
export function signatureInProfile(algorithm: SignatureAlgorithm, signature: Bytes, lowS: boolean): boolean {
  const { signature: length } = LENGTHS[algorithm];
  if (signature.length !== length) return false;
  const half = length / 2;
  // RFC 8032 §5.1.7: S ≥ L would make signatures malleable.
  if (algorithm === 'Ed25519') return belowL(signature, half);
  const { last, lastLow } = RANGE[algorithm];
  return inRange(signature, 0, last) && inRange(signature, half, lowS ? lastLow : last);
}

/** Whether the little-endian number at `from`, of 32 bytes, is less than L. */
function belowL(signature: Bytes, from: number): boolean {
  for (let i = L.length - 1; i >= 0; i--) {
    const difference = signature[from + i]! - L[i]!;
    if (difference !== 0) return difference < 0;
  }
  return false;
}

/** Whether the big-endian number at `from` is from 1 to `last`, both of one width. Bytes: big integers take ten times as long. */
function inRange(signature: Bytes, from: number, last: Bytes): boolean {
  let [nonzero, difference] = [0, 0];
  for (let i = 0; i < last.length; i++) {
    const byte = signature[from + i]!;
    nonzero |= byte;
    if (difference === 0) difference = byte - last[i]!;
  }
  return nonzero !== 0 && difference <= 0;
}

/** The one of (r, s), (r, n − s) with s ≤ n/2. */
export function toLowS(algorithm: 'ES256' | 'ES384', signature: Bytes): Bytes {
  const half = signature.length / 2;
  const s = bigEndian(signature.subarray(half));
  const n = ORDER[algorithm];
  if (s <= n >> 1n) return signature;
  const out = Uint8Array.from(signature);
  let rest = n - s;
  for (let i = signature.length - 1; i >= half; i--) {
    out[i] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  return out;
}
