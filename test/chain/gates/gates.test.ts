import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { decide, decideProven, GATES, type GateStep, gateNamed } from '../../../src/chain/gates/index.ts';
import { CLEANROOM } from '../../../src/chain/records/cleanroom.ts';
import { CONTRACT } from '../../../src/chain/records/contract.ts';
import { BUDGET, DATASET } from '../../../src/chain/records/dataset.ts';
import { AGREEMENT, APPRAISAL_POLICY, CODE } from '../../../src/chain/records/governance.ts';
import { MODEL } from '../../../src/chain/records/model.ts';
import { PAYMENT } from '../../../src/chain/records/payment.ts';
import { RELEASE } from '../../../src/chain/records/release.ts';
import { RUN } from '../../../src/chain/records/run.ts';
import { DELEGATION, KEY, PARTICIPANT } from '../../../src/chain/state.ts';
import { toHex } from '../../../src/core/bytes.ts';
import { isLedgerError } from '../../../src/core/errors.ts';
import { nodeCrypto as crypto } from '../../../src/platform/crypto-node.ts';
import { digestOf, edit, type RoomWorld, urnOf } from '../room-world.ts';
import { World } from '../world.ts';
import { grantedRoom, questions, roomOf, worldFor } from './questions.ts';

const DAY = 86_400_000;
const other = (r: RoomWorld) => digestOf(r.world, 'another');
const stop = (r: RoomWorld, before: string) => ({ entry: 0, at: r.world.time, before });

// biome-ignore lint/suspicious/noExplicitAny: requests and changes of every shape.
type Any = any;
/** What is changed of the allowed case: the state, and answers changes of the request. */
type Case = (r: RoomWorld) => Any;
const ask = (change: (r: RoomWorld) => object): Case => change;
const put = (change: (r: RoomWorld) => unknown): Case => {
  return (r) => {
    change(r);
  };
};
const contract = (change: (r: RoomWorld) => object) =>
  put((r) => edit(r.world, CONTRACT, change(r), r.contract));
const room = (change: (r: RoomWorld) => object) => put((r) => edit(r.world, CLEANROOM, change(r), r.room));
const dataset = (change: (r: RoomWorld) => object) =>
  put((r) => edit(r.world, DATASET, change(r), r.datasets[0].id, 1));
const release = (change: (r: RoomWorld) => object) =>
  put((r) => edit(r.world, RELEASE, change(r), urnOf(r.world, 'release')));
const run = (change: (r: RoomWorld) => object) => put((r) => edit(r.world, RUN, change(r), r.run));
const provider = (change: (r: RoomWorld) => object) =>
  put((r) => edit(r.world, PARTICIPANT, change(r), r.tdps[0].did));
const budget = (change: object) =>
  put((r) => edit(r.world, BUDGET, change, r.tdps[0].did, r.datasets[0].scope));
const denied = (denial: string) => release(() => ({ state: 'DENIED', denial }));

