/** Signatures as OpenSSL wants them. Node's own way from `r ‖ s` to there costs a verification of P-256 a third more in node 24. */
import type { Bytes } from '../core/bytes.ts';

const SEQUENCE = 0x30;
const INTEGER = 0x02;
/** Of P-384: a length of one byte is enough for all of it. */
const LONGEST = 2 * 48;

/** Used again and again: verifying is synchronous. */
const der = new Uint8Array(2 + 2 * (2 + 1) + LONGEST);

/**
 * ECDSA-Sig-Value, RFC 3279 §2.2.3.
 * @param signature r and s, each as long as the other, 96 bytes in all at most
 * @returns bytes that the next call writes over
 */
export function derOfSignature(signature: Bytes): Bytes {
  const width = signature.length / 2;
  const end = writeInteger(signature, width, 2 * width, writeInteger(signature, 0, width, 2));
  der[0] = SEQUENCE;
  der[1] = end - 2;
  return der.subarray(0, end);
}

/** The unsigned number from `from` to `to`: without leading zeros, but for one that keeps it from being negative. */
function writeInteger(bytes: Bytes, from: number, to: number, at: number): number {
  let first = from;
  while (first < to - 1 && bytes[first] === 0) first++;
  const sign = bytes[first]! >= 0x80 ? 1 : 0;
  const length = to - first + sign;
  der[at] = INTEGER;
  der[at + 1] = length;
  let end = at + 2;
  if (sign) der[end++] = 0;
  for (let i = first; i < to; i++) der[end++] = bytes[i]!;
  return end;
}
