import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { add, within } from '../../src/chain/budget.ts';
import { inForceFault } from '../../src/chain/in-force.ts';
import type { KindName } from '../../src/chain/kinds/index.ts';
import { NO_PRIVACY, type Privacy } from '../../src/chain/privacy.ts';
import { CLEANROOM } from '../../src/chain/records/cleanroom.ts';
import { CONTRACT } from '../../src/chain/records/contract.ts';
import { BUDGET, DATASET } from '../../src/chain/records/dataset.ts';
import { CODE } from '../../src/chain/records/governance.ts';
import { RELEASE } from '../../src/chain/records/release.ts';
import { RUN } from '../../src/chain/records/run.ts';
import { settleRoom } from '../../src/chain/settlement.ts';
import { KEY, PARTICIPANT } from '../../src/chain/state.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import { edit, type RoomOptions, type RoomWorld, roomWorld, urnOf } from './room-world.ts';
import { completeBody, failBody, logBody, output, releaseBody, startBody } from './run-bodies.ts';
import { World } from './world.ts';

function begin(options: RoomOptions = {}): RoomWorld {
  return roomWorld(World.begin(nodeCrypto), { room: 'KEYED', ...options });
}
function step({ world, asRoom }: RoomWorld, kind: KindName, body: object) {
  world.advance(1);
  return world.accept(world.sign(asRoom, kind, body));
}
const start = (r: RoomWorld) => step(r, 'run.start', startBody(r));
const log = (r: RoomWorld, change: object = {}) => step(r, 'run.log', logBody(r, change));
const complete = (r: RoomWorld, change: object = {}) => step(r, 'run.complete', completeBody(r, change));
const runOf = ({ world, run }: RoomWorld) => RUN.read(world.read, run)!;
const roomOf = ({ world, room }: RoomWorld) => CLEANROOM.read(world.read, room)!;
const budgetOf = ({ world, datasets }: RoomWorld, at: 0 | 1 = 0) =>
  BUDGET.read(world.read, datasets[at].provider.did, datasets[at].scope)!;

test('a run, from its start to what it has spent', () => {
  const r = begin();
  start(r);
  assert.deepEqual([roomOf(r).state, roomOf(r).run], ['TRAINING', r.run]);
  assert.deepEqual([runOf(r).state, runOf(r).reserve, runOf(r).epsilon], ['STARTED', r.privacy, 0]);

  // The published epochs of the COVID-19 run.
  const epochs = [349_600, 632_800, 892_100, 1_234_200, 1_494_700];
  for (const [i, epsilon] of epochs.entries()) log(r, { epsilon, seq: i + 1, epoch: i + 1 });
  assert.deepEqual([runOf(r).epsilon, runOf(r).logs], [1_494_700, 5]);
  assert.deepEqual(budgetOf(r).reserved, r.privacy);

  const { index } = complete(r);
  const spent = { epsilon: 1_494_700, delta: 10_000_000 };
  for (const at of [0, 1] as const) {
    assert.deepEqual(budgetOf(r, at), {
      allocated: add(r.privacy, r.privacy),
      spent,
      reserved: NO_PRIVACY,
    });
  }
  const { state, outputs, epsilon, changed } = runOf(r);
  assert.deepEqual([state, epsilon, changed], ['COMPLETED', spent.epsilon, index]);
  assert.deepEqual(outputs, [output(r)]);
  assert.equal(roomOf(r).state, 'TRAINED');
  assert.equal(CONTRACT.read(r.world.read, r.contract)!.openRooms, 1);
  for (const { release } of roomOf(r).mounts) {
    assert.deepEqual(RELEASE.read(r.world.read, release!)!.reserve, NO_PRIVACY);
  }
});

