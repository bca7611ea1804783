import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { decide } from '../../src/chain/gates/index.ts';
import { release as releaseKind } from '../../src/chain/kinds/key-release.ts';
import { CLEANROOM } from '../../src/chain/records/cleanroom.ts';
import { CONTRACT } from '../../src/chain/records/contract.ts';
import { BUDGET, DATASET } from '../../src/chain/records/dataset.ts';
import { CODE } from '../../src/chain/records/governance.ts';
import { MODEL } from '../../src/chain/records/model.ts';
import { PAYMENT } from '../../src/chain/records/payment.ts';
import { RELEASE, RELEASED } from '../../src/chain/records/release.ts';
import { KEY, PARTICIPANT } from '../../src/chain/state.ts';
import type { Bytes } from '../../src/core/bytes.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import { CONTRACT_BREACHES, DATASET_BREACHES, SIGNATURE_BREACHES } from './refusals/not-in-force.ts';
import { releaseSteps } from './room-bodies.ts';
import {
  delegation,
  digestOf,
  edit,
  participant,
  type RoomOptions,
  type RoomWorld,
  roomWorld,
  urnOf,
} from './room-world.ts';
import { World } from './world.ts';

const NOTHING = { epsilon: 0, delta: 0 };

function fresh(options: RoomOptions = {}) {
  const room = roomWorld(World.begin(nodeCrypto), options);
  room.world.advance(1);
  return { room, world: room.world, steps: releaseSteps(room) };
}
const roomOf = ({ world, room }: RoomWorld) => CLEANROOM.read(world.read, room)!;
const releaseOf = ({ world }: RoomWorld, n: number) => RELEASE.read(world.read, urnOf(world, 'release', n))!;
const budgetOf = ({ world, datasets }: RoomWorld, at: 0 | 1 = 0) =>
  BUDGET.read(world.read, datasets[at].provider.did, datasets[at].scope)!;
/** The reason of a denial; null: a GRANT. */
function decided(world: World, statement: Bytes): string | null {
  const { verdict, detail } = world.apply(statement);
  assert.equal(verdict.outcome, 'ok', `${verdict.reason}: ${detail}`);
  return verdict.reason;
}
/** What the KMS learns when it asks the gate. */
function gate(room: RoomWorld, n: number, nonce = `nonce ${n}`): string | null {
  const { world, datasets, kms, wrapKey } = room;
  const { id, version, dataKeyId } = datasets[n === 2 ? 1 : 0];
  const request = {
    ...{ release: urnOf(world, 'release', n), kms: kms.did, subject: id, version, dataKeyId },
    ...{ nonce: digestOf(world, nonce), wrapKid: world.crypto.sha256(wrapKey) },
  };
  return decide('key.release', request as never, world.time, world.read).reason;
}

