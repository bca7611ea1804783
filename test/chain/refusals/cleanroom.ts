/** cleanroom.deploy, .abort and .terminate. */
import { CLEANROOM } from '../../../src/chain/records/cleanroom.ts';
import { CONTRACT } from '../../../src/chain/records/contract.ts';
import { DATASET } from '../../../src/chain/records/dataset.ts';
import { CODE } from '../../../src/chain/records/governance.ts';
import { MODEL } from '../../../src/chain/records/model.ts';
import { deployBody } from '../room-bodies.ts';
import {
  edit,
  participant,
  type RoomOptions,
  type RoomState,
  type RoomWorld,
  roomWorld,
  urnOf,
} from '../room-world.ts';
import type { Member } from '../world.ts';
import { caseList } from './base.ts';
import { CONTRACT_BREACHES, DATASET_BREACHES, SIGNATURE_BREACHES } from './not-in-force.ts';

const { cases, refuses } = caseList();

interface Deployment {
  body?: object;
  pipeline?: object;
  by?: Member;
}
/** `prepare` breaks something, and says what the statement differs in. */
function deploy(
  reason: string,
  what: string,
  prepare: (room: RoomWorld) => Deployment | undefined,
  options: RoomOptions = {},
): void {
  refuses('cleanroom.deploy', reason, what, ({ world }) => {
    const room = roomWorld(world, { room: 'none', ...options });
    const { body, pipeline, by = room.ccrp } = prepare(room) ?? {};
    return world.sign(by, 'cleanroom.deploy', deployBody(room, body, pipeline));
  });
}
/** Something happens, and the statement stays as it is. */
const when = (happens: (room: RoomWorld) => void) => (room: RoomWorld) => {
  happens(room);
  return undefined;
};
const body = (change: (room: RoomWorld) => object) => (room: RoomWorld) => ({ body: change(room) });
const pipeline = (change: (room: RoomWorld) => object) => (room: RoomWorld) => ({ pipeline: change(room) });
/** A second contract, like the first but for this. */
function second(room: RoomWorld, change: object): Deployment {
  const id = urnOf(room.world, 'contract', 2);
  const first = CONTRACT.read(room.world.read, room.contract)!;
  room.world.put(CONTRACT.put({ ...first, ...change }, id));
  return { body: { contracts: [room.contract, id] } };
}

