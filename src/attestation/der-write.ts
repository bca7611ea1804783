/** DER (X.690) as the simulator's certificates need it. What it writes, der.ts reads. */
import { type Bytes, concat, utf8 } from '../core/bytes.ts';
import { TAG } from './der.ts';

export function element(tag: number, ...content: readonly Bytes[]): Bytes {
  const body = concat(...content);
  const { length } = body;
  const head =
    length < 0x80
      ? [tag, length]
      : length < 0x100
        ? [tag, 0x81, length]
        : [tag, 0x82, length >> 8, length & 0xff];
  return concat(Uint8Array.from(head), body);
}

export const sequence = (...members: readonly Bytes[]) => element(TAG.SEQUENCE, ...members);

/** A number that is not negative, from its magnitude in big-endian bytes. */
export function integer(magnitude: Bytes): Bytes {
  const first = magnitude.findIndex((byte) => byte !== 0);
  const shortest = first < 0 ? Uint8Array.of(0) : magnitude.subarray(first);
  return element(TAG.INTEGER, shortest[0]! >= 0x80 ? concat(Uint8Array.of(0), shortest) : shortest);
}

export const small = (value: number) =>
  integer(Uint8Array.of(value >> 16, (value >> 8) & 0xff, value & 0xff));

export function oid(dotted: string): Bytes {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  return element(TAG.OID, Uint8Array.from([first * 40 + second, ...rest].flatMap(arc)));
}

function arc(value: number): number[] {
  const digits = [value & 0x7f];
  for (let left = Math.floor(value / 128); left > 0; left = Math.floor(left / 128)) {
    digits.unshift((left & 0x7f) | 0x80);
  }
  return digits;
}

export const bits = (bytes: Bytes, unused = 0) => element(TAG.BIT_STRING, Uint8Array.of(unused), bytes);
export const octets = (bytes: Bytes) => element(TAG.OCTET_STRING, bytes);
export const NULL = element(TAG.NULL);
export const TRUE = element(TAG.BOOLEAN, Uint8Array.of(0xff));

/** `YYYYMMDDHHMMSSZ`. */
export const generalizedTime = (text: string) => element(TAG.GENERALIZED_TIME, utf8(text));

/** RSASSA-PSS with SHA-384 and a salt of 48 bytes, as AMD's certificates state it. */
export const PSS_SHA384 = pssAlgorithm();

function pssAlgorithm(): Bytes {
  const sha384 = sequence(oid('2.16.840.1.101.3.4.2.2'), NULL);
  const parameters = sequence(
    element(0xa0, sha384),
    element(0xa1, sequence(oid('1.2.840.113549.1.1.8'), sha384)),
    element(0xa2, small(48)),
  );
  return sequence(oid('1.2.840.113549.1.1.10'), parameters);
}
