/** Statements that are wrong in one place and right in all others: edited, then signed again. */
import { type Bytes, concat } from '../../src/core/bytes.ts';
import { type Cbor, type CborKey, decode, encode, Tagged } from '../../src/core/cbor.ts';
import type { PrivateKey } from '../../src/core/crypto.ts';
import { sigStructure } from '../../src/cose/sign1.ts';

export interface Forgery {
  tag: number | null;
  header: Map<CborKey, Cbor>;
  /** Bytes of the protected header, when they are not to be the encoding of `header`. */
  protectedBytes?: Bytes;
  unprotected: Map<CborKey, Cbor>;
  payload: Bytes | null;
  members?: Cbor[];
}

export function forge(statement: Bytes, key: PrivateKey, edit: (parts: Forgery) => void): Bytes {
  const sign1 = decode(statement, { tags: [18] }) as Tagged;
  const [protectedBytes, , payload] = sign1.value as [Bytes, Cbor, Bytes];
  const parts: Forgery = {
    tag: 18,
    header: new Map(decode(protectedBytes, { profile: 'definite' }) as Map<CborKey, Cbor>),
    unprotected: new Map(),
    payload,
  };
  edit(parts);
  const header = parts.protectedBytes ?? encode(parts.header);
  const signature = key.sign(sigStructure(header, parts.payload ?? new Uint8Array()));
  const members = parts.members ?? [header, parts.unprotected, parts.payload, signature];
  return encode(parts.tag === null ? members : new Tagged(parts.tag, members));
}

/** Changes members of the "aichain" header. */
export function chainHeader(parts: Forgery, change: Record<string, Cbor | undefined>): void {
  const own = new Map(parts.header.get('aichain') as Map<CborKey, Cbor>);
  for (const [name, value] of Object.entries(change)) {
    if (value === undefined) own.delete(name);
    else own.set(name, value);
  }
  parts.header.set('aichain', own);
}

/** Changes the CWT claims. */
export function claims(parts: Forgery, change: Record<number, Cbor | undefined>): void {
  const own = new Map(parts.header.get(15) as Map<CborKey, Cbor>);
  for (const [name, value] of Object.entries(change)) {
    if (value === undefined) own.delete(Number(name));
    else own.set(Number(name), value);
  }
  parts.header.set(15, own);
}

/** Changes members of the body. */
export function body(parts: Forgery, change: Record<string, Cbor | undefined>): void {
  const own = new Map(decode(parts.payload!) as Map<CborKey, Cbor>);
  for (const [name, value] of Object.entries(change)) {
    if (value === undefined) own.delete(name);
    else own.set(name, value);
  }
  parts.payload = encode(own);
}

/** Keys of a map in reverse: well formed, not deterministic. */
export function reversed(map: Bytes): Bytes {
  const members = [...(decode(map) as ReadonlyMap<string, Cbor>)].reverse();
  return concat(map.subarray(0, 1), ...members.flatMap(([key, value]) => [encode(key), encode(value)]));
}

/** The first member of the map twice. */
export function duplicated(map: Bytes): Bytes {
  const [first] = [...(decode(map) as ReadonlyMap<string, Cbor>)];
  const again = concat(encode(first![0]), encode(first![1]));
  return concat(Uint8Array.of(map[0]! + 1), again, map.subarray(1));
}

/** One more member, after all others, with a float for a value. */
export function withFloat(map: Bytes): Bytes {
  return concat(Uint8Array.of(map[0]! + 1), map.subarray(1), encode('zzzzzzzzz'), Uint8Array.of(0xf9, 0, 0));
}
