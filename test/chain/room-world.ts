/**
 * A clean room and all that it stands on, made from records: two providers with a personal dataset each, a consumer, a
 * CCRP, a KMS that both providers (and the owner of the base model) delegate to, two verifiers, a payment service;
 * anchors, an appraisal policy, certified code, a base model, a SIGNED contract; and a room in the state asked for.
 * No entry stands behind any of it, so the kinds that make these records are not needed.
 * @example
 * const r = roomWorld(World.begin(nodeCrypto), { room: 'ATTESTED' });
 * r.world.accept(r.world.sign(r.asRoom, 'key.request', requestBody(r, 0)));
 */
import { add } from '../../src/chain/budget.ts';
import { NO_PRIVACY, type Privacy } from '../../src/chain/privacy.ts';
import type { KeyPart, RecordType } from '../../src/chain/record.ts';
import {
  AFFIRMATION,
  CLEANROOM,
  CLEANROOM_STATES,
  EVIDENCE,
  EVIDENCE_ID,
  type Mount,
} from '../../src/chain/records/cleanroom.ts';
import { CONTRACT, type PaymentRow } from '../../src/chain/records/contract.ts';
import { BUDGET, DATASET } from '../../src/chain/records/dataset.ts';
import { ANCHORS, APPRAISAL_POLICY, CODE } from '../../src/chain/records/governance.ts';
import { MODEL } from '../../src/chain/records/model.ts';
import { PAYMENT } from '../../src/chain/records/payment.ts';
import { RELEASE, RELEASED } from '../../src/chain/records/release.ts';
import { RUN } from '../../src/chain/records/run.ts';
import { settleRoom } from '../../src/chain/settlement.ts';
import { DELEGATION, type DelegateRole, KEY, PARTICIPANT, type Role } from '../../src/chain/state.ts';
import { type Bytes, utf8 } from '../../src/core/bytes.ts';
import { encodeCoseKey } from '../../src/cose/key.ts';
import type { Member, World } from './world.ts';

export type RoomState = (typeof CLEANROOM_STATES)[number];

export interface RoomOptions {
  /** `none`: everything is ready for cleanroom.deploy. */
  room?: RoomState | 'none';
  /** What the pipeline spends of each dataset, and what the contract allows. */
  privacy?: Privacy;
  /** Allocated to each scope. */
  budget?: Privacy;
  /** Both datasets are of one provider and one population. */
  sharedScope?: boolean;
  /** With a base model whose weights are secret: a third mount. */
  baseModel?: boolean;
  maxRuns?: number;
  quorum?: number;
  payments?: readonly Omit<PaymentRow, 'payee'>[];
}

export interface TestDataset {
  id: string;
  version: number;
  provider: Member;
  scope: string;
  dataKeyId: string;
  ciphertext: Bytes;
}

export interface RoomWorld {
  world: World;
  tdps: readonly [Member, Member];
  tdc: Member;
  ccrp: Member;
  kms: Member;
  verifiers: readonly [Member, Member];
  payment: Member;
  code: string;
  contract: string;
  anchors: string;
  appraisalPolicy: string;
  baseModel: string;
  datasets: readonly [TestDataset, TestDataset];
  privacy: Privacy;
  hostData: Bytes;
  /** Commitment to the pipeline. */
  pipeline: Bytes;
  /** Unix seconds. */
  expiry: number;
  room: string;
  /** The room as a signer: its URN and its attested key. */
  asRoom: Member;
  /** COSE_Key that data keys are wrapped to. */
  wrapKey: Bytes;
  evidence: Bytes;
  evidenceId: Bytes;
  run: string;
  model: string;
  /** An `enc` key of the TDC. */
  tdcWrapKid: Bytes;
}

const DAY = 86_400;
/** ε 1.5 and δ 1e-5 for each run; for two runs there is just enough. */
const PRIVACY: Privacy = { epsilon: 1_500_000, delta: 10_000_000 };
export const KEY_ID = 'https://kms.example/keys/';

