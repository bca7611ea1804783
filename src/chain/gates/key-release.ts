/**
 * key.release: may the KMS hand this data key over, wrapped to this key? The machine has decided when the release was
 * logged; here the asker makes sure that it was this release, with its own nonce, for the wrapping key that it was
 * given, that the grant still stands, and that every other key of the pipeline was granted as well.
 */
import { type Bytes, equal } from '../../core/bytes.ts';
import { recalledAmong } from '../model-ancestry.ts';
import { CLEANROOM, type CleanroomRecord } from '../records/cleanroom.ts';
import { dataKeyId } from '../records/dataset.ts';
import { nonce, RELEASE, type ReleaseRecord } from '../records/release.ts';
import { type Refusal, refuse } from '../refusal.ts';
import { contractsFault, DENIALS, keptKey, mountFor } from '../release-fault.ts';
import { appraisalFault, blockedFault, codeFault } from '../room-standing.ts';
import { bool, did, optional, uint, urn } from '../schema.ts';
import { delegationFault } from '../standing.ts';
import { kid } from '../state.ts';
import { declareGate, type GateContext } from './gate.ts';
import { heldFault } from './held-budget.ts';
import { deadlineFault, ROOM_FAULTS } from './room-faults.ts';

const REASONS = {
  ...ROOM_FAULTS,
  ...DENIALS,
  RELEASE_NOT_FOUND: 'Nobody has asked for a release with this id.',
  RELEASE_MISMATCH: 'The release is of another key management service, or for another dataset or model.',
  RELEASE_NOT_DECIDED: 'The release was asked for, and has not been decided.',
  NONCE_MISMATCH:
    'The release was decided on another nonce: this is not the answer to the asker’s statement.',
  RELEASE_DENIED: 'The release was denied.',
  RELEASE_CANCELLED: 'The release was cancelled.',
  RELEASE_ALREADY_RECEIVED: 'The clean room has confirmed that it has the key.',
  RELEASE_EXPIRED: 'The grant has expired: nobody may hand the key over any more.',
  RELEASE_SUPERSEDED: 'Another release has taken the place of this one.',
  CLEANROOM_NOT_ATTESTED: 'No quorum of verifiers has affirmed the clean room’s evidence.',
  WRAPPING_KEY_MISMATCH: 'The key to wrap to is not the one that was attested.',
  MOUNT_NOT_GRANTED: 'Another key that the pipeline needs is not granted, so this one would be of no use.',
} as const;
type Fault = Refusal<keyof typeof REASONS> | undefined;

export const release = declareGate({
  step: 'key.release',
  question: 'Is the release granted on this nonce, for this key, and for the attested key to wrap it to?',
  members: {
    release: urn('release'),
    /** Who asks. */
    kms: did,
    /** The key that would be handed over: one key management service has it for one dataset or model only. */
    dataKeyId,
    /** The dataset with its version, or the base model, where the asker knows it. */
    subject: optional(urn('dataset', 'model')),
    version: optional(uint({ min: 1 })),
    /** As the asker drew it. */
    nonce,
    /** Thumbprint of the key that the asker would wrap to. */
    wrapKid: kid,
    /** Read again what the machine had read when it decided: all but who vouched, and by what, for the room's evidence. */
    full: optional(bool),
  },
  reasons: REASONS,
  decide(context, request) {
    const { read, at } = context;
    const record = RELEASE.read(read, request.release);
    if (!record) return refuse('RELEASE_NOT_FOUND');
    if (record.kms !== request.kms) return refuse('RELEASE_MISMATCH', 'of another key management service');
    const { subject = record.subject, version = record.version } = request;
    if (record.subject !== subject || record.version !== version) return refuse('RELEASE_MISMATCH', subject);
    if (record.dataKeyId !== request.dataKeyId) return refuse('DATA_KEY_MISMATCH');
    const room = CLEANROOM.read(read, record.cleanroom);
    if (!room) return refuse('CLEANROOM_NOT_FOUND');
    return (
      grantFault(record, request.nonce, at) ??
      roomFault(room, record, request, at) ??
      (request.full ? machineFault(context, record, room) : undefined)
    );
  },
});

