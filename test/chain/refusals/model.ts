/** model.*: what becomes a model, what leaves a clean room, and what is done with it. */
import { CLEANROOM } from '../../../src/chain/records/cleanroom.ts';
import { CONTRACT } from '../../../src/chain/records/contract.ts';
import { DATA_KEY, DATASET } from '../../../src/chain/records/dataset.ts';
import { MODEL, type ModelRecord } from '../../../src/chain/records/model.ts';
import { PAYMENT } from '../../../src/chain/records/payment.ts';
import { RUN } from '../../../src/chain/records/run.ts';
import { DELEGATION, KEY } from '../../../src/chain/state.ts';
import {
  digestOf,
  edit,
  participant,
  putKey,
  type RoomOptions,
  type RoomState,
  type RoomWorld,
  roomWorld,
  urnOf,
  wrappingKey,
} from '../room-world.ts';
import { releaseBody } from '../run-bodies.ts';
import type { Member } from '../world.ts';
import { caseList } from './base.ts';
import { CONTRACT_BREACHES } from './not-in-force.ts';

const { cases, refuses } = caseList();
type Change = { body?: object; by?: Member } | undefined;
const recalled = { state: 'RECALLED' as const };
const when = (happens: (room: RoomWorld) => void) => (room: RoomWorld) => {
  happens(room);
  return undefined;
};

function releases(
  reason: string,
  what: string,
  prepare: (room: RoomWorld) => Change,
  options: RoomOptions = {},
): void {
  refuses('model.release', reason, what, ({ world }) => {
    const room = roomWorld(world, { room: 'TRAINED', payments: [], ...options });
    const { body, by } = prepare(room) ?? {};
    return world.sign(by ?? room.asRoom, 'model.release', releaseBody(room, body));
  });
}
for (const [reason, happens] of CONTRACT_BREACHES)
  releases(reason, 'the contract does not stand', when(happens));
releases('ID_MALFORMED', 'an id of another log', () => ({
  body: { id: 'urn:depa:model:log.example/other:00000000-0000-4000-8000-000000000001' },
}));
releases('ID_TAKEN', 'the id of the base model', ({ baseModel }) => ({ body: { id: baseModel } }));
releases('RUN_NOT_COMPLETED', 'no such run', ({ world }) => ({ body: { run: urnOf(world, 'run', 9) } }));
releases('RUN_NOT_COMPLETED', 'under way', () => undefined, { room: 'TRAINING' });
releases(
  'RUN_NOT_COMPLETED',
  'failed',
  when(({ world, run }) => edit(world, RUN, { state: 'FAILED' }, run)),
);
releases(
  'RUN_NOT_COMPLETED',
  'the run of another room',
  when(({ world, run }) => edit(world, RUN, { cleanroom: urnOf(world, 'cleanroom', 2) }, run)),
);
for (const room of ['RELEASED', 'TERMINATED'] as const) {
  releases(
    'STATE_WRONG',
    `the room is ${room}`,
    ({ world }) => ({ body: { id: urnOf(world, 'model', 9) } }),
    {
      room,
    },
  );
}
releases(
  'STATE_WRONG',
  'past its deadline',
  when(({ world, room }) => edit(world, CLEANROOM, { deadline: world.now - 1 }, room)),
);
releases(
  'CLEANROOM_BLOCKED',
  'contraindicated since',
  when(({ world, room }) => edit(world, CLEANROOM, { blocked: { entry: 1, at: world.time } }, room)),
);
releases(
  'MODEL_RECALLED',
  'its base model',
  when(({ world, baseModel }) => edit(world, MODEL, recalled, baseModel)),
  { baseModel: true },
);
releases('RELEASE_TO_WRONG_PARTY', 'a provider', ({ tdps }) => ({ body: { to: tdps[0].did } }));
releases(
  'RELEASE_TO_WRONG_PARTY',
  'the TDC of only one of two contracts',
  when(({ world, room, contract, tdps }) => {
    const other = urnOf(world, 'contract', 2);
    const record = CONTRACT.read(world.read, contract)!;
    world.put(CONTRACT.put({ ...record, tdc: tdps[0].did }, other));
    edit(world, CLEANROOM, { contracts: [contract, other] }, room);
  }),
);
releases('RELEASE_KEY_NOT_OF_PARTY', 'an unknown key', ({ world }) => ({
  body: { wrapKid: digestOf(world, 'nobody’s key') },
}));
releases('RELEASE_KEY_NOT_OF_PARTY', 'the key of another', ({ world, tdps }) => ({
  body: { wrapKid: putKey(world, tdps[0].did, wrappingKey(world, 'other'), 'enc', 'wrap') },
}));
releases('RELEASE_KEY_NOT_OF_PARTY', 'a signing key', ({ world, tdc }) => ({
  body: { wrapKid: world.kid(tdc.keys[0]) },
}));
releases(
  'RELEASE_KEY_NOT_OF_PARTY',
  'a revoked key',
  when(({ world, tdcWrapKid }) => {
    edit(world, KEY, { revoked: { entry: 0, at: world.time, reason: 'rotation' } }, tdcWrapKid);
  }),
);
releases(
  'RELEASE_KEY_NOT_OF_PARTY',
  'a key past its time',
  when(({ world, tdcWrapKid }) => edit(world, KEY, { notAfter: world.now - 1 }, tdcWrapKid)),
);
releases('OUTPUT_NOT_DECLARED', 'the model', ({ world }) => ({ body: { digest: digestOf(world, 'other') } }));
releases('OUTPUT_NOT_DECLARED', 'a file beside it', ({ world }) => ({
  body: { files: [digestOf(world, 'files'), digestOf(world, 'raw rows')] },
}));
const ROW = { amount: 500_000, currency: 'INR', trigger: 'model.release' as const };
for (const state of ['DUE', 'HELD', 'REFUNDED', 'FAILED'] as const) {
  releases(
    'PAYMENT_NOT_SETTLED',
    state,
    when(({ world, contract, room }) => {
      edit(world, PAYMENT, { state: 'SETTLED' }, contract, 0, room);
      edit(world, PAYMENT, { state }, contract, 1, room);
    }),
    { payments: [ROW, ROW] },
  );
}
releases(
  'MODEL_CONFINED',
  'one dataset of sensitivity 2',
  when(({ world, datasets }) => edit(world, DATASET, { sensitivity: 2 }, datasets[1].id, 1)),
);

