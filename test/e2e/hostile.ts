/**
 * Statements of just under 1 MiB that are made to cost time or memory: nesting, counts, lengths that lie, numbers and
 * text that are slow to read, keys that are slow to compare. Each says the reason code that it gets all the same.
 */
import { type Bytes, concat, utf8 } from '../../src/core/bytes.ts';
import { type Cbor, encode } from '../../src/core/cbor.ts';
import { body, chainHeader, claims, type Forgery, forge } from '../chain/forge.ts';
import type { Base } from '../chain/refusals/base.ts';
import { addition } from '../chain/refusals/forged.ts';

export interface Hostile {
  code: string;
  what: string;
  statement(base: Base): Bytes;
}

const SIZE = 2 ** 20;
/** Room for a statement's other parts. */
const ROOM = SIZE - 2048;

/** `part` again and again, as far as `bytes` go. */
function repeated(part: Bytes, bytes: number): Bytes {
  const out = new Uint8Array(bytes - (bytes % part.length));
  for (let at = 0; at < out.length; at += part.length) out.set(part, at);
  return out;
}

/** The head of a CBOR item with a length of four bytes. */
function head(major: number, length: number): Bytes {
  const bytes = new Uint8Array(5);
  bytes[0] = (major << 5) | 26;
  new DataView(bytes.buffer).setUint32(1, length);
  return bytes;
}

/** A frame around bytes that need not be CBOR. */
const framed = (members: Bytes) => concat(Uint8Array.of(0xd2, 0x84), members);
const forged = (code: string, what: string, edit: (parts: Forgery) => void): Hostile => ({
  code,
  what,
  statement: (base) => forge(addition(base), base.tdc.keys[0], edit),
});
const plain = (code: string, what: string, statement: () => Bytes): Hostile => ({ code, what, statement });

/** As many different keys of three bytes (0x19, two of the number) with an empty value each as fit. */
function manyKeys(bytes: number): Bytes {
  const count = Math.min(60_000, Math.floor(bytes / 4));
  const keys = Array.from({ length: count }, (_, i) =>
    Uint8Array.of(0x19, (i + 256) >> 8, (i + 256) & 255, 0xf6),
  );
  return concat(head(5, count), ...keys);
}

export const HOSTILE: readonly Hostile[] = [
  plain('CBOR_MALFORMED', 'arrays in arrays', () => new Uint8Array(SIZE).fill(0x81)),
  plain('CBOR_MALFORMED', 'tags in tags', () => new Uint8Array(SIZE).fill(0xd2)),
  plain('CBOR_MALFORMED', 'indefinite arrays in arrays', () => new Uint8Array(SIZE).fill(0x9f)),
  plain('CBOR_MALFORMED', 'a million small items', () =>
    framed(concat(Uint8Array.of(0x40), head(4, ROOM), new Uint8Array(ROOM))),
  ),
  plain('CBOR_MALFORMED', 'a map of arrays of maps', () =>
    framed(repeated(Uint8Array.of(0xa1, 0x01, 0x82, 0xa0), SIZE - 2)),
  ),
  plain('COSE_TAG_WRONG', 'a bignum of a megabyte', () =>
    concat(Uint8Array.of(0xc2), head(2, SIZE - 6), new Uint8Array(SIZE - 6).fill(0xff)),
  ),
  plain('CBOR_MALFORMED', 'a string that claims four gigabytes', () =>
    framed(concat(Uint8Array.of(0x40, 0xa0), head(2, 0xffffffff), new Uint8Array(ROOM))),
  ),
  plain('CBOR_MALFORMED', 'a string in a million pieces', () =>
    framed(concat(Uint8Array.of(0x5f), repeated(Uint8Array.of(0x40), SIZE - 4), Uint8Array.of(0xff))),
  ),
  plain('CBOR_MALFORMED', 'text that is no UTF-8 at its end', () =>
    framed(
      concat(
        Uint8Array.of(0x40),
        head(3, ROOM),
        utf8('é'.repeat(ROOM / 2 - 1)),
        Uint8Array.of(0xc3, 0x28),
        utf8('xyz'),
      ),
    ),
  ),
  plain('CBOR_MALFORMED', 'an unprotected map of one key again and again', () =>
    framed(concat(Uint8Array.of(0x40), head(5, ROOM / 2), repeated(Uint8Array.of(0x01, 0xf6), ROOM))),
  ),
  forged('CBOR_MALFORMED', 'a protected header of many keys, and one twice', (p) => {
    const map = manyKeys(ROOM);
    const again = concat(map.subarray(0, map.length), map.subarray(5, 9));
    new DataView(again.buffer).setUint32(1, new DataView(map.buffer).getUint32(1) + 1);
    p.protectedBytes = again;
    p.payload = new Uint8Array(ROOM - again.length);
  }),
  forged('CBOR_MALFORMED', 'a body nested as deep as it is long', (p) => {
    p.payload = new Uint8Array(ROOM).fill(0x81);
  }),
  forged('CBOR_MALFORMED', 'a bignum in the body', (p) => {
    p.payload = concat(Uint8Array.of(0xa1, 0x61, 0x61, 0xc2), head(2, ROOM), new Uint8Array(ROOM).fill(0xff));
  }),
  forged('CBOR_MALFORMED', 'a body of a million items', (p) => {
    p.payload = concat(head(4, ROOM), new Uint8Array(ROOM));
  }),
  forged('SCHEMA_INVALID', 'text of a megabyte in the body', (p) => body(p, { keyAlias: 'a'.repeat(ROOM) })),
  forged('SCHEMA_INVALID', 'text of a megabyte that looks like tokens', (p) =>
    body(p, { keyAlias: 'eyJeyJaa.'.repeat(ROOM / 9) }),
  ),
  forged('SCHEMA_INVALID', 'bytes of a megabyte for a key', (p) => body(p, { key: new Uint8Array(ROOM) })),
  forged('ID_MALFORMED', 'an issuer of a megabyte', (p) =>
    claims(p, { 1: `did:web:${'a.'.repeat(ROOM / 2)}` }),
  ),
  forged('ID_MALFORMED', 'a subject of a megabyte', (p) =>
    claims(p, { 2: `urn:depa:${'a:'.repeat(ROOM / 2)}` }),
  ),
  forged('KIND_UNKNOWN', 'a kind of a megabyte', (p) => chainHeader(p, { kind: 'key.'.repeat(ROOM / 4) })),
  forged('HEADER_MISSING', 'tens of thousands of refs', (p) => {
    const refs: Cbor[] = Array.from({ length: 15_000 }, (_, i) => ['after', i, new Uint8Array(32)]);
    chainHeader(p, { refs });
    p.payload = new Uint8Array(ROOM - encode(refs).length);
  }),
  forged('CRIT_UNKNOWN', 'a crit header of many labels', (p) => {
    const crit = Array.from({ length: 50_000 }, (_, i) => i);
    p.header.set(2, crit);
    p.payload = new Uint8Array(ROOM - encode(crit).length);
  }),
  {
    code: 'SIGNATURE_INVALID',
    what: 'a foreign statement of a megabyte, one bit off',
    statement: ({ world, tdc }) => {
      const statement = world.foreign(tdc, { payload: new Uint8Array(ROOM) });
      return statement.map((byte, i) => (i === 4096 ? byte ^ 1 : byte));
    },
  },
  forged('SIGNATURE_INVALID', 'a signature of a megabyte', (p) => {
    p.members = [encode(p.header), p.unprotected, p.payload, new Uint8Array(ROOM).fill(1)];
  }),
];
