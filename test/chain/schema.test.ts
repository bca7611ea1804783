import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  amount,
  bool,
  bytes,
  did,
  list,
  nullable,
  oneOf,
  optional,
  type Schema,
  struct,
  text,
  uint,
  urn,
  variants,
} from '../../src/chain/schema.ts';
import { type Cbor, decode, encode } from '../../src/core/cbor.ts';

function takes(schema: Schema<unknown>, value: Cbor, as: unknown = value): void {
  assert.deepEqual(schema.read(decode(encode(value)), 'x'), as);
}
function refuses(schema: Schema<unknown>, value: Cbor, code: string): void {
  assert.throws(() => schema.read(decode(encode(value)), 'x'), { code });
}

describe('scalars', () => {
  test('text', () => {
    takes(text({ max: 4 }), 'abcd');
    takes(text({ max: 4 }), 'éé');
    for (const value of ['abcde', 'ééx', 1, null, new Uint8Array(1)])
      refuses(text({ max: 4 }), value, 'SCHEMA_INVALID');
    refuses(text({ max: 9, pattern: /^a+$/ }), 'ab', 'SCHEMA_INVALID');
    refuses(text({ max: 9 }), '', 'PLACEHOLDER_VALUE');
    refuses(text({ max: 99 }), '-----BEGIN PRIVATE KEY-----', 'SECRET_IN_BODY');
  });
  test('identifiers', () => {
    takes(did, 'did:web:example.com');
    refuses(did, 'example.com', 'ID_MALFORMED');
    refuses(did, 'did:web:$NAME', 'PLACEHOLDER_VALUE');
    const dataset = 'urn:depa:dataset:log.example/a:19517ba8-bab8-11ed-afa1-0242ac120002';
    takes(urn('dataset'), dataset);
    refuses(urn('model'), dataset, 'ID_MALFORMED');
  });
  test('numbers', () => {
    takes(uint({ max: 7 }), 7);
    for (const value of [8, -1, '7', 2n ** 60n, true]) refuses(uint({ max: 7 }), value, 'SCHEMA_INVALID');
    takes(amount(), 1_500_000);
    for (const value of ['1.5', -1, 2n ** 60n, null]) refuses(amount(), value, 'NUMBER_MALFORMED');
  });
  test('bytes, booleans, words, nil', () => {
    takes(bytes(2), Uint8Array.of(1, 2));
    takes(bytes({ min: 1, max: 2 }), Uint8Array.of(1));
    for (const value of [Uint8Array.of(1), Uint8Array.of(1, 2, 3), 'ab'])
      refuses(bytes(2), value, 'SCHEMA_INVALID');
    takes(bool, false);
    refuses(bool, 0, 'SCHEMA_INVALID');
    takes(oneOf('a', 'b'), 'b');
    refuses(oneOf('a', 'b'), 'c', 'SCHEMA_INVALID');
    refuses(oneOf('a', 'b'), '', 'PLACEHOLDER_VALUE');
    takes(nullable(bool), null);
    takes(nullable(bool), true);
    refuses(nullable(bool), 1, 'SCHEMA_INVALID');
  });
});

describe('composites', () => {
  test('lists have bounds, and no item twice where they say so', () => {
    const schema = list(oneOf('a', 'b', 'c'), { min: 1, max: 2, unique: true });
    takes(schema, ['a', 'b']);
    for (const value of [[], ['a', 'b', 'c'], ['a', 'a'], 'a', [1], { a: 1 }])
      refuses(schema, value, 'SCHEMA_INVALID');
  });
  test('structs are closed', () => {
    const schema = struct({ a: uint(), b: optional(bool) });
    takes(schema, { a: 1, b: true });
    takes(schema, { a: 1 });
    for (const value of [{ b: true }, { a: 1, c: 1 }, { a: 1, b: null }, [1], new Map([[1, 1]])]) {
      refuses(schema, value, 'SCHEMA_INVALID');
    }
    refuses(
      schema,
      new Map<string | number, number>([
        ['a', 1],
        [0, 1],
      ]),
      'SCHEMA_INVALID',
    );
    refuses(
      struct({ a: uint() }),
      { a: 1, __proto__x: 1, toString: 1 } as Record<string, Cbor>,
      'SCHEMA_INVALID',
    );
    assert.equal(schema.cddl, `{ "a" => 0..${Number.MAX_SAFE_INTEGER}, ? "b" => bool }`);
  });
  test('variants are told apart by their tag', () => {
    const schema = variants('way', { left: { a: uint() }, right: { b: bool } });
    const read = schema.read(decode(encode({ way: 'right', b: true })), 'x');
    assert.equal(read.way === 'right' && read.b, true);
    for (const value of [{ way: 'up' }, { way: 'left', b: true }, { a: 1 }, 1])
      refuses(schema, value, 'SCHEMA_INVALID');
  });
  test('patterns are written as CDDL has them', () => {
    assert.equal(text({ max: 9, pattern: /^(?:ab|https?:\/\/)+$/ }).cddl, 'tstr .regexp "(ab|https?://)+"');
  });
  test('the message says where', () => {
    const schema = struct({ keys: list(struct({ use: oneOf('sig') }), { max: 2 }) });
    assert.throws(() => schema.read(decode(encode({ keys: [{ use: 'sig' }, { use: 'x' }] })), ''), {
      message: /^keys\[1\]\.use: /,
    });
  });
});
