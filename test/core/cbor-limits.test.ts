/** Hostile input: it must be refused at once, whatever it declares. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { concat, fromHex } from '../../src/core/bytes.ts';
import { type DecodeOptions, decode, encode, Tagged } from '../../src/core/cbor.ts';
import { processorTimer } from './processor-time.ts';

const MiB = 1 << 20;
const filled = (byte: number, head = '') => concat(fromHex(head), new Uint8Array(MiB).fill(byte));

const PROFILES: DecodeOptions[] = [{}, { profile: 'definite' }];
const hostile: [string, Uint8Array][] = [
  ['1 MiB of array heads', filled(0x81)],
  ['1 MiB of map heads', filled(0xa1)],
  ['1 MiB of tags', filled(0xc2)],
  ['1 MiB of arrays that each declare 2^32 − 1 items', filled(0x9a)],
  ['1 MiB of 0xff', filled(0xff)],
  ['1 MiB of small items', filled(0x00, '9a00100000')],
  ['1 MiB of empty arrays', filled(0x80, '9a00100000')],
  [
    'arrays that declare all that is left',
    concat(...Array.from({ length: 12 }, () => fromHex('9a00010000')), new Uint8Array(70_000).fill(0x80)),
  ],
  ['a byte string of 2^64 − 1', fromHex('5bffffffffffffffff00')],
  ['a text of 2^63', fromHex('7b800000000000000000')],
  ['a byte string of 2^32 − 1', fromHex('5affffffff00')],
  ['an array of 2^64 − 1', fromHex('9bffffffffffffffff00')],
  ['an array of 2^32 − 1', fromHex('9affffffff00')],
  ['a map of 2^64 − 1', fromHex('bbffffffffffffffff00')],
  ['a map of 2^31', fromHex('ba800000000000')],
  ['a map that declares twice what is there', fromHex('a3000001000200').subarray(0, 5)],
];

describe('hostile input', () => {
  for (const options of PROFILES) {
    for (const [what, bytes] of hostile) {
      it(`${what} is refused quickly (${options.profile ?? 'deterministic'})`, () => {
        const taken = processorTimer();
        assert.throws(() => decode(bytes, options), { code: 'CBOR_MALFORMED' });
        assert.ok(taken() < 500, `${taken()} ms`);
      });
    }
  }

  it('a bignum of 1 MiB is no number', () => {
    const bytes = filled(0xff, 'c25a00100000');
    const taken = processorTimer();
    assert.throws(() => decode(bytes), { code: 'CBOR_MALFORMED' });
    // The definite profile keeps it as a tagged byte string, and never computes it.
    assert.ok(decode(bytes, { profile: 'definite' }) instanceof Tagged);
    assert.ok(taken() < 500, `${taken()} ms`);
  });

  it('keys that all fall into one bucket of a hash table take no longer than others', () => {
    const keys: number[] = [];
    for (let key = 0; keys.length < 256; key++) if ((unseededHash(key) & 0xffff) === 7) keys.push(key);
    const map = encode(new Map(keys.map((key) => [key, 0])));
    const head = fromHex('9880'); // 128 such maps: all the items that there may be
    const bytes = concat(head, ...new Array<Uint8Array>(127).fill(map), fromHex('80'));
    for (const options of PROFILES) {
      const taken = processorTimer();
      assert.equal((decode(bytes, options) as unknown[]).length, 128);
      assert.ok(taken() < 500, `${taken()} ms`);
    }
  });
});

/** How V8 hashes a small integer: with no seed, so anybody can look for collisions. */
function unseededHash(key: number): number {
  let hash = (~key + (key << 15)) | 0;
  hash ^= hash >>> 12;
  hash = (hash + (hash << 2)) | 0;
  hash ^= hash >>> 4;
  hash = Math.imul(hash, 2057);
  return hash ^ (hash >>> 16);
}

describe('limits', () => {
  const nested = (depth: number) => concat(new Uint8Array(depth).fill(0x81), Uint8Array.of(0));

  it('16 levels by default, another number when asked', () => {
    assert.ok(decode(nested(16)));
    assert.throws(() => decode(nested(17)), { code: 'CBOR_MALFORMED' });
    assert.ok(decode(nested(3), { maxDepth: 3 }));
    assert.throws(() => decode(nested(4), { maxDepth: 3 }), { code: 'CBOR_MALFORMED' });
    // Tags and maps nest too.
    const tagged = concat(new Uint8Array(17).fill(0xc1), Uint8Array.of(0));
    assert.throws(() => decode(tagged, { profile: 'definite' }), { code: 'CBOR_MALFORMED' });
  });

  it('65,536 items by default, another number when asked', () => {
    assert.equal((decode(encode(new Array(65_535).fill(0))) as unknown[]).length, 65_535);
    assert.throws(() => decode(encode(new Array(65_536).fill(0))), { code: 'CBOR_MALFORMED' });
    assert.ok(decode(encode([0, 0]), { maxItems: 3 }));
    assert.throws(() => decode(encode([0, 0]), { maxItems: 2 }), { code: 'CBOR_MALFORMED' });
    // Keys and values count.
    assert.throws(() => decode(encode({ a: 0 }), { maxItems: 2 }), { code: 'CBOR_MALFORMED' });
  });

  it('256 members of a map, since a table of many takes quadratic time', () => {
    const pairs = (count: number) => Array.from({ length: count }, (_, i) => [i, 0] as const);
    assert.equal((decode(encode(new Map(pairs(256)))) as Map<number, number>).size, 256);
    assert.throws(() => encode(new Map(pairs(257))), { code: 'CBOR_MALFORMED' });
    const more = concat(
      fromHex('b90101'),
      ...pairs(257)
        .map(([key]) => encode(key))
        .flatMap((k) => [k, k]),
    );
    for (const options of PROFILES) assert.throws(() => decode(more, options), { code: 'CBOR_MALFORMED' });
  });
});
