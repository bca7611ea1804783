import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { AFFIRMATION, CLEANROOM, EVIDENCE, EVIDENCE_ID } from '../../src/chain/records/cleanroom.ts';
import { CONTRACT } from '../../src/chain/records/contract.ts';
import { BUDGET, DATASET } from '../../src/chain/records/dataset.ts';
import { ANCHORS, APPRAISAL_POLICY } from '../../src/chain/records/governance.ts';
import { MODEL } from '../../src/chain/records/model.ts';
import { PAYMENT } from '../../src/chain/records/payment.ts';
import { RELEASE } from '../../src/chain/records/release.ts';
import { RUN } from '../../src/chain/records/run.ts';
import { KEY, PARTICIPANT } from '../../src/chain/state.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import { type Attesting, appraiseBody, attestBody, deployBody, releaseSteps } from './room-bodies.ts';
import {
  digestOf,
  edit,
  type RoomOptions,
  type RoomWorld,
  roomWorld,
  urnOf,
  wrappingKey,
} from './room-world.ts';
import { type Member, World } from './world.ts';

function fresh(options: RoomOptions): RoomWorld {
  const room = roomWorld(World.begin(nodeCrypto), options);
  room.world.advance(1);
  return room;
}
const vouched = ({ world, room }: RoomWorld) => AFFIRMATION.read(world.read, room)!.by;
const roomOf = ({ world, room }: RoomWorld) => CLEANROOM.read(world.read, room)!;
const contractOf = ({ world, contract }: RoomWorld) => CONTRACT.read(world.read, contract)!;
const counts = (room: RoomWorld) => {
  const { runs, openRooms, openPayments } = contractOf(room);
  return { runs, openRooms, openPayments };
};
/** A second contract, like the first but for this. */
function second(room: RoomWorld, change: object = {}): string {
  const id = urnOf(room.world, 'contract', 2);
  room.world.put(CONTRACT.put({ ...contractOf(room), ...change }, id));
  return id;
}

describe('a clean room is deployed', () => {
  const deployed = (room: RoomWorld, change: object = {}, pipeline: object = {}, by: Member = room.ccrp) =>
    room.world.accept(room.world.sign(by, 'cleanroom.deploy', deployBody(room, change, pipeline)));

  test('by the CCRP: it counts against the runs, and every payment is DUE', () => {
    const room = fresh({ room: 'none', maxRuns: 1 });
    const { index, statement } = deployed(room);
    const { world, contract, datasets, kms } = room;
    const record = roomOf(room);
    assert.deepEqual([record.state, record.entry, record.at], ['PROVISIONED', index, world.time]);
    assert.deepEqual(record.entryId, statement!.entryId);
    assert.deepEqual(
      record.mounts,
      datasets.map(({ id, version, dataKeyId }) => ({
        ...{ subject: id, version, kms: kms.did, dataKeyId, contract: 0 },
      })),
    );
    assert.deepEqual(counts(room), { runs: 1, openRooms: 1, openPayments: 1 });
    const payment = PAYMENT.read(world.read, contract, 0, room.room)!;
    assert.deepEqual([payment.state, payment.payer, payment.amount], ['DUE', room.tdc.did, 500_000]);
    const again = deployBody(room, { id: urnOf(world, 'cleanroom', 2) });
    assert.equal(
      world.judge(world.sign(room.ccrp, 'cleanroom.deploy', again)).verdict.reason,
      'MAX_RUNS_REACHED',
    );
  });

  test('by the TDC, on one of the datasets only, to the last second of the contract', () => {
    const room = fresh({ room: 'none' });
    const { id, version } = room.datasets[1];
    const datasets = [{ dataset: id, version }];
    deployed(room, { deadline: room.expiry }, { datasets, joinKeys: [], target: undefined }, room.tdc);
    assert.deepEqual(
      roomOf(room).mounts.map(({ subject }) => subject),
      [id],
    );
  });

  test('under two contracts, each of which counts it and is owed', () => {
    const room = fresh({ room: 'none' });
    const contracts = [room.contract, second(room)];
    deployed(room, { contracts });
    for (const id of contracts) {
      const { runs, openRooms, openPayments } = CONTRACT.read(room.world.read, id)!;
      assert.deepEqual([runs, openRooms, openPayments], [1, 1, 1]);
      assert.equal(PAYMENT.read(room.world.read, id, 0, room.room)?.state, 'DUE');
    }
  });

  test('with a base model: it is one more mount if somebody keeps its key, and none if anybody can read it', () => {
    const room = fresh({ room: 'none', baseModel: true });
    const { baseModel } = room;
    const open = room.world.clone();
    deployed(room, { baseModel });
    const { mounts } = roomOf(room);
    assert.deepEqual(
      [mounts.length, mounts[2]!.subject, mounts[2]!.version, mounts[2]!.kms],
      [3, baseModel, undefined, room.kms.did],
    );
    edit(open, MODEL, { kms: undefined }, baseModel);
    deployed({ ...room, world: open }, { baseModel });
    assert.equal(roomOf({ ...room, world: open }).mounts.length, 2);
  });

  test('without privacy, if none of its data is personal', () => {
    const room = fresh({ room: 'none' });
    for (const { id, version } of room.datasets) {
      edit(room.world, DATASET, { personal: false, charges: [], scope: undefined }, id, version);
    }
    const unsaid = contractOf(room).datasets.map(({ privacy, ...rest }) => rest);
    edit(room.world, CONTRACT, { datasets: unsaid }, room.contract);
    deployed(room, {}, { private: false, privacy: { epsilon: 0, delta: 0 } });
  });
});