/** Whether the grant of this very statement stands. */
function grantFault(record: ReleaseRecord, drawn: Bytes, at: number): Fault {
  const { state, nonce: decidedOn, denial = '', expires } = record;
  if (state === 'REQUESTED') return refuse('RELEASE_NOT_DECIDED');
  // Of any other answer than to one's own question, nothing more is said.
  if (!decidedOn || !equal(decidedOn, drawn)) return refuse('NONCE_MISMATCH');
  if (state === 'DENIED') {
    return refuse(isDenial(denial) ? denial : 'RELEASE_DENIED', 'by the ledger');
  }
  if (state === 'CANCELLED') return refuse('RELEASE_CANCELLED');
  if (state === 'RECEIVED') return refuse('RELEASE_ALREADY_RECEIVED');
  return expires === undefined || expires <= at ? refuse('RELEASE_EXPIRED') : undefined;
}

function isDenial(code: string): code is keyof typeof DENIALS | keyof typeof ROOM_FAULTS {
  return Object.hasOwn(DENIALS, code) || Object.hasOwn(ROOM_FAULTS, code);
}

function roomFault(
  room: CleanroomRecord,
  record: ReleaseRecord,
  request: { readonly release: string; readonly wrapKid: Bytes },
  at: number,
): Fault {
  if (!room.wrapKid) return refuse('CLEANROOM_NOT_ATTESTED');
  if (!equal(room.wrapKid, request.wrapKid) || !equal(record.wrapKid, request.wrapKid)) {
    return refuse('WRAPPING_KEY_MISMATCH');
  }
  if (room.blocked && room.blocked.at <= at) return refuse('CLEANROOM_BLOCKED');
  if (room.state !== 'ATTESTED') return refuse('CLEANROOM_STATE_WRONG', room.state);
  const late = deadlineFault(room, at);
  if (late) return late;
  if (mountFor(room, record)?.release !== request.release) return refuse('RELEASE_SUPERSEDED');
  const waiting = room.mounts.find(
    ({ received, release: granted, expires }) =>
      received === undefined && (granted === undefined || expires === undefined || expires <= at),
  );
  return waiting ? refuse('MOUNT_NOT_GRANTED', waiting.subject) : undefined;
}

/**
 * What the machine would find now: of use to whoever does not want to rest on what it found at the grant. Who vouches for
 * the room's evidence is left to it: a bundle with their keys, policies and anchors would be a tenth larger, to look once
 * more at what held at the grant, no longer ago than policy.handoverSeconds.
 */
function machineFault(
  { read, at, policy }: GateContext,
  record: ReleaseRecord,
  room: CleanroomRecord,
): Fault {
  return (
    ownerFault({ read, at }, record) ??
    contractsFault(read, room, at) ??
    codeFault(read, room.code, at) ??
    blockedFault(read, room, at) ??
    recalledFault(read, room) ??
    appraisalFault(room, policy(), at) ??
    budgetsFault(read, record)
  );
}

/** Whether whoever owns the data still has the asker keep its key. */
function ownerFault({ read, at }: Pick<GateContext, 'read' | 'at'>, record: ReleaseRecord): Fault {
  const kept = keptKey(read, record);
  const { subject, kms, dataKeyId: key } = record;
  if (kept?.kms !== kms) return refuse('KMS_NOT_FOR_DATASET');
  if (kept.dataKeyId !== key) return refuse('DATA_KEY_MISMATCH');
  if (kept.owner === kms) return undefined;
  return delegationFault(read, kept.owner, kms, 'kms', at, subject)
    ? refuse('KMS_NOT_FOR_DATASET', 'not delegated')
    : undefined;
}

function recalledFault(read: GateContext['read'], { baseModel }: CleanroomRecord): Fault {
  const recalled = baseModel === undefined ? undefined : recalledAmong(read, [baseModel]);
  return recalled === undefined ? undefined : refuse('CLEANROOM_BLOCKED', `${recalled} was recalled`);
}

/** Whether the budgets still hold what the grant reserved. */
function budgetsFault(read: GateContext['read'], { charges, reserve }: ReleaseRecord): Fault {
  for (const charge of charges) {
    const fault = heldFault(read, charge, reserve);
    if (fault) return fault;
  }
  return undefined;
}
