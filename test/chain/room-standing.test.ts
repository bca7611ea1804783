import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { policyAt } from '../../src/chain/policy.ts';
import { CLEANROOM } from '../../src/chain/records/cleanroom.ts';
import { CONTRACT } from '../../src/chain/records/contract.ts';
import { DATASET } from '../../src/chain/records/dataset.ts';
import { CODE } from '../../src/chain/records/governance.ts';
import { MODEL } from '../../src/chain/records/model.ts';
import { appraisalFault, blockedFault, codeFault } from '../../src/chain/room-standing.ts';
import { PARTICIPANT, POLICY } from '../../src/chain/state.ts';
import type { LastStop } from '../../src/chain/stop.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import { releaseSteps } from './room-bodies.ts';
import { edit, type RoomOptions, type RoomWorld, roomWorld } from './room-world.ts';
import { World } from './world.ts';

/** A room that was deployed by entry 0, ten seconds ago. */
function fresh(options: RoomOptions = { baseModel: true }): RoomWorld {
  const room = roomWorld(World.begin(nodeCrypto), options);
  room.world.advance(10);
  return room;
}
const blocked = ({ world, room }: RoomWorld): string | undefined =>
  blockedFault(world.read, CLEANROOM.read(world.read, room)!, world.time)?.refused;

/** Everything that a room is set up under, and how a stop of it is written. */
const UPSTREAM: Readonly<Record<string, (room: RoomWorld, lastStop: LastStop | undefined) => void>> = {
  TDC: ({ world, tdc }, lastStop) => edit(world, PARTICIPANT, { lastStop }, tdc.did),
  'a provider': ({ world, tdps }, lastStop) => edit(world, PARTICIPANT, { lastStop }, tdps[1].did),
  'its deployer': ({ world, ccrp }, lastStop) => edit(world, PARTICIPANT, { lastStop }, ccrp.did),
  'a verifier': ({ world, verifiers }, lastStop) => edit(world, PARTICIPANT, { lastStop }, verifiers[1].did),
  'a dataset': ({ world, datasets }, lastStop) => edit(world, DATASET, { lastStop }, datasets[1].id, 1),
  'a contract': ({ world, contract }, lastStop) => edit(world, CONTRACT, { lastStop }, contract),
  'its code': ({ world, code }, lastStop) => edit(world, CODE, { lastStop }, code),
  'its base model': ({ world, baseModel }, lastStop) => edit(world, MODEL, { lastStop }, baseModel),
};

for (const [what, stop] of Object.entries(UPSTREAM)) {
  describe(`a stop of ${what}`, () => {
    // `state` stays as it was: the stop has been lifted again, and blocks all the same.
    const at = (room: RoomWorld, seconds: number, entry = 7): LastStop => {
      return { entry, at: room.world.time + seconds * 1000, before: 'ACTIVE' };
    };

    test('blocks a room without a GRANT for ever', () => {
      const room = fresh();
      stop(room, at(room, 0));
      assert.equal(blocked(room), 'CLEANROOM_BLOCKED');
      room.world.advance(365 * 86_400);
      assert.equal(blocked(room), 'CLEANROOM_BLOCKED');
    });

    test('blocks it when it takes effect, not before, even if it was logged before the room', () => {
      const room = fresh();
      stop(room, at(room, 5, 0));
      assert.equal(blocked(room), undefined);
      room.world.advance(5);
      assert.equal(blocked(room), 'CLEANROOM_BLOCKED');
    });

    test('is not forgotten for one that is still to come', () => {
      const room = fresh();
      const earlier = { entry: 7, at: room.world.time };
      stop(room, { ...at(room, 5, 8), earlier });
      assert.equal(blocked(room), 'CLEANROOM_BLOCKED');
    });

    test('from before its deployment is none of its business; in the same batch the order of entries counts', () => {
      const room = fresh();
      stop(room, at(room, -11, 0));
      assert.equal(blocked(room), undefined);
      stop(room, at(room, -10, 0));
      assert.equal(blocked(room), undefined);
      stop(room, at(room, -10, 1));
      assert.equal(blocked(room), 'CLEANROOM_BLOCKED');
    });

    test('does not block a room that had a GRANT, but one whose only GRANT was cancelled', () => {
      const room = fresh();
      const { world } = room;
      const steps = releaseSteps(room);
      world.accept(steps.request());
      world.accept(steps.release());
      stop(room, at(room, 0, 99));
      assert.equal(blocked(room), undefined);
      stop(room, undefined);
      world.accept(steps.cancel());
      stop(room, at(room, 0, 99));
      assert.equal(blocked(room), 'CLEANROOM_BLOCKED');
    });
  });
}

test('whoever is not upstream of a room does not block it', () => {
  const room = fresh();
  const lastStop = { entry: 7, at: room.world.time, before: 'ACTIVE' };
  for (const { did } of [room.kms, room.payment]) edit(room.world, PARTICIPANT, { lastStop }, did);
  assert.equal(blocked(room), undefined);
  assert.equal(blocked(fresh()), undefined);
});

test('an entry that blocks a room does so with a GRANT as well', () => {
  const room = fresh({ room: 'TRAINING' });
  assert.equal(blocked(room), undefined);
  edit(room.world, CLEANROOM, { blocked: { entry: 9, at: room.world.time } }, room.room);
  assert.equal(blocked(room), 'CLEANROOM_BLOCKED');
});

test('an appraisal is as old as the head that its evidence names, to the second of the policy', () => {
  const room = fresh();
  const { world } = room;
  const fault = () => {
    const policy = policyAt(POLICY.read(world.read), world.time);
    return appraisalFault(CLEANROOM.read(world.read, room.room)!, policy, world.time)?.refused;
  };
  edit(world, CLEANROOM, { attestedHead: world.time - 600_000 }, room.room);
  assert.equal(fault(), undefined);
  edit(world, CLEANROOM, { attestedHead: world.time - 600_001 }, room.room);
  assert.equal(fault(), 'APPRAISAL_STALE');
  edit(world, CLEANROOM, { attestedHead: undefined }, room.room);
  assert.equal(fault(), 'CLEANROOM_NOT_ATTESTED');
});

test('code is good while it is certified: up to its last second, and until a revocation takes effect', () => {
  const { world, code } = fresh();
  const fault = () => codeFault(world.read, code, world.time)?.refused;
  assert.equal(fault(), undefined);
  edit(world, CODE, { notAfter: world.now }, code);
  assert.equal(fault(), undefined);
  world.advance(1);
  assert.equal(fault(), 'CODE_REVOKED');
  const lastStop = { entry: 7, at: world.time + 1000, before: 'CERTIFIED' };
  edit(world, CODE, { notAfter: undefined, state: 'REVOKED', lastStop }, code);
  assert.equal(fault(), undefined);
  world.advance(1);
  assert.equal(fault(), 'CODE_REVOKED');
  world.put(CODE.remove(code));
  assert.equal(fault(), 'CODE_REVOKED');
});
