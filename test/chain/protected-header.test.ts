import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { readAnyHeader, readHeader, readUsualHeader } from '../../src/chain/protected-header.ts';
import { parseStatement } from '../../src/chain/statement.ts';
import { type Bytes, concat } from '../../src/core/bytes.ts';
import { type Cbor, type CborKey, encode } from '../../src/core/cbor.ts';
import { nodeCrypto as crypto } from '../../src/platform/crypto-node.ts';
import { mangled, outcome } from '../core/mangle.ts';
import { base } from './refusals/base.ts';

const KID = new Uint8Array(32).fill(7);
const DID = 'did:web:a.example';
const URN = 'urn:depa:dataset:log.example:123e4567-e89b-12d3-a456-426614174000';
const TYPE = 'application/vnd.depa.aichain+cbor';
const ENTRY = new Uint8Array(32).fill(9);

function header(members: readonly (readonly [CborKey, Cbor | undefined])[]): Bytes {
  return encode(map(members));
}

function map(members: readonly (readonly [CborKey, Cbor | undefined])[]): Map<CborKey, Cbor> {
  return new Map(members.filter((member): member is [CborKey, Cbor] => member[1] !== undefined));
}

/** A usual one is read alike either way; what is not usual is read in the other way, or refused there. */
function alike(bytes: Bytes): void {
  const slow = outcome(() => readAnyHeader(bytes));
  const usual = readUsualHeader(bytes);
  if (usual !== undefined) assert.deepEqual({ value: usual }, slow);
  assert.deepEqual(
    outcome(() => readHeader(bytes)),
    slow,
  );
}

const { world, icmr, cowin } = base(crypto);
const OURS = world.verification(cowin, {}, { subject: cowin.did });
const protectedOf = (statement: Bytes) => parseStatement(crypto, statement).protectedBytes;
const CHAIN = { v: 1, log: 'log.example', kind: 'a.b', refs: [['after', 70_000, ENTRY]] };
const CLAIMS: Cbor = new Map<CborKey, Cbor>([
  [1, DID],
  [2, URN],
  [6, 1_700_000_000],
]);
const USUAL: readonly Bytes[] = [
  protectedOf(OURS),
  protectedOf(world.foreign(icmr)),
  header([
    [1, -51],
    [4, KID],
    [15, CLAIMS],
    [16, TYPE],
    ['aichain', { ...CHAIN, onBehalf: 'did:web:b.example' }],
  ]),
  header([
    [1, -7],
    [4, KID],
    [15, new Map([[1, 'https://é.example']])],
  ]),
];

describe('a protected header', () => {
  test('of the usual shape is read straight from its bytes', () => {
    for (const bytes of USUAL) assert.deepEqual(readUsualHeader(bytes), readAnyHeader(bytes));
  });

  test('is read alike, or refused alike, with every small damage', () => {
    for (const bytes of USUAL) for (const damaged of mangled(bytes)) alike(damaged);
  });

  test('is read alike whatever its members are', () => {
    // One member in seven is something else than usual.
    const usually = (usual: Cbor | undefined, ...others: readonly (Cbor | undefined)[]) =>
      fc.oneof(
        { weight: 6, arbitrary: fc.constant(usual) },
        fc.constantFrom<(Cbor | undefined)[]>(...others),
      );
    const claims = fc
      .tuple(
        usually(DID, 'someone', URN, 'urn:depa:x', undefined, 1),
        usually(URN, DID, 'urn:example:run:1', 'thing', undefined, 2),
        usually(1_700_000_000, 0, 253_402_300_799, 253_402_300_800, -1, undefined, 'now'),
        usually(undefined, 'audience'),
      )
      .map(([issuer, subject, issuedAt, audience]) =>
        map([
          [1, issuer],
          [2, subject],
          [3, audience],
          [6, issuedAt],
        ]),
      );
    const ref = fc
      .tuple(
        usually('after', 'a b', '', 5),
        usually(70_000, 23, 24, 2 ** 40, -1),
        usually(ENTRY, KID.subarray(1)),
      )
      .map((members) => members as Cbor);
    const refs = fc.oneof(
      { weight: 9, arbitrary: fc.array(ref, { maxLength: 3 }) },
      fc.constant(new Array<Cbor>(65).fill(['a', 0, ENTRY])),
    );
    const chain = fc
      .tuple(
        usually(1, 2, undefined),
        usually('log.example', undefined, 1),
        usually('a.b', undefined, 1),
        refs,
        usually(undefined, DID, 'x', 1),
        usually(undefined, 1),
      )
      .map(([v, log, kind, list, onBehalf, more]) =>
        map([
          ['v', v],
          ['log', log],
          ['kind', kind],
          ['refs', list],
          ['onBehalf', onBehalf],
          ['more', more],
        ]),
      );
    const own = fc.tuple(
      usually(TYPE, undefined, 'application/other'),
      fc.oneof(chain, usually(undefined, 1)),
    );
    const any = fc
      .tuple(
        usually(-7, -8, -9, -19, -35, -51, -6, 7, undefined, 'ES256'),
        usually(undefined, [1]),
        usually(undefined, 'application/json', 50, ''),
        usually(KID, KID.subarray(1), undefined, 'kid'),
        fc.oneof({ weight: 9, arbitrary: claims }, fc.constant(1)),
        fc.oneof(own, fc.constant([undefined, undefined] as const)),
        usually(undefined, 'x'),
      )
      .map(([alg, crit, contentType, kid, cwt, [typ, aichain], more]) =>
        header([
          [1, alg],
          [2, crit],
          [3, contentType],
          [4, kid],
          [15, cwt],
          [16, typ],
          [258, more],
          ['aichain', aichain],
        ]),
      );
    let usual = 0;
    fc.assert(
      fc.property(any, (bytes) => {
        alike(bytes);
        if (readUsualHeader(bytes)) usual += 1;
      }),
      { numRuns: 20_000 },
    );
    assert.ok(usual > 1000, `only ${usual} were of the usual shape`);
  });

  test('is read from a view into more than itself', () => {
    for (const bytes of USUAL) {
      const inside = concat(Uint8Array.of(0xff), bytes, Uint8Array.of(0xff));
      assert.deepEqual(readUsualHeader(inside.subarray(1, -1)), readAnyHeader(bytes));
      assert.equal(readUsualHeader(inside.subarray(1)), undefined);
    }
  });
});