describe('a clean room is attested', () => {
  const attested = (room: RoomWorld, listed: Attesting = {}) =>
    room.world.accept(room.world.sign(room.ccrp, 'cleanroom.attest', attestBody(room, listed)));
  const appraised = (room: RoomWorld, by: 0 | 1 = 0, change: object = {}) =>
    room.world.accept(room.world.sign(room.verifiers[by], 'cleanroom.appraise', appraiseBody(room, change)));
  const evidence = ({ world }: RoomWorld, n: number) => {
    return { evidence: digestOf(world, `evidence ${n}`), evidenceId: digestOf(world, `report ${n}`) };
  };

  test('by one verifier: its keys are the room’s from then on, and their age is that of the head', () => {
    const room = fresh({ room: 'PROVISIONED' });
    const { world, asRoom, wrapKey } = room;
    attested(room);
    assert.deepEqual([roomOf(room).state, roomOf(room).evidence], ['PROVISIONED', 1]);
    assert.equal(world.judge(releaseSteps(room).request()).verdict.reason, 'KID_UNKNOWN');
    world.advance(100);
    appraised(room, 0, { head: world.now - 90 });
    const { state, signKid, wrapKid, attestedHead } = roomOf(room);
    assert.deepEqual([state, attestedHead], ['ATTESTED', world.time - 90_000]);
    assert.deepEqual([signKid, wrapKid], [world.kid(asRoom.keys[0]), world.crypto.sha256(wrapKey)]);
    assert.equal(KEY.read(world.read, signKid!)!.owner, room.room);
    // Anybody could list a key that cannot sign first.
    assert.equal(KEY.read(world.read, wrapKid!), undefined);
    assert.equal(EVIDENCE_ID.read(world.read, room.evidenceId)!.cleanroom, room.room);
    world.accept(releaseSteps(room).request());
  });

  test('by a quorum over one piece of evidence, each verifier once, warnings not at all', () => {
    const room = fresh({ room: 'PROVISIONED', quorum: 2 });
    attested(room);
    attested(room, { evidence: evidence(room, 2).evidence });
    appraised(room, 0);
    appraised(room, 0, { head: room.world.now - 1 });
    appraised(room, 1, evidence(room, 2));
    appraised(room, 1, { result: 'warning' });
    assert.equal(roomOf(room).state, 'PROVISIONED');
    appraised(room, 1, { head: room.world.now - 5 });
    const { results } = EVIDENCE.read(room.world.read, room.room, room.evidence)!;
    assert.equal(results.length, 2);
    assert.deepEqual([roomOf(room).state, roomOf(room).attestedHead], ['ATTESTED', room.world.time - 5_000]);
  });

  test('one verifier of two alone can make the evidence neither younger nor older', () => {
    const room = fresh({ room: 'PROVISIONED', quorum: 1 });
    attested(room);
    appraised(room, 0, { head: room.world.now - 500 });
    appraised(room, 1, { head: room.world.now - 5 });
    assert.equal(roomOf(room).attestedHead, room.world.time - 5_000);
    const strict = fresh({ room: 'PROVISIONED', quorum: 2 });
    attested(strict);
    appraised(strict, 0, { head: strict.world.now - 5 });
    appraised(strict, 1, { head: strict.world.now - 500 });
    assert.equal(roomOf(strict).attestedHead, strict.world.time - 500_000);
  });

  test('for each of its contracts, by that contract’s verifiers and policy', () => {
    const room = fresh({ room: 'PROVISIONED' });
    const { world, verifiers, contract } = room;
    const policy = { id: urnOf(world, 'appraisal-policy', 2), version: 1, digest: digestOf(world, 'strict') };
    world.put(APPRAISAL_POLICY.put({ version: 1, digest: policy.digest, entry: 0 }, policy.id));
    const other = second(room, { appraisalPolicy: policy.id });
    edit(world, CONTRACT, { verifiers: [verifiers[0].did] }, contract);
    edit(world, CLEANROOM, { contracts: [contract, other] }, room.room);
    attested(room);
    appraised(room, 0);
    assert.equal(roomOf(room).state, 'PROVISIONED');
    // The second verifier is none of the first contract, so it cannot judge by its policy.
    const byFirst = world.sign(verifiers[1], 'cleanroom.appraise', appraiseBody(room));
    assert.equal(world.judge(byFirst).verdict.reason, 'APPRAISAL_POLICY_NOT_CURRENT');
    appraised(room, 0, { policy });
    assert.equal(roomOf(room).state, 'ATTESTED');
  });

  test('a policy that has been replaced since counts no more', () => {
    const room = fresh({ room: 'PROVISIONED', quorum: 2 });
    attested(room);
    appraised(room, 0);
    const next = { version: 2, digest: digestOf(room.world, 'stricter') };
    edit(room.world, APPRAISAL_POLICY, next, room.appraisalPolicy);
    const policy = { policy: { id: room.appraisalPolicy, ...next } };
    appraised(room, 1, policy);
    assert.equal(roomOf(room).state, 'PROVISIONED');
    appraised(room, 0, policy);
    assert.equal(roomOf(room).state, 'ATTESTED');
  });

  test('one verifier has one result by one policy, however often that is published', () => {
    const room = fresh({ room: 'ATTESTED' });
    for (let version = 2; version <= 40; version++) {
      const next = { version, digest: digestOf(room.world, `version ${version}`) };
      edit(room.world, APPRAISAL_POLICY, next, room.appraisalPolicy);
      appraised(room, 0, { policy: { id: room.appraisalPolicy, ...next } });
    }
    const { results } = EVIDENCE.read(room.world.read, room.room, room.evidence)!;
    assert.deepEqual(results.map(({ version }) => version).sort(), [1, 40]);
  });

  test('again with the same keys: the younger of the two counts', () => {
    const room = fresh({ room: 'ATTESTED' });
    const { world } = room;
    world.advance(1000);
    attested(room, evidence(room, 2));
    appraised(room, 0, evidence(room, 2));
    assert.equal(roomOf(room).attestedHead, world.time);
    appraised(room, 1, { head: world.now - 900 });
    assert.equal(roomOf(room).attestedHead, world.time);
    world.accept(releaseSteps(room).request());
  });

  test('again with other keys, until its first GRANT: the ones before are good for nothing, and do not come back', () => {
    const room = fresh({ room: 'ATTESTED', quorum: 1 });
    const { world, asRoom } = room;
    world.accept(releaseSteps(room).request());
    world.advance(10);
    const signKey = world.key('room, restarted');
    const wrapKey = wrappingKey(world, 'room, restarted');
    attested(room, { ...evidence(room, 2), signKey, wrapKey });
    appraised(room, 0, evidence(room, 2));
    assert.deepEqual(roomOf(room).signKid, world.kid(signKey));
    assert.deepEqual(roomOf(room).wrapKid, world.crypto.sha256(wrapKey));
    assert.equal(world.judge(releaseSteps(room).request(1)).verdict.reason, 'KEY_REVOKED');
    // What was asked with the old wrapping key is not answered for it.
    const denied = world.apply(releaseSteps(room).release());
    assert.deepEqual([denied.verdict.outcome, denied.verdict.reason], ['ok', 'APPRAISAL_STALE']);
    // The first machine’s evidence is affirmed once more: it is the older one.
    appraised(room, 1, { head: world.now - 5 });
    assert.deepEqual(roomOf(room).signKid, world.kid(signKey));
    const restarted = { ...room, asRoom: { ...asRoom, keys: [signKey] as const }, wrapKey };
    world.accept(releaseSteps(restarted).request(1));
    const back = world.sign(room.ccrp, 'cleanroom.attest', attestBody(room, evidence(room, 3)));
    assert.equal(world.judge(back).verdict.reason, 'KID_TAKEN');
  });

  test('other evidence that was listed before the first GRANT no longer changes the keys after it', () => {
    const room = fresh({ room: 'ATTESTED' });
    const { world } = room;
    world.advance(10);
    attested(room, { ...evidence(room, 2), signKey: world.key('second machine') });
    world.accept(releaseSteps(room).request());
    world.accept(releaseSteps(room).release());
    appraised(room, 0, evidence(room, 2));
    assert.deepEqual(roomOf(room).signKid, world.kid(room.asRoom.keys[0]));
    world.accept(releaseSteps(room).receive());
  });

  test('what is contraindicated before it was affirmed can still be; after that the room is blocked for good', () => {
    const room = fresh({ room: 'PROVISIONED' });
    attested(room);
    const against = { result: 'contraindicated', checks: [{ name: 'tcb', passed: false }] };
    appraised(room, 0, { ...against, hostData: digestOf(room.world, 'other') });
    assert.equal(roomOf(room).blocked, undefined);
    appraised(room, 1);
    assert.equal(roomOf(room).state, 'ATTESTED');
    const { index } = appraised(room, 1, against);
    assert.deepEqual(roomOf(room).blocked, { entry: index, at: room.world.time });
    room.world.advance(1);
    appraised(room, 1);
    appraised(room, 0, against);
    assert.equal(roomOf(room).blocked?.entry, index);
  });

  test('one affirming result is enough to be contradicted, and so is later evidence of the same room', () => {
    const room = fresh({ room: 'PROVISIONED', quorum: 2 });
    attested(room);
    appraised(room, 0);
    appraised(room, 1, { result: 'contraindicated' });
    assert.ok(roomOf(room).blocked);
    const running = fresh({ room: 'ATTESTED' });
    attested(running, evidence(running, 2));
    appraised(running, 0, { ...evidence(running, 2), result: 'contraindicated' });
    assert.ok(roomOf(running).blocked);
  });

  const reason = (room: RoomWorld, n: number) =>
    room.world.judge(releaseSteps(room).release(n)).verdict.reason ?? null;

  test('what was affirmed counts while policy and anchors are current; then it has to be affirmed anew', () => {
    const next = ({ world }: RoomWorld) => ({ version: 2, digest: digestOf(world, 'after a TCB recovery') });
    const published: ((room: RoomWorld) => object)[] = [
      (room) => {
        edit(room.world, APPRAISAL_POLICY, next(room), room.appraisalPolicy);
        return { policy: { id: room.appraisalPolicy, ...next(room) } };
      },
      (room) => {
        edit(room.world, ANCHORS, next(room), room.anchors);
        return { anchors: { id: room.anchors, ...next(room) } };
      },
    ];
    for (const publish of published) {
      const room = fresh({ room: 'ATTESTED', quorum: 1 });
      const { attestedHead } = roomOf(room);
      room.world.accept(releaseSteps(room).request());
      assert.equal(reason(room, 1), null);
      const by = publish(room);
      assert.equal(reason(room, 1), 'APPRAISAL_STALE');
      // By the new ones it stands again, and is as old as the evidence says, be that older than before.
      appraised(room, 0, { ...by, head: room.world.now - 20 });
      assert.equal(reason(room, 1), null);
      assert.ok(roomOf(room).attestedHead! < attestedHead!);
    }
  });

  test('a verifier’s key that was compromised by then affirmed nothing; one that was rotated did', () => {
    const room = fresh({ room: 'ATTESTED', quorum: 1 });
    const { world, verifiers } = room;
    world.accept(releaseSteps(room).request());
    const revoke = (reason: 'rotation' | 'compromise', since?: number) =>
      edit(
        world,
        KEY,
        {
          revoked: {
            ...{ entry: 1, at: world.time, reason },
            ...(since !== undefined && { since }),
          },
        },
        world.kid(verifiers[0].keys[0]),
      );
    const { at } = vouched(room)[0]!;
    revoke('rotation');
    assert.equal(reason(room, 1), null);
    revoke('compromise', Math.floor(at / 1000) + 1);
    assert.equal(reason(room, 1), null);
    revoke('compromise', Math.floor(at / 1000));
    assert.equal(reason(room, 1), 'APPRAISAL_STALE');
    // What another verifier affirms counts, and the void result no more.
    appraised(room, 1, { head: world.now - 30 });
    assert.equal(reason(room, 1), null);
    assert.deepEqual(
      vouched(room).map(({ kid }) => kid),
      [world.kid(verifiers[1].keys[0])],
    );
    assert.equal(roomOf(room).attestedHead, world.time - 30_000);
  });

  test('who warns of what it had affirmed vouches for it no more: nobody does until it is affirmed anew', () => {
    const room = fresh({ room: 'ATTESTED', quorum: 2 });
    room.world.accept(releaseSteps(room).request());
    assert.equal(reason(room, 1), null);
    appraised(room, 0, { result: 'warning' });
    assert.equal(reason(room, 1), 'APPRAISAL_STALE');
    assert.deepEqual(vouched(room), []);
    // The keys are the room's still: they come and go with other evidence only.
    assert.equal(roomOf(room).state, 'ATTESTED');
    assert.ok(roomOf(room).signKid);
    appraised(room, 1, { head: room.world.now - 9 });
    assert.equal(reason(room, 1), 'APPRAISAL_STALE');
    appraised(room, 0, { head: room.world.now - 40 });
    assert.equal(reason(room, 1), null);
    assert.equal(vouched(room).length, 2);
    assert.equal(roomOf(room).attestedHead, room.world.time - 40_000);
  });

  test('also after it has affirmed once more, by an older head, which changed nothing', () => {
    const room = fresh({ room: 'ATTESTED', quorum: 2 });
    room.world.accept(releaseSteps(room).request());
    const before = vouched(room);
    appraised(room, 0, { head: room.world.now - 9 });
    assert.deepEqual(vouched(room), before);
    appraised(room, 0, { result: 'warning' });
    assert.equal(reason(room, 1), 'APPRAISAL_STALE');
  });

  test('a warning takes nothing from a quorum that it is no part of, nor from other evidence', () => {
    const room = fresh({ room: 'ATTESTED', quorum: 1 });
    room.world.accept(releaseSteps(room).request());
    const before = vouched(room);
    appraised(room, 1, { result: 'warning' });
    assert.deepEqual(vouched(room), before);
    attested(room, { evidence: evidence(room, 2).evidence });
    appraised(room, 0, { ...evidence(room, 2), result: 'warning' });
    assert.deepEqual(vouched(room), before);
    // Both had affirmed it: the other's word is enough, and makes it as old as that says.
    appraised(room, 1, { head: room.world.now - 50 });
    appraised(room, 0, { result: 'warning' });
    assert.deepEqual(
      vouched(room).map(({ kid }) => kid),
      [room.world.kid(room.verifiers[1].keys[0])],
    );
    assert.equal(roomOf(room).attestedHead, room.world.time - 50_000);
    assert.equal(reason(room, 1), null);
    // Nor does the verifier of a room that has all its keys change who vouched for them.
    edit(room.world, CLEANROOM, { state: 'KEYED' }, room.room);
    const kept = vouched(room);
    room.world.advance(1);
    appraised(room, 1, { result: 'warning' });
    assert.deepEqual(vouched(room), kept);
    appraised(room, 0);
    assert.deepEqual(vouched(room), kept);
  });

  test('a warning in between does not undo that it was affirmed: what contraindicates it then blocks the room', () => {
    const room = fresh({ room: 'PROVISIONED', quorum: 2 });
    attested(room);
    appraised(room, 0);
    appraised(room, 0, { result: 'warning' });
    assert.equal(roomOf(room).blocked, undefined);
    const { index } = appraised(room, 0, { result: 'contraindicated' });
    assert.equal(roomOf(room).blocked?.entry, index);
  });

  test('a result that is void makes no quorum', () => {
    const room = fresh({ room: 'PROVISIONED', quorum: 2 });
    attested(room);
    appraised(room, 0);
    const revoked = { entry: 1, at: room.world.time, reason: 'void' as const };
    edit(room.world, KEY, { revoked }, room.world.kid(room.verifiers[0].keys[0]));
    appraised(room, 1);
    assert.equal(roomOf(room).state, 'PROVISIONED');
  });

  test('that evidence is another room’s is logged, and takes it from nobody', () => {
    const room = fresh({ room: 'PROVISIONED' });
    const other = urnOf(room.world, 'cleanroom', 2);
    attested(room);
    room.world.put(EVIDENCE_ID.put({ cleanroom: other }, room.evidenceId));
    appraised(room, 0, { result: 'contraindicated' });
    assert.equal(EVIDENCE_ID.read(room.world.read, room.evidenceId)?.cleanroom, other);
    const unseen = { evidenceId: digestOf(room.world, 'unseen') };
    appraised(room, 1, { ...unseen, result: 'contraindicated' });
    assert.equal(EVIDENCE_ID.read(room.world.read, unseen.evidenceId), undefined);
  });
});

