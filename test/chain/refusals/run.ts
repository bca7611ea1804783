/** run.*: training in a clean room. */
import { CLEANROOM } from '../../../src/chain/records/cleanroom.ts';
import { CODE } from '../../../src/chain/records/governance.ts';
import { MODEL } from '../../../src/chain/records/model.ts';
import { RUN } from '../../../src/chain/records/run.ts';
import { digestOf, edit, type RoomOptions, type RoomWorld, roomWorld, urnOf } from '../room-world.ts';
import { completeBody, failBody, logBody, output, startBody } from '../run-bodies.ts';
import type { SignOptions } from '../world.ts';
import { caseList } from './base.ts';
import { CONTRACT_BREACHES, DATASET_BREACHES } from './not-in-force.ts';

const { cases, refuses } = caseList();

const NAMES = { start: startBody, log: logBody, complete: completeBody, fail: failBody } as const;
type Name = keyof typeof NAMES;

/** `prepare` breaks something, and says what the body differs in. */
function refused(
  name: Name,
  reason: string,
  what: string,
  prepare: (room: RoomWorld) => { body?: object; sign?: SignOptions } | undefined,
  options: RoomOptions = {},
): void {
  refuses(`run.${name}`, reason, what, ({ world }) => {
    const room = roomWorld(world, { room: name === 'start' ? 'KEYED' : 'TRAINING', ...options });
    const { body, sign } = prepare(room) ?? {};
    return world.sign(room.asRoom, `run.${name}`, NAMES[name](room, body), sign);
  });
}
const body = (change: (room: RoomWorld) => object) => (room: RoomWorld) => ({ body: change(room) });
/** Something happens, and the body stays as it is. */
const when = (happens: (room: RoomWorld) => void) => (room: RoomWorld) => {
  happens(room);
  return undefined;
};
const withBase = { baseModel: true };

for (const [reason, happens] of [...CONTRACT_BREACHES, ...DATASET_BREACHES]) {
  refused('start', reason, 'the contract is not in force', when(happens));
}
refused(
  'start',
  'ID_MALFORMED',
  'an id of another log',
  body(() => ({ id: 'urn:depa:run:log.example/other:00000000-0000-4000-8000-000000000001' })),
);
refused(
  'start',
  'ID_TAKEN',
  'the id of a run',
  when((room) => {
    const run = { state: 'FAILED' as const, reserve: room.privacy, epsilon: 0, delta: 0, logs: 0 };
    const since = { entry: 0, changed: 0, changedAt: 0 };
    room.world.put(RUN.put({ ...run, ...since, cleanroom: room.room, outputs: [] }, room.run));
  }),
);
refused(
  'start',
  'SIGNER_UNKNOWN',
  'for another clean room',
  body(({ world }) => ({ cleanroom: urnOf(world, 'cleanroom', 2) })),
);
for (const state of ['ATTESTED', 'TRAINED', 'RELEASED', 'TERMINATED', 'ABORTED', 'FAILED'] as const) {
  refused(
    'start',
    'STATE_WRONG',
    `the room is ${state}`,
    body(({ world }) => ({ id: urnOf(world, 'run', 2) })),
    {
      room: state,
    },
  );
}
refused(
  'start',
  'STATE_WRONG',
  'a second run of one room',
  body(({ world }) => ({ id: urnOf(world, 'run', 2) })),
  { room: 'TRAINING' },
);
refused(
  'start',
  'STATE_WRONG',
  'past its deadline',
  when(({ world, room }) => edit(world, CLEANROOM, { deadline: world.now - 1 }, room)),
);
refused(
  'start',
  'CODE_REVOKED',
  'revoked meanwhile',
  when(({ world, code }) => edit(world, CODE, { state: 'REVOKED' }, code)),
);
refused(
  'start',
  'CODE_REVOKED',
  'certified no longer',
  when(({ world, code }) => edit(world, CODE, { notAfter: world.now - 1 }, code)),
);
refused(
  'start',
  'CLEANROOM_BLOCKED',
  'contraindicated since',
  when(({ world, room }) => edit(world, CLEANROOM, { blocked: { entry: 1, at: world.time } }, room)),
);
const recall = { state: 'RECALLED' as const };
refused(
  'start',
  'MODEL_RECALLED',
  'its base model',
  when(({ world, baseModel }) => edit(world, MODEL, recall, baseModel)),
  withBase,
);
refused(
  'start',
  'MODEL_RECALLED',
  'what its base model descends from',
  when(({ world, baseModel }) => {
    const parent = urnOf(world, 'model', 7);
    world.put(MODEL.put({ ...MODEL.read(world.read, baseModel)!, ...recall }, parent));
    edit(world, MODEL, { parents: [parent] }, baseModel);
  }),
  withBase,
);
/** The mounts of the honest body, one of them changed. */
const mounts = (change: (mounts: object[], room: RoomWorld) => object[], base = false) =>
  body((room) => {
    const honest = startBody(room).mounts.map((mount) => ({ ...mount }));
    return { ...(base && {}), mounts: change(honest, room) };
  });
