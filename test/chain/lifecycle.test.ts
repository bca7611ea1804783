/** Random histories of the whole lifecycle against a reference model (lifecycle-model.ts). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BUDGET } from '../../src/chain/records/dataset.ts';
import { type Bytes, fromHex, toHex } from '../../src/core/bytes.ts';
import { nobleCrypto } from '../../src/core/crypto-noble.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import { StateMap } from '../../src/statemap/index.ts';
import { type Action, history, type Move, movesOf } from './lifecycle-actions.ts';
import { type Base, base, goOn } from './lifecycle-base.ts';
import { Model, nameOf } from './lifecycle-model.ts';
import { PROVIDERS } from './story.ts';
import { World } from './world.ts';

const signed = base(nodeCrypto);

/** Plays the actions, each entry one second after the one before; `check` sees what each has done. */
function play(
  actions: readonly Action[],
  check: (base: Base, model: Model, move: Move, verdict: string | null) => void = () => {},
) {
  const here = goOn(signed);
  const model = new Model(here);
  for (const each of actions) {
    for (const move of movesOf(here, each)) {
      here.world.advance(1);
      const { time } = here.world;
      const known = move.decides && model.releases.get(nameOf(move.decides));
      const may = known?.state === 'REQUESTED' && model.mayGrant(move.decides!, time);
      const applied = here.telling.log(move.step);
      const { outcome, reason } = applied.verdict;
      if (outcome === 'refused') assert.deepEqual(applied.writes, [], `${reason} has left a trace`);
      else move.effect?.(model, applied, time);
      if (move.decides && outcome === 'ok')
        assert.equal(reason === null, may, `${move.step.name}: ${reason}`);
      check(here, model, move, reason);
    }
  }
  return { ...here, model };
}

const act = (what: Action['what'], change: Partial<Action> = {}): Action => ({
  what,
  room: 1,
  i: 0,
  k: 0,
  ...change,
});
const go = (times: number, room = 1) => Array.from({ length: times }, () => act('go', { room }));
/** A room to its end, and another as far as the budget goes. */
const TO_THE_END = [...go(8), ...go(4, 2), ...go(4, 3)];
/** A key that is handed over although its grant was cancelled, then one that comes after its grant has expired. */
const LATE = [
  ...[...go(2), act('keys', { k: 3 }), act('take', { k: 3 })],
  ...[...go(2, 2), act('keys', { room: 2, k: 2 }), act('wait', { k: 2 }), act('take', { room: 2 })],
];

/** A second grant takes over what an expired one had spent, and gives it back to that when it is cancelled. */
const THOUGHT_BETTER = [
  ...[...go(2), act('keys', { i: 2, k: 2 }), act('wait', { k: 2 }), act('keys', { i: 2, k: 3 })],
];

/** What the room was found to be is too old when its first key is to be released; another is found to be something else. */
const STALE = [...go(2), act('ask'), act('wait', { k: 3 }), act('grant'), act('affirm')];
const BLOCKED = [...go(2), act('ask'), act('contraindicate'), act('grant')];

const EXAMPLES: [readonly Action[]][] = [[LATE], [TO_THE_END], [THOUGHT_BETTER], [STALE], [BLOCKED]];

test('keys are granted exactly when the model says so; budgets are what it has; refused entries leave no trace', () => {
  const said = new Map<string, number>();
  const property = fc.property(history(40), (actions) => {
    play(actions, (here, model, { step }, reason) => {
      const answer = `${step.kind} ${reason ?? 'ok'}`;
      said.set(answer, (said.get(answer) ?? 0) + 1);
      checkBudgets(here, model);
    });
  });
  fc.assert(property, { numRuns: 80, examples: EXAMPLES });
  // Histories that get nowhere would prove nothing.
  for (const answer of ['ok', 'APPRAISAL_STALE', 'CLEANROOM_BLOCKED', 'BUDGET_EXHAUSTED']) {
    assert.ok(said.has(`key.release ${answer}`), answer);
  }
  for (const answer of ['key.cancel ok', 'key.receive ok', 'run.complete ok', 'cleanroom.terminate ok']) {
    assert.ok(said.has(answer), answer);
  }
});

