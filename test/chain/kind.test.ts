import assert from 'node:assert/strict';
import { test } from 'node:test';
import { declareKind } from '../../src/chain/kind.ts';
import { refuse } from '../../src/chain/refusal.ts';
import { struct, uint } from '../../src/chain/schema.ts';
import { authenticate } from '../../src/chain/signer.ts';
import { KEY } from '../../src/chain/state.ts';
import { parseStatement } from '../../src/chain/statement.ts';
import { encodeCoseKey } from '../../src/cose/key.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import { World } from './world.ts';

const body = struct({ n: uint() });

test('a rule can answer only with codes that its declaration lists', () => {
  const kind = declareKind({
    name: 'test.kind',
    rule: 'For this test.',
    signer: 'room',
    body,
    subject: () => undefined,
    refusals: { TOO_SMALL: 'n is too small.' },
    shared: ['STATE_WRONG'],
    apply(ctx, { n }) {
      if (n === 0) return refuse('TOO_SMALL', ctx.room);
      if (n === 1) return refuse('STATE_WRONG');
      return [];
    },
  });
  assert.equal(kind.name, 'test.kind');
  declareKind({
    name: 'test.other',
    rule: 'For this test.',
    signer: 'active',
    body,
    subject: () => undefined,
    refusals: { TOO_SMALL: 'n is too small.' },
    // @ts-expect-error UNDECLARED is not listed
    apply: () => refuse('UNDECLARED'),
  });
  declareKind({
    name: 'test.self',
    rule: 'For this test.',
    signer: 'self',
    body,
    subject: () => undefined,
    refusals: {},
    self: () => refuse('KID_UNKNOWN'),
    apply(ctx) {
      // @ts-expect-error nobody is registered yet who could have signed
      return ctx.signer ? [] : [];
    },
  });
});

test('a room signs by its own key, in its own name', () => {
  const world = World.begin(nodeCrypto);
  const kind = declareKind({
    name: 'r',
    rule: '',
    signer: 'room',
    body,
    subject: () => undefined,
    refusals: {},
    apply: () => [],
  });
  const room = 'urn:depa:cleanroom:log.example:19517ba8-bab8-11ed-afa1-0242ac120002';
  const key = world.key('room');
  const record = (owner: string) =>
    KEY.put(
      {
        owner,
        key: encodeCoseKey(key.publicKey),
        use: 'sig',
        alias: 'room',
        added: 0,
        addedAt: 0,
        addedBy: null,
      },
      world.kid(key),
    );
  const signed = (issuer: string, onBehalf?: string) => {
    const member = { did: issuer, keys: [key] as const };
    const options = onBehalf === undefined ? {} : { onBehalf };
    const statement = world.sign(member, 'key.add', world.listed(member, world.key('x')), options);
    return authenticate(world, parseStatement(nodeCrypto, statement), kind);
  };
  world.put(record(room));
  assert.deepEqual(signed(room), { room, key: KEY.read(world.read, world.kid(key)) });
  assert.equal((signed(room, world.sro.did) as { refused: string }).refused, 'DELEGATION_MISSING');
  assert.equal((signed(world.sro.did) as { refused: string }).refused, 'SIGNER_UNKNOWN');
  world.put(record(world.sro.did));
  assert.equal((signed(world.sro.did) as { refused: string }).refused, 'SIGNER_UNKNOWN');
});
