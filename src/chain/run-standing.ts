/**
 * Whether a clean room may begin a run, and whether the model of its run may leave it (LIFECYCLE "What a stop does"):
 * what rules and gates ask of the state, before they look at what a statement says. Such a room has all its keys, so a
 * signature of its contracts that turns out void stops it no more: grants stand.
 */
import { type ContractFault, contractFault, type StillInForceFault, stillInForceFault } from './in-force.ts';
import { recalledAmong } from './model-ancestry.ts';
import type { StateReader } from './record.ts';
import type { CleanroomRecord } from './records/cleanroom.ts';
import { CONTRACT } from './records/contract.ts';
import { DATASET } from './records/dataset.ts';
import { PAYMENT } from './records/payment.ts';
import { type Refusal, refuse } from './refusal.ts';
import { roomStateAt } from './room-end.ts';
import { blockedFault, codeFault } from './room-standing.ts';

export const START_FAULTS = {
  CODE_REVOKED: 'The code was revoked, or its certification has ended.',
  CLEANROOM_BLOCKED:
    'The clean room is blocked for good: what it was set up under was stopped since, or it broke the rules itself.',
  MODEL_RECALLED: 'The model, or one that it descends from, has been recalled.',
} as const;

/** The room has all its keys, and all that it was set up under still holds. @param time Unix milliseconds */
export function startFault(
  read: StateReader,
  room: CleanroomRecord,
  time: number,
): Refusal<'STATE_WRONG' | StillInForceFault | keyof typeof START_FAULTS> | undefined {
  const state = roomStateAt(room, time);
  if (state !== 'KEYED') return refuse('STATE_WRONG', `the clean room is ${state}`);
  return (
    stillFault(read, room, time) ??
    codeFault(read, room.code, time) ??
    blockedFault(read, room, time) ??
    baseModelFault(read, room.baseModel)
  );
}

/** Of a room that has its keys: whether each of its contracts is in force still. @param time Unix milliseconds */
export function stillFault(
  read: StateReader,
  { contracts }: Pick<CleanroomRecord, 'contracts'>,
  time: number,
): Refusal<StillInForceFault> | undefined {
  for (const contract of contracts) {
    const fault = stillInForceFault(read, contract, time);
    if (fault) return fault;
  }
  return undefined;
}

/**
 * The room has trained, and the contracts and their parties still stand. A stop of a dataset or of the code does not keep
 * back what was trained before it. @param time Unix milliseconds
 */
export function leaveFault(
  read: StateReader,
  room: CleanroomRecord,
  time: number,
): Refusal<'STATE_WRONG' | 'CLEANROOM_BLOCKED' | 'MODEL_RECALLED' | ContractFault> | undefined {
  const state = roomStateAt(room, time);
  if (state !== 'TRAINED') return refuse('STATE_WRONG', `the clean room is ${state}`);
  for (const contract of room.contracts) {
    const fault = contractFault(read, contract, time);
    if (fault) return fault;
  }
  return blockedFault(read, room, time) ?? baseModelFault(read, room.baseModel);
}

function baseModelFault(read: StateReader, id: string | undefined) {
  const recalled = id === undefined ? undefined : recalledAmong(read, [id]);
  return recalled === undefined ? undefined : refuse('MODEL_RECALLED', recalled);
}

/** What is due at the release of the model has been paid. */
export function unsettledFault(
  read: StateReader,
  id: string,
  { contracts }: Pick<CleanroomRecord, 'contracts'>,
): Refusal<'PAYMENT_NOT_SETTLED'> | undefined {
  for (const contract of contracts) {
    const rows = CONTRACT.read(read, contract)?.payments ?? [];
    for (const [row, { trigger }] of rows.entries()) {
      if (trigger !== 'model.release') continue;
      const state = PAYMENT.read(read, contract, row, id)?.state;
      if (state !== 'SETTLED') return refuse('PAYMENT_NOT_SETTLED', `row ${row} of ${contract}: ${state}`);
    }
  }
  return undefined;
}

/** Nothing that was trained on a dataset of sensitivity 2 leaves its clean room. */
export function confinedFault(
  read: StateReader,
  { mounts }: Pick<CleanroomRecord, 'mounts'>,
): Refusal<'MODEL_CONFINED'> | undefined {
  const confined = mounts.find(
    ({ subject, version }) =>
      version !== undefined && DATASET.read(read, subject, version)?.sensitivity === 2,
  );
  return confined && refuse('MODEL_CONFINED', confined.subject);
}

/** Whether a run in the room draws on personal data: then all that leaves it has to be private. */
export function isPersonal(read: StateReader, { mounts }: Pick<CleanroomRecord, 'mounts'>): boolean {
  return mounts.some(({ subject, version }) => {
    const dataset = version === undefined ? undefined : DATASET.read(read, subject, version);
    // Personal itself, or of personal descent: either way it has a budget to charge.
    return dataset !== undefined && dataset.charges.length > 0;
  });
}