describe('a key is released', () => {
  test('for every mount: requested, granted, received; with the last one the room is KEYED', () => {
    const { room, world, steps } = fresh({ baseModel: true });
    for (const statement of [steps.request(0), steps.request(1), steps.requestBase()])
      world.accept(statement);
    const asked = releaseOf(room, 1);
    assert.deepEqual([asked.state, asked.reserve, asked.kms], ['REQUESTED', NOTHING, room.kms.did]);
    assert.deepEqual(asked.wrapKid, world.crypto.sha256(room.wrapKey));
    const { index } = world.accept(steps.release(1));
    assert.equal(gate(room, 1), 'MOUNT_NOT_GRANTED');
    world.advance(1);
    for (const n of [2, 3]) world.accept(steps.release(n));
    assert.equal(gate(room, 1), null);
    assert.equal(gate(room, 1, 'another nonce'), 'NONCE_MISMATCH');
    assert.deepEqual(roomOf(room).granted, { entry: index, at: world.time - 1000 });
    for (const at of [0, 1] as const) assert.deepEqual(budgetOf(room, at).reserved, room.privacy);
    assert.deepEqual(releaseOf(room, 3).reserve, NOTHING);
    assert.equal(releaseOf(room, 2).expires, world.time + 60_000);
    world.advance(59);
    for (const n of [1, 2]) world.accept(steps.receive(n));
    assert.equal(roomOf(room).state, 'ATTESTED');
    world.accept(steps.receive(3));
    const { state, mounts } = roomOf(room);
    assert.equal(state, 'KEYED');
    for (const mount of mounts) assert.deepEqual([mount.received, mount.expires], ['yes', undefined]);
    assert.equal(gate(room, 1), 'RELEASE_ALREADY_RECEIVED');
  });

  test('by a provider that keeps its keys itself', () => {
    const { room, world, steps } = fresh();
    const { id, version } = room.datasets[0];
    edit(world, DATASET, { kms: room.tdps[0].did }, id, version);
    world.accept(steps.request());
    const body = { id: urnOf(world, 'release', 1), nonce: digestOf(world, 'nonce') };
    assert.equal(decided(world, world.sign(room.tdps[0], 'key.release', body)), null);
  });

  test('without a charge, if the data is not personal', () => {
    const { room, world, steps } = fresh({ budget: NOTHING });
    const { id, version } = room.datasets[0];
    edit(world, DATASET, { personal: false, charges: [] }, id, version);
    world.accept(steps.request());
    assert.equal(decided(world, steps.release()), null);
    assert.deepEqual(releaseOf(room, 1).reserve, NOTHING);
  });

  test('with a charge to every budget that the data descends from', () => {
    const { room, world, steps } = fresh();
    const { id, version } = room.datasets[0];
    const charges = room.datasets.map(({ provider, scope }) => ({ provider: provider.did, scope }));
    edit(world, DATASET, { personal: false, charges }, id, version);
    world.accept(steps.request());
    assert.equal(decided(world, steps.release()), null);
    for (const at of [0, 1] as const) assert.deepEqual(budgetOf(room, at).reserved, room.privacy);
  });
});

