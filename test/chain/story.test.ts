/** LIFECYCLE, "A real run, entry by entry", told to the transition function from DEPA-Training's real files. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CLEANROOM } from '../../src/chain/records/cleanroom.ts';
import { CONTRACT } from '../../src/chain/records/contract.ts';
import { BUDGET } from '../../src/chain/records/dataset.ts';
import { MODEL } from '../../src/chain/records/model.ts';
import { PAYMENT } from '../../src/chain/records/payment.ts';
import { RUN } from '../../src/chain/records/run.ts';
import { nobleCrypto } from '../../src/core/crypto-noble.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import { covid, publishedEpsilons, REAL } from '../depa/scenario.ts';
import { PROVIDERS, Story, Telling } from './story.ts';
import { World } from './world.ts';

const DELTA = 10_000_000_000;

describe('the COVID-19 run', { skip: REAL === undefined && 'no ../shared' }, () => {
  const training = () => ({ epsilons: publishedEpsilons('covid'), delta: DELTA });

  test('entry by entry', () => {
    const world = World.begin(nodeCrypto);
    const story = Story.of(world, { sources: covid(), training: training() });
    const steps = story.steps();
    new Telling(world).tell(...steps);
    assert.equal(world.entries.length, 1 + steps.length);
    // 5 of governance; 8 × 3; 3 delegations, 3 datasets, a base model; a proposal and 5 signatures; 3 of attestation;
    // 3 holds, and 3 × 3 of keys; a run with its 5 epochs; 3 settlements; release, receipt, end.
    assert.equal(steps.length, 5 + 24 + 3 + 3 + 1 + 6 + 3 + 3 + 9 + 1 + 5 + 1 + 3 + 3);

    const { read } = world;
    assert.equal(CLEANROOM.read(read, story.roomId())?.state, 'TERMINATED');
    assert.equal(MODEL.read(read, story.urn('model'))?.state, 'RECEIVED');
    const { state, epsilon, delta, logs } = RUN.read(read, story.run())!;
    assert.deepEqual(
      { state, epsilon, delta, logs },
      { state: 'COMPLETED', epsilon: 1_494_700, delta: DELTA, logs: 5 },
    );
    // What the run did not spend of its 1.5 is free again, because the certified accountant is trusted.
    for (const name of PROVIDERS) {
      const budget = BUDGET.read(read, story.member(name).did, `${name}-patients`);
      assert.deepEqual(budget, {
        allocated: { epsilon: 1_500_000, delta: DELTA },
        spent: { epsilon: 1_494_700, delta: DELTA },
        reserved: { epsilon: 0, delta: 0 },
      });
    }
    const { id, payments } = story.contract;
    for (const row of payments.keys()) {
      assert.equal(PAYMENT.read(read, id, row, story.roomId())?.state, 'SETTLED');
    }
    const { openRooms, openPayments, runs } = CONTRACT.read(read, id)!;
    assert.deepEqual({ openRooms, openPayments, runs }, { openRooms: 0, openPayments: 0, runs: 1 });
    // Nothing is left to do: the contract can be closed.
    const close = story.step('contract.complete', story.member('tdc'), 'contract.complete', { id });
    new Telling(world).tell(close);
    assert.equal(CONTRACT.read(read, id)?.state, 'COMPLETED');
  });

  test('a replayer with other cryptography comes to the same state', () => {
    const world = World.begin(nodeCrypto);
    const story = Story.of(world, { sources: covid(), training: training() });
    new Telling(world).tell(...story.steps());
    const replay = World.empty(nobleCrypto);
    for (const { statement, time } of world.entries) {
      replay.time = time;
      replay.accept(statement);
    }
    assert.deepEqual(replay.state, world.state);
  });
});
