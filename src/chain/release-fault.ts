/** What speaks against handing a data key to a clean room, in the order in which it is said. */
import { equal } from '../core/bytes.ts';
import { extended } from '../core/extended.ts';
import { affirmationFault } from './affirmation.ts';
import { BUDGET_FAULTS } from './budget.ts';
import { IN_FORCE_FAULTS, type InForceFault, inForceFault } from './in-force.ts';
import type { Context } from './kind.ts';
import { recalledAmong } from './model-ancestry.ts';
import type { StateReader } from './record.ts';
import type { CleanroomRecord, Mount } from './records/cleanroom.ts';
import { CONTRACT } from './records/contract.ts';
import { DATASET, type DatasetRecord } from './records/dataset.ts';
import { MODEL } from './records/model.ts';
import { PAYMENT } from './records/payment.ts';
import { RELEASE, RELEASED, type ReleaseRecord } from './records/release.ts';
import { type Refusal, refuse } from './refusal.ts';
import { roomStateAt } from './room-end.ts';
import { appraisalFault, blockedFault, codeFault } from './room-standing.ts';
import { keyFault } from './standing.ts';
import { KEY } from './state.ts';

const KMS_DENIALS = {
  KMS_NOT_FOR_DATASET:
    'Who signs does not keep this key, or not for the participant that it signs for; the request still waits.',
} as const;
const RELEASE_DENIALS = {
  KEY_ALREADY_RELEASED: 'The clean room has this data key, or a grant of it that has not expired.',
  DATA_KEY_MISMATCH: 'The data key is not that of the dataset or base model.',
  KEY_DATASET_NOT_IN_CONTRACT:
    'The dataset or base model is not one that the room mounts under this contract.',
  APPRAISAL_STALE:
    'The evidence about the clean room is too old, or was not about the key to wrap to, or its appraisal counts no more: ' +
    'policy or anchors are others by now, or a verifier’s key was compromised.',
  CODE_REVOKED: 'The code was revoked, or its certification has ended.',
  CLEANROOM_BLOCKED:
    'The clean room has ended, or what it was set up under was stopped since, or it is not trusted.',
} as const;
const PAYMENT_DENIALS = {
  PAYMENT_NOT_HELD: 'A payment of the contract for this room is not held.',
} as const;
export const DENIALS = {
  ...KMS_DENIALS,
  ...RELEASE_DENIALS,
  ...BUDGET_FAULTS,
  ...PAYMENT_DENIALS,
  ...IN_FORCE_FAULTS,
} as const;

/** What a data key opens, who owns it, and who keeps the key. */
interface Kept {
  readonly owner: string;
  readonly kms: string;
  readonly dataKeyId: string;
  readonly charges: DatasetRecord['charges'];
}

/** Undefined: there is no such dataset or model, or it has no key. */
export function keptKey(
  read: StateReader,
  { subject, version }: Pick<ReleaseRecord, 'subject' | 'version'>,
): Kept | undefined {
  if (version !== undefined) {
    const dataset = DATASET.read(read, subject, version);
    return dataset && extended(dataset, { owner: dataset.provider });
  }
  const model = MODEL.read(read, subject);
  return (
    model?.kms && { owner: model.owner, kms: model.kms.did, dataKeyId: model.kms.dataKeyId, charges: [] }
  );
}

/** The grant that stands for the room and the data key, if there is one, expired or not. */
export function standingGrant(
  read: StateReader,
  { cleanroom, kms, dataKeyId }: ReleaseRecord,
): { readonly id: string; readonly release: ReleaseRecord } | undefined {
  const id = RELEASED.read(read, cleanroom, kms, dataKeyId)?.release;
  const release = id === undefined ? undefined : RELEASE.read(read, id);
  const stands = release?.state === 'GRANTED' || release?.state === 'RECEIVED';
  return stands ? { id: id!, release } : undefined;
}

/** A grant that was not received in time: nobody may hand its key over any more, and it counts as spent. */
export function hasExpired({ state, expires }: ReleaseRecord, time: number): boolean {
  return state === 'GRANTED' && (expires === undefined || expires < time);
}