/** Why a request is denied that was good when it was made. */
type Case = readonly [reason: string, what: string, happens: (room: RoomWorld) => void];
const CASES: readonly Case[] = [
  [
    'KEY_ALREADY_RELEASED',
    'granted',
    ({ world, datasets }) => granted(world, datasets[0].dataKeyId, 'GRANTED'),
  ],
  [
    'KEY_ALREADY_RELEASED',
    'received',
    ({ world, datasets }) => granted(world, datasets[0].dataKeyId, 'RECEIVED'),
  ],
  [
    'DATA_KEY_MISMATCH',
    'the key of another dataset',
    ({ world, datasets }) =>
      edit(world, RELEASE, { dataKeyId: datasets[1].dataKeyId }, urnOf(world, 'release')),
  ],
  [
    'DATA_KEY_MISMATCH',
    'not as the contract has it',
    ({ world, contract }) => {
      const { datasets } = CONTRACT.read(world.read, contract)!;
      const other = datasets.map((dataset) => ({ ...dataset, dataKeyId: 'another' }));
      edit(world, CONTRACT, { datasets: other }, contract);
    },
  ],
  [
    'KEY_DATASET_NOT_IN_CONTRACT',
    'another contract',
    ({ world }) => edit(world, RELEASE, { contract: urnOf(world, 'contract', 2) }, urnOf(world, 'release')),
  ],
  [
    'KEY_DATASET_NOT_IN_CONTRACT',
    'not mounted',
    (room) => edit(room.world, CLEANROOM, { mounts: roomOf(room).mounts.slice(1) }, room.room),
  ],
  ['APPRAISAL_STALE', 'by time', ({ world }) => world.advance(601)],
  [
    'APPRAISAL_STALE',
    'for another wrapping key',
    ({ world, room }) => edit(world, CLEANROOM, { wrapKid: digestOf(world, 'other') }, room),
  ],
  [
    'CODE_REVOKED',
    'revoked',
    ({ world, code }) => {
      const lastStop = { entry: 99, at: world.time, before: 'CERTIFIED' };
      edit(world, CODE, { state: 'REVOKED', lastStop }, code);
    },
  ],
  ['CODE_REVOKED', 'ended', ({ world, code }) => edit(world, CODE, { notAfter: world.now - 1 }, code)],
  [
    'CLEANROOM_BLOCKED',
    'by an entry',
    ({ world, room }) => edit(world, CLEANROOM, { blocked: { entry: 9, at: world.time } }, room),
  ],
  ['CLEANROOM_BLOCKED', 'aborted', ({ world, room }) => edit(world, CLEANROOM, { state: 'ABORTED' }, room)],
  [
    'CLEANROOM_BLOCKED',
    'past its deadline',
    ({ world, room }) => edit(world, CLEANROOM, { deadline: world.now - 1 }, room),
  ],
  [
    'CLEANROOM_BLOCKED',
    'a party was suspended and reinstated',
    ({ world, tdc }) => {
      edit(world, PARTICIPANT, { lastStop: { entry: 99, at: world.time, before: 'ACTIVE' } }, tdc.did);
    },
  ],
  [
    'CLEANROOM_BLOCKED',
    'its own key was revoked',
    ({ world, asRoom }) => {
      const revoked = { entry: 9, at: world.time, reason: 'compromise' as const, since: world.now };
      edit(world, KEY, { revoked }, world.kid(asRoom.keys[0]));
    },
  ],
  [
    'CLEANROOM_BLOCKED',
    'its base model was recalled',
    ({ world, room, baseModel }) => {
      edit(world, CLEANROOM, { baseModel }, room);
      edit(world, MODEL, { state: 'RECALLED' }, baseModel);
    },
  ],
  [
    'BUDGET_EXHAUSTED',
    'one too little',
    (room) => {
      const { epsilon, delta } = room.privacy;
      allocate(room, { epsilon: epsilon - 1, delta });
    },
  ],
  [
    'BUDGET_DELTA_EXHAUSTED',
    'one too little',
    (room) => {
      const { epsilon, delta } = room.privacy;
      allocate(room, { epsilon, delta: delta - 1 });
    },
  ],
  ...(['DUE', 'REFUNDED', 'FAILED'] as const).map(
    (state): Case => [
      'PAYMENT_NOT_HELD',
      state,
      ({ world, contract, room }) => edit(world, PAYMENT, { state }, contract, 0, room),
    ],
  ),
  [
    'PAYMENT_NOT_HELD',
    'no payment at all',
    ({ world, contract, room }) => world.put(PAYMENT.remove(contract, 0, room)),
  ],
  // Who owns the data is asked for before anything is decided: by a breach of another party.
  ...[...CONTRACT_BREACHES, ...SIGNATURE_BREACHES, ...DATASET_BREACHES]
    .filter(([reason]) => reason !== 'CONTRACT_NOT_FOUND')
    .map(
      ([reason, happens]): Case => [
        reason,
        'not in force',
        (room) => {
          withGrant(room);
          happens(ofTheOther(room));
        },
      ],
    ),
];
/** The room has a key already: what stops since does not block it. */
function withGrant(room: RoomWorld): void {
  const [first, ...others] = roomOf(room).mounts;
  const mounts = [first!, ...others.map((mount) => ({ ...mount, release: urnOf(room.world, 'release', 2) }))];
  edit(room.world, CLEANROOM, { mounts }, room.room);
}
/** The same room, seen from its second provider. */
const ofTheOther = (room: RoomWorld): RoomWorld => ({ ...room, tdps: [room.tdps[1], room.tdps[0]] });

