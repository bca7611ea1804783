import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readGenesis } from '../../src/chain/genesis.ts';
import { DEFAULT_POLICY, policyAt } from '../../src/chain/policy.ts';
import { rulesId } from '../../src/chain/rules.ts';
import { KEY, POLICY } from '../../src/chain/state.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import { ORIGIN, START, World } from './world.ts';

test('the genesis says what the log is, and makes the SRO an active participant', () => {
  const world = World.empty(nodeCrypto);
  const { statement } = world.accept(world.genesis({ keys: [world.key('a'), world.key('b', 'ES384')] }));
  const genesis = readGenesis(world.read)!;
  assert.deepEqual(genesis.entry, statement!.entryId);
  assert.equal(genesis.origin, ORIGIN);
  assert.equal(genesis.simulated, true);
  assert.deepEqual(genesis.rules, rulesId(nodeCrypto));
  assert.deepEqual(genesis.checkpointKid, world.kid(world.key('checkpoint')));
  const sro = world.participant(world.sro)!;
  assert.deepEqual([sro.state, sro.roles, sro.changed, sro.changedAt], ['ACTIVE', ['SRO'], 0, START]);
  assert.deepEqual(sro.keys, [world.kid(world.key('a')), world.kid(world.key('b', 'ES384'))]);
  for (const kid of sro.keys) assert.equal(KEY.read(world.read, kid)?.owner, world.sro.did);
});

test('a genesis may have been signed long before', () => {
  const world = World.empty(nodeCrypto);
  const statement = world.genesis();
  world.advance(100 * 86_400).accept(statement);
});

test('a policy holds from its entry on, or from its time on', () => {
  const world = World.begin(nodeCrypto);
  const policy = () => policyAt(POLICY.read(world.read), world.time);
  assert.deepEqual(policy(), DEFAULT_POLICY);
  world.accept(world.sign(world.sro, 'policy.publish', world.policy({ maxAge: 7200 })));
  assert.deepEqual([policy().version, policy().maxAge], [1, 7200]);

  const effectiveFrom = world.now + 3600;
  const later = world.policy({ version: 2, maxAge: 60, effectiveFrom });
  world.accept(world.sign(world.sro, 'policy.publish', later));
  assert.equal(policy().version, 1);
  world.advance(3599);
  assert.equal(policy().version, 1);
  world.advance(1);
  assert.deepEqual([policy().version, policy().maxAge], [2, 60]);

  // What was pending is what the next one follows, and is kept while it holds.
  const third = world.policy({ version: 3, effectiveFrom: world.now + 10 });
  world.accept(world.sign(world.sro, 'policy.publish', third));
  assert.equal(policy().version, 2);
  world.advance(10);
  assert.equal(policy().version, 3);
});

test('a pending policy that is overtaken never takes effect', () => {
  const world = World.begin(nodeCrypto);
  const publish = (change: object) =>
    world.accept(world.sign(world.sro, 'policy.publish', world.policy(change)));
  publish({ maxSkew: 10, effectiveFrom: world.now + 100 });
  assert.equal(policyAt(POLICY.read(world.read), world.time).version, 0);
  publish({ version: 2, maxSkew: 20 });
  world.advance(1000);
  assert.equal(policyAt(POLICY.read(world.read), world.time).maxSkew, 20);
});

test('an entry is judged by the policy in force at its time', () => {
  const world = World.begin(nodeCrypto);
  const late = { issuedAt: world.now - 4000 };
  const member = world.member('new');
  const statement = world.sign(member, 'participant.register', world.registration(member), late);
  assert.equal(world.judge(statement).verdict.outcome, 'ok');
  world.accept(world.sign(world.sro, 'policy.publish', world.policy({ maxAge: 3600 })));
  assert.equal(world.judge(statement).verdict.reason, 'IAT_TOO_OLD');
});