describe('what a run did not spend is given back only on the word of a trusted accountant', () => {
  const cases: Readonly<
    Record<string, readonly [happens: (r: RoomWorld) => object | undefined, freed: boolean]>
  > = {
    'that is certified, and has logged': [(r) => void log(r), true],
    'that logged nothing': [() => undefined, false],
    'not of another one': [
      (r) => {
        log(r);
        return { accountant: 'home-made' };
      },
      false,
    ],
    'not where the code has none': [
      (r) => {
        log(r);
        edit(r.world, CODE, { accountantTrusted: undefined }, r.code);
        return undefined;
      },
      false,
    ],
    'not where the code was revoked since': [
      (r) => {
        log(r);
        edit(r.world, CODE, { state: 'REVOKED' }, r.code);
        return undefined;
      },
      false,
    ],
    'not in a room that is not trusted any more': [
      (r) => {
        log(r);
        edit(r.world, CLEANROOM, { blocked: { entry: 1, at: r.world.time } }, r.room);
        return undefined;
      },
      false,
    ],
  };
  for (const [what, [happens, freed]] of Object.entries(cases)) {
    test(what, () => {
      const r = begin();
      start(r);
      complete(r, { epsilon: 1_000_000, ...happens(r) });
      const { spent, reserved } = budgetOf(r);
      const epsilon = freed ? 1_000_000 : r.privacy.epsilon;
      assert.deepEqual([spent.epsilon, reserved], [epsilon, NO_PRIVACY]);
      assert.equal(runOf(r).epsilon, epsilon);
    });
  }
});

test('two datasets of one population are charged twice, a base model is not', () => {
  const r = begin({ sharedScope: true, baseModel: true, budget: { epsilon: 3_000_000, delta: 20_000_000 } });
  start(r);
  log(r);
  complete(r);
  assert.deepEqual(budgetOf(r).spent, { epsilon: 2 * 1_494_700, delta: 20_000_000 });
  assert.deepEqual(budgetOf(r).reserved, NO_PRIVACY);
});

test('a signature that turns out void stops no room that has its keys: its grants stand', () => {
  const r = begin({ payments: [] });
  const revoked = { entry: 1, at: r.world.time, reason: 'compromise' as const, since: 0 };
  edit(r.world, KEY, { revoked }, r.world.kid(r.tdps[0].keys[0]));
  assert.equal(inForceFault(r.world.read, r.contract, r.world.time)?.refused, 'SIGNING_KEY_REVOKED');
  start(r);
  log(r);
  complete(r);
  step(r, 'model.release', releaseBody(r));
  assert.equal(roomOf(r).state, 'RELEASED');
});

test('what has been settled is not settled again, whatever is said to have been spent', () => {
  const r = begin({ room: 'TRAINING' });
  const settle = (spent?: Privacy) => r.world.put(...settleRoom(r.world.read, roomOf(r), spent));
  settle({ epsilon: 1_000_000, delta: 10_000_000 });
  const before = new Map(r.world.state);
  settle();
  settle(r.privacy);
  assert.deepEqual(r.world.state, before);
});

test('a run that fails has spent all, also past its deadline, and its room has ended', () => {
  for (const days of [0, 2]) {
    const r = begin();
    start(r);
    log(r);
    r.world.advance(days * 86_400);
    step(r, 'run.fail', failBody(r));
    assert.deepEqual(budgetOf(r).spent, r.privacy);
    assert.deepEqual(budgetOf(r).reserved, NO_PRIVACY);
    assert.deepEqual([runOf(r).state, roomOf(r).state], ['FAILED', 'FAILED']);
    const { openRooms, runs } = CONTRACT.read(r.world.read, r.contract)!;
    assert.deepEqual([openRooms, runs], [0, 1]);
  }
});

test('what is stopped while a run is under way does not stop the run', () => {
  const r = begin();
  start(r);
  edit(r.world, DATASET, { state: 'WITHDRAWN' }, r.datasets[0].id, 1);
  edit(r.world, PARTICIPANT, { state: 'REVOKED' }, r.tdps[1].did);
  edit(r.world, CONTRACT, { state: 'REVOKED' }, r.contract);
  log(r);
  complete(r);
  assert.equal(runOf(r).state, 'COMPLETED');
});

test('only a run on personal data has to be private in all that it gives out', () => {
  const open = { outputs: [{ ...output(begin()), private: false }] };
  const r = begin();
  start(r);
  for (const { id, version } of r.datasets) edit(r.world, DATASET, { personal: false }, id, version);
  const judged = () => r.world.judge(r.world.sign(r.asRoom, 'run.complete', completeBody(r, open))).verdict;
  // It is charged for what it descends from.
  assert.equal(judged().reason, 'OUTPUT_NOT_PRIVATE');
  for (const { id, version } of r.datasets) edit(r.world, DATASET, { charges: [] }, id, version);
  assert.equal(judged().outcome, 'ok');
});