function checkBudgets({ world, story }: Base, model: Model): void {
  PROVIDERS.forEach((name, i) => {
    const record = BUDGET.read(world.read, story.member(name).did, `${name}-patients`)!;
    const { allocated, spent, reserved } = record;
    for (const of of ['epsilon', 'delta'] as const) {
      assert.ok(spent[of] + reserved[of] <= allocated[of], `${name} ${of}`);
      assert.equal(spent[of] + reserved[of], model.taken(i)[of], `${name} ${of}`);
    }
  });
}

test('a statement that is logged twice, or an old reinstatement after a later suspension, changes nothing', () => {
  const property = fc.property(history(30), fc.nat(), (actions, pick) => {
    const { world } = play(actions);
    const { statement } = world.entries[pick % world.entries.length]!;
    const { verdict, writes } = world.judge(statement);
    assert.deepEqual(writes, []);
    assert.equal(verdict.outcome, 'refused');
  });
  fc.assert(property, { numRuns: 25 });

  const { world, story } = goOn(signed);
  const { did } = story.member('icmr');
  const stand = (kind: 'suspend' | 'reinstate') => {
    const refs = [world.ref('after', world.participant({ did })!.changed)];
    return world.sign(story.sro, `participant.${kind}`, { did, reason: 'an audit' }, { refs });
  };
  world.advance(1).accept(stand('suspend'));
  const reinstatement = stand('reinstate');
  world.advance(1).accept(reinstatement);
  world.advance(1).accept(stand('suspend'));
  assert.equal(world.judge(reinstatement).verdict.reason, 'DUPLICATE');
  // Signed before the first was logged, with the same ref, but never logged itself.
  const refs = [world.ref('after', world.entries.length - 3)];
  const kept = world.sign(story.sro, 'participant.reinstate', { did, reason: 'all clear' }, { refs });
  assert.equal(world.judge(kept).verdict.reason, 'REF_STALE');
});

/** Root of the state after each of the batches, of which each has so many entries. */
function rootAfter(world: World, sizes: readonly number[]): Bytes {
  let map = StateMap.empty;
  let at = 0;
  for (let turn = 0; at < world.entries.length; turn++) {
    const size = sizes[turn % sizes.length]!;
    const writes = world.entries.slice(at, at + size).flatMap(({ applied }) => applied.writes);
    map = map.update(nodeCrypto, writes);
    at += size;
  }
  return map.root;
}

test('one log, one state root: however it is batched, replayed by whom', () => {
  const property = fc.property(
    history(25),
    fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 }),
    (actions, sizes) => {
      const { world } = play(actions);
      const whole = StateMap.of(
        nodeCrypto,
        [...world.state].map(([key, value]) => [fromHex(key), value] as const),
      );
      assert.deepEqual(rootAfter(world, sizes), whole.root);
      assert.deepEqual(rootAfter(world, [1]), whole.root);
    },
  );
  fc.assert(property, { numRuns: 20 });
});

test('a replayer with other cryptography comes to the same records and verdicts', () => {
  const actions: Action[] = ['go', 'go', 'go', 'suspend', 'go', 'lift', 'go', 'again', 'go', 'go'].map(
    (what) => ({
      ...{ what: what as Action['what'], room: 1, i: 1, k: 0 },
    }),
  );
  const { world } = play(actions);
  const replay = World.empty(nobleCrypto);
  for (const { statement, time } of world.entries) {
    replay.time = time;
    replay.apply(statement);
  }
  assert.deepEqual(replay.state, world.state);
  const verdicts = (of: World) => of.entries.map(({ applied }) => applied.verdict);
  assert.deepEqual(verdicts(replay), verdicts(world));
  assert.equal(toHex(rootAfter(replay, [3])), toHex(rootAfter(world, [1])));
});
