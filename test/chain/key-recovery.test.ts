import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RECOVERY } from '../../src/chain/records/governance.ts';
import { isVoid } from '../../src/chain/standing.ts';
import { KEY } from '../../src/chain/state.ts';
import type { PrivateKey } from '../../src/core/crypto.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import { stop } from './governed.ts';
import { type Member, World } from './world.ts';

const WEEK = 7 * 86_400;

function begin() {
  const world = World.begin(nodeCrypto);
  const tdp = world.join('tdp', ['TDP'], 'Ed25519', 2);
  world.activate(tdp);
  return { world, tdp, fresh: world.key('fresh', 'ES256') };
}

function recover(world: World, of: Member, key: PrivateKey, by?: PrivateKey): number {
  const body = { did: of.did, key: world.listed(of, key, 'fresh') };
  return world.accept(world.sign(world.sro, 'key.recover', body, by ? { key: by } : {})).index;
}

function reason(world: World, of: Member, key: PrivateKey) {
  return world.judge(world.foreign({ ...of, keys: [key] })).verdict.reason;
}

test('a recovered key signs from the end of the delay on, and is then a key like any other', () => {
  const { world, tdp, fresh } = begin();
  const index = recover(world, tdp, fresh);
  const kid = world.kid(fresh);
  const from = world.time + WEEK * 1000;
  assert.deepEqual(RECOVERY.read(world.read, tdp.did), { kid, entry: index, from });
  assert.deepEqual(world.participant(tdp)!.keys.at(-1), kid);
  world.advance(WEEK - 1);
  assert.equal(reason(world, tdp, fresh), 'KID_UNKNOWN');
  world.advance(1);
  assert.equal(reason(world, tdp, fresh), null);
  const more = world.key('more');
  world.accept(world.sign(tdp, 'key.add', world.listed(tdp, more, 'more'), { key: fresh }));
  const old = { reason: 'compromise', kid: world.kid(tdp.keys[0]), compromisedSince: world.now - 2 * WEEK };
  world.accept(world.sign(tdp, 'key.revoke', old, { key: fresh }));
  assert.equal(reason(world, tdp, fresh), null);
  const own = { reason: 'rotation', kid };
  assert.equal(world.judge(world.sign(tdp, 'key.revoke', own, { key: fresh })).verdict.reason, 'LAST_KEY');
  world.accept(world.sign(tdp, 'key.revoke', own, { key: more }));
  recover(world, tdp, world.key('another'));
});

test('the policy in force when it is logged says how long the delay is', () => {
  const { world, tdp, fresh } = begin();
  const delay = (recoveryDelay: number) =>
    world.sign(world.sro, 'policy.publish', world.policy({ recoveryDelay }));
  assert.equal(world.judge(delay(86_399)).verdict.reason, 'SCHEMA_INVALID');
  world.accept(delay(86_400));
  recover(world, tdp, fresh);
  world.advance(86_399);
  assert.equal(reason(world, tdp, fresh), 'KID_UNKNOWN');
  world.advance(1);
  assert.equal(reason(world, tdp, fresh), null);
});

test('an objection ends it without a trace, and the key may be listed again', () => {
  const { world, tdp, fresh } = begin();
  recover(world, tdp, fresh);
  const kid = world.kid(fresh);
  world.advance(WEEK - 1);
  world.accept(world.sign(tdp, 'key.object', { kid }, { key: tdp.keys[1]! }));
  assert.equal(KEY.read(world.read, kid), undefined);
  assert.equal(RECOVERY.read(world.read, tdp.did), undefined);
  assert.equal(world.participant(tdp)!.keys.length, 2);
  world.advance(WEEK);
  assert.equal(reason(world, tdp, fresh), 'KID_UNKNOWN');
  world.accept(world.sign(tdp, 'key.add', world.listed(tdp, fresh, 'fresh')));
  assert.equal(reason(world, tdp, fresh), null);
});

test('who is suspended may object as well, and be recovered', () => {
  const { world, tdp, fresh } = begin();
  world.accept(stop(world, 'participant.suspend', tdp));
  recover(world, tdp, fresh);
  world.accept(world.sign(tdp, 'key.object', { kid: world.kid(fresh) }));
});

test('a thief who has a key may object, until the SRO ends the key', () => {
  const { world, tdp, fresh } = begin();
  for (const key of tdp.keys) {
    const body = { reason: 'compromise', kid: world.kid(key), compromisedSince: world.now };
    world.accept(world.sign(world.sro, 'key.revoke', body));
  }
  recover(world, tdp, fresh);
  const objection = world.sign(tdp, 'key.object', { kid: world.kid(fresh) });
  assert.equal(world.judge(objection).verdict.reason, 'KEY_REVOKED');
  world.advance(WEEK);
  assert.equal(reason(world, tdp, fresh), null);
});

test('a key that is being recovered can be revoked, which makes room for another', () => {
  const { world, tdp, fresh } = begin();
  recover(world, tdp, fresh);
  world.accept(world.sign(world.sro, 'key.revoke', { reason: 'rotation', kid: world.kid(fresh) }));
  recover(world, tdp, world.key('another'));
  world.advance(WEEK);
  assert.equal(reason(world, tdp, fresh), 'KEY_REVOKED');
  assert.equal(reason(world, tdp, world.key('another')), null);
});

test('what a stolen key of the SRO has recovered never was good; what it recovered before stands', () => {
  const { world, tdp, fresh } = begin();
  const tdc = world.join('tdc', ['TDC']);
  const stolen = world.key('sro/stolen');
  world.accept(world.sign(world.sro, 'key.add', world.listed(world.sro, stolen, 'stolen')));
  const early = world.key('early');
  recover(world, tdc, early, stolen);
  world.advance(60);
  const since = world.now;
  recover(world, tdp, fresh, stolen);
  world.advance(WEEK);
  const at = world.time;
  assert.ok(!isVoid(world.read, world.kid(fresh), at));
  const body = { reason: 'compromise', kid: world.kid(stolen), compromisedSince: since };
  world.accept(world.sign(world.sro, 'key.revoke', body));
  assert.ok(isVoid(world.read, world.kid(fresh), at));
  assert.ok(!isVoid(world.read, world.kid(early), at));
  assert.equal(reason(world, tdp, fresh), 'KEY_REVOKED');
  assert.equal(reason(world, tdc, early), null);
});