describe('a clean room ends', () => {
  const aborted = (room: RoomWorld, by: Member) =>
    room.world.accept(
      room.world.sign(by, 'cleanroom.abort', { id: room.room, reason: 'the machine is gone' }),
    );

  test('before a GRANT by any party: the run is given back, the payments stay for the payment service', () => {
    for (const state of ['PROVISIONED', 'ATTESTED'] as const) {
      for (const by of ['tdc', 'ccrp', 'sro', 0, 1] as const) {
        const room = fresh({ room: state });
        aborted(room, by === 'sro' ? room.world.sro : typeof by === 'number' ? room.tdps[by] : room[by]);
        assert.equal(roomOf(room).state, 'ABORTED');
        assert.deepEqual(counts(room), { runs: 0, openRooms: 0, openPayments: 1 });
      }
    }
  });

  test('after a GRANT by those in charge: all that was reserved is spent, and the run is used up', () => {
    for (const state of ['KEYED', 'TRAINING'] as const) {
      for (const by of ['tdc', 'ccrp', 'sro'] as const) {
        const room = fresh({ room: state });
        const { world, privacy } = room;
        aborted(room, by === 'sro' ? world.sro : room[by]);
        assert.deepEqual(counts(room), { runs: 1, openRooms: 0, openPayments: 1 });
        for (const { provider, scope } of room.datasets) {
          const { spent, reserved } = BUDGET.read(world.read, provider.did, scope)!;
          assert.deepEqual([spent, reserved], [privacy, { epsilon: 0, delta: 0 }]);
        }
        const run = RUN.read(world.read, room.run);
        assert.deepEqual(
          run && [run.state, run.epsilon],
          state === 'KEYED' ? undefined : ['ABORTED', privacy.epsilon],
        );
      }
    }
  });

  test('one grant of two, or one that has expired, is spent as well', () => {
    const room = fresh({ room: 'ATTESTED', sharedScope: true });
    const { world, privacy } = room;
    const steps = releaseSteps(room);
    for (const statement of [steps.request(0), steps.request(1), steps.release(1)]) world.accept(statement);
    world.advance(3600);
    aborted(room, room.tdc);
    const { spent, reserved } = BUDGET.read(world.read, room.tdps[0].did, 'patients')!;
    assert.deepEqual([spent, reserved], [privacy, { epsilon: 0, delta: 0 }]);
    assert.deepEqual(RELEASE.read(world.read, urnOf(world, 'release', 1))!.reserve, { epsilon: 0, delta: 0 });
  });

  test('once trained, without a release: nothing is charged twice', () => {
    const room = fresh({ room: 'TRAINED' });
    const { world } = room;
    const before = BUDGET.read(world.read, room.tdps[0].did, 'patients');
    aborted(room, room.ccrp);
    assert.deepEqual(BUDGET.read(world.read, room.tdps[0].did, 'patients'), before);
    assert.equal(RUN.read(world.read, room.run)!.state, 'COMPLETED');
  });

  test('past its deadline it is still there to be aborted', () => {
    const room = fresh({ room: 'KEYED' });
    room.world.advance(86_400 * 2);
    aborted(room, room.tdc);
  });

  test('by its own word, the CCRP’s or the SRO’s, once it has trained', () => {
    for (const state of ['TRAINED', 'RELEASED'] as const) {
      for (const by of ['asRoom', 'ccrp', 'sro'] as const) {
        const room = fresh({ room: state });
        const body = { id: room.room, reason: 'done' };
        // Nobody is left to say so of a room that is gone, and whose CCRP is.
        if (by === 'sro') edit(room.world, PARTICIPANT, { state: 'REVOKED' }, room.ccrp.did);
        const who = by === 'sro' ? room.world.sro : room[by];
        room.world.accept(room.world.sign(who, 'cleanroom.terminate', body));
        assert.equal(roomOf(room).state, 'TERMINATED');
        assert.deepEqual(counts(room), { runs: 1, openRooms: 0, openPayments: 1 });
      }
    }
  });

  test('a CCRP that is suspended has no word in it', () => {
    const room = fresh({ room: 'TRAINED' });
    edit(room.world, PARTICIPANT, { state: 'SUSPENDED' }, room.ccrp.did);
    const body = { id: room.room, reason: 'done' };
    const statement = room.world.sign(room.ccrp, 'cleanroom.terminate', body);
    assert.equal(room.world.judge(statement).verdict.reason, 'SIGNER_SUSPENDED');
  });
});
