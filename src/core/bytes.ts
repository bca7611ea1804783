/**
 * Byte strings and their text forms. Every decoder is strict: one text for one byte string, so that an
 * identifier cannot be spelled in two ways.
 */
import { base64, base64urlnopad, hex } from '@scure/base';
import { fail } from './errors.ts';

export type Bytes = Uint8Array;

const encoder = new TextEncoder();
// ignoreBOM: a leading U+FEFF is part of the text, not a mark to be dropped; dropping it would give two byte
// strings one text.
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export function utf8(text: string): Bytes {
  return encoder.encode(text);
}

/** Text of well-formed UTF-8. @throws BYTES_MALFORMED */
export function fromUtf8(bytes: Bytes): string {
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    throw fail('BYTES_MALFORMED', 'not well-formed UTF-8', { cause });
  }
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));
const CODES = Uint8Array.from(HEX.join(''), (digit) => digit.charCodeAt(0));

/** Of longer ones nobody makes names. */
const LONGEST_NAME = 64;
/** By length: where the digits of a name are put together, again and again. */
const DIGITS: number[][] = [];

export function toHex(bytes: Bytes): string {
  // A string that is put together of others keeps them all, a kilobyte for a hash, and as the name in a map is taken apart
  // again for each look-up.
  if (bytes.length <= LONGEST_NAME) {
    DIGITS[bytes.length] ??= new Array<number>(2 * bytes.length).fill(0);
    const digits = DIGITS[bytes.length]!;
    for (let i = 0; i < bytes.length; i++) {
      const at = 2 * bytes[i]!;
      digits[2 * i] = CODES[at]!;
      digits[2 * i + 1] = CODES[at + 1]!;
    }
    return String.fromCharCode.apply(null, digits);
  }
  let text = '';
  for (let i = 0; i < bytes.length; i++) text += HEX[bytes[i]!]!;
  return text;
}

/** By length, for {@link toCharacters}. */
const UNITS: number[][] = [];
/** Longer than the keys of records. */
const LONGEST_CHARACTERS = 256;

/** One character for each byte, U+0000 to U+00FF: a name that is equal, and sorts, as the bytes do. */
export function toCharacters(bytes: Bytes): string {
  const { length } = bytes;
  if (length > LONGEST_CHARACTERS) {
    let text = '';
    for (let at = 0; at < length; at += LONGEST_CHARACTERS) {
      text += toCharacters(bytes.subarray(at, at + LONGEST_CHARACTERS));
    }
    return text;
  }
  // A list `apply` takes as it is; of a typed array it would make one first, in the engine's own time.
  UNITS[length] ??= new Array<number>(length).fill(0);
  const units = UNITS[length]!;
  for (let i = 0; i < length; i++) units[i] = bytes[i]!;
  return String.fromCharCode.apply(null, units);
}

/** What {@link toCharacters} was made of. */
export function fromCharacters(text: string): Bytes {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** Lower-case hexadecimal only. @throws BYTES_MALFORMED */
export function fromHex(text: string): Bytes {
  if (!/^(?:[0-9a-f]{2})*$/.test(text)) throw fail('BYTES_MALFORMED', 'not lower-case hexadecimal');
  return hex.decode(text);
}

/** RFC 4648 §4, padded. */
export function toBase64(bytes: Bytes): string {
  return base64.encode(bytes);
}

/** RFC 4648 §4: padding required, no white space, unused bits zero. @throws BYTES_MALFORMED */
export function fromBase64(text: string): Bytes {
  try {
    return base64.decode(text);
  } catch (cause) {
    throw fail('BYTES_MALFORMED', 'not canonical base64', { cause });
  }
}

/** RFC 4648 §5, without padding: the text form of entry ids, kids and thumbprints. */
export function toBase64url(bytes: Bytes): string {
  return base64urlnopad.encode(bytes);
}

/** @throws BYTES_MALFORMED */
export function fromBase64url(text: string): Bytes {
  try {
    return base64urlnopad.decode(text);
  } catch (cause) {
    throw fail('BYTES_MALFORMED', 'not canonical unpadded base64url', { cause });
  }
}

export function equal(a: Bytes, b: Bytes): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Bytewise lexicographic order, a prefix first: the order of RFC 8949 §4.2.1 map keys and of storage keys. */
export function compare(a: Bytes, b: Bytes): number {
  const n = Math.min(a.length, b.length);
  for (let i = 0; i < n; i++) {
    const d = a[i]! - b[i]!;
    if (d !== 0) return d;
  }
  return a.length - b.length;
}

export function concat(...parts: Bytes[]): Bytes {
  let size = 0;
  for (const part of parts) size += part.length;
  const out = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** Big-endian unsigned 64-bit: sorts like the number it stands for. @throws ARGUMENT_INVALID not such a number */
export function u64be(value: number | bigint): Bytes {
  // DataView would wrap around: a number out of range must not become another number.
  const exact = typeof value === 'bigint' ? value >> 64n === 0n : Number.isSafeInteger(value) && value >= 0;
  if (!exact) throw fail('ARGUMENT_INVALID', 'not an unsigned 64-bit integer');
  const out = new Uint8Array(8);
  if (typeof value === 'bigint') new DataView(out.buffer).setBigUint64(0, value);
  else writeU64be(out, 0, value);
  return out;
}

/** The same into `to`, from `at` on. @param value exact, and not negative */
export function writeU64be(to: Bytes, at: number, value: number): void {
  for (let i = at + 7, rest = value; i >= at; i--, rest = Math.floor(rest / 256)) to[i] = rest % 256;
}

/** The exact number of 8 big-endian bytes. @throws BYTES_MALFORMED above 2^53 − 1 */
export function fromU64be(bytes: Bytes, offset = 0): number {
  if (bytes.length < offset + 8) throw fail('BYTES_MALFORMED', 'eight bytes needed');
  const value = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getBigUint64(offset);
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw fail('BYTES_MALFORMED', 'number above 2^53 - 1');
  return Number(value);
}
