/** Documents that the log holds, as typed values: exactly the members that are declared, each of its type and size. */
import type { Bytes } from '../core/bytes.ts';
import type { Cbor, CborMap } from '../core/cbor.ts';
import { type AttestationCode, deny } from './codes.ts';

/** Most items of a list of digests or endorsers. */
const MAX_LISTED = 64;
const MAX_TEXT = 1024;

export type ListOf = <T>(name: string, max: number, item: (value: Cbor) => T) => readonly T[];

/**
 * Readers for the members of one map. `done` gives the value it is handed, if every member of the map has been read:
 * one that is not known is refused.
 */
export function fields(code: AttestationCode, value: Cbor | undefined) {
  if (!(value instanceof Map)) throw deny(code, 'a map is needed');
  const map = value as CborMap;
  const read = new Set<string>();
  const get = (name: string): Cbor | undefined => {
    read.add(name);
    return map.get(name);
  };
  const fault = (name: string) => deny(code, name);
  const list: ListOf = (name, max, item) => {
    const items = get(name);
    if (!Array.isArray(items) || items.length > max) throw fault(name);
    return (items as readonly Cbor[]).map(item);
  };
  return {
    has: (name: string) => map.has(name),
    /** A member that has members itself. */
    inner: (name: string) => fields(code, get(name)),
    text(name: string): string {
      const found = get(name);
      if (typeof found !== 'string' || found === '' || found.length > MAX_TEXT) throw fault(name);
      return found;
    },
    whole(name: string, max: number): number {
      const found = get(name);
      if (typeof found !== 'number' || found < 0 || found > max) throw fault(name);
      return found;
    },
    bool(name: string): boolean {
      const found = get(name);
      if (typeof found !== 'boolean') throw fault(name);
      return found;
    },
    list,
    done<T>(typed: T): T {
      for (const name of map.keys()) if (!read.has(String(name))) throw deny(code, `${name} is not known`);
      return typed;
    },
  };
}

/** Byte strings of one length. */
export function digests(
  list: ListOf,
  name: string,
  size: number,
  code: AttestationCode = 'ANCHORS_MALFORMED',
) {
  return list(name, MAX_LISTED, (item) => byteString(code, item, size, size));
}

export function byteString(code: AttestationCode, item: Cbor, min: number, max: number): Bytes {
  if (!(item instanceof Uint8Array) || item.length < min || item.length > max) {
    throw deny(code, 'a byte string of another length');
  }
  return item;
}

/** Who endorses launch measurements, for which product, and from which security version on. */
export interface Endorser {
  readonly issuer: string;
  readonly feed: string;
  readonly minSvn: number;
}

export function endorsers(code: AttestationCode, list: ListOf, name: string): readonly Endorser[] {
  return list(name, MAX_LISTED, (item) => {
    const { text, whole, done } = fields(code, item);
    return done({
      issuer: text('issuer'),
      feed: text('feed'),
      minSvn: whole('minSvn', Number.MAX_SAFE_INTEGER),
    });
  });
}