const CONTRACT_CASES: Record<string, Case> = {
  CONTRACT_NOT_FOUND: put((r) => r.world.put(CONTRACT.remove(r.contract))),
  CONTRACT_DECLINED: contract(() => ({ state: 'DECLINED' })),
  CONTRACT_LAPSED: contract((r) => ({ state: 'PARTLY_SIGNED', lapses: r.world.time - 1 })),
  CONTRACT_NOT_FULLY_SIGNED: contract(() => ({ state: 'PARTLY_SIGNED' })),
  CONTRACT_SUPERSEDED: contract(() => ({ state: 'SUPERSEDED' })),
  CONTRACT_COMPLETED: contract(() => ({ state: 'COMPLETED' })),
  CONTRACT_REVOKED: contract((r) => ({ state: 'REVOKED', lastStop: stop(r, 'SIGNED') })),
  CONTRACT_NOT_STARTED: contract((r) => ({ start: r.world.now + 10 })),
  CONTRACT_EXPIRED: contract((r) => ({ expiry: r.world.now - 10 })),
  PARTY_REVOKED: provider((r) => ({ state: 'REVOKED', lastStop: stop(r, 'ACTIVE') })),
  PARTY_SUSPENDED: provider((r) => ({ state: 'SUSPENDED', lastStop: stop(r, 'ACTIVE') })),
  PARTY_VALIDITY_ENDED: provider((r) => ({ validUntil: r.world.now - 10 })),
  PARTY_AGREEMENT_LAPSED: put((r) => {
    const id = urnOf(r.world, 'agreement');
    const current = { version: 2, digest: other(r), acceptBy: r.world.now - 10, entry: 0 };
    r.world.put(AGREEMENT.put(current, id));
    edit(r.world, PARTICIPANT, { agreement: { id, version: 1 } }, r.tdps[0].did);
  }),
};
const SIGNING_KEY_REVOKED = put((r) => {
  const revoked = { entry: 1, at: r.world.time, reason: 'compromise' as const, since: r.world.now - 10 };
  edit(r.world, KEY, { revoked }, r.world.kid(r.tdps[0].keys[0]));
});
const STILL_IN_FORCE_CASES: Record<string, Case> = {
  ...CONTRACT_CASES,
  DATASET_WITHDRAWN: dataset((r) => ({ state: 'WITHDRAWN', lastStop: stop(r, 'PUBLISHED') })),
  DATASET_SUSPENDED: dataset((r) => ({ state: 'SUSPENDED', lastStop: stop(r, 'PUBLISHED') })),
  DATASET_EXPIRED: dataset((r) => ({ retentionUntil: r.world.now - 10 })),
};
const IN_FORCE_CASES: Record<string, Case> = { ...STILL_IN_FORCE_CASES, SIGNING_KEY_REVOKED };
const ROOM_CASES: Record<string, Case> = {
  CLEANROOM_BLOCKED: room((r) => ({ blocked: { entry: 0, at: r.world.time } })),
  DEADLINE_PASSED: room((r) => ({ deadline: r.world.now - 10 })),
};
const CODE_REVOKED = put((r) => {
  edit(r.world, CODE, { state: 'REVOKED', lastStop: stop(r, 'CERTIFIED') }, r.code);
});
/** Denials of the machine, as the release says them. */
const DENIED = [
  ...Object.keys(IN_FORCE_CASES),
  ...['KEY_ALREADY_RELEASED', 'KEY_DATASET_NOT_IN_CONTRACT', 'APPRAISAL_STALE', 'CODE_REVOKED'],
  ...['BUDGET_EXHAUSTED', 'BUDGET_DELTA_EXHAUSTED', 'PAYMENT_NOT_HELD', 'KMS_NOT_FOR_DATASET'],
];

