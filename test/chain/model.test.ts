import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KindName } from '../../src/chain/kinds/index.ts';
import { recalledAmong } from '../../src/chain/model-ancestry.ts';
import { CLEANROOM } from '../../src/chain/records/cleanroom.ts';
import { DATA_KEY, DATASET } from '../../src/chain/records/dataset.ts';
import { CODE } from '../../src/chain/records/governance.ts';
import { MODEL } from '../../src/chain/records/model.ts';
import { PAYMENT } from '../../src/chain/records/payment.ts';
import { RUN } from '../../src/chain/records/run.ts';
import { PARTICIPANT } from '../../src/chain/state.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import {
  digestOf,
  edit,
  participant,
  type RoomOptions,
  type RoomWorld,
  roomWorld,
  urnOf,
} from './room-world.ts';
import { releaseBody } from './run-bodies.ts';
import { type Member, World } from './world.ts';

/** A room that has trained, and whose payments are settled. */
function trained(options: RoomOptions = {}): RoomWorld {
  const r = roomWorld(World.begin(nodeCrypto), { room: 'TRAINED', ...options });
  edit(r.world, PAYMENT, { state: 'SETTLED' }, r.contract, 0, r.room);
  return r;
}
function step({ world }: RoomWorld, by: Member, kind: KindName, body: object) {
  world.advance(1);
  return world.accept(world.sign(by, kind, body));
}
const release = (r: RoomWorld, change: object = {}) =>
  step(r, r.asRoom, 'model.release', releaseBody(r, change));
const receive = (r: RoomWorld) => {
  const ciphertext = digestOf(r.world, 'model ciphertext');
  return step(r, r.tdc, 'model.receive', { model: r.model, ciphertext });
};
const modelOf = ({ world }: RoomWorld, id: string) => MODEL.read(world.read, id)!;
const reasonOf = ({ world }: RoomWorld, by: Member, kind: KindName, body: object) =>
  world.judge(world.sign(by, kind, body)).verdict.reason;
const made = ({ world }: RoomWorld, n: number, parents: readonly string[]) => {
  const id = urnOf(world, 'model', n);
  return { id, digest: digestOf(world, `model ${n}`), format: 'onnx', parents };
};

test('a model leaves its clean room once, is received, deployed and retired', () => {
  const r = trained({ baseModel: true });
  const { index } = release(r);
  const { owner, digest, format, parents, run, contracts, state, wrapKid } = modelOf(r, r.model);
  assert.deepEqual(
    [owner, format, run, state, wrapKid],
    [r.tdc.did, 'onnx', r.run, 'RELEASED', r.tdcWrapKid],
  );
  assert.deepEqual([parents, contracts, digest], [[r.baseModel], [r.contract], digestOf(r.world, 'files')]);
  assert.equal(RUN.read(r.world.read, r.run)!.model, r.model);
  const { state: roomState, changed } = CLEANROOM.read(r.world.read, r.room)!;
  assert.deepEqual([roomState, changed], ['RELEASED', index]);
  const again = releaseBody(r, { id: urnOf(r.world, 'model', 9) });
  assert.equal(reasonOf(r, r.asRoom, 'model.release', again), 'STATE_WRONG');

  receive(r);
  assert.equal(modelOf(r, r.model).state, 'RECEIVED');
  const deployment = digestOf(r.world, 'where and how');
  step(r, r.tdc, 'model.deploy', { model: r.model, purpose: 'research', deployment });
  assert.equal(modelOf(r, r.model).state, 'DEPLOYED');
  step(r, r.tdc, 'model.retire', { model: r.model });
  assert.equal(modelOf(r, r.model).state, 'RETIRED');
});

test('a stop of a dataset or of the code does not keep a trained model back; one of a party does', () => {
  const r = trained();
  edit(r.world, DATASET, { state: 'WITHDRAWN' }, r.datasets[0].id, 1);
  edit(r.world, CODE, { state: 'REVOKED' }, r.code);
  edit(r.world, PARTICIPANT, { state: 'SUSPENDED' }, r.tdps[0].did);
  assert.equal(reasonOf(r, r.asRoom, 'model.release', releaseBody(r)), 'PARTY_SUSPENDED');
  edit(r.world, PARTICIPANT, { state: 'ACTIVE' }, r.tdps[0].did);
  release(r);
});

test('several files leave together, all of them declared; a payment of another time is not waited for', () => {
  const payments = [{ amount: 1, currency: 'INR', trigger: 'contract.complete' as const }];
  const r = roomWorld(World.begin(nodeCrypto), { room: 'TRAINED', payments });
  const { outputs } = RUN.read(r.world.read, r.run)!;
  const metrics = {
    ...outputs[0]!,
    name: 'metrics.json',
    format: 'json',
    digest: digestOf(r.world, 'metrics'),
  };
  edit(r.world, RUN, { outputs: [...outputs, metrics] }, r.run);
  release(r, { files: [metrics.digest] });
  assert.equal(modelOf(r, r.model).format, 'onnx');
});