refused(
  'start',
  'MOUNT_DIGEST_MISMATCH',
  'another file',
  mounts(([first, second], { world }) => [{ ...first, ciphertext: digestOf(world, 'other') }, second!]),
);
refused(
  'start',
  'MOUNT_DIGEST_MISMATCH',
  'another base model under its name',
  body(({ world, baseModel }) => ({ baseModel: { model: baseModel, digest: digestOf(world, 'other') } })),
  withBase,
);
refused(
  'start',
  'MOUNT_NOT_KEYED',
  'another version',
  mounts(([first, second]) => [{ ...first, version: 2 }, second!]),
);
refused(
  'start',
  'MOUNT_NOT_KEYED',
  'a dataset that the room does not have',
  mounts((honest, { world }) => [...honest, { ...honest[0], dataset: urnOf(world, 'dataset', 9) }]),
);
refused(
  'start',
  'MOUNT_NOT_KEYED',
  'a key that was not received',
  when(({ world, room }) => {
    const { mounts } = CLEANROOM.read(world.read, room)!;
    const without = mounts.map(({ received, ...mount }, i) =>
      i === 0 ? mount : { ...mount, received: 'yes' as const },
    );
    edit(world, CLEANROOM, { mounts: without }, room);
  }),
);
refused(
  'start',
  'PIPELINE_CHANGED',
  'another commitment',
  body(({ world }) => ({ pipeline: digestOf(world, 'other') })),
);
refused(
  'start',
  'PIPELINE_CHANGED',
  'a dataset is left out',
  mounts(([first]) => [first!]),
);
refused(
  'start',
  'PIPELINE_CHANGED',
  'one dataset twice instead of two',
  mounts(([first]) => [first!, first!]),
);
refused(
  'start',
  'PIPELINE_CHANGED',
  'one dataset twice besides the other',
  mounts(([first, second]) => [first!, second!, first!]),
);
refused(
  'start',
  'PIPELINE_CHANGED',
  'a base model that the room was not deployed for',
  body(({ world, baseModel }) => ({
    baseModel: { model: baseModel, digest: digestOf(world, 'base model') },
  })),
);
refused(
  'start',
  'PIPELINE_CHANGED',
  'the base model is left out',
  body(() => ({ baseModel: undefined })),
  withBase,
);

for (const name of ['log', 'complete', 'fail'] as const) {
  refused(
    name,
    'RUN_NOT_OPEN',
    'no such run',
    body(({ world }) => ({ run: urnOf(world, 'run', 9) })),
  );
  refused(
    name,
    'RUN_NOT_OPEN',
    'the run of another room',
    when(({ world, run }) => edit(world, RUN, { cleanroom: urnOf(world, 'cleanroom', 2) }, run)),
  );
  refused(name, 'RUN_NOT_OPEN', 'completed', () => undefined, { room: 'TRAINED' });
  refused(
    name,
    'RUN_NOT_OPEN',
    'failed',
    when(({ world, run, room }) => {
      edit(world, RUN, { state: 'FAILED' }, run);
      edit(world, CLEANROOM, { state: 'FAILED' }, room);
    }),
  );
  refused(
    name,
    'RUN_NOT_OPEN',
    'the room was aborted',
    when(({ world, room }) => edit(world, CLEANROOM, { state: 'ABORTED' }, room)),
  );
}
for (const name of ['log', 'complete'] as const) {
  refused(
    name,
    'RUN_NOT_OPEN',
    'past its deadline',
    when(({ world, room }) => edit(world, CLEANROOM, { deadline: world.now - 1 }, room)),
  );
}

const logged = { epsilon: 500_000, delta: 5_000_000, logs: 1 };
for (const [what, seq] of [
  ['the same number again', 1],
  ['a number is left out', 3],
] as const) {
  refused('log', 'STATE_WRONG', what, ({ world, run }) => {
    edit(world, RUN, logged, run);
    return { body: { seq } };
  });
}
for (const [what, change] of [
  ['ε', { epsilon: 499_999, delta: 5_000_000 }],
  ['δ', { epsilon: 500_000, delta: 4_999_999 }],
] as const) {
  refused('log', 'EPSILON_DECREASED', what, ({ world, run }) => {
    edit(world, RUN, logged, run);
    return { body: { seq: 2, ...change } };
  });
  refused('complete', 'SPEND_BELOW_LOGGED', what, ({ world, run }) => {
    edit(world, RUN, logged, run);
    return { body: change };
  });
}
for (const [what, change] of [
  ['ε', { epsilon: 1_500_001, delta: 0 }],
  ['δ', { epsilon: 0, delta: 10_000_001 }],
] as const) {
  refused(
    'log',
    'EPSILON_OVER_RESERVE',
    what,
    body(() => change),
  );
  refused(
    'complete',
    'SPEND_OVER_RESERVE',
    what,
    body(() => change),
  );
}
for (const [what, change] of [
  ['.pth', { name: 'model', format: 'pth' }],
  ['pickle under another name', { name: 'model.pkl', format: 'onnx' }],
] as const) {
  refused(
    'complete',
    'FORMAT_NOT_SUPPORTED',
    what,
    body((room) => ({ outputs: [output(room), output(room, change)] })),
  );
}
refused(
  'complete',
  'OUTPUT_NOT_PRIVATE',
  'one of several',
  body((room) => ({ outputs: [output(room), output(room, { name: 'metrics.json', private: false })] })),
);

export default cases;