export function mountFor(
  { mounts }: CleanroomRecord,
  { subject, version }: Pick<ReleaseRecord, 'subject' | 'version'>,
): Mount | undefined {
  return mounts.find((mount) => mount.subject === subject && mount.version === version);
}

/** All but budget and what comes after it. */
export function releaseFault(
  ctx: Context,
  room: CleanroomRecord,
  release: ReleaseRecord,
): Refusal<keyof typeof RELEASE_DENIALS> | undefined {
  const { read, time, policy } = ctx;
  const grant = standingGrant(read, release);
  if (grant && !hasExpired(grant.release, time)) return refuse('KEY_ALREADY_RELEASED', grant.id);
  return (
    subjectFault(read, room, release) ?? appraisedFault(ctx, room, release, policy) ?? roomFault(ctx, room)
  );
}

function subjectFault(read: StateReader, room: CleanroomRecord, release: ReleaseRecord) {
  const { subject, version, dataKeyId } = release;
  if (keptKey(read, release)?.dataKeyId !== dataKeyId) return refuse('DATA_KEY_MISMATCH');
  const contract = room.contracts.includes(release.contract)
    ? CONTRACT.read(read, release.contract)
    : undefined;
  const term = contract?.datasets.find((of) => of.id === subject && of.version === version);
  if (term && term.dataKeyId !== dataKeyId) return refuse('DATA_KEY_MISMATCH', 'not as the contract has it');
  const mount = mountFor(room, release);
  return mount && room.contracts[mount.contract] === release.contract
    ? undefined
    : refuse('KEY_DATASET_NOT_IN_CONTRACT', subject);
}

function appraisedFault(
  { read, time }: Context,
  room: CleanroomRecord,
  { cleanroom, wrapKid }: ReleaseRecord,
  policy: Context['policy'],
) {
  const stale = appraisalFault(room, policy, time);
  if (stale) return refuse('APPRAISAL_STALE', stale.detail);
  const void_ = affirmationFault(read, cleanroom);
  if (void_ !== undefined) return refuse('APPRAISAL_STALE', void_);
  return room.wrapKid && equal(room.wrapKid, wrapKid)
    ? undefined
    : refuse('APPRAISAL_STALE', 'the room has other keys since it asked');
}

function roomFault({ read, time }: Context, room: CleanroomRecord) {
  const revoked = codeFault(read, room.code, time);
  if (revoked) return revoked;
  const state = roomStateAt(room, time);
  if (state !== 'ATTESTED') return refuse('CLEANROOM_BLOCKED', `the room is ${state}`);
  // Whoever ended it knows why; without a key to sign with, the room could not confirm that it has the data key.
  const signing = room.signKid && KEY.read(read, room.signKid);
  if (!signing || keyFault(read, signing, time)) return refuse('CLEANROOM_BLOCKED', 'its own key has ended');
  const blocked = blockedFault(read, room, time);
  if (blocked) return blocked;
  const recalled = room.baseModel === undefined ? undefined : recalledAmong(read, [room.baseModel]);
  return recalled === undefined ? undefined : refuse('CLEANROOM_BLOCKED', `${recalled} was recalled`);
}

/** Every payment of the contract for the room is held, or has been settled. */
export function paymentFault(
  read: StateReader,
  { contract, cleanroom }: ReleaseRecord,
): Refusal<'PAYMENT_NOT_HELD'> | undefined {
  const rows = CONTRACT.read(read, contract)?.payments ?? [];
  for (const row of rows.keys()) {
    const state = PAYMENT.read(read, contract, row, cleanroom)?.state;
    if (state !== 'HELD' && state !== 'SETTLED') return refuse('PAYMENT_NOT_HELD', `row ${row}: ${state}`);
  }
  return undefined;
}

/** A room that serves several contracts does so only while each of them is in force. */
export function contractsFault(
  read: StateReader,
  { contracts }: CleanroomRecord,
  time: number,
): Refusal<InForceFault> | undefined {
  for (const contract of contracts) {
    const fault = inForceFault(read, contract, time);
    if (fault) return fault;
  }
  return undefined;
}
