import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KEY, PARTICIPANT } from '../../src/chain/state.ts';
import type { PrivateKey } from '../../src/core/crypto.ts';
import { encodeCoseKey } from '../../src/cose/key.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import { type Member, World } from './world.ts';

const DAY = 86_400;

function add(
  world: World,
  member: Member,
  key: PrivateKey,
  name: string,
  by: PrivateKey = member.keys[0],
): void {
  world.accept(world.sign(member, 'key.add', world.listed(member, key, name), { key: by }));
}

function revoked(world: World, key: PrivateKey) {
  return KEY.read(world.read, world.kid(key))?.revoked;
}

test('an added key signs at once, and signs what adds the next', () => {
  const world = World.begin(nodeCrypto);
  const tdp = world.join('tdp');
  const [a, b] = [world.key('a', 'ES256'), world.key('b', 'ES384')];
  add(world, tdp, a, 'a');
  add(world, tdp, b, 'b', a);
  assert.deepEqual(KEY.read(world.read, world.kid(b))?.addedBy, world.kid(a));
  assert.deepEqual(
    world.participant(tdp)!.keys,
    [tdp.keys[0], a, b].map((key) => world.kid(key)),
  );
});

test('an encryption key is listed without a proof, and its alias is free again once it is revoked', () => {
  const world = World.begin(nodeCrypto);
  const tdp = world.join('tdp');
  const wrap = {
    keyAlias: 'wrap',
    use: 'enc',
    key: encodeCoseKey({ algorithm: 'X25519', bytes: new Uint8Array(32).fill(9) }),
  };
  world.accept(world.sign(tdp, 'key.add', wrap));
  const kid = world.participant(tdp)!.keys[1]!;
  world.accept(world.sign(tdp, 'key.revoke', { reason: 'rotation', kid }));
  add(world, tdp, world.key('x'), 'wrap');
});

test('rotation voids nothing', () => {
  const world = World.begin(nodeCrypto);
  const tdp = world.join('tdp');
  const next = world.key('next');
  add(world, tdp, next, 'next');
  const kid = world.kid(tdp.keys[0]);
  world.accept(world.sign(tdp, 'key.revoke', { reason: 'rotation', kid }, { key: next }));
  assert.equal(revoked(world, tdp.keys[0])?.reason, 'rotation');
  assert.equal(revoked(world, next), undefined);
  assert.equal(world.judge(world.foreign(tdp)).verdict.reason, 'KEY_REVOKED');
});

test('a compromise voids what the key has added since, and what that has added, and nothing before', () => {
  const world = World.begin(nodeCrypto);
  const tdp = world.join('tdp', ['TDP'], 'Ed25519', 2);
  const [stolen, own] = tdp.keys as readonly [PrivateKey, PrivateKey];
  const [early, thief, second, other] = ['early', 'thief', 'second', 'other'].map((name) =>
    world.key(name),
  ) as [PrivateKey, PrivateKey, PrivateKey, PrivateKey];
  add(world, tdp, early, 'early', stolen);
  world.advance(DAY);
  const since = world.now;
  add(world, tdp, thief, 'thief', stolen);
  add(world, tdp, second, 'second', thief);
  add(world, tdp, other, 'other', own);
  world.advance(DAY);
  const body = { reason: 'compromise', kid: world.kid(stolen), compromisedSince: since };
  const { index } = world.accept(world.sign(tdp, 'key.revoke', body, { key: own }));
  assert.deepEqual(revoked(world, stolen), { entry: index, at: world.time, reason: 'compromise', since });
  for (const key of [thief, second]) {
    assert.deepEqual(revoked(world, key), { entry: index, at: world.time, reason: 'void' });
  }
  for (const key of [early, own, other]) assert.equal(revoked(world, key), undefined);
  assert.deepEqual(
    world.participant(tdp)!.keys,
    [stolen, own, early, other].map((key) => world.kid(key)),
  );
  // A void key stays known: it cannot be listed again.
  const again = world.sign(tdp, 'key.add', world.listed(tdp, thief), { key: own });
  assert.equal(world.judge(again).verdict.reason, 'KID_TAKEN');
});

test('a key that was rotated out may turn out to have been compromised', () => {
  const world = World.begin(nodeCrypto);
  const tdp = world.join('tdp', ['TDP'], 'Ed25519', 2);
  const kid = world.kid(tdp.keys[1]!);
  add(world, tdp, world.key('added'), 'added', tdp.keys[1]!);
  world.accept(world.sign(tdp, 'key.revoke', { reason: 'rotation', kid }));
  const body = { reason: 'compromise', kid, compromisedSince: world.now };
  world.accept(world.sign(tdp, 'key.revoke', body));
  assert.equal(revoked(world, world.key('added'))?.reason, 'void');
});

test('a compromise can be dated further back, not forward: a thief’s key cannot settle when it began', () => {
  const world = World.begin(nodeCrypto);
  const tdp = world.join('tdp', ['TDP'], 'Ed25519', 2);
  const [stolen, own] = tdp.keys as readonly [PrivateKey, PrivateKey];
  world.advance(DAY);
  const began = world.now;
  const thief = world.key('thief');
  add(world, tdp, thief, 'thief', stolen);
  world.advance(DAY);
  const since = (compromisedSince: number, by: PrivateKey) =>
    world.sign(
      tdp,
      'key.revoke',
      { reason: 'compromise', kid: world.kid(stolen), compromisedSince },
      { key: by },
    );
  world.accept(since(world.now, thief));
  assert.equal(revoked(world, thief), undefined);
  world.accept(since(began, own));
  assert.equal(revoked(world, stolen)?.since, began);
  assert.equal(revoked(world, thief)?.reason, 'void');
  assert.equal(world.judge(since(began + 1, own)).verdict.reason, 'KEY_REVOKED');
  assert.equal(world.judge(since(began - 40 * DAY, own)).verdict.reason, 'COMPROMISE_TOO_FAR_BACK');
  const body = { reason: 'compromise', kid: world.kid(thief), compromisedSince: began };
  assert.equal(world.judge(world.sign(world.sro, 'key.revoke', body)).verdict.reason, 'KEY_REVOKED');
});

test('the SRO ends any key, also the last, however far back; a suspended participant still ends its own', () => {
  const world = World.begin(nodeCrypto);
  const tdp = world.join('tdp', ['TDP'], 'Ed25519', 2);
  const [a, b] = tdp.keys.map((key) => world.kid(key));
  world.advance(100 * DAY);
  const body = { reason: 'compromise', kid: a, compromisedSince: world.now - 99 * DAY };
  assert.equal(
    world.judge(world.sign(tdp, 'key.revoke', body, { key: tdp.keys[1]! })).verdict.reason,
    'COMPROMISE_TOO_FAR_BACK',
  );
  world.accept(world.sign(world.sro, 'key.revoke', body));
  world.accept(world.sign(world.sro, 'key.revoke', { reason: 'rotation', kid: b }));
  assert.equal(world.judge(world.foreign(tdp)).verdict.reason, 'KEY_REVOKED');

  const tdc = world.join('tdc', ['TDC'], 'Ed25519', 2);
  world.put(...suspended(world, tdc));
  world.accept(world.sign(tdc, 'key.revoke', { reason: 'rotation', kid: world.kid(tdc.keys[1]!) }));
});

function suspended(world: World, member: Member) {
  return [PARTICIPANT.put({ ...world.participant(member)!, state: 'SUSPENDED' as const }, member.did)];
}
