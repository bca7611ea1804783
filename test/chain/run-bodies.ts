/** Bodies of run.* and model.* for the room of a room world. */
import { CLEANROOM } from '../../src/chain/records/cleanroom.ts';
import { digestOf, type RoomWorld } from './room-world.ts';

export function startBody(room: RoomWorld, change: object = {}) {
  const { world, run: id, room: cleanroom, pipeline, baseModel, datasets } = room;
  const based = CLEANROOM.read(world.read, cleanroom)?.baseModel !== undefined;
  const base = { baseModel: { model: baseModel, digest: digestOf(world, 'base model') } };
  const mounts = datasets.map(({ id, version, ciphertext }) => ({ dataset: id, version, ciphertext }));
  return members({ id, cleanroom, mounts, pipeline, ...(based && base), ...change });
}

export function logBody({ world, run }: RoomWorld, change: object = {}) {
  const spent = { epsilon: 349_600, delta: 10_000_000 };
  return { run, seq: 1, epoch: 1, ...spent, batchRoot: digestOf(world, 'batches'), ...change };
}

export function output({ world }: RoomWorld, change: object = {}) {
  return {
    name: 'model.onnx',
    format: 'onnx',
    digest: digestOf(world, 'files'),
    size: 1_000,
    private: true,
    ...change,
  };
}

export function completeBody(room: RoomWorld, change: object = {}) {
  const spent = { epsilon: 1_494_700, delta: 10_000_000, accountant: 'opacus' };
  return { run: room.run, ...spent, outputs: [output(room)], ...change };
}

export function failBody({ run }: RoomWorld, change: object = {}) {
  return { run, reason: 'out of memory', ...change };
}

export function releaseBody(room: RoomWorld, change: object = {}) {
  const { world, model: id, run, tdc, tdcWrapKid: wrapKid } = room;
  const files = {
    digest: digestOf(world, 'files'),
    files: [],
    ciphertext: digestOf(world, 'model ciphertext'),
  };
  return { id, run, ...files, to: tdc.did, wrapKid, ...change };
}

/** Without members that a change took away. */
function members<T extends object>(body: T): T {
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined)) as T;
}
