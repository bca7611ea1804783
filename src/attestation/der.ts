/**
 * DER (X.690), read strictly: one byte string for one value, nothing left over. The reader walks only where it is told
 * to, so that nesting costs nothing. Tags are the single byte that all certificates here use.
 */
import type { Bytes } from '../core/bytes.ts';
import { deny } from './codes.ts';

export const TAG = {
  BOOLEAN: 0x01,
  INTEGER: 0x02,
  BIT_STRING: 0x03,
  OCTET_STRING: 0x04,
  NULL: 0x05,
  OID: 0x06,
  UTF8_STRING: 0x0c,
  PRINTABLE_STRING: 0x13,
  IA5_STRING: 0x16,
  UTC_TIME: 0x17,
  GENERALIZED_TIME: 0x18,
  SEQUENCE: 0x30,
  SET: 0x31,
} as const;

/** `[n]` around another element. */
export const explicit = (n: number) => 0xa0 + n;

export interface Element {
  readonly tag: number;
  readonly content: Bytes;
  /** Tag, length and content. */
  readonly raw: Bytes;
}

/** The one element that is the whole of `bytes`. @throws DER_MALFORMED */
export function readDer(bytes: Bytes, tag?: number): Element {
  const reader = new DerReader(bytes);
  const element = reader.next(tag);
  reader.end();
  return element;
}

/** Reads elements that lie one after the other. */
export class DerReader {
  readonly #bytes: Bytes;
  #at = 0;

  constructor(bytes: Bytes) {
    this.#bytes = bytes;
  }

  get more(): boolean {
    return this.#at < this.#bytes.length;
  }

  /** @throws DER_MALFORMED another tag than `tag`, or no well-formed element */
  next(tag?: number): Element {
    const start = this.#at;
    const found = this.#byte();
    // X.690 §8.1.2.4: tags above 30 take more bytes; no certificate has one.
    if ((found & 0x1f) === 0x1f) throw malformed('a tag of several bytes');
    if (tag !== undefined && found !== tag) throw malformed(`tag ${found} where ${tag} is needed`);
    const length = this.#length();
    const from = this.#at;
    if (length > this.#bytes.length - from) throw malformed('longer than the input');
    this.#at = from + length;
    return {
      tag: found,
      content: this.#bytes.subarray(from, this.#at),
      raw: this.#bytes.subarray(start, this.#at),
    };
  }

  optional(tag: number): Element | undefined {
    return this.#bytes[this.#at] === tag ? this.next(tag) : undefined;
  }

  end(): void {
    if (this.more) throw malformed('bytes after the end');
  }

  #byte(): number {
    const byte = this.#bytes[this.#at];
    if (byte === undefined) throw malformed('ends too early');
    this.#at += 1;
    return byte;
  }

  /** X.690 §10.1: definite, in the fewest bytes. */
  #length(): number {
    const first = this.#byte();
    if (first < 0x80) return first;
    const count = first - 0x80;
    if (count < 1 || count > 3) throw malformed('a length of a form that DER does not have');
    let length = 0;
    for (let i = 0; i < count; i++) length = length * 256 + this.#byte();
    if (length < (count === 1 ? 0x80 : 256 ** (count - 1)))
      throw malformed('a length not in its shortest form');
    return length;
  }
}

/** The members of a constructed element, which `read` has to use up. */
export function within<T>(element: Element, read: (members: DerReader) => T): T {
  const members = new DerReader(element.content);
  const value = read(members);
  members.end();
  return value;
}

/** A number that is not negative, as its magnitude in big-endian bytes without leading zeros. */
export function readMagnitude({ tag, content }: Element): Bytes {
  const [first, second = 0] = content;
  if (tag !== TAG.INTEGER || first === undefined) throw malformed('not an INTEGER');
  if (first >= 0x80) throw malformed('a negative INTEGER');
  // X.690 §8.3.2
  if (first === 0 && content.length > 1 && second < 0x80)
    throw malformed('an INTEGER not in its shortest form');
  return first === 0 && content.length > 1 ? content.subarray(1) : content;
}