for (const [reason, happens] of [...CONTRACT_BREACHES, ...SIGNATURE_BREACHES, ...DATASET_BREACHES]) {
  deploy(reason, 'the contract is not in force', when(happens));
}
deploy('CONTRACT_REVOKED', 'the second contract', (room) =>
  second(room, { state: 'REVOKED', lastStop: { entry: 0, at: room.world.time, before: 'SIGNED' } }),
);
deploy(
  'ID_MALFORMED',
  'an id of another log',
  body(() => ({ id: 'urn:depa:cleanroom:log.example/other:00000000-0000-4000-8000-000000000001' })),
);
deploy('ID_TAKEN', 'the id of a room', () => undefined, { room: 'PROVISIONED' });
deploy('CCRP_NOT_IN_CONTRACT', 'another CCRP', ({ world }) => ({
  by: participant(world, 'other', ['CCRP']),
}));
deploy('CCRP_NOT_IN_CONTRACT', 'not that of the second contract', (room) =>
  second(room, { ccrp: 'did:web:other.example' }),
);
deploy('TDC_DIFFERS', 'two contracts for two TDCs', (room) => second(room, { tdc: 'did:web:other.example' }));
deploy(
  'CODE_REVOKED',
  'revoked',
  when(({ world, code }) => {
    const lastStop = { entry: 0, at: world.time, before: 'CERTIFIED' };
    edit(world, CODE, { state: 'REVOKED', lastStop }, code);
  }),
);
deploy(
  'CODE_REVOKED',
  'its certification has ended',
  when(({ world, code }) => edit(world, CODE, { notAfter: world.now - 1 }, code)),
);
deploy(
  'CODE_REVOKED',
  'never certified',
  body(({ world }) => ({ code: urnOf(world, 'code', 2) })),
);
deploy('CODE_NOT_IN_CONTRACT', 'other certified code', ({ world, code }) => {
  const other = urnOf(world, 'code', 2);
  world.put(CODE.put(CODE.read(world.read, code)!, other));
  return { body: { code: other } };
});
deploy(
  'PIPELINE_DATASET_OUTSIDE_CONTRACT',
  'another dataset',
  pipeline(({ world }) => ({ datasets: [{ dataset: urnOf(world, 'dataset', 3), version: 1 }] })),
);
deploy(
  'PIPELINE_DATASET_OUTSIDE_CONTRACT',
  'another version',
  pipeline(({ datasets }) => ({ datasets: [{ dataset: datasets[0].id, version: 2 }] })),
);
deploy(
  'PIPELINE_DATASET_OUTSIDE_CONTRACT',
  'one dataset twice',
  pipeline(({ datasets: [{ id }] }) => ({
    datasets: [
      { dataset: id, version: 1 },
      { dataset: id, version: 1 },
    ],
  })),
);
deploy(
  'PIPELINE_DATASET_OUTSIDE_CONTRACT',
  'another base model',
  body(({ baseModel }) => ({ baseModel })),
);
deploy(
  'PIPELINE_DATASET_OUTSIDE_CONTRACT',
  'a base model that nobody registered',
  (room) => {
    room.world.put(MODEL.remove(room.baseModel));
    return { body: { baseModel: room.baseModel } };
  },
  { baseModel: true },
);
deploy(
  'PIPELINE_JOIN_NOT_ALLOWED',
  'a column that is in no contract',
  pipeline(() => ({ joinKeys: ['pk_mobno_hashed', 'name'] })),
);
deploy('PIPELINE_JOIN_NOT_ALLOWED', 'not in the second contract', (room) => second(room, { joinKeys: [] }));
deploy(
  'PIPELINE_TARGET_NOT_ALLOWED',
  'another target',
  pipeline(() => ({ target: 'page' })),
);
deploy(
  'PIPELINE_NOT_PRIVATE',
  'without privacy',
  pipeline(() => ({ private: false })),
);
deploy(
  'PIPELINE_NOT_PRIVATE',
  'an ε of nothing',
  pipeline(() => ({ privacy: { epsilon: 0, delta: 0 } })),
);
deploy('PIPELINE_NOT_PRIVATE', 'a dataset that descends from personal data', (room) => {
  for (const { id, version } of room.datasets) edit(room.world, DATASET, { personal: false }, id, version);
  const { datasets } = CONTRACT.read(room.world.read, room.contract)!;
  const unsaid = datasets.map(({ privacy, ...rest }) => rest);
  edit(room.world, CONTRACT, { datasets: unsaid }, room.contract);
  return { pipeline: { private: false } };
});
deploy(
  'PIPELINE_EPSILON_OVER_CONTRACT',
  'by one',
  pipeline(({ privacy: { epsilon, delta } }) => ({ privacy: { epsilon: epsilon + 1, delta } })),
);
deploy('PIPELINE_EPSILON_OVER_CONTRACT', 'of a dataset that the contract says nothing of', (room) => {
  const { datasets } = CONTRACT.read(room.world.read, room.contract)!;
  const unsaid = datasets.map(({ privacy, ...rest }) => rest);
  edit(room.world, CONTRACT, { datasets: unsaid }, room.contract);
  return undefined;
});
deploy('PIPELINE_EPSILON_OVER_CONTRACT', 'of the second contract', (room) => {
  const { datasets } = CONTRACT.read(room.world.read, room.contract)!;
  const strict = { epsilon: room.privacy.epsilon - 1, delta: room.privacy.delta };
  return second(room, { datasets: datasets.map((of) => ({ ...of, privacy: strict })) });
});
deploy(
  'PIPELINE_DELTA_OVER_CONTRACT',
  'by one',
  pipeline(({ privacy: { epsilon, delta } }) => ({ privacy: { epsilon, delta: delta + 1 } })),
);
deploy(
  'MODEL_RECALLED',
  'the base model',
  ({ world, baseModel }) => {
    edit(world, MODEL, { state: 'RECALLED' }, baseModel);
    return { body: { baseModel } };
  },
  { baseModel: true },
);
deploy(
  'MAX_RUNS_REACHED',
  'one of one',
  when(({ world, contract }) => edit(world, CONTRACT, { runs: 1 }, contract)),
  {
    maxRuns: 1,
  },
);
deploy(
  'DEADLINE_INVALID',
  'now',
  body(({ world }) => ({ deadline: world.now })),
);
deploy(
  'DEADLINE_INVALID',
  'after the contract',
  body(({ expiry }) => ({ deadline: expiry + 1 })),
);