function granted(world: World, dataKeyId: string, state: 'GRANTED' | 'RECEIVED'): void {
  const id = urnOf(world, 'release', 9);
  const asked = RELEASE.read(world.read, urnOf(world, 'release'))!;
  world.put(
    RELEASE.put({ ...asked, state, expires: world.time }, id),
    RELEASED.put({ release: id }, asked.cleanroom, asked.kms, dataKeyId),
  );
}
function allocate({ world, datasets }: RoomWorld, allocated: { epsilon: number; delta: number }): void {
  edit(world, BUDGET, { allocated }, datasets[0].provider.did, datasets[0].scope);
}

describe('a key is denied, and that is logged', () => {
  for (const [reason, what, happens] of CASES) {
    test(`${reason}: ${what}`, () => {
      const { room, world, steps } = fresh();
      world.accept(steps.request());
      happens(room);
      const before = new Map(world.state);
      const asked = releaseOf(room, 1);
      assert.equal(decided(world, steps.release()), reason);
      const index = world.entries.length - 1;
      const { state, denial, nonce, ...rest } = releaseOf(room, 1);
      assert.deepEqual([state, denial, nonce], ['DENIED', reason, digestOf(world, 'nonce 1')]);
      const { state: _, ...unchanged } = { ...asked, changed: index, changedAt: world.time };
      assert.deepEqual(rest, unchanged);
      world.put(RELEASE.put(asked, urnOf(world, 'release')));
      assert.deepEqual(world.state, before);
    });
  }

  test('KMS_NOT_FOR_DATASET: a stranger, in whosever name, decides nothing', () => {
    const { room, world, steps } = fresh();
    world.accept(steps.request());
    const stranger = participant(world, 'stranger', ['KMS', 'TDP']);
    delegation(world, room.tdps[0], stranger, 'kms');
    const body = { id: urnOf(world, 'release', 1), nonce: digestOf(world, 'theirs') };
    for (const [signer, onBehalf] of [
      [stranger, room.tdps[0]],
      [stranger, stranger],
      [room.kms, room.tdps[1]],
      [room.tdps[0], room.tdps[0]],
    ] as const) {
      const before = new Map(world.state);
      const options = signer === onBehalf ? {} : { onBehalf: onBehalf.did };
      assert.equal(decided(world, world.sign(signer, 'key.release', body, options)), 'KMS_NOT_FOR_DATASET');
      assert.deepEqual(world.state, before);
    }
    assert.equal(decided(world, steps.release()), null);
  });

  test('for any of several contracts that is not in force', () => {
    const { room, world, steps } = fresh();
    const other = urnOf(world, 'contract', 2);
    world.put(CONTRACT.put({ ...CONTRACT.read(world.read, room.contract)!, state: 'COMPLETED' }, other));
    edit(world, CLEANROOM, { contracts: [room.contract, other] }, room.room);
    world.accept(steps.request());
    assert.equal(decided(world, steps.release()), 'CONTRACT_COMPLETED');
  });

  test('every denial that is declared has a case, and no other is answered', () => {
    const seen = new Set([...CASES.map(([reason]) => reason), 'KMS_NOT_FOR_DATASET', 'CONTRACT_NOT_FOUND']);
    assert.deepEqual([...seen].sort(), Object.keys(releaseKind.denials!).sort());
  });
});