test('a base model is registered, with where its key is', () => {
  const r = roomWorld(World.begin(nodeCrypto), { room: 'none' });
  const kms = { did: r.kms.did, dataKeyId: 'https://kms.example/keys/model' };
  const body = made(r, 60, []);
  step(r, r.tdc, 'model.register', { ...body, kms });
  assert.deepEqual([modelOf(r, body.id).state, modelOf(r, body.id).kms], ['BASE', kms]);
  assert.equal(DATA_KEY.read(r.world.read, kms.did, kms.dataKeyId)!.dataset, body.id);
  // The key is the model's now.
  assert.equal(reasonOf(r, r.tdc, 'model.register', { ...made(r, 61, []), kms }), 'DATA_ALREADY_REGISTERED');
});

test('whoever keeps the key of its model itself delegates to nobody', () => {
  const r = roomWorld(World.begin(nodeCrypto), { room: 'none' });
  const body = made(r, 60, []);
  step(r, r.tdc, 'model.register', { ...body, kms: { did: r.tdc.did, dataKeyId: 'own key' } });
  assert.equal(modelOf(r, body.id).kms?.did, r.tdc.did);
});

test('what is derived from a model has its purpose and its recall', () => {
  const r = trained();
  release(r);
  const first = made(r, 60, [r.model]);
  assert.equal(reasonOf(r, r.tdc, 'model.derive', first), 'PARENT_NOT_RELEASED');
  receive(r);
  step(r, r.tdc, 'model.derive', first);
  const second = made(r, 61, [first.id]);
  step(r, r.tdc, 'model.derive', second);
  const deploy = (purpose: string) => ({ model: second.id, purpose });
  assert.equal(reasonOf(r, r.tdc, 'model.deploy', deploy('advertising')), 'PURPOSE_NOT_PERMITTED');

  const before = modelOf(r, first.id);
  step(r, r.world.sro, 'model.recall', { model: r.model, reason: 'a withdrawn source' });
  const { state, lastStop } = modelOf(r, r.model);
  assert.deepEqual([state, lastStop?.before], ['RECALLED', 'RECEIVED']);
  // Nothing but the recalled model was written.
  assert.deepEqual(modelOf(r, first.id), before);
  assert.equal(recalledAmong(r.world.read, [second.id]), r.model);
  assert.equal(reasonOf(r, r.tdc, 'model.deploy', deploy('research')), 'MODEL_RECALLED');
  assert.equal(reasonOf(r, r.tdc, 'model.derive', made(r, 62, [second.id])), 'MODEL_RECALLED');
  assert.equal(reasonOf(r, r.tdc, 'model.register', made(r, 62, [second.id])), 'MODEL_RECALLED');
});

test('an owner recalls its model in any state, and takes one out of use that was never in it', () => {
  for (const state of ['BASE', 'RELEASED', 'RECEIVED', 'DEPLOYED', 'RETIRED'] as const) {
    const r = roomWorld(World.begin(nodeCrypto), { room: 'RELEASED' });
    edit(r.world, MODEL, { state }, r.model);
    step(r, r.tdc, 'model.recall', { model: r.model, reason: 'wrong labels' });
    assert.equal(modelOf(r, r.model).lastStop?.before, state);
  }
  const r = roomWorld(World.begin(nodeCrypto), { room: 'none' });
  step(r, r.tdc, 'model.retire', { model: r.baseModel, reason: 'never used' });
  assert.equal(modelOf(r, r.baseModel).state, 'RETIRED');
});

test('a base model with open weights is for every TDC to build on', () => {
  const r = roomWorld(World.begin(nodeCrypto), { room: 'none' });
  edit(r.world, MODEL, { kms: undefined }, r.baseModel);
  const other = participant(r.world, 'other-tdc', ['TDC']);
  step(r, other, 'model.derive', made(r, 60, [r.baseModel]));
  assert.equal(modelOf(r, urnOf(r.world, 'model', 60)).owner, other.did);
});

test('ancestors are counted once each: a model whose lines meet again is not too deep', () => {
  const r = roomWorld(World.begin(nodeCrypto), { room: 'none' });
  let parents: readonly string[] = [r.baseModel];
  for (let n = 0; n < 20; n++) {
    const layer = [made(r, 200 + 2 * n, parents), made(r, 201 + 2 * n, parents)];
    for (const body of layer) step(r, r.tdc, 'model.derive', body);
    parents = layer.map(({ id }) => id);
  }
  assert.equal(recalledAmong(r.world.read, parents), undefined);
  step(r, r.tdc, 'model.recall', { model: r.baseModel, reason: 'poisoned' });
  assert.equal(recalledAmong(r.world.read, parents), r.baseModel);
});