/** A model besides those of the room world. */
function put({ world, tdc }: RoomWorld, change: Partial<ModelRecord> = {}, n = 50): string {
  const id = urnOf(world, 'model', n);
  const record = { owner: tdc.did, digest: digestOf(world, `model ${n}`), format: 'onnx', parents: [] };
  const state = { contracts: [], state: 'BASE' as const, entry: 0, changed: 0, changedAt: world.time };
  world.put(MODEL.put({ ...record, ...state, ...change }, id));
  return id;
}
/** Another TDC. */
const rival = ({ world }: RoomWorld) => participant(world, 'rival-tdc', ['TDC']);

/** What model.register and model.derive have in common. */
for (const name of ['register', 'derive'] as const) {
  const refused = (reason: string, what: string, prepare: (room: RoomWorld) => Change) =>
    refuses(`model.${name}`, reason, what, ({ world }) => {
      const room = roomWorld(world, { room: 'TRAINED' });
      const { body, by } = prepare(room) ?? {};
      const honest = { digest: digestOf(world, 'new'), format: 'onnx', parents: [put(room)] };
      const id = urnOf(world, 'model', 60);
      return world.sign(by ?? room.tdc, `model.${name}`, { id, ...honest, ...body });
    });
  refused('ID_MALFORMED', 'an id of another log', () => ({
    body: { id: 'urn:depa:model:log.example/other:00000000-0000-4000-8000-000000000001' },
  }));
  refused('ID_TAKEN', 'the id of a model', ({ baseModel }) => ({ body: { id: baseModel } }));
  refused('FORMAT_NOT_SUPPORTED', 'pickle', () => ({ body: { format: 'pytorch' } }));
  refused('MODEL_RECALLED', 'a parent', (room) => ({ body: { parents: [put(room, recalled, 51)] } }));
  refused('MODEL_RECALLED', 'the parent of a parent', (room) => {
    const recalledOne = put(room, recalled, 51);
    return { body: { parents: [put(room, { parents: [recalledOne] }, 52)] } };
  });
  refused('PARENT_NOT_RELEASED', 'an unknown parent', ({ world }) => ({
    body: { parents: [urnOf(world, 'model', 51)] },
  }));
  for (const state of ['RELEASED', 'RETIRED'] as const) {
    refused('PARENT_NOT_RELEASED', `a parent that is ${state}`, (room) => ({
      body: { parents: [put(room, { state }, 51)] },
    }));
  }
  refused('PARENT_NOT_RELEASED', 'a parent that another TDC has', (room) => ({
    body: { parents: [put(room, { state: 'RECEIVED', owner: rival(room).did }, 51)] },
  }));
  refused('PARENT_NOT_RELEASED', 'a base model of another, with secret weights', (room) => ({
    by: rival(room),
    body: { parents: [room.baseModel] },
  }));
  refused('STATE_WRONG', 'too many ancestors', (room) => {
    let last = put(room, {}, 200);
    for (let n = 201; n < 265; n++) last = put(room, { parents: [last] }, n);
    return { body: { parents: [last] } };
  });
}
function registers(reason: string, what: string, prepare: (room: RoomWorld) => void): void {
  refuses('model.register', reason, what, ({ world }) => {
    const room = roomWorld(world, { room: 'none' });
    prepare(room);
    const honest = { digest: digestOf(world, 'new'), format: 'onnx', parents: [] };
    const kms = { did: room.kms.did, dataKeyId: 'https://kms.example/keys/new' };
    return world.sign(room.tdc, 'model.register', { id: urnOf(world, 'model', 60), ...honest, kms });
  });
}
registers('KMS_NOT_DELEGATED', 'no delegation', ({ world, tdc, kms }) => {
  world.put(DELEGATION.remove(tdc.did, kms.did, 'kms'));
});
registers(
  'KMS_NOT_DELEGATED',
  'a delegation that does not cover the model',
  ({ world, tdc, kms, datasets }) => {
    edit(world, DELEGATION, { scope: [datasets[0].id] }, tdc.did, kms.did, 'kms');
  },
);
registers('DATA_ALREADY_REGISTERED', 'the key of a dataset', ({ world, kms, datasets }) => {
  world.put(DATA_KEY.put({ dataset: datasets[0].id }, kms.did, 'https://kms.example/keys/new'));
});