describe('who comes second', () => {
  test('two KMSs that race for the last of a budget cannot both win', () => {
    for (const order of [
      [1, 2],
      [2, 1],
    ] as const) {
      const { room, world, steps } = fresh({
        sharedScope: true,
        budget: { epsilon: 1_500_000, delta: 10_000_000 },
      });
      const other = participant(world, 'other-kms', ['KMS']);
      delegation(world, room.tdps[0], other, 'kms');
      edit(world, DATASET, { kms: other.did }, room.datasets[1].id, 1);
      const mounts = roomOf(room).mounts.map((m, i) => (i === 1 ? { ...m, kms: other.did } : m));
      edit(world, CLEANROOM, { mounts }, room.room);
      world.accept(steps.request(0));
      world.accept(steps.request(1));
      const answers = order.map((n) =>
        decided(world, n === 1 ? steps.release(1) : releaseSteps({ ...room, kms: other }).release(2)),
      );
      assert.deepEqual(answers, [null, 'BUDGET_EXHAUSTED']);
      assert.deepEqual(budgetOf(room).reserved, room.privacy);
    }
  });

  test('the same release asked twice gives the same answer, whatever was decided', () => {
    const { room, world, steps } = fresh();
    for (const n of [1, 2]) {
      world.accept(steps.request((n - 1) as 0 | 1));
      if (n === 2) edit(world, PAYMENT, { state: 'DUE' }, room.contract, 0, room.room);
      const statement = steps.release(n);
      const answer = decided(world, statement);
      const record = releaseOf(room, n);
      edit(world, PAYMENT, { state: 'HELD' }, room.contract, 0, room.room);
      assert.equal(world.apply(statement).verdict.reason, 'DUPLICATE');
      assert.equal(world.apply(steps.release(n, 'another nonce')).verdict.reason, 'STATE_WRONG');
      assert.deepEqual(releaseOf(room, n), record);
      assert.equal(answer, n === 1 ? null : 'PAYMENT_NOT_HELD');
    }
  });

  test('a second request for a key that is granted is denied until the grant expires', () => {
    const { room, world, steps } = fresh();
    world.accept(steps.request(0, 1));
    world.accept(steps.release(1));
    world.accept(steps.request(0, 11));
    world.accept(steps.request(0, 12));
    world.advance(60);
    assert.equal(decided(world, steps.release(11, 'n', 0)), 'KEY_ALREADY_RELEASED');
    world.advance(1);
    assert.equal(decided(world, steps.release(12, 'n', 0)), null);
    assert.equal(releaseOf(room, 12).replaces, urnOf(world, 'release', 1));
  });
});

describe('a grant that expires', () => {
  /** A grant of the first dataset that nobody received, on a budget for exactly one. */
  function expired() {
    const made = fresh({ budget: { epsilon: 1_500_000, delta: 10_000_000 } });
    const { world, steps } = made;
    world.accept(steps.request(0, 1));
    world.accept(steps.release(1));
    world.advance(61);
    return made;
  }

  test('counts as spent: it stays reserved, and is not handed over any more', () => {
    const { room, world, steps } = expired();
    assert.equal(gate(room, 1), 'RELEASE_EXPIRED');
    assert.equal(world.judge(steps.cancel()).verdict.reason, 'STATE_WRONG');
    assert.deepEqual(budgetOf(room).reserved, room.privacy);
  });

  test('moves its charge to the grant that replaces it, as often as that happens', () => {
    const { room, world, steps } = expired();
    for (const n of [11, 12]) {
      world.accept(steps.request(0, n));
      assert.equal(decided(world, steps.release(n, `nonce ${n}`, 0)), null);
      assert.deepEqual(budgetOf(room).reserved, room.privacy);
      assert.deepEqual(releaseOf(room, n).reserve, room.privacy);
      assert.deepEqual(releaseOf(room, n === 11 ? 1 : 11).reserve, NOTHING);
      if (n === 11) world.advance(61);
    }
    assert.equal(roomOf(room).mounts[0]!.release, urnOf(world, 'release', 12));
    world.accept(steps.receive(12));
    assert.equal(roomOf(room).mounts[0]!.received, 'yes');
  });

  test('is spent still after the one that replaced it was cancelled', () => {
    const { room, world, steps } = expired();
    world.accept(steps.request(0, 11));
    world.accept(steps.release(11, 'n', 0));
    world.accept(steps.cancel(11));
    assert.deepEqual(budgetOf(room).reserved, room.privacy);
    assert.deepEqual([releaseOf(room, 1).reserve, releaseOf(room, 11).reserve], [room.privacy, NOTHING]);
    assert.equal(roomOf(room).mounts[0]!.release, urnOf(world, 'release', 1));
    world.accept(steps.request(0, 12));
    assert.equal(decided(world, steps.release(12, 'n', 0)), null);
    assert.deepEqual(budgetOf(room).reserved, room.privacy);
  });

  test('and is received all the same blocks the room; its charge is there already', () => {
    const { room, world, steps } = expired();
    const { index } = world.accept(steps.receive());
    assert.deepEqual(roomOf(room).blocked, { entry: index, at: world.time });
    assert.deepEqual([roomOf(room).state, releaseOf(room, 1).state], ['ATTESTED', 'RECEIVED']);
    const { spent, reserved } = budgetOf(room);
    assert.deepEqual([spent, reserved], [NOTHING, room.privacy]);
    world.accept(steps.request(1));
    assert.equal(decided(world, steps.release(2)), 'CLEANROOM_BLOCKED');
  });
});

