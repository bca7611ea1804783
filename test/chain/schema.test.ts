import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  amount,
  bool,
  bytes,
  bytesOf,
  did,
  list,
  nullable,
  oneOf,
  optional,
  readEncoded,
  type Schema,
  struct,
  text,
  uint,
  urn,
  variants,
} from '../../src/chain/schema.ts';
import { type Bytes, concat, utf8 } from '../../src/core/bytes.ts';
import { type Cbor, decode, encode } from '../../src/core/cbor.ts';
import { readKnown } from '../../src/core/item-reader.ts';
import { mangled, outcome } from '../core/mangle.ts';

function takes(schema: Schema<unknown>, value: Cbor, as: unknown = value): void {
  assert.deepEqual(schema.read(decode(encode(value)), 'x'), as);
  assert.deepEqual(readKnown(encode(value), schema.take), as);
}
function refuses(schema: Schema<unknown>, value: Cbor, code: string): void {
  assert.throws(() => schema.read(decode(encode(value)), 'x'), { code });
  assert.equal(readKnown(encode(value), schema.take), undefined);
  assert.throws(() => readEncoded(schema, encode(value), 'x'), { code });
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
    takes(schema, { way: 'right', b: true });
    takes(schema, { a: 1, way: 'left' });
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

describe('read from the bytes, and by way of a map', () => {
  const inner = struct({
    way: oneOf('up', 'down'),
    n: uint({ max: 70_000 }),
    note: optional(text({ max: 300 })),
  });
  const schema = struct({
    id: urn('dataset', 'model'),
    who: did,
    count: amount(),
    open: bool,
    digest: nullable(bytes(4)),
    either: bytesOf(1, 3),
    of: list(inner, { max: 3 }),
    names: list(text({ max: 40, pattern: /^[a-z]+$/ }), { max: 4, unique: true }),
    choice: optional(variants('kind', { a: { n: uint() }, zz: { list: list(uint(), { max: 2 }) } })),
  });
  const value: Cbor = {
    id: 'urn:depa:model:log.example/a:19517ba8-bab8-11ed-afa1-0242ac120002',
    who: 'did:web:example.com',
    count: 2 ** 52 + 1,
    open: false,
    digest: Uint8Array.of(1, 2, 3, 4),
    either: Uint8Array.of(9),
    of: [
      { way: 'up', n: 23 },
      { way: 'down', n: 65_536, note: 'é'.repeat(130) },
      { way: 'up', n: 256, note: 'a = b' },
    ],
    names: ['x', 'y'],
    choice: { kind: 'zz', list: [24, 255] },
  };

  function alike(read: Schema<unknown>, input: Bytes): void {
    const slow = outcome(() => read.read(decode(input), ''));
    assert.deepEqual(
      outcome(() => readEncoded(read, input, '')),
      slow,
    );
    const fast = readKnown(input, read.take);
    if (fast !== undefined) assert.deepEqual({ value: fast }, slow);
  }

  test('every value, and every small damage to it', () => {
    const rest = { ...(value as object) } as Record<string, Cbor>;
    for (const each of [
      value,
      { ...rest, digest: null, choice: undefined },
      { ...rest, of: [], names: [], choice: { kind: 'a', n: 0xffff_ffff } },
    ]) {
      const input = encode(each);
      assert.deepEqual(readKnown(input, schema.take), schema.read(decode(input), ''));
      for (const damaged of mangled(input)) alike(schema, damaged);
    }
  });

  test('members are in the order of their declaration either way', () => {
    const input = encode(value);
    const [fast, slow] = [readKnown(input, schema.take), schema.read(decode(input), '')];
    assert.equal(JSON.stringify(fast), JSON.stringify(slow));
  });

  test('from a view into more than the item', () => {
    const input = concat(Uint8Array.of(0xff), encode(value), Uint8Array.of(0xff));
    assert.deepEqual(readKnown(input.subarray(1, -1), schema.take), schema.read(decode(encode(value)), ''));
    assert.equal(readKnown(input.subarray(1), schema.take), undefined);
  });

  test('integers and lengths of every width, in their shortest form and in all others', () => {
    const heads = (major: number, count: number): number[][] => {
      const tail = (width: number) =>
        Array.from({ length: width }, (_, i) => Math.floor(count / 256 ** (width - 1 - i)) % 256);
      const short = count < 24 ? [[major + count]] : [];
      return [...short, ...[1, 2, 4, 8].map((width, i) => [major + 24 + i, ...tail(width)])];
    };
    const edges = [0, 23, 24, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1, 2 ** 53, 2 ** 60];
    for (const count of edges) {
      for (const head of heads(0, count)) alike(uint(), Uint8Array.from(head));
    }
    for (const length of [0, 23, 24, 255, 256]) {
      for (const head of heads(0x40, length)) {
        alike(bytes({ min: 0, max: 300 }), Uint8Array.from([...head, ...new Uint8Array(length)]));
      }
      for (const head of heads(0x60, length)) {
        alike(text({ max: 255 }), Uint8Array.from([...head, ...utf8('x'.repeat(length))]));
      }
    }
    for (const head of [0x1c, 0x1d, 0x1e, 0x1f, 0x5f, 0x7f, 0x9f, 0xbf, 0xf8, 0xf9]) {
      for (const read of [uint(), bytes(1), text({ max: 9 }), schema, bool, list(bool, { max: 9 })]) {
        alike(read, Uint8Array.of(head, 0, 0xff));
      }
    }
  });

  test('texts of every kind', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 250 }), fc.boolean(), (any, wellFormed) => {
        const from = wellFormed ? any.toWellFormed() : any;
        const bytes = utf8(from);
        for (const max of [9, 60, 700]) {
          const head =
            bytes.length < 24
              ? [0x60 + bytes.length]
              : bytes.length < 256
                ? [0x78, bytes.length]
                : [0x79, bytes.length >> 8, bytes.length & 255];
          alike(text({ max }), concat(Uint8Array.from(head), bytes));
          alike(
            text({ max }),
            concat(
              Uint8Array.from(head),
              bytes.map((byte) => byte ^ 0x80),
            ),
          );
        }
      }),
    );
  });

  test('as deep, and as many items, as can be decoded at all', () => {
    let deep: Schema<unknown> = uint();
    let item: Cbor = 7;
    for (let depth = 1; depth <= 18; depth++) {
      deep = depth % 2 === 0 ? list(deep, { max: 1 }) : struct({ a: deep });
      item = depth % 2 === 0 ? [item] : { a: item };
      alike(deep, encode(item));
    }
    const many = list(list(uint(), { max: 300 }), { max: 300 });
    for (const rows of [254, 255, 256, 257, 300]) {
      alike(many, encode(Array.from({ length: rows }, () => new Array<number>(255).fill(1))));
    }
  });

  test('what is thrown by something else is not taken for a refusal', () => {
    const broken: Schema<unknown> = {
      ...bool,
      take() {
        throw new RangeError('broken');
      },
    };
    assert.throws(() => readEncoded(broken, encode(true), ''), RangeError);
  });
});
