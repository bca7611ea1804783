import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KEY } from '../../src/chain/state.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import { base, delegate } from './refusals/base.ts';
import { World } from './world.ts';

test('a participant asks, and the SRO answers', () => {
  const world = World.begin(nodeCrypto);
  const member = world.member('hospital', 'ES384', 2);
  const { index } = world.register(member, ['TDP', 'DATA_COLLAB', 'PUBLISHER']);
  const asked = world.participant(member)!;
  assert.deepEqual([asked.state, asked.roles, asked.changed], ['REQUESTED', [], index]);
  assert.deepEqual(
    asked.keys,
    member.keys.map((key) => world.kid(key)),
  );
  const validUntil = world.now + 1000;
  world.accept(world.verification(member, { decision: 'verified', roles: ['PUBLISHER', 'TDP'], validUntil }));
  const verified = world.participant(member)!;
  assert.deepEqual([verified.state, verified.changed], ['VERIFIED', index + 1]);
  assert.deepEqual(verified.roles, ['TDP', 'PUBLISHER']);
  world.advance(1000).accept(world.foreign(member));
  assert.equal(
    world.advance(1).judge(world.foreign(member, { payload: new Uint8Array(1) })).verdict.reason,
    'SIGNER_NOT_ACTIVE',
  );
});

test('a verification that ends is prolonged before or after its end, and never brought forward', () => {
  const world = World.begin(nodeCrypto);
  const member = world.member('hospital');
  world.register(member);
  const first = world.now + 1000;
  world.accept(world.verification(member, { decision: 'verified', roles: ['TDP'], validUntil: first }));
  world.activate(member);
  const { validUntil: _, ...before } = world.participant(member)!;
  const prolong = (change: object) =>
    world.verification(member, { decision: 'verified', roles: ['TDP'], ...change });

  world.advance(1001);
  assert.equal(world.judge(world.foreign(member)).verdict.reason, 'SIGNER_NOT_ACTIVE');
  const second = world.now + 1000;
  world.accept(prolong({ validUntil: second }));
  assert.equal(world.judge(world.foreign(member)).verdict.reason, null);
  assert.deepEqual(world.participant(member), { ...before, validUntil: second });
  for (const validUntil of [first, second]) {
    assert.equal(world.advance(1).judge(prolong({ validUntil })).verdict.reason, 'STATE_WRONG');
  }
  // How it stands is as it was: what lifts a suspension still names the suspension.
  const refs = [world.ref('after', world.participant(member)!.changed)];
  const { did } = member;
  const { index } = world.accept(
    world.sign(world.sro, 'participant.suspend', { did, reason: 'an audit' }, { refs }),
  );
  world.accept(prolong({}));
  assert.equal(world.participant(member)!.validUntil, undefined);
  const lifts = { refs: [world.ref('after', index)] };
  world.accept(world.sign(world.sro, 'participant.reinstate', { did, reason: 'all clear' }, lifts));
  assert.equal(world.participant(member)!.state, 'ACTIVE');
  assert.equal(world.judge(prolong({ validUntil: second + 1 })).verdict.reason, 'STATE_WRONG');
});

test('who is rejected may ask again, also another in the same name, and no key of the first is left', () => {
  const world = World.begin(nodeCrypto);
  const squatter = { ...world.member('squatter', 'Ed25519', 2), did: 'did:web:hospital.example' };
  world.register(squatter);
  world.accept(world.verification(squatter, { decision: 'rejected' }));
  assert.deepEqual(world.participant(squatter)!.state, 'REJECTED');
  for (const key of squatter.keys) assert.equal(KEY.read(world.read, world.kid(key)), undefined);

  const hospital = world.join('hospital');
  assert.equal(world.participant(hospital)!.state, 'VERIFIED');
  assert.equal(world.judge(world.foreign(squatter)).verdict.reason, 'KID_UNKNOWN');
});

test('a registrar answers for the SRO while its delegation lasts', () => {
  const b = base(nodeCrypto);
  const { world, icmr, cowin } = b;
  delegate(b, { notAfter: world.now });
  const statement = world.verification(cowin, {}, { onBehalf: world.sro.did }, icmr);
  assert.equal(world.clone().apply(statement).verdict.outcome, 'ok');
  assert.equal(world.advance(1).judge(statement).verdict.reason, 'DELEGATION_EXPIRED');
});
