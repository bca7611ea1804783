/** Random histories of good and bad statements: the state is a function of the log, and of nothing else. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Bytes, utf8 } from '../../src/core/bytes.ts';
import { nobleCrypto } from '../../src/core/crypto-noble.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import { World } from './world.ts';

const NAMES = ['a', 'b', 'c'] as const;
type Step = { what: string; who: (typeof NAMES)[number]; other: (typeof NAMES)[number]; n: number };

const step: fc.Arbitrary<Step> = fc
  .tuple(
    fc.constantFrom(
      'register',
      'verify',
      'reject',
      'add',
      'revoke',
      'compromise',
      'foreign',
      'policy',
      'junk',
      'again',
    ),
    fc.constantFrom(...NAMES),
    fc.constantFrom(...NAMES),
    fc.nat({ max: 3 }),
  )
  .map(([what, who, other, n]) => ({ what, who, other, n }));

/** A statement that is sometimes right, depending on what has happened. */
function statementOf(world: World, { what, who, other, n }: Step): Bytes {
  const member = world.member(who, 'Ed25519', 2);
  const key = n === 0 ? member.keys[0] : world.key(`${who}/added/${n - 1}`);
  switch (what) {
    case 'register':
      return world.sign(member, 'participant.register', world.registration(member));
    case 'verify':
      return world.verification(member);
    case 'reject':
      return world.verification(member, { decision: 'rejected' });
    case 'add':
      return world.sign(member, 'key.add', world.listed(member, world.key(`${who}/added/${n}`), `n${n}`), {
        key,
      });
    case 'revoke':
      return world.sign(
        member,
        'key.revoke',
        { reason: 'rotation', kid: world.kid(world.member(other, 'Ed25519', 2).keys[n % 2]!) },
        { key },
      );
    case 'compromise': {
      const body = {
        reason: 'compromise',
        kid: world.kid(world.member(other).keys[0]),
        compromisedSince: world.now - n,
      };
      return world.sign(n === 3 ? world.sro : member, 'key.revoke', body, n === 3 ? {} : { key });
    }
    case 'policy':
      return world.sign(world.sro, 'policy.publish', world.policy({ version: n + 1, maxAge: 60 * (n + 1) }));
    case 'junk':
      return utf8(`junk ${n}`);
    case 'again':
      return world.entries[n % world.entries.length]!.statement;
    default:
      return world.foreign(member, { payload: Uint8Array.of(n) });
  }
}

/** Plays the steps; the same time for each `batch` of them. */
function play(steps: readonly Step[], batch: number): World {
  const world = World.begin(nodeCrypto);
  steps.forEach((each, i) => {
    if (i % batch === 0) world.advance(1);
    world.apply(statementOf(world, each));
  });
  return world;
}

test('a replay comes to the same records and verdicts, with either crypto back end', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 25 }), fc.integer({ min: 1, max: 8 }), (steps, batch) => {
      const world = play(steps, batch);
      const replay = World.empty(nobleCrypto);
      world.entries.forEach(({ statement }, i) => {
        if (i > 0 && (i - 1) % batch === 0) replay.advance(1);
        replay.apply(statement);
      });
      assert.deepEqual(replay.state, world.state);
      assert.deepEqual(
        replay.entries.map(({ applied }) => applied.verdict),
        world.entries.map(({ applied }) => applied.verdict),
      );
    }),
    { numRuns: 15 },
  );
});

test('refused entries leave no trace: without them the others do the same', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const world = World.begin(nodeCrypto);
      for (const each of steps) {
        const statement = statementOf(world, each);
        const before = new Map(world.state);
        const { verdict } = world.judge(statement);
        if (verdict.outcome === 'ok') world.accept(statement);
        else {
          const forced = world.clone();
          assert.deepEqual(forced.apply(statement).writes, []);
          assert.deepEqual(forced.state, before);
        }
      }
    }),
    { numRuns: 40 },
  );
});

test('what admission has verified is not verified again, and nothing else changes', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 20 }), step, (steps, last) => {
      const world = play(steps, 3);
      const statement = statementOf(world, last);
      assert.deepEqual(
        world.judge(statement, () => true),
        world.judge(statement),
      );
    }),
    { numRuns: 20 },
  );
});

test('a history that gets somewhere', () => {
  const steps = ['register', 'verify', 'add', 'foreign'].map(
    (what): Step => ({ what, who: 'a', other: 'a', n: 0 }),
  );
  const { entries } = play(steps, 2);
  assert.deepEqual(
    entries.map(({ applied }) => applied.verdict.outcome),
    ['ok', 'ok', 'ok', 'ok', 'ok'],
  );
});
