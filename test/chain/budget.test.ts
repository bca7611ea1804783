import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { add, budgetFault, free, reserve, settle, subtract, within } from '../../src/chain/budget.ts';
import type { Privacy } from '../../src/chain/privacy.ts';
import { AFFIRMATION, CLEANROOM } from '../../src/chain/records/cleanroom.ts';
import { CONTRACT } from '../../src/chain/records/contract.ts';
import { BUDGET } from '../../src/chain/records/dataset.ts';
import { PAYMENT } from '../../src/chain/records/payment.ts';
import { isLedgerError } from '../../src/core/errors.ts';
import { encodeCoseKey } from '../../src/cose/key.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import { type Answer, ReleaseModel } from './release-model.ts';
import { releaseSteps } from './room-bodies.ts';
import { edit, putKey, type RoomWorld, roomWorld, urnOf } from './room-world.ts';
import { World } from './world.ts';

const NOTHING: Privacy = { epsilon: 0, delta: 0 };
const CHARGE = { provider: 'did:web:icmr.example', scope: 'patients' };
const OTHER = { provider: 'did:web:icmr.example', scope: 'staff' };

function budgets(allocated: Privacy): World {
  const world = World.begin(nodeCrypto);
  for (const { provider, scope } of [CHARGE, OTHER]) {
    world.put(BUDGET.put({ allocated, spent: NOTHING, reserved: NOTHING }, provider, scope));
  }
  return world;
}
const of = (world: World, { provider, scope }: typeof CHARGE) => BUDGET.read(world.read, provider, scope)!;

test('amounts add, subtract and compare by component; a negative one is a defect', () => {
  const a = { epsilon: 3, delta: 5 };
  const b = { epsilon: 2, delta: 5 };
  assert.deepEqual(add(a, b), { epsilon: 5, delta: 10 });
  assert.deepEqual(subtract(a, b), { epsilon: 1, delta: 0 });
  assert.ok(within(b, a) && within(a, a) && !within(a, b) && !within({ epsilon: 0, delta: 6 }, a));
  assert.throws(
    () => subtract(b, a),
    (e) => isLedgerError(e) && e.code === 'INTERNAL',
  );
});

test('a budget has what was allocated, to the last unit, in each component, in each of several', () => {
  const world = budgets({ epsilon: 10, delta: 10 });
  world.put(...reserve(world.read, [CHARGE], { epsilon: 4, delta: 0 }));
  world.put(...settle(world.read, [CHARGE], { epsilon: 2, delta: 0 }, { epsilon: 1, delta: 0 }));
  assert.deepEqual(of(world, CHARGE).spent, { epsilon: 1, delta: 0 });
  assert.deepEqual(of(world, CHARGE).reserved, { epsilon: 2, delta: 0 });
  const fault = (charges: readonly (typeof CHARGE)[], wanted: Privacy) =>
    budgetFault(world.read, charges, wanted)?.refused;
  assert.equal(fault([CHARGE], { epsilon: 7, delta: 10 }), undefined);
  assert.equal(fault([CHARGE], { epsilon: 8, delta: 0 }), 'BUDGET_EXHAUSTED');
  assert.equal(fault([CHARGE], { epsilon: 0, delta: 11 }), 'BUDGET_DELTA_EXHAUSTED');
  assert.equal(fault([OTHER], { epsilon: 8, delta: 0 }), undefined);
  assert.equal(fault([OTHER, CHARGE], { epsilon: 8, delta: 0 }), 'BUDGET_EXHAUSTED');
  assert.equal(fault([], { epsilon: 100, delta: 100 }), undefined);
  assert.equal(fault([{ ...CHARGE, scope: 'nobody' }], { epsilon: 1, delta: 0 }), 'BUDGET_EXHAUSTED');
  world.put(...free(world.read, [CHARGE], { epsilon: 2, delta: 0 }));
  assert.equal(fault([CHARGE], { epsilon: 9, delta: 0 }), undefined);
  assert.throws(() => free(world.read, [CHARGE], { epsilon: 1, delta: 0 }));
});

// Random interleavings, on two rooms that draw on the same budgets.

type Step =
  | { what: 'request'; room: number; at: number }
  | { what: 'release' | 'cancel' | 'receive'; n: number }
  | { what: 'abort'; room: number }
  | { what: 'wait'; seconds: number };

const one = fc.nat({ max: 1 });
const nth = fc.nat({ max: 7 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ what: fc.constant('request' as const), room: one, at: one }) },
  { weight: 9, arbitrary: fc.record({ what: fc.constant('release' as const), n: nth }) },
  { weight: 3, arbitrary: fc.record({ what: fc.constant('cancel' as const), n: nth }) },
  { weight: 5, arbitrary: fc.record({ what: fc.constant('receive' as const), n: nth }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('abort' as const), room: one }) },
  {
    weight: 3,
    arbitrary: fc.record({ what: fc.constant('wait' as const), seconds: fc.constantFrom(1, 30, 60, 61) }),
  },
);
const amount = (unit: number) =>
  fc.tuple(fc.nat({ max: 5 }), fc.constantFrom(-1, 0, 1)).map(([n, more]) => {
    return Math.max(0, n * unit + more);
  });
