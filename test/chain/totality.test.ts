import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { KINDS } from '../../src/chain/kinds/index.ts';
import { canonicalStatement, parseStatement } from '../../src/chain/statement.ts';
import { type Bytes, concat, equal, toHex } from '../../src/core/bytes.ts';
import { type Cbor, decode, encode, Tagged } from '../../src/core/cbor.ts';
import { nobleCrypto } from '../../src/core/crypto-noble.ts';
import { isLedgerError } from '../../src/core/errors.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import { body, chainHeader, forge } from './forge.ts';
import { base } from './refusals/base.ts';

const { world, tdc, cowin } = base(nodeCrypto);
const statements: Record<string, Bytes> = {
  'key.add': world.sign(tdc, 'key.add', world.listed(tdc, world.key('new'))),
  'participant.verify': world.verification(cowin),
  foreign: world.foreign(tdc),
};

/** Refused for a reason, or the very same statement after all. */
function judged(bytes: Bytes, original: Bytes): void {
  const { verdict, writes } = world.judge(bytes);
  if (verdict.outcome === 'ok') assert.ok(equal(bytes, original), toHex(bytes));
  else assert.deepEqual(writes, []);
}

/** The canonical form by decoding and encoding: without what is unprotected, lengths the shortest. */
function encodedAnew(arrived: Uint8Array): Uint8Array {
  const [protectedBytes, , payload, signature] = (decode(arrived, { profile: 'definite' }) as Tagged)
    .value as Cbor[];
  return encode(new Tagged(18, [protectedBytes!, new Map(), payload!, signature!]));
}

for (const [name, statement] of Object.entries(statements)) {
  describe(`every byte of ${name}`, () => {
    test('as it is', () => assert.equal(world.judge(statement).verdict.outcome, 'ok'));
    test('changed', () => {
      for (let i = 0; i < statement.length; i++) {
        for (const change of [0x01, 0x20, 0x80, 0xff]) {
          judged(
            statement.map((byte, at) => (at === i ? byte ^ change : byte)),
            statement,
          );
        }
      }
    });
    test('removed, doubled, cut off, appended', () => {
      for (let i = 0; i < statement.length; i++) {
        const [before, after] = [statement.subarray(0, i), statement.subarray(i)];
        judged(concat(before, after.subarray(1)), statement);
        judged(concat(before, after.subarray(0, 1), after), statement);
        judged(before, statement);
      }
      for (let byte = 0; byte < 256; byte++) judged(concat(statement, Uint8Array.of(byte)), statement);
    });
    test('on arrival: refused, or the canonical form of the same statement', () => {
      for (let i = 0; i < statement.length; i++) {
        for (const change of [0x01, 0x10, 0x20, 0x80]) {
          const arrived = statement.map((byte, at) => (at === i ? byte ^ change : byte));
          let canonical: Uint8Array;
          try {
            canonical = canonicalStatement(arrived);
          } catch (error) {
            assert.ok(isLedgerError(error));
            continue;
          }
          assert.deepEqual(canonical, encodedAnew(arrived));
          judged(canonical, statement);
        }
      }
    });
  });
}

const cbor: fc.Arbitrary<Cbor> = fc.letrec<{ value: Cbor }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5 },
    fc.maxSafeInteger(),
    fc.bigInt({ min: -(2n ** 64n), max: 2n ** 64n - 1n }),
    fc.string(),
    fc.uint8Array({ maxLength: 40 }),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 5 }),
    fc.dictionary(fc.string({ maxLength: 8 }), tie('value'), { maxKeys: 5 }),
  ),
})).value;

describe('anything at all', () => {
  test('bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => judged(bytes, new Uint8Array())));
  });
  test('four CBOR members under the tag', () => {
    const members = fc.tuple(fc.uint8Array({ maxLength: 60 }), cbor, cbor, fc.uint8Array({ maxLength: 70 }));
    fc.assert(fc.property(members, (four) => judged(encode(new Tagged(18, four)), new Uint8Array())));
  });
  test('a header member of any value, well signed', () => {
    const label = fc.constantFrom(1, 4, 15, 16, 'aichain');
    fc.assert(
      fc.property(label, cbor, (at, value) => {
        const bytes = forge(statements['key.add']!, tdc.keys[0], (p) => p.header.set(at, value));
        // Ed25519 has two names (RFC 9864), and both stand.
        if (at === 1 && [-8, -19, -8n, -19n].some((name) => name === value))
          assert.equal(world.judge(bytes).verdict.outcome, 'ok');
        else judged(bytes, statements['key.add']!);
      }),
      {
        examples: [
          [1, -8],
          [1, -19],
          [1, -8n],
          [1, -19n],
          [1, -9n],
        ],
      },
    );
  });
  test('an "aichain" member of any value, well signed', () => {
    const name = fc.constantFrom('v', 'log', 'kind', 'onBehalf', 'refs');
    fc.assert(
      fc.property(name, cbor, (at, value) => {
        fc.pre(!(at === 'refs' && Array.isArray(value) && value.length === 0));
        const bytes = forge(statements['key.add']!, tdc.keys[0], (p) => chainHeader(p, { [at]: value }));
        judged(bytes, statements['key.add']!);
      }),
    );
  });
  test('a body member of any value, well signed: refused, or what the schema says', () => {
    const name = fc.constantFrom('keyAlias', 'use', 'key', 'notAfter', 'pop');
    fc.assert(
      fc.property(name, cbor, (at, value) => {
        const bytes = forge(statements['key.add']!, tdc.keys[0], (p) => body(p, { [at]: value }));
        const { verdict, statement } = world.judge(bytes);
        if (verdict.outcome === 'ok') assert.deepEqual(encode(statement!.body as Cbor), statement!.payload);
      }),
    );
  });
  test('any kind of any body', () => {
    const kinds = KINDS.map(({ name }) => name);
    fc.assert(
      fc.property(fc.constantFrom(...kinds), cbor, (kind, value) => {
        const bytes = forge(statements['key.add']!, tdc.keys[0], (p) => {
          chainHeader(p, { kind });
          p.payload = encode(value);
        });
        judged(bytes, statements['key.add']!);
      }),
    );
  });
});

test('a statement of 1 MiB is judged in no time', () => {
  const payloads = [
    new Uint8Array(1_000_000).fill(0x80),
    encode({ keyAlias: '$'.repeat(900_000) }),
    encode({ keyAlias: 'eyJ'.repeat(300_000) }),
    encode(Array.from({ length: 60_000 }, () => 'sig=')),
  ];
  for (const payload of payloads) {
    const bytes = forge(statements['key.add']!, tdc.keys[0], (p) => {
      p.payload = payload;
    });
    // Milliseconds of this process, the best of five: other work on the machine is not what is measured.
    const times = Array.from({ length: 5 }, () => {
      const began = process.cpuUsage();
      assert.equal(world.judge(bytes).verdict.outcome, 'refused');
      const { user, system } = process.cpuUsage(began);
      return (user + system) / 1000;
    });
    assert.ok(Math.min(...times) < 100, String(times));
  }
});

test('parsing gives the same with both crypto back ends, and canonical bytes are their own canonical form', () => {
  for (const statement of Object.values(statements)) {
    assert.deepEqual(parseStatement(nodeCrypto, statement), parseStatement(nobleCrypto, statement));
    assert.deepEqual(canonicalStatement(statement), statement);
  }
});