/** A number from 0 to `max`, at most 2^24. */
export function readSmall(element: Element, max: number): number {
  const magnitude = readMagnitude(element);
  const value = magnitude.length > 3 ? Number.POSITIVE_INFINITY : magnitude.reduce((n, b) => n * 256 + b, 0);
  if (value > max) throw malformed(`an INTEGER above ${max}`);
  return value;
}

/** X.690 §11.1: TRUE is 0xFF. */
export function readBoolean({ content }: Element): boolean {
  if (content.length !== 1 || (content[0] !== 0 && content[0] !== 0xff)) throw malformed('not a BOOLEAN');
  return content[0] === 0xff;
}

/** Whole bytes of a BIT STRING, which all keys and signatures are. */
export function readBits({ content }: Element): Bytes {
  if (content[0] !== 0) throw malformed('a BIT STRING with unused bits');
  return content.subarray(1);
}

/** Named bits, most significant first. X.690 §11.2.2 leaves trailing zeros out; AMD's certificates write some. */
export function readFlags({ content }: Element): readonly boolean[] {
  const [unused = 8, ...bytes] = content;
  const last = bytes.at(-1);
  if (unused > 7 || bytes.length > 4 || (last === undefined && unused > 0)) throw malformed('not named bits');
  if (last !== undefined && (last & ((1 << unused) - 1)) !== 0) throw malformed('unused bits that are set');
  return bytes.flatMap((byte) => Array.from({ length: 8 }, (_, i) => ((byte >> (7 - i)) & 1) === 1));
}

/** The dotted form of an object identifier, X.690 §8.19. */
export function readOid({ tag, content }: Element): string {
  if (tag !== TAG.OID || content.length === 0 || content.length > 32 || content.at(-1)! >= 0x80) {
    throw malformed('not an OBJECT IDENTIFIER');
  }
  const arcs: number[] = [];
  let arc = 0;
  for (const [i, byte] of content.entries()) {
    const starts = i === 0 || content[i - 1]! < 0x80;
    if (starts && byte === 0x80) throw malformed('an arc not in its shortest form');
    arc = (starts ? 0 : arc) * 128 + (byte & 0x7f);
    if (arc > 0xffff_ffff) throw malformed('an arc beyond 32 bits');
    if (byte < 0x80) arcs.push(arc);
  }
  const [first = 0, ...rest] = arcs;
  const root = Math.min(2, Math.floor(first / 40));
  return [root, first - root * 40, ...rest].join('.');
}

/** UTCTime or GeneralizedTime with seconds and Z (RFC 5280 §4.1.2.5), as Unix milliseconds. */
export function readTime({ tag, content }: Element): number {
  const text = String.fromCharCode(...content.subarray(0, 16));
  const [, century, short, ...rest] =
    (tag === TAG.UTC_TIME && /^()(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(text)) ||
    (tag === TAG.GENERALIZED_TIME && /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(text)) ||
    [];
  if (short === undefined || content.length > 15) throw malformed('not a time in seconds and UTC');
  const [month = 0, day = 0, hour = 0, minute = 0, second = 0] = rest.map(Number);
  const year = Number(short) + 100 * Number(century || (Number(short) < 50 ? 20 : 19));
  const lengths = [31, isLeap(year) ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
  if (day < 1 || day > (lengths[month - 1] ?? 0) || hour > 23 || minute > 59 || second > 59) {
    throw malformed('not a time of the calendar');
  }
  const days = daysBefore(year) + lengths.slice(0, month - 1).reduce((sum, n) => sum + n, 0) + day - 1;
  return (((days * 24 + hour) * 60 + minute) * 60 + second) * 1000;
}

function isLeap(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
}

/** Days from 1970-01-01 to the first of January of `year`. */
function daysBefore(year: number): number {
  const leaps = (y: number) => Math.floor(y / 4) - Math.floor(y / 100) + Math.floor(y / 400);
  return (year - 1970) * 365 + leaps(year - 1) - leaps(1969);
}

function malformed(message: string) {
  return deny('DER_MALFORMED', message);
}