/** A second room of the same contract, with the same mounts. */
function another(r: RoomWorld): RoomWorld {
  const { world } = r;
  const asRoom = { did: urnOf(world, 'cleanroom', 2), keys: [world.key('room 2')] as const };
  const { mounts, ...room } = roomOf(r);
  const copied = mounts.map((mount, i) => {
    const release = RELEASE.read(world.read, mount.release!)!;
    const id = urnOf(world, 'release', 20 + i);
    world.put(RELEASE.put({ ...release, cleanroom: asRoom.did }, id));
    for (const { provider, scope } of release.charges) {
      const { reserved } = BUDGET.read(world.read, provider, scope)!;
      edit(world, BUDGET, { reserved: add(reserved, release.reserve) }, provider, scope);
    }
    return { ...mount, release: id };
  });
  const key = KEY.read(world.read, world.kid(r.asRoom.keys[0]))!;
  world.put(
    CLEANROOM.put({ ...room, mounts: copied }, asRoom.did),
    KEY.put({ ...key, owner: asRoom.did }, world.kid(asRoom.keys[0])),
  );
  edit(world, CONTRACT, { runs: 2, openRooms: 2 }, r.contract);
  return { ...r, room: asRoom.did, asRoom, run: urnOf(world, 'run', 2) };
}

interface Move {
  readonly what: 'start' | 'log' | 'complete' | 'fail' | 'again' | 'wait' | 'revoke';
  readonly room: 0 | 1;
  readonly epsilon: number;
  readonly delta: number;
  readonly n: number;
}
const move: fc.Arbitrary<Move> = fc.record({
  what: fc.constantFrom('start', 'start', 'log', 'log', 'log', 'complete', 'fail', 'again', 'wait', 'revoke'),
  room: fc.constantFrom(0, 1),
  epsilon: fc.nat({ max: 1_600_000 }),
  delta: fc.constantFrom(0, 5_000_000, 10_000_000),
  n: fc.nat({ max: 40 }),
});

function play(r: RoomWorld, { what, epsilon, delta, n }: Move): void {
  const { world, asRoom } = r;
  const spent = { epsilon, delta };
  const seq = (RUN.read(world.read, r.run)?.logs ?? 0) + 1;
  if (what === 'wait') world.advance(n * 600);
  else if (what === 'revoke') edit(world, CODE, { state: n < 20 ? 'REVOKED' : 'CERTIFIED' }, r.code);
  else if (what === 'again') world.apply(world.entries[n % world.entries.length]!.statement);
  else if (what === 'start') world.apply(world.sign(asRoom, 'run.start', startBody(r)));
  else if (what === 'log') world.apply(world.sign(asRoom, 'run.log', logBody(r, { ...spent, seq })));
  else if (what === 'complete')
    world.apply(world.sign(asRoom, 'run.complete', completeBody(r, { ...spent, outputs: [] })));
  else world.apply(world.sign(asRoom, 'run.fail', failBody(r)));
}

test('in every history budgets hold, reserves are settled once, and what a run logs never decreases', () => {
  fc.assert(
    fc.property(fc.array(move, { maxLength: 40 }), fc.boolean(), (moves, sharedScope) => {
      // There is just enough for the two rooms.
      const times = sharedScope ? 2 : 1;
      const two = 2 * times;
      const first = begin({ sharedScope, budget: { epsilon: 1_500_000 * two, delta: 10_000_000 * two } });
      const rooms = [first, another(first)] as const;
      let before = rooms.map((r) => RUN.read(r.world.read, r.run));
      for (const each of moves) {
        play(rooms[each.room], each);
        const runs = rooms.map((r) => RUN.read(r.world.read, r.run));
        const { allocated, spent, reserved } = budgetOf(first);
        assert.ok(within(add(spent, reserved), allocated));
        const expected = { spent: NO_PRIVACY, reserved: NO_PRIVACY };
        runs.forEach((run, i) => {
          const ended = run !== undefined && run.state !== 'STARTED';
          for (let n = 0; n < times; n++) {
            if (ended) expected.spent = add(expected.spent, run);
            else expected.reserved = add(expected.reserved, first.privacy);
          }
          const last = before[i];
          if (!run || !last) return;
          assert.ok(within(last, run) && within(run, run.reserve));
          if (last.state !== 'STARTED') assert.deepEqual(run, last);
        });
        assert.deepEqual({ spent, reserved }, expected satisfies { spent: Privacy; reserved: Privacy });
        before = runs;
      }
    }),
    { numRuns: 60 },
  );
});
