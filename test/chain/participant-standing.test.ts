import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { stateAt, stoppedSince } from '../../src/chain/stop.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import { acceptance, agreementBody, oblige, publish, stop } from './governed.ts';
import { type Member, World } from './world.ts';

function begin() {
  const world = World.begin(nodeCrypto);
  publish(world, 'agreement.publish', agreementBody(world));
  const tdp = world.join('tdp');
  world.accept(world.sign(tdp, 'agreement.accept', acceptance(world)));
  return { world, tdp };
}

function state(world: World, member: Member): string {
  return stateAt(world.participant(member)!, world.time);
}

test('a suspension is lifted; what was set up before it stays stopped by it', () => {
  const { world, tdp } = begin();
  const room = { entry: world.entries.length, at: world.time };
  world.advance(1);
  const { index } = world.accept(stop(world, 'participant.suspend', tdp));
  assert.equal(state(world, tdp), 'SUSPENDED');
  assert.equal(world.judge(world.foreign(tdp)).verdict.reason, 'SIGNER_SUSPENDED');
  world.advance(1);
  world.accept(stop(world, 'participant.reinstate', tdp));
  assert.equal(state(world, tdp), 'ACTIVE');
  assert.equal(world.participant(tdp)!.lastStop?.entry, index);
  assert.ok(stoppedSince(world.participant(tdp)!, room, world.time));
});

test('a suspension of who has not accepted yet leads back to VERIFIED', () => {
  const { world } = begin();
  const tdc = world.join('tdc', ['TDC']);
  world.accept(stop(world, 'participant.suspend', tdc));
  world.accept(stop(world, 'participant.reinstate', tdc));
  assert.equal(state(world, tdc), 'VERIFIED');
});

test('a stop to come is called off, and counts from then on for what was set up before', () => {
  const { world, tdp } = begin();
  const room = { entry: world.entries.length, at: world.time };
  world.advance(1);
  world.accept(stop(world, 'participant.suspend', tdp, { effectiveFrom: world.now + 60 }));
  assert.equal(state(world, tdp), 'ACTIVE');
  assert.ok(!stoppedSince(world.participant(tdp)!, room, world.time));
  world.accept(stop(world, 'participant.reinstate', tdp));
  world.advance(100);
  assert.equal(state(world, tdp), 'ACTIVE');
  assert.ok(stoppedSince(world.participant(tdp)!, room, world.time));
});

test('a suspension while an end is to come is for good: the end was not put off', () => {
  const { world, tdp } = begin();
  world.accept(stop(world, 'participant.withdraw', tdp, { effectiveFrom: 253_402_300_799 }));
  assert.equal(state(world, tdp), 'ACTIVE');
  world.accept(stop(world, 'participant.suspend', tdp));
  assert.equal(state(world, tdp), 'SUSPENDED');
  assert.equal(world.judge(stop(world, 'participant.reinstate', tdp)).verdict.reason, 'STATE_WRONG');
  world.accept(stop(world, 'participant.revoke', tdp));
  assert.equal(state(world, tdp), 'REVOKED');
});

test('who is suspended may end its part, and can never ask again', () => {
  const { world, tdp } = begin();
  world.accept(stop(world, 'participant.suspend', tdp));
  world.accept(stop(world, 'participant.withdraw', tdp));
  assert.equal(state(world, tdp), 'WITHDRAWN');
  const again = { ...world.member('tdp/2'), did: tdp.did };
  const asked = world.sign(again, 'participant.register', world.registration(again));
  assert.equal(world.judge(asked).verdict.reason, 'PARTICIPANT_BARRED');
});

test('a participant may withdraw once its contracts are over', () => {
  const { world, tdp } = begin();
  oblige(world, tdp, { expiry: world.now + 10 });
  assert.equal(world.judge(stop(world, 'participant.withdraw', tdp)).verdict.reason, 'OPEN_OBLIGATIONS');
  world.advance(11).accept(stop(world, 'participant.withdraw', tdp));
});

test('an SRO that another made can be stopped; the first cannot, by nobody', () => {
  const { world } = begin();
  const rival = world.join('rival', ['SRO']);
  world.activate(rival);
  const { changed } = world.participant(rival)!;
  for (const kind of ['participant.suspend', 'participant.revoke'] as const) {
    const against = stop(world, kind, world.sro, { after: changed, by: rival });
    assert.equal(world.judge(against).verdict.reason, 'STATE_WRONG');
  }
  world.accept(stop(world, 'participant.revoke', rival));
  assert.equal(state(world, rival), 'REVOKED');
});

const step = fc.record({
  kind: fc.constantFrom(
    'participant.suspend' as const,
    'participant.reinstate' as const,
    'participant.revoke' as const,
    'participant.withdraw' as const,
    'replay' as const,
  ),
  wait: fc.nat({ max: 5 }),
  in: fc.option(fc.nat({ max: 12 }), { nil: undefined }),
});

test('any history of stops: an end is for good, no replay changes anything, no stop is forgotten', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 10 }), (steps) => {
      const { world, tdp } = begin();
      const rooms: { entry: number; at: number }[] = [];
      const blocked = new Set<number>();
      let ended: string | undefined;
      for (const { kind, wait, in: seconds } of steps) {
        world.advance(wait);
        rooms.push({ entry: world.entries.length, at: world.time });
        if (kind === 'replay') {
          for (const { statement } of world.entries.slice(1)) {
            assert.equal(world.judge(statement).verdict.reason, 'DUPLICATE');
          }
        } else {
          const from = seconds === undefined ? {} : { effectiveFrom: world.now + seconds };
          const change = kind === 'participant.reinstate' ? {} : from;
          const after = world.participant(tdp)!.changed;
          world.apply(stop(world, kind, tdp, { ...change, after, reason: `entry ${world.entries.length}` }));
        }
        const now = state(world, tdp);
        if (ended !== undefined) assert.equal(now, ended);
        if (now === 'REVOKED' || now === 'WITHDRAWN') ended = now;
        rooms.forEach((room, i) => {
          const stopped = stoppedSince(world.participant(tdp)!, room, world.time);
          assert.ok(stopped || !blocked.has(i));
          if (stopped) blocked.add(i);
        });
      }
    }),
    { numRuns: 60 },
  );
});