const PRIVACY: Privacy = { epsilon: 1_500_000, delta: 10_000_000 };
// With the prototype that what is read has: records are compared as they are remembered.
const allocation = fc.record(
  { epsilon: amount(PRIVACY.epsilon), delta: amount(PRIVACY.delta) },
  { noNullPrototype: true },
);

/** A second room like the first, with keys of its own. */
function twin(room: RoomWorld): RoomWorld {
  const { world } = room;
  const id = urnOf(world, 'cleanroom', 2);
  const key = world.key('room 2');
  const signKid = putKey(world, id, encodeCoseKey(key.publicKey), 'sig', 'room');
  world.put(
    CLEANROOM.put({ ...CLEANROOM.read(world.read, room.room)!, signKid }, id),
    AFFIRMATION.put(AFFIRMATION.read(world.read, room.room)!, id),
    PAYMENT.put(PAYMENT.read(world.read, room.contract, 0, room.room)!, room.contract, 0, id),
  );
  edit(world, CONTRACT, { runs: 2, openRooms: 2 }, room.contract);
  return { ...room, room: id, asRoom: { did: id, keys: [key] } };
}

function setUp(sharedScope: boolean, allocated: readonly Privacy[]) {
  const first = roomWorld(World.begin(nodeCrypto), { sharedScope, privacy: PRIVACY });
  const { world, datasets } = first;
  // Evidence does not grow old here: it is not what is looked at.
  edit(world, CLEANROOM, { attestedHead: world.time * 2 }, first.room);
  const rooms = [first, twin(first)];
  const scopes = sharedScope ? [0, 0] : [0, 1];
  for (const [at, { provider, scope }] of datasets.entries()) {
    edit(world, BUDGET, { allocated: allocated[scopes[at]!]! }, provider.did, scope);
  }
  const model = new ReleaseModel(PRIVACY, allocated, scopes, rooms.length);
  return { world, rooms, datasets, model };
}

test('spent + reserved ≤ allocated, for ε and δ of every scope, whatever happens in whatever order', () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(
      fc.boolean(),
      fc.tuple(allocation, allocation),
      fc.array(step, { minLength: 12, maxLength: 45 }),
      (sharedScope, allocated, steps) => {
        const { world, rooms, datasets, model } = setUp(sharedScope, allocated);
        model.time = world.time;
        const requests: { room: number; at: number }[] = [];
        for (const each of steps) {
          const answers = play(each);
          if (answers) assert.equal(answers[0], answers[1], JSON.stringify(each));
          seen.add(`${each.what} ${answers?.[0]}`);
          for (const [at, { provider, scope }] of datasets.entries()) {
            const { spent, reserved, allocated: limit } = BUDGET.read(world.read, provider.did, scope)!;
            assert.ok(within(add(spent, reserved), limit));
            const { held, spent: gone } = model.charges(model.scopes[at]!);
            assert.deepEqual([reserved, spent], [times(held), times(gone)], JSON.stringify(each));
          }
        }

        /** What the log says, and what the model does. */
        function play(each: Step): [Answer, Answer] | undefined {
          if (each.what === 'wait') {
            world.advance(each.seconds);
            model.time = world.time;
            return undefined;
          }
          if (each.what === 'abort') {
            const { room, ccrp } = rooms[each.room]!;
            const body = { id: room, reason: 'gone' };
            return [answer(world.sign(ccrp, 'cleanroom.abort', body)), model.abort(each.room)];
          }
          if (each.what === 'request') {
            const n = requests.push(each);
            const statement = releaseSteps(rooms[each.room]!).request(each.at as 0 | 1, n);
            return [answer(statement), model.request(n, each.room, each.at)];
          }
          // One of the last requests, so that most of the time something can happen.
          const n = Math.max(1, requests.length - each.n);
          const { room, at } = requests[n - 1] ?? { room: 0, at: 0 };
          const made = releaseSteps(rooms[room]!);
          const statement = each.what === 'release' ? made.release(n, `nonce ${n}`, at) : made[each.what](n);
          return [answer(statement, each.what === 'release'), model[each.what](n)];
        }

        function answer(statement: Uint8Array, decides = false): Answer {
          // An honest log holds no refused statement; one that it held would be a duplicate when its time has come.
          if (world.judge(statement).verdict.outcome === 'refused') return 'refused';
          const { reason } = world.apply(statement).verdict;
          if (!decides) return 'ok';
          return reason === null ? 'granted' : 'denied';
        }
      },
    ),
    { numRuns: 80 },
  );
  // It has been where it should have been.
  for (const what of ['granted', 'denied', 'refused']) assert.ok(seen.has(`release ${what}`), what);
  for (const what of ['cancel', 'receive', 'abort', 'request']) {
    assert.ok(seen.has(`${what} ok`) && seen.has(`${what} refused`), what);
  }
});

function times(n: number): Privacy {
  return { epsilon: n * PRIVACY.epsilon, delta: n * PRIVACY.delta };
}