/** For each reason of each gate, what makes it the answer. */
const CASES: { readonly [Step in GateStep]: Record<string, Case> } = {
  'dataset.register': {
    DATASET_NOT_FOUND: ask(() => ({ version: 2 })),
    PROVIDER_MISMATCH: ask((r) => ({ provider: r.tdps[1].did })),
    CIPHERTEXT_MISMATCH: ask((r) => ({ ciphertext: other(r) })),
    DATA_KEY_MISMATCH: ask(() => ({ dataKeyId: 'https://kms.example/keys/9' })),
    DATASET_SUPERSEDED: dataset(() => ({ state: 'SUPERSEDED' })),
    DATASET_WITHDRAWN: IN_FORCE_CASES.DATASET_WITHDRAWN!,
    DATASET_SUSPENDED: IN_FORCE_CASES.DATASET_SUSPENDED!,
    DATASET_EXPIRED: IN_FORCE_CASES.DATASET_EXPIRED!,
    PROVIDER_NOT_ACTIVE: IN_FORCE_CASES.PARTY_SUSPENDED!,
    KMS_NOT_DELEGATED: put((r) =>
      edit(r.world, DELEGATION, { revoked: true }, r.tdps[0].did, r.kms.did, 'kms'),
    ),
  },
  'contract.activate': {
    ...IN_FORCE_CASES,
    CONTRACT_DIGEST_MISMATCH: ask((r) => ({ text: other(r) })),
  },
  'cleanroom.deploy': {
    ...IN_FORCE_CASES,
    ...ROOM_CASES,
    CLEANROOM_NOT_FOUND: ask((r) => ({ cleanroom: urnOf(r.world, 'cleanroom', 9) })),
    CLEANROOM_STATE_WRONG: room(() => ({ state: 'ABORTED' })),
    CODE_REVOKED,
    DEPLOYER_MISMATCH: ask((r) => ({ deployer: r.tdc.did })),
    CODE_MISMATCH: ask((r) => ({ code: urnOf(r.world, 'code', 9) })),
    PIPELINE_CHANGED: ask((r) => ({ pipeline: other(r) })),
  },
  'key.release': {
    ...Object.fromEntries(DENIED.map((code) => [code, denied(code)])),
    ...ROOM_CASES,
    DATA_KEY_MISMATCH: ask(() => ({ dataKeyId: 'https://kms.example/keys/2' })),
    CLEANROOM_NOT_FOUND: put((r) => r.world.put(CLEANROOM.remove(r.room))),
    CLEANROOM_STATE_WRONG: room(() => ({ state: 'ABORTED' })),
    CLEANROOM_NOT_ATTESTED: room(() => ({ wrapKid: undefined })),
    RELEASE_NOT_FOUND: ask((r) => ({ release: urnOf(r.world, 'release', 9) })),
    RELEASE_MISMATCH: ask((r) => ({ subject: r.datasets[1].id })),
    RELEASE_NOT_DECIDED: release(() => ({ state: 'REQUESTED', nonce: undefined })),
    NONCE_MISMATCH: ask((r) => ({ nonce: other(r) })),
    RELEASE_DENIED: denied('SOMETHING_LATER'),
    RELEASE_CANCELLED: release(() => ({ state: 'CANCELLED' })),
    RELEASE_ALREADY_RECEIVED: release(() => ({ state: 'RECEIVED' })),
    RELEASE_EXPIRED: release((r) => ({ expires: r.world.time })),
    RELEASE_SUPERSEDED: room((r) => {
      const [first, ...rest] = roomOf(r).mounts;
      return { mounts: [{ ...first!, release: urnOf(r.world, 'release', 9) }, ...rest] };
    }),
    WRAPPING_KEY_MISMATCH: ask((r) => ({ wrapKid: other(r) })),
    MOUNT_NOT_GRANTED: room((r) => {
      const [first, second] = roomOf(r).mounts;
      return { mounts: [first!, { ...second!, expires: r.world.time }] };
    }),
  },
  'run.start': {
    ...STILL_IN_FORCE_CASES,
    ...ROOM_CASES,
    CLEANROOM_NOT_FOUND: ask((r) => ({ cleanroom: urnOf(r.world, 'cleanroom', 9) })),
    CLEANROOM_STATE_WRONG: room(() => ({ state: 'KEYED' })),
    CODE_REVOKED,
    RUN_NOT_FOUND: ask((r) => ({ run: urnOf(r.world, 'run', 9) })),
    RUN_NOT_OPEN: run(() => ({ state: 'FAILED' })),
    PIPELINE_CHANGED: ask((r) => ({ pipeline: other(r) })),
    MOUNT_NOT_KEYED: ask((r) => ({ mounts: questions(r)['run.start'].mounts.slice(1) })),
    MOUNT_DIGEST_MISMATCH: ask((r) => {
      const [first, ...rest] = questions(r)['run.start'].mounts;
      return { mounts: [{ ...first!, ciphertext: other(r) }, ...rest] };
    }),
  },
  'budget.spend': {
    ...ROOM_CASES,
    CLEANROOM_NOT_FOUND: put((r) => r.world.put(CLEANROOM.remove(r.room))),
    CLEANROOM_STATE_WRONG: room(() => ({ state: 'ABORTED' })),
    RUN_NOT_FOUND: ask((r) => ({ run: urnOf(r.world, 'run', 9) })),
    RUN_NOT_OPEN: run(() => ({ state: 'COMPLETED' })),
    EPSILON_DECREASED: (r) => {
      edit(r.world, RUN, { epsilon: 2 }, r.run);
      return { epsilon: 1 };
    },
    EPSILON_OVER_RESERVE: ask((r) => ({ epsilon: r.privacy.epsilon + 1 })),
    DELTA_OVER_RESERVE: ask((r) => ({ delta: r.privacy.delta + 1 })),
    BUDGET_EXHAUSTED: budget({ allocated: { epsilon: 1, delta: 1_000_000_000 } }),
    BUDGET_DELTA_EXHAUSTED: budget({ allocated: { epsilon: 100_000_000, delta: 1 } }),
  },
  'model.release': {
    ...CONTRACT_CASES,
    MODEL_NOT_FOUND: ask((r) => ({ model: urnOf(r.world, 'model', 9) })),
    MODEL_NOT_RELEASED: ask((r) => ({ run: urnOf(r.world, 'run', 9) })),
    MODEL_RECALLED: put((r) =>
      edit(r.world, MODEL, { state: 'RECALLED', lastStop: stop(r, 'RELEASED') }, r.model),
    ),
    MODEL_ALREADY_RECEIVED: put((r) => edit(r.world, MODEL, { state: 'RECEIVED' }, r.model)),
    RELEASE_TO_WRONG_PARTY: ask((r) => ({ to: r.ccrp.did })),
    RELEASE_KEY_NOT_OF_PARTY: ask((r) => ({ wrapKid: other(r) })),
    CIPHERTEXT_MISMATCH: ask((r) => ({ ciphertext: other(r) })),
    RUN_NOT_COMPLETED: run(() => ({ state: 'FAILED' })),
    PAYMENT_NOT_SETTLED: put((r) => edit(r.world, PAYMENT, { state: 'HELD' }, r.contract, 0, r.room)),
  },
  'payment.settle': {
    PAYMENT_NOT_IN_TERMS: ask(() => ({ row: 1 })),
    PAYMENT_SERVICE_MISMATCH: ask((r) => ({ service: r.tdc.did })),
    PAYEE_MISMATCH: ask((r) => ({ payee: r.tdc.did })),
    AMOUNT_MISMATCH: ask(() => ({ amount: 1 })),
    CURRENCY_MISMATCH: ask(() => ({ currency: 'EUR' })),
    PAYMENT_NOT_HELD: put((r) => edit(r.world, PAYMENT, { state: 'DUE' }, r.contract, 0, r.room)),
    PAYMENT_CLOSED: put((r) => edit(r.world, PAYMENT, { state: 'REFUNDED' }, r.contract, 0, r.room)),
    RUN_NOT_COMPLETED: run(() => ({ state: 'FAILED' })),
  },
};

