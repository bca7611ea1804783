import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { KINDS } from '../../src/chain/kinds/index.ts';
import { describeReason } from '../../src/chain/reason.ts';
import { FRAME_REASONS } from '../../src/chain/refusal.ts';
import { nobleCrypto } from '../../src/core/crypto-noble.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import { base, copy } from './refusals/base.ts';
import { REFUSALS } from './refusals/index.ts';

/** What a rule says of records does not depend on who computes hashes and signatures; of the rest, both say the same. */
const CRYPTOGRAPHIC = /^(?:KEY|KID|POP|SIGNATURE|MULTISIG|ALG|COSE|CBOR)_/;
const both = REFUSALS.filter(
  ({ of, reason }, i) =>
    of === 'frame' || CRYPTOGRAPHIC.test(reason) || REFUSALS.findIndex((first) => first.of === of) === i,
);

for (const [crypto, cases] of [
  [nodeCrypto, REFUSALS],
  [nobleCrypto, both],
] as const) {
  describe(`transition with ${crypto.name}`, () => {
    const shared = base(crypto);
    for (const { of, reason, what, statement } of cases) {
      test(`${of}: ${reason}: ${what}`, () => {
        const own = copy(shared);
        const bytes = statement(own);
        const before = new Map(own.world.state);
        const { verdict, writes, index, detail } = own.world.apply(bytes);
        assert.deepEqual(verdict, { index, outcome: 'refused', reason }, detail);
        assert.deepEqual(writes, []);
        assert.deepEqual(own.world.state, before);
      });
    }
  });
}

/** Declared and not to be had: the frame gives the first, and the policy before the first allows every algorithm. */
const NOT_BY_THE_KIND = ['log.genesis GENESIS_MISSING', 'log.genesis ALG_NOT_ALLOWED'];

test('every reason of the frame and of each kind has a case, and none is answered undeclared', () => {
  const produced = new Set(REFUSALS.map(({ of, reason }) => `${of} ${reason}`));
  const declared = [
    ...FRAME_REASONS.map((reason) => `frame ${reason}`),
    ...KINDS.flatMap(({ name, refusals, shared }) =>
      [...Object.keys(refusals), ...(shared ?? [])].map((reason) => `${name} ${reason}`),
    ),
  ].filter((declaration) => !NOT_BY_THE_KIND.includes(declaration));
  assert.deepEqual(
    declared.filter((declaration) => !produced.has(declaration)),
    [],
  );
  assert.deepEqual(
    [...produced].filter((declaration) => !declared.includes(declaration)),
    [],
  );
});

test('every reason is described', () => {
  for (const { reason } of REFUSALS) assert.ok(describeReason(reason)?.text, reason);
  assert.equal(describeReason('constructor'), undefined);
});