/** `n` tells objects of one type apart. */
export function urnOf({ origin }: Pick<World, 'origin'>, type: string, n = 1): string {
  return `urn:depa:${type}:${origin}:00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
}

/** 32 bytes that depend on `what` only. */
export function digestOf({ crypto }: Pick<World, 'crypto'>, what: string): Bytes {
  return crypto.sha256(utf8(what));
}

/** An X25519 key in listed form. */
export function wrappingKey(world: World, name: string): Bytes {
  const bytes = digestOf(world, `x25519 ${name}`);
  bytes[31]! &= 0x3f;
  return encodeCoseKey({ algorithm: 'X25519', bytes });
}

/** Changes members of a record that is there; `undefined` removes one. */
export function edit<T extends object, Id extends readonly KeyPart[]>(
  world: World,
  type: RecordType<T, Id>,
  change: { readonly [K in keyof T]?: T[K] | undefined },
  ...id: Id
): void {
  const members = Object.entries({ ...type.read(world.read, ...id)!, ...change });
  world.put(type.put(Object.fromEntries(members.filter(([, value]) => value !== undefined)) as T, ...id));
}

/** An ACTIVE participant that nobody registered. */
export function participant(world: World, name: string, roles: readonly Role[]): Member {
  const member = world.member(name);
  const since = { changed: 0, changedAt: world.time };
  const state = { state: 'ACTIVE' as const, requested: roles, roles, keys: [world.kid(member.keys[0])] };
  world.put(PARTICIPANT.put({ did: member.did, ...state, endpoints: [], ...since }, member.did));
  putKey(world, member.did, encodeCoseKey(member.keys[0].publicKey), 'sig', 'main');
  return member;
}

export function putKey(world: World, owner: string, key: Bytes, use: 'sig' | 'enc', alias: string): Bytes {
  const kid = world.crypto.sha256(key);
  world.put(KEY.put({ owner, key, use, alias, added: 0, addedAt: world.time, addedBy: null }, kid));
  return kid;
}

export function delegation(world: World, grantor: Member, delegate: Member, role: DelegateRole): void {
  const parties = { grantor: grantor.did, delegate: delegate.did, role, kid: world.kid(grantor.keys[0]) };
  const since = { changed: 0, changedAt: world.time, revoked: false };
  world.put(DELEGATION.put({ ...parties, ...since }, grantor.did, delegate.did, role));
}

export function roomWorld(world: World, options: RoomOptions = {}): RoomWorld {
  const { privacy = PRIVACY, room = 'ATTESTED', sharedScope = false } = options;
  const icmr = participant(world, 'icmr-room', ['TDP']);
  const cowin = participant(world, 'cowin-room', ['TDP']);
  const tdps = [icmr, sharedScope ? icmr : cowin] as const;
  const tdc = participant(world, 'tdc-room', ['TDC']);
  const asRoom = { did: urnOf(world, 'cleanroom'), keys: [world.key('room')] as const };
  const r: RoomWorld = {
    world,
    tdps,
    tdc,
    ccrp: participant(world, 'ccrp-room', ['CCRP']),
    kms: participant(world, 'kms-room', ['KMS']),
    verifiers: [
      participant(world, 'verifier-1', ['VERIFIER']),
      participant(world, 'verifier-2', ['VERIFIER']),
    ],
    payment: participant(world, 'payment-room', ['CONTRACT_SERVICE']),
    code: urnOf(world, 'code'),
    contract: urnOf(world, 'contract'),
    anchors: urnOf(world, 'anchors'),
    appraisalPolicy: urnOf(world, 'appraisal-policy'),
    baseModel: urnOf(world, 'model', 100),
    datasets: [dataset(world, 1, tdps[0], 'patients'), dataset(world, 2, tdps[1], 'patients')],
    privacy,
    hostData: digestOf(world, 'host data'),
    pipeline: digestOf(world, 'pipeline'),
    expiry: world.now + 30 * DAY,
    room: asRoom.did,
    asRoom,
    wrapKey: wrappingKey(world, 'room'),
    evidence: digestOf(world, 'evidence'),
    evidenceId: digestOf(world, 'evidence id'),
    run: urnOf(world, 'run'),
    model: urnOf(world, 'model'),
    tdcWrapKid: putKey(world, tdc.did, wrappingKey(world, 'tdc'), 'enc', 'wrap'),
  };
  for (const owner of [...tdps, tdc]) delegation(world, owner, r.kms, 'kms');
  putGovernance(r);
  putDatasets(r, options.budget ?? add(privacy, privacy));
  putContract(r, options);
  if (room !== 'none') putRoom(r, room, options.baseModel ?? false);
  return r;
}

function dataset(world: World, n: number, provider: Member, scope: string): TestDataset {
  const ciphertext = digestOf(world, `ciphertext ${n}`);
  return {
    id: urnOf(world, 'dataset', n),
    version: 1,
    provider,
    scope,
    dataKeyId: `${KEY_ID}${n}`,
    ciphertext,
  };
}

function putGovernance({ world, code, anchors, appraisalPolicy, hostData, baseModel, tdc, kms }: RoomWorld) {
  const version = { version: 1, entry: 0 };
  world.put(
    ANCHORS.put({ ...version, tee: 'simulated', digest: digestOf(world, 'anchors') }, anchors),
    APPRAISAL_POLICY.put({ ...version, digest: digestOf(world, 'appraisal policy') }, appraisalPolicy),
    CODE.put(
      {
        state: 'CERTIFIED',
        hostData: [hostData],
        ledgerTrust: digestOf(world, 'trust.json'),
        accountantTrusted: 'opacus',
        entry: 0,
      },
      code,
    ),
    MODEL.put(
      {
        owner: tdc.did,
        digest: digestOf(world, 'base model'),
        format: 'onnx',
        parents: [],
        contracts: [],
        kms: { did: kms.did, dataKeyId: `${KEY_ID}base` },
        state: 'BASE',
        entry: 0,
        changed: 0,
        changedAt: world.time,
      },
      baseModel,
    ),
  );
}

function putDatasets({ world, datasets, kms, privacy }: RoomWorld, allocated: Privacy): void {
  for (const { id, version, provider, scope, dataKeyId, ciphertext } of datasets) {
    const record = {
      ...{ provider: provider.did, name: id, ciphertext, format: 'csv', kms: kms.did, dataKeyId },
      ...{ sensitivity: 1, personal: true, scope, purposes: ['research'], parents: [], budget: privacy },
      ...{ joinKeys: ['pk_mobno_hashed'], targets: ['icmr_test_result'], state: 'PUBLISHED' as const },
      ...{ charges: [{ provider: provider.did, scope }], entry: 0, changed: 0, changedAt: world.time },
    };
    const budget = { allocated, spent: NO_PRIVACY, reserved: NO_PRIVACY };
    world.put(DATASET.put(record, id, version), BUDGET.put(budget, provider.did, scope));
  }
}

function putContract(r: RoomWorld, { maxRuns = 2, quorum = 1, payments, baseModel }: RoomOptions): void {
  const { world, tdps, tdc, ccrp, verifiers, datasets, privacy } = r;
  const providers = [...new Set(tdps)];
  const signatories = [tdc, ...providers, ccrp];
  const rows = payments ?? [{ amount: 500_000, currency: 'INR', trigger: 'model.release' as const }];
  const record = {
    ...{
      version: 1,
      proposal: digestOf(world, 'proposal'),
      entry: 0,
      text: digestOf(world, 'contract text'),
    },
    ...{ tdc: tdc.did, tdps: providers.map(({ did }) => did), ccrp: ccrp.did, paymentService: r.payment.did },
    signatories: signatories.map(({ did }) => did),
    datasets: datasets.map(({ id, version, provider, dataKeyId }) => {
      return { id, version, provider: provider.did, dataKeyId, privacy };
    }),
    ...{ purpose: 'research', start: world.now - DAY, expiry: r.expiry, lapses: world.time + DAY * 1000 },
    ...{ maxRuns, code: [r.code], verifiers: verifiers.map(({ did }) => did), quorum },
    ...{ appraisalPolicy: r.appraisalPolicy, joinKeys: ['pk_mobno_hashed'], targets: ['icmr_test_result'] },
    payments: rows.map((row, i) => ({ ...row, payee: providers[i % providers.length]!.did })),
    ...{ revocation: [], state: 'SIGNED' as const, runs: 0, openRooms: 0, openPayments: 0 },
    signatures: signatories.map(({ did, keys }) => ({
      did,
      kid: world.kid(keys[0]),
      entry: 0,
      at: world.time,
    })),
    ...(baseModel && { baseModel: r.baseModel }),
    ...{ changed: 0, changedAt: world.time },
  };
  world.put(CONTRACT.put(record, r.contract));
}

/** Whether a room in `state` has come as far as `step`. Rooms that ended without a run have come to ATTESTED. */
function reached(state: RoomState, step: RoomState): boolean {
  if (state === 'ABORTED' || state === 'FAILED') return step === 'PROVISIONED' || step === 'ATTESTED';
  return CLEANROOM_STATES.indexOf(state) >= CLEANROOM_STATES.indexOf(step);
}

function putRoom(r: RoomWorld, state: RoomState, baseModel: boolean): void {
  const { world, room, contract, kms } = r;
  const at = world.entries.length - 1;
  const ended = state === 'TERMINATED' || state === 'ABORTED' || state === 'FAILED';
  const mounts: Mount[] = r.datasets.map(({ id, version, dataKeyId }) => {
    return { subject: id, version, kms: kms.did, dataKeyId, contract: 0 };
  });
  if (baseModel) mounts.push({ subject: r.baseModel, kms: kms.did, dataKeyId: `${KEY_ID}base`, contract: 0 });
  const record = {
    ...{ contracts: [contract], deployer: r.ccrp.did, code: r.code, pipeline: r.pipeline },
    ...{ privacy: r.privacy, mounts, deadline: world.now + DAY, state, evidence: 0 },
    ...{ entry: at, entryId: digestOf(world, 'deploy'), at: world.time, changed: at, changedAt: world.time },
    ...(baseModel && { baseModel: r.baseModel }),
  };
  world.put(CLEANROOM.put(record, room));
  const { payments, tdc } = CONTRACT.read(world.read, contract)!;
  const paid = reached(state, 'ATTESTED') ? ('HELD' as const) : ('DUE' as const);
  for (const [row, { payee, amount, currency }] of payments.entries()) {
    const since = { changed: at, changedAt: world.time };
    world.put(
      PAYMENT.put({ payer: tdc, payee, amount, currency, state: paid, ...since }, contract, row, room),
    );
  }
  edit(world, CONTRACT, { runs: 1, openRooms: ended ? 0 : 1, openPayments: payments.length }, contract);
  if (reached(state, 'ATTESTED')) attest(r);
  if (reached(state, 'KEYED')) release(r);
  if (reached(state, 'TRAINING')) run(r, reached(state, 'TRAINED'));
  if (reached(state, 'RELEASED')) putModel(r);
}

/** One affirmed piece of evidence. */
function attest(r: RoomWorld): void {
  const { world, room, asRoom, wrapKey, evidence, evidenceId, verifiers, appraisalPolicy } = r;
  const signKey = encodeCoseKey(asRoom.keys[0].publicKey);
  const head = world.time;
  const results = verifiers.map(({ did, keys }) => ({
    verifier: did,
    ...{ kid: world.kid(keys[0]), at: head, policy: appraisalPolicy, version: 1 },
    anchors: { id: r.anchors, version: 1 },
    result: 'affirming' as const,
    head,
  }));
  const { quorum } = CONTRACT.read(world.read, r.contract)!;
  const by = results.slice(0, quorum).map(({ kid, at, policy, version, anchors }) => ({
    ...{ kid, at, policy, version, anchors },
  }));
  const record = { tee: 'simulated' as const, signKey, wrapKey, entry: 0, results };
  world.put(
    EVIDENCE.put(record, room, evidence),
    AFFIRMATION.put({ evidence, by }, room),
    EVIDENCE_ID.put({ cleanroom: room }, evidenceId),
  );
  const signKid = putKey(world, room, signKey, 'sig', 'room');
  const wrapKid = world.crypto.sha256(wrapKey);
  edit(world, CLEANROOM, { signKid, wrapKid, attestedHead: head, evidence: 1 }, room);
}

/** Every mount RECEIVED, the budgets reserved. */
function release(r: RoomWorld): void {
  const { world, room } = r;
  const { mounts, wrapKid } = CLEANROOM.read(world.read, room)!;
  const received = mounts.map((mount, i): Mount => {
    const { subject, version, kms, dataKeyId } = mount;
    const id = urnOf(world, 'release', i + 1);
    const charges = version === undefined ? [] : DATASET.read(world.read, subject, version)!.charges;
    for (const { provider, scope } of charges) {
      const { reserved } = BUDGET.read(world.read, provider, scope)!;
      edit(world, BUDGET, { reserved: add(reserved, r.privacy) }, provider, scope);
    }
    const record = {
      ...{ cleanroom: room, contract: r.contract, subject, kms, dataKeyId, wrapKid: wrapKid! },
      ...{ state: 'RECEIVED' as const, nonce: digestOf(world, `nonce ${i}`), charges },
      ...{
        reserve: version === undefined ? NO_PRIVACY : r.privacy,
        wrapped: digestOf(world, `wrapped ${i}`),
      },
      ...{ expires: world.time + 60_000, entry: 0, changed: 0, changedAt: world.time },
      ...(version !== undefined && { version }),
    };
    world.put(RELEASE.put(record, id), RELEASED.put({ release: id }, room, kms, dataKeyId));
    return { ...mount, release: id, received: 'yes' };
  });
  const granted = { entry: world.entries.length - 1, at: world.time };
  edit(world, CLEANROOM, { mounts: received, granted }, room);
}

function run(r: RoomWorld, completed: boolean): void {
  const { world, room, privacy } = r;
  const outputs = [
    { name: 'model.onnx', format: 'onnx', digest: digestOf(world, 'files'), size: 1_000, private: true },
  ];
  const record = {
    ...{ cleanroom: room, reserve: privacy, logs: completed ? 1 : 0, entry: 0, changed: 0 },
    ...(completed ? { ...privacy, outputs } : { ...NO_PRIVACY, outputs: [] }),
    ...{ state: completed ? ('COMPLETED' as const) : ('STARTED' as const), changedAt: world.time },
  };
  world.put(RUN.put(record, r.run));
  edit(world, CLEANROOM, { run: r.run }, room);
  if (completed) world.put(...settleRoom(world.read, CLEANROOM.read(world.read, room)!));
}

function putModel({ world, model, run: id, contract, tdc, tdcWrapKid }: RoomWorld): void {
  const record = {
    ...{ owner: tdc.did, digest: digestOf(world, 'files'), format: 'onnx', parents: [], run: id },
    ...{ contracts: [contract], ciphertext: digestOf(world, 'model ciphertext'), wrapKid: tdcWrapKid },
    ...{ state: 'RELEASED' as const, entry: 0, changed: 0, changedAt: world.time },
  };
  world.put(MODEL.put(record, model));
  edit(world, RUN, { model }, id);
}

/** Body of key.request for the dataset at this position. */
export function requestBody({ world, contract, datasets }: RoomWorld, at: 0 | 1, release = at + 1) {
  const { id, version, dataKeyId } = datasets[at];
  return { id: urnOf(world, 'release', release), subject: id, version, contract, dataKeyId };
}