describe('a grant that was cancelled', () => {
  test('is free again, and the key can be asked for once more', () => {
    const { room, world, steps } = fresh({ budget: { epsilon: 1_500_000, delta: 10_000_000 } });
    world.accept(steps.request(0, 1));
    world.accept(steps.release(1));
    world.accept(steps.cancel(1));
    assert.equal(gate(room, 1), 'RELEASE_CANCELLED');
    assert.deepEqual([releaseOf(room, 1).state, budgetOf(room).reserved], ['CANCELLED', NOTHING]);
    world.accept(steps.request(0, 11));
    assert.equal(decided(world, steps.release(11, 'n', 0)), null);
    assert.deepEqual(budgetOf(room).reserved, room.privacy);
  });

  test('is none: a room with no other is blocked by a stop that came since', () => {
    const { room, world, steps } = fresh();
    for (const statement of [steps.request(0, 1), steps.release(1), steps.request(0, 11)])
      world.accept(statement);
    world.accept(steps.cancel(1));
    edit(world, PARTICIPANT, { lastStop: { entry: 99, at: world.time, before: 'ACTIVE' } }, room.tdps[1].did);
    assert.equal(decided(world, steps.release(11, 'n', 0)), 'CLEANROOM_BLOCKED');
  });

  test('and is received all the same is charged again as far as there is a budget, and blocks the room', () => {
    for (const left of [true, false]) {
      const { room, world, steps } = fresh({ budget: { epsilon: 1_500_000, delta: 10_000_000 } });
      world.accept(steps.request());
      world.accept(steps.release());
      world.accept(steps.cancel());
      if (!left) edit(world, BUDGET, { spent: { epsilon: 1, delta: 0 } }, room.tdps[0].did, 'patients');
      world.accept(steps.receive());
      assert.ok(roomOf(room).blocked);
      assert.deepEqual(budgetOf(room).spent, left ? room.privacy : { epsilon: 1, delta: 0 });
      assert.deepEqual(budgetOf(room).reserved, NOTHING);
    }
  });

  test('and was replaced: what is received late is a second charge', () => {
    const { room, world, steps } = fresh();
    world.accept(steps.request(0, 1));
    world.accept(steps.release(1));
    world.accept(steps.cancel(1));
    world.accept(steps.request(0, 11));
    world.accept(steps.release(11, 'n', 0));
    world.accept(steps.receive(1));
    const { spent, reserved } = budgetOf(room);
    assert.deepEqual([spent, reserved], [room.privacy, room.privacy]);
    world.accept(steps.receive(11));
    assert.equal(roomOf(room).mounts[0]!.received, 'yes');
  });
});

test('a key that comes to a room after its end is logged, and charged once only', () => {
  const { room, world, steps } = fresh();
  world.accept(steps.request());
  world.accept(steps.release());
  world.accept(world.sign(room.ccrp, 'cleanroom.abort', { id: room.room, reason: 'gone' }));
  world.accept(steps.receive());
  assert.equal(releaseOf(room, 1).state, 'RECEIVED');
  assert.deepEqual([roomOf(room).state, budgetOf(room).spent], ['ABORTED', room.privacy]);
});
