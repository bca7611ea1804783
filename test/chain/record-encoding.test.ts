/** A record has one encoding, whoever makes it, and whatever was encoded before it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type KeyPart, Recent, recordType, stateKey } from '../../src/chain/record.ts';
import { RecordEncoding } from '../../src/chain/record-encoding.ts';
import { struct, uint } from '../../src/chain/schema.ts';
import { concat, toCharacters } from '../../src/core/bytes.ts';
import { type Cbor, encode } from '../../src/core/cbor.ts';
import { outcome } from '../core/mangle.ts';

const scalar = fc.oneof(
  fc.maxSafeInteger(),
  fc.string({ unit: 'grapheme', maxLength: 80 }),
  fc.boolean(),
  fc.constant(null),
  fc.uint8Array({ maxLength: 40 }),
);
const name = fc.oneof(
  fc.constantFrom('a', 'b', 'aa', 'id', 'changed', 'changedAt', '1', 'constructor', 'toString', '__proto__'),
  fc.string({ maxLength: 30 }),
);
const nested = fc.letrec<{ any: unknown; object: unknown }>((tie) => ({
  any: fc.oneof({ maxDepth: 3 }, scalar, fc.array(tie('any'), { maxLength: 3 }), tie('object')),
  object: fc.dictionary(fc.constantFrom('x', 'y', 'z', 'long name', 'valueOf'), tie('any'), {
    maxKeys: 4,
    noNullPrototype: true,
  }),
}));
const member = fc.oneof(
  scalar,
  fc.constant(undefined),
  fc.constant(new Map<number, string>([[4, 'label']])),
  fc.array(scalar, { maxLength: 4 }),
  nested.any,
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
      for (const id of [...ids, ...ids]) {
        const key = stateKey('test', ...id);
        const name = toCharacters(key);
        const asked: (string | Uint8Array)[] = [];
        const reader = (...of: [Uint8Array, string]) => void asked.push(...of);
        assert.deepEqual([type.read(reader, ...id), type.has(reader, ...id)], [undefined, false]);
        assert.deepEqual([type.key(...id), ...asked], [key, key, name, key, name]);
        assert.deepEqual(type.remove(...id), [key, null, name]);
        assert.deepEqual(type.put({}, ...id), [key, encode({}), name]);
      }
    }),
    { numRuns: 300 },
  );
});

test('as many records are remembered as a type is given room for, but few that keep a larger array alive', () => {
  const type = recordType<[number], { n: number }>('test', struct({ n: uint() }), new Recent(2000));
  const alone = Array.from({ length: 2000 }, (_, n) => encode({ n }));
  // As in a bundle: each of them keeps all of it.
  const parts = Array.from({ length: 2000 }, (_, n) => {
    const bundle = concat(new Uint8Array(5000), encode({ n }));
    return bundle.subarray(5000);
  });
  const again = (values: readonly Uint8Array[]) => {
    const first = values.map((value) => type.decode(value));
    const second = values.map((value) => type.decode(value));
    assert.deepEqual(first, second);
    return first.filter((record, n) => record === second[n]).length;
  };
  assert.equal(again(alone), 2000);
  assert.equal(again(parts.slice(0, 10)), 10);
  assert.ok(again(parts) < 600);
});

test('a version that shares what is nested with the one before', () => {
  const encoding = new RecordEncoding();
  const first = { changed: 1, parties: ['a', 'b'], terms: { start: 1, expiry: 2 }, state: 'OPEN' };
  const next = { ...first, changed: 2, signatures: [{ by: 'a' }] };
  for (const each of [first, next, first]) assert.deepEqual(encoding.encode(each), encode(each));
});

test('objects in one another, deeper than records are, and as deep as anything may be', () => {
  const nestedIn = (depth: number): Cbor => (depth === 0 ? 'end' : { next: nestedIn(depth - 1), depth });
  const listsIn = (depth: number): Cbor => (depth === 0 ? 'end' : [listsIn(depth - 1)]);
  for (let depth = 1; depth <= 40; depth++) {
    for (const value of [nestedIn(depth) as object, { x: nestedIn(depth) }, { x: listsIn(depth) }]) {
      assert.deepEqual(
        outcome(() => new RecordEncoding().encode(value)),
        outcome(() => encode(value as Cbor)),
        `${depth} deep`,
      );
    }
  }
});

test('what is no plain object', () => {
  const encoding = new RecordEncoding();
  encoding.encode({ a: 1 });
  const inherited = Object.assign(Object.create({ a: 9 }) as object, { b: 2 });
  for (const value of [new Map([['a', 1]]), ['a'], Uint8Array.of(1), inherited, { x: inherited }]) {
    assert.deepEqual(encoding.encode(value), encode(value as Cbor));
  }
});

test('objects with names of their own each', () => {
  const encoding = new RecordEncoding();
  for (let n = 0; n < 300; n++) {
    const value = { by: { [`name ${n}`]: n, [`other ${n}`]: [{ n }] } };
    assert.deepEqual(encoding.encode(value), encode(value));
  }
});

test('what has no encoding is refused, and nothing of it is left over', () => {
  const encoding = new RecordEncoding();
  for (const value of [{ a: 1, b: 0.5 }, { a: { c: [1, Number.NaN] } }, { a: 1, z: ['\ud800'] }]) {
    assert.throws(() => encoding.encode(value), { code: 'CBOR_MALFORMED' });
    assert.deepEqual(encoding.encode({ a: 1, b: 2 }), encode({ a: 1, b: 2 }));
  }
});

test('more members than fit into the first byte of a map, and more than any map has', () => {
  const of = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`m${i}`, i]));
  for (const count of [0, 23, 24, 255, 256]) {
    assert.deepEqual(new RecordEncoding().encode(of(count)), encode(of(count)));
  }
  assert.throws(() => new RecordEncoding().encode(of(257)), { code: 'CBOR_MALFORMED' });
});
