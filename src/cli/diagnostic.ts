/** CBOR diagnostic notation, RFC 8949 §8: what a header or body says, for people. Safe for any decoded value. */
import { toHex } from '../core/bytes.ts';
import { type Cbor, type CborKey, Float, Tagged } from '../core/cbor.ts';
import { printable } from './printable.ts';

/** Characters after which the rest is left out: a statement may hold 1 MiB of numbers. */
const MAX_TEXT = 32_768;
/** Bytes of a byte string that are shown. */
const MAX_BYTES = 64;

/** @example diagnostic(new Map([[1, -7]])) === '{1: -7}' */
export function diagnostic(value: Cbor): string {
  const parts: string[] = [];
  let length = 0;
  for (const part of notation(value)) {
    length += part.length;
    parts.push(part);
    if (length > MAX_TEXT) return `${parts.join('').slice(0, MAX_TEXT)} … (cut off)`;
  }
  return parts.join('');
}

function* notation(value: Cbor): Generator<string> {
  if (value instanceof Uint8Array) yield byteString(value);
  else if (typeof value === 'string') yield textString(value);
  else if (value instanceof Tagged) {
    yield `${value.tag}(`;
    yield* notation(value.value);
    yield ')';
  } else if (value instanceof Float) yield value.value === undefined ? 'simple' : String(value.value);
  else if (Array.isArray(value)) yield* items('[', value as readonly Cbor[], ']', notation);
  else if (value instanceof Map) yield* items('{', [...(value as ReadonlyMap<CborKey, Cbor>)], '}', member);
  else yield String(value);
}

function* member([key, value]: readonly [CborKey, Cbor]): Generator<string> {
  yield typeof key === 'string' ? textString(key) : String(key);
  yield ': ';
  yield* notation(value);
}

function* items<T>(open: string, list: readonly T[], close: string, each: (item: T) => Iterable<string>) {
  yield open;
  for (const [i, item] of list.entries()) {
    if (i > 0) yield ', ';
    yield* each(item);
  }
  yield close;
}

function textString(text: string): string {
  const shown = text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;
  return `"${printable(shown.replace(/[\\"]/g, '\\$&'))}"`;
}

function byteString(bytes: Uint8Array): string {
  if (bytes.length <= MAX_BYTES) return `h'${toHex(bytes)}'`;
  return `h'${toHex(bytes.subarray(0, MAX_BYTES))}…' /${bytes.length} bytes/`;
}