const answer = (r: RoomWorld, step: GateStep, change: object = {}) => {
  const request = { ...questions(r)[step], ...change } as Any;
  return decide(step, request, r.world.time, r.world.read);
};
const begin = (step: GateStep) => worldFor(step, World.begin(crypto));

for (const { step, reasons } of GATES) {
  describe(step, () => {
    test('is allowed when nothing speaks against it', () => {
      const { decision, reason } = answer(begin(step), step);
      assert.deepEqual([decision, reason], ['allow', null]);
    });

    for (const [code, change] of Object.entries(CASES[step])) {
      test(`${code}`, () => {
        const r = begin(step);
        const asked = change(r);
        assert.equal(answer(r, step, asked).reason, code);
      });
    }

    test('every reason that it declares has a case', () => {
      assert.deepEqual(Object.keys(CASES[step]).sort(), Object.keys(reasons).sort());
    });

    test('rests on what it reads: without any one of the records there is no answer', () => {
      const r = begin(step);
      const request = questions(r)[step] as Any;
      const { reads } = answer(r, step);
      const facts = reads.map((key) => ({ key, value: r.world.read(key) ?? null }));
      const whole = decideProven(step, request, r.world.time, facts);
      assert.deepEqual([whole.decision, whole.reads.map(toHex)], ['allow', reads.map(toHex)]);
      for (const dropped of facts) {
        assert.throws(
          () =>
            decideProven(
              step,
              request,
              r.world.time,
              facts.filter((fact) => fact !== dropped),
            ),
          (error) => isLedgerError(error, 'BUNDLE_INCOMPLETE'),
        );
      }
    });

    test('a request of another form is refused, not answered', () => {
      const r = begin(step);
      const request = questions(r)[step] as Any;
      const [first] = gateNamed(step)!.members;
      const forms = [
        {},
        { ...request, extra: 1 },
        { ...request, [first!]: 7 },
        { ...request, [first!]: undefined },
      ];
      for (const form of forms) {
        assert.throws(
          () => decide(step, form as Any, r.world.time, r.world.read),
          (error) => isLedgerError(error, 'SCHEMA_INVALID'),
        );
      }
    });
  });
}