function ends(
  name: 'abort' | 'terminate',
  reason: string,
  what: string,
  state: RoomState,
  by: (room: RoomWorld) => Member,
  change: (room: RoomWorld) => object = () => ({}),
): void {
  refuses(`cleanroom.${name}`, reason, what, ({ world }) => {
    const room = roomWorld(world, { room: state });
    return world.sign(by(room), `cleanroom.${name}`, { id: room.room, reason: 'done', ...change(room) });
  });
}
const nowhere = ({ world }: RoomWorld) => ({ id: urnOf(world, 'cleanroom', 9) });
const ccrp = (room: RoomWorld) => room.ccrp;

ends('abort', 'STATE_WRONG', 'no such room', 'ATTESTED', ccrp, nowhere);
for (const state of ['TERMINATED', 'ABORTED', 'FAILED'] as const) {
  ends('abort', 'STATE_WRONG', state, state, ccrp);
}
ends('abort', 'NOT_A_PARTY', 'a verifier', 'ATTESTED', ({ verifiers }) => verifiers[0]);
ends('abort', 'NOT_A_PARTY', 'the KMS, after the release', 'RELEASED', ({ kms }) => kms);
ends('abort', 'ABORT_TOO_LATE', 'a provider, after a GRANT', 'KEYED', ({ tdps }) => tdps[0]);
ends('abort', 'ABORT_TOO_LATE', 'after the release', 'RELEASED', ccrp);
refuses('cleanroom.abort', 'ABORT_TOO_LATE', 'a provider, after a GRANT that was cancelled', ({ world }) => {
  const room = roomWorld(world);
  edit(world, CLEANROOM, { granted: { entry: 0, at: world.time } }, room.room);
  return world.sign(room.tdps[1], 'cleanroom.abort', { id: room.room, reason: 'done' });
});
ends('terminate', 'STATE_WRONG', 'no such room', 'TRAINED', ccrp, nowhere);
for (const state of [
  'PROVISIONED',
  'ATTESTED',
  'KEYED',
  'TRAINING',
  'TERMINATED',
  'ABORTED',
  'FAILED',
] as const) {
  ends('terminate', 'STATE_WRONG', state, state, ccrp);
}
ends('terminate', 'NOT_A_PARTY', 'the TDC', 'RELEASED', ({ tdc }) => tdc);
refuses('cleanroom.terminate', 'NOT_A_PARTY', 'another room', ({ world }) => {
  const room = roomWorld(world, { room: 'RELEASED' });
  const other = urnOf(world, 'cleanroom', 2);
  world.put(CLEANROOM.put(CLEANROOM.read(world.read, room.room)!, other));
  return world.sign(room.asRoom, 'cleanroom.terminate', { id: other, reason: 'done' });
});
// The frame's part of the one kind that a room or a participant may sign.
refuses('frame', 'DELEGATION_MISSING', 'cleanroom.terminate: a room for another', ({ world }) => {
  const room = roomWorld(world, { room: 'RELEASED' });
  const options = { onBehalf: room.ccrp.did };
  return world.sign(room.asRoom, 'cleanroom.terminate', { id: room.room, reason: 'done' }, options);
});

export default cases;
