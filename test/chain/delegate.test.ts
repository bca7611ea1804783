import assert from 'node:assert/strict';
import { test } from 'node:test';
import { delegationFault } from '../../src/chain/standing.ts';
import { DELEGATION } from '../../src/chain/state.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import { grantBody, objectOf, oblige, stop } from './governed.ts';
import { type Member, World } from './world.ts';

function begin() {
  const world = World.begin(nodeCrypto);
  const tdp = world.join('tdp', ['TDP'], 'Ed25519', 2);
  world.activate(tdp);
  const kms = world.join('kms', ['KMS']);
  return { world, tdp, kms };
}

function grant(world: World, by: Member, to: Member, change: object = {}, after?: number): number {
  const refs = after === undefined ? [] : [world.ref('after', after)];
  return world.accept(world.sign(by, 'delegate.grant', grantBody(to, change), { refs })).index;
}

test('a delegation is granted, ends, is taken back, and granted again', () => {
  const { world, tdp, kms } = begin();
  const fault = () => delegationFault(world.read, tdp.did, kms.did, 'kms', world.time)?.refused;
  assert.equal(fault(), 'DELEGATION_MISSING');
  const first = grant(world, tdp, kms, { notAfter: world.now + 60 });
  assert.equal(fault(), undefined);
  world.advance(61);
  assert.equal(fault(), 'DELEGATION_EXPIRED');
  const second = grant(world, tdp, kms, {}, first);
  assert.equal(fault(), undefined);
  const revoke = world.sign(tdp, 'delegate.revoke', grantBody(kms), { refs: [world.ref('after', second)] });
  const { index } = world.accept(revoke);
  assert.equal(fault(), 'DELEGATION_MISSING');
  grant(world, tdp, kms, {}, index);
  assert.equal(fault(), undefined);
});

test('a registrar answers in the name of the SRO, makes no SRO, and no registrar', () => {
  const { world } = begin();
  const registrar = world.join('registrar', ['AUDITOR']);
  world.activate(registrar);
  grant(world, world.sro, registrar, { role: 'registrar' });
  const asker = world.member('asker');
  world.register(asker, ['TDP', 'SRO']);
  const answer = (roles: readonly string[]) =>
    world.verification(asker, { decision: 'verified', roles }, { onBehalf: world.sro.did }, registrar);
  assert.equal(world.judge(answer(['SRO', 'TDP'])).verdict.reason, 'ROLE_NOT_HELD');
  const further = world.sign(registrar, 'delegate.grant', grantBody(world.sro, { role: 'registrar' }), {
    onBehalf: world.sro.did,
  });
  assert.equal(world.judge(further).verdict.reason, 'DELEGATION_MISSING');
  world.accept(answer(['TDP']));
});

test('a delegation that is limited covers what it names, and nothing when nothing is named', () => {
  const { world, tdp, kms } = begin();
  const [one, other] = [objectOf(world, 'dataset', 1), objectOf(world, 'dataset', 2)];
  const contract = oblige(world, tdp);
  grant(world, tdp, kms, { scope: [one, contract] });
  const fault = (object?: string) =>
    delegationFault(world.read, tdp.did, kms.did, 'kms', world.time, object)?.refused;
  assert.deepEqual([one, contract, other, undefined].map(fault), [
    undefined,
    undefined,
    'DELEGATION_MISSING',
    'DELEGATION_MISSING',
  ]);
});

test('what a stolen key granted is void, also when it took the place of what had been granted before', () => {
  const { world, tdp, kms } = begin();
  const stolen = tdp.keys[1]!;
  const first = grant(world, tdp, kms);
  world.advance(60);
  const since = world.now;
  const refs = [world.ref('after', first)];
  const thief = world.join('thief', ['KMS']);
  world.accept(world.sign(tdp, 'delegate.grant', grantBody(thief), { key: stolen }));
  world.accept(
    world.sign(tdp, 'delegate.grant', grantBody(kms, { notAfter: 2 ** 33 }), { refs, key: stolen }),
  );
  const fault = (to: Member) => delegationFault(world.read, tdp.did, to.did, 'kms', world.time)?.refused;
  assert.deepEqual([fault(thief), fault(kms)], [undefined, undefined]);
  const body = { reason: 'compromise', kid: world.kid(stolen), compromisedSince: since };
  world.accept(world.sign(tdp, 'key.revoke', body));
  assert.deepEqual([fault(thief), fault(kms)], ['DELEGATION_MISSING', 'DELEGATION_MISSING']);
  const last = DELEGATION.read(world.read, tdp.did, kms.did, 'kms')!.changed;
  grant(world, tdp, kms, { notAfter: 2 ** 32 }, last);
  assert.equal(fault(kms), undefined);
});

test('who is suspended has nobody sign for it', () => {
  const { world } = begin();
  const deputy = world.join('deputy', ['SRO']);
  const registrar = world.join('registrar', ['AUDITOR']);
  for (const member of [deputy, registrar]) world.activate(member);
  grant(world, deputy, registrar, { role: 'registrar' });
  const asker = world.member('asker');
  world.register(asker);
  const answer = world.verification(asker, {}, { onBehalf: deputy.did }, registrar);
  assert.equal(world.judge(answer).verdict.outcome, 'ok');
  world.accept(stop(world, 'participant.suspend', deputy));
  assert.equal(world.judge(answer).verdict.reason, 'SIGNER_SUSPENDED');
});