test('a signature that turns out void stops nobody who has the keys', () => {
  const answers = {
    'contract.activate': 'SIGNING_KEY_REVOKED',
    'cleanroom.deploy': 'SIGNING_KEY_REVOKED',
    'key.release': null,
    'run.start': null,
    'model.release': null,
  } as const;
  for (const [step, reason] of Object.entries(answers) as [GateStep, string | null][]) {
    const r = begin(step);
    SIGNING_KEY_REVOKED(r);
    assert.equal(answer(r, step).reason, reason, step);
  }
});

describe('a gate that would catch', () => {
  test('does not get away with it: the missing record ends the decision all the same', () => {
    const r = grantedRoom(World.begin(crypto));
    const { reads } = answer(r, 'key.release');
    const facts = reads.map((key) => ({ key, value: r.world.read(key) ?? null })).slice(0, -1);
    const gate = gateNamed('key.release')!;
    const { decide: honest } = gate;
    const careless: typeof honest = (...args) => {
      try {
        return honest(...args);
      } catch {
        return undefined;
      }
    };
    Object.assign(gate, { decide: careless });
    try {
      assert.throws(
        () => decideProven('key.release', questions(r)['key.release'] as Any, r.world.time, facts),
        (error) => isLedgerError(error, 'BUNDLE_INCOMPLETE'),
      );
    } finally {
      Object.assign(gate, { decide: honest });
    }
  });
});

describe('key.release with full: true reads again what the machine had decided by', () => {
  const full = (change: Case = () => undefined) => {
    const r = grantedRoom(World.begin(crypto), { baseModel: true });
    change(r);
    return answer(r, 'key.release', { full: true }).reason;
  };
  const cases: Record<string, Case> = {
    ...IN_FORCE_CASES,
    // The provider's key has signed the delegation too, which is asked for first.
    SIGNING_KEY_REVOKED: put((r) => {
      const revoked = { entry: 1, at: r.world.time, reason: 'void' as const };
      edit(r.world, KEY, { revoked }, r.world.kid(r.tdc.keys[0]));
    }),
    CODE_REVOKED,
    KMS_NOT_FOR_DATASET: put((r) =>
      edit(r.world, DELEGATION, { revoked: true }, r.tdps[0].did, r.kms.did, 'kms'),
    ),
    APPRAISAL_STALE: room((r) => ({ attestedHead: r.world.time - DAY })),
    CLEANROOM_BLOCKED: put((r) => edit(r.world, MODEL, { state: 'RECALLED' }, r.baseModel)),
    BUDGET_EXHAUSTED: budget({ reserved: { epsilon: 0, delta: 1_000_000_000 } }),
    BUDGET_DELTA_EXHAUSTED: budget({ allocated: { epsilon: 100_000_000, delta: 1 } }),
  };
  test('who vouches for the room is what the machine has asked, and nothing is handed over that it has not granted', () => {
    const r = grantedRoom(World.begin(crypto));
    edit(r.world, APPRAISAL_POLICY, { version: 2 }, r.appraisalPolicy);
    assert.equal(answer(r, 'key.release', { full: true }).decision, 'allow');
  });
  test('and allows when all of it still holds', () => assert.equal(full(), null));
  for (const [code, change] of Object.entries(cases)) {
    test(code, () => assert.equal(full(change), code));
  }
  test('the basic form rests on the grant alone', () => {
    const r = grantedRoom(World.begin(crypto));
    CODE_REVOKED(r);
    assert.equal(answer(r, 'key.release').decision, 'allow');
  });
  test('a base model is released like a dataset', () => {
    const r = grantedRoom(World.begin(crypto), { baseModel: true });
    const asked = {
      ...{ release: urnOf(r.world, 'release', 3), subject: r.baseModel, version: undefined },
      ...{ dataKeyId: 'https://kms.example/keys/base', nonce: digestOf(r.world, 'nonce 3'), full: true },
    };
    assert.equal(answer(r, 'key.release', asked).reason, null);
  });
});

test('steps that no gate opens are no steps', () => {
  const { read, time } = World.begin(crypto);
  for (const step of ['', 'key.request', '__proto__', 'constructor']) {
    assert.throws(
      () => decide(step, {}, time, read),
      (error) => isLedgerError(error, 'ARGUMENT_INVALID'),
    );
  }
});