/** What an owner does with a model, once it was released. */
function uses(
  name: 'receive' | 'deploy' | 'retire' | 'recall',
  reason: string,
  what: string,
  prepare: (room: RoomWorld) => Change,
): void {
  refuses(`model.${name}`, reason, what, ({ world }) => {
    const room = roomWorld(world, { room: 'RELEASED' });
    if (name === 'deploy' || name === 'retire') edit(world, MODEL, { state: 'RECEIVED' }, room.model);
    const { body, by } = prepare(room) ?? {};
    const honest = {
      receive: { ciphertext: digestOf(world, 'model ciphertext') },
      deploy: { purpose: 'research' },
      retire: {},
      recall: { reason: 'wrong labels' },
    }[name];
    return world.sign(by ?? room.tdc, `model.${name}`, { model: room.model, ...honest, ...body });
  });
}
const inState = (state: ModelRecord['state']) =>
  when(({ world, model }) => edit(world, MODEL, { state }, model));

for (const name of ['receive', 'deploy', 'retire', 'recall'] as const) {
  uses(name, 'MODEL_NOT_RELEASED', 'no such model', ({ world }) => ({
    body: { model: urnOf(world, 'model', 50) },
  }));
}
for (const name of ['receive', 'deploy', 'retire'] as const) {
  uses(name, 'MODEL_NOT_RELEASED', 'the model of another', (room) => ({ by: rival(room) }));
}
uses('receive', 'MODEL_NOT_RELEASED', 'another ciphertext', ({ world }) => ({
  body: { ciphertext: digestOf(world, 'other') },
}));
uses('receive', 'MODEL_NOT_RELEASED', 'a base model', ({ baseModel }) => ({ body: { model: baseModel } }));
for (const name of ['receive', 'deploy', 'retire', 'recall'] as const) {
  uses(name, 'MODEL_RECALLED', 'the model', inState('RECALLED'));
}
uses('deploy', 'MODEL_RECALLED', 'what it descends from', (room) => {
  edit(room.world, MODEL, { parents: [put(room, recalled)] }, room.model);
  return undefined;
});
uses('deploy', 'PURPOSE_NOT_PERMITTED', 'another purpose than the contract’s', () => ({
  body: { purpose: 'advertising' },
}));
uses('deploy', 'PURPOSE_NOT_PERMITTED', 'another purpose than that of an ancestor’s contract', (room) => {
  const { world, contract, model } = room;
  const other = urnOf(world, 'contract', 2);
  world.put(CONTRACT.put({ ...CONTRACT.read(world.read, contract)!, purpose: 'advertising' }, other));
  edit(world, MODEL, { parents: [put(room, { contracts: [other] })] }, model);
  return undefined;
});
uses('deploy', 'PURPOSE_NOT_PERMITTED', 'not one of the policy’s', ({ world }) => {
  world.accept(world.sign(world.sro, 'policy.publish', world.policy({ purposes: ['teaching'] })));
  return undefined;
});
const wrong: Readonly<
  Record<'receive' | 'deploy' | 'retire', readonly RoomState[] | readonly ModelRecord['state'][]>
> = {
  receive: ['RECEIVED', 'DEPLOYED', 'RETIRED'],
  deploy: ['RELEASED', 'DEPLOYED', 'RETIRED'],
  retire: ['RELEASED', 'RETIRED'],
};
for (const [name, states] of Object.entries(wrong)) {
  for (const state of states) {
    uses(name as keyof typeof wrong, 'STATE_WRONG', state, inState(state as ModelRecord['state']));
  }
}
uses('recall', 'ROLE_NOT_HELD', 'the model of another', (room) => ({ by: rival(room) }));

export default cases;
