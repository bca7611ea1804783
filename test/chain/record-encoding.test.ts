/** A record has one encoding, whoever makes it, and whatever was encoded before it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type KeyPart, recordType, stateKey } from '../../src/chain/record.ts';
import { RecordEncoding } from '../../src/chain/record-encoding.ts';
import { struct } from '../../src/chain/schema.ts';
import { type Cbor, encode } from '../../src/core/cbor.ts';

const scalar = fc.oneof(
  fc.maxSafeInteger(),
  fc.string({ unit: 'grapheme', maxLength: 80 }),
  fc.boolean(),
  fc.constant(null),
  fc.uint8Array({ maxLength: 40 }),
);
const name = fc.oneof(
  fc.constantFrom('a', 'b', 'aa', 'id', 'changed', 'changedAt', '1'),
  fc.string({ maxLength: 30 }),
);
const member = fc.oneof(
  scalar,
  fc.constant(undefined),
  fc.array(scalar, { maxLength: 4 }),
  fc.dictionary(fc.constantFrom('x', 'y', 'long name'), scalar, { maxKeys: 3 }),
);
const record = fc.dictionary(name, member, { maxKeys: 40 });

test('it is what the encoder of everything gives', () => {
  fc.assert(
    fc.property(fc.array(record, { minLength: 1, maxLength: 5 }), (records) => {
      const encoding = new RecordEncoding();
      for (const each of [...records, ...records]) {
        assert.deepEqual(encoding.encode(each), encode(each as Cbor));
      }
    }),
    { numRuns: 300 },
  );
});

test('each id has a key of its own, asked for again or not', () => {
  const part = fc.oneof(fc.nat(200), fc.string({ maxLength: 6 }), fc.uint8Array({ maxLength: 6 }));
  const type = recordType<KeyPart[], object>('test', struct({}));
  fc.assert(
    fc.property(fc.array(fc.array(part, { maxLength: 4 }), { maxLength: 8 }), (ids) => {
      for (const id of [...ids, ...ids]) assert.deepEqual(type.key(...id), stateKey('test', ...id));
    }),
    { numRuns: 300 },
  );
});

test('a version that shares what is nested with the one before', () => {
  const encoding = new RecordEncoding();
  const first = { changed: 1, parties: ['a', 'b'], terms: { start: 1, expiry: 2 }, state: 'OPEN' };
  const next = { ...first, changed: 2, signatures: [{ by: 'a' }] };
  for (const each of [first, next, first]) assert.deepEqual(encoding.encode(each), encode(each));
});

test('more members than fit into the first byte of a map, and more than any map has', () => {
  const of = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`m${i}`, i]));
  for (const count of [0, 23, 24, 255, 256]) {
    assert.deepEqual(new RecordEncoding().encode(of(count)), encode(of(count)));
  }
  assert.throws(() => new RecordEncoding().encode(of(257)), { code: 'CBOR_MALFORMED' });
});
