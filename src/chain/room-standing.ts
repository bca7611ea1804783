/**
 * Whether a clean room may go on (LIFECYCLE "What a stop does"). A room that was deployed before an upstream stop, and
 * has no GRANT from before it, is BLOCKED for ever, also when the stop is lifted: it was set up for what no longer holds.
 */
import type { Policy } from './policy.ts';
import type { StateReader } from './record.ts';
import type { CleanroomRecord } from './records/cleanroom.ts';
import { CONTRACT } from './records/contract.ts';
import { DATASET } from './records/dataset.ts';
import { CODE } from './records/governance.ts';
import { MODEL } from './records/model.ts';
import { type Refusal, refuse } from './refusal.ts';
import { PARTICIPANT } from './state.ts';
import { type LastStop, stoppedSince } from './stop.ts';

/** @param time Unix milliseconds */
export function blockedFault(
  read: StateReader,
  room: CleanroomRecord,
  time: number,
): Refusal<'CLEANROOM_BLOCKED'> | undefined {
  if (room.blocked && room.blocked.at <= time) {
    return refuse('CLEANROOM_BLOCKED', `by entry ${room.blocked.entry}`);
  }
  // A stop from before a GRANT would have denied it, so whatever stopped since came after. One that was cancelled is none.
  if (room.mounts.some(({ release }) => release !== undefined)) return undefined;
  for (const [what, record] of upstream(read, room)) {
    if (record && stoppedSince(record, room, time)) {
      return refuse('CLEANROOM_BLOCKED', `${what} was stopped by entry ${record.lastStop!.entry}`);
    }
  }
  return undefined;
}

/** What the room was set up under: deployer, contracts, their signatories and verifiers, datasets, code, base model. */
function* upstream(
  read: StateReader,
  { contracts, deployer, mounts, code, baseModel }: CleanroomRecord,
): Generator<readonly [what: string, record: { readonly lastStop?: LastStop } | undefined]> {
  yield [deployer, PARTICIPANT.read(read, deployer)];
  for (const id of contracts) {
    const contract = CONTRACT.read(read, id);
    yield [id, contract];
    for (const did of [...(contract?.signatories ?? []), ...(contract?.verifiers ?? [])]) {
      yield [did, PARTICIPANT.read(read, did)];
    }
  }
  for (const { subject, version } of mounts) {
    if (version !== undefined) yield [subject, DATASET.read(read, subject, version)];
  }
  yield [code, CODE.read(read, code)];
  if (baseModel !== undefined) yield [baseModel, MODEL.read(read, baseModel)];
}

/** An appraisal is as old as the head that its evidence names, however late it was signed. */
export function appraisalFault(
  room: CleanroomRecord,
  policy: Policy,
  time: number,
): Refusal<'CLEANROOM_NOT_ATTESTED' | 'APPRAISAL_STALE'> | undefined {
  if (room.attestedHead === undefined) return refuse('CLEANROOM_NOT_ATTESTED');
  return room.attestedHead + policy.appraisalFreshness * 1000 < time ? refuse('APPRAISAL_STALE') : undefined;
}

/** Whether the code may be used at `time`. */
export function codeFault(read: StateReader, id: string, time: number): Refusal<'CODE_REVOKED'> | undefined {
  const code = CODE.read(read, id);
  if (!code) return refuse('CODE_REVOKED', 'never certified');
  if (code.state === 'REVOKED' && (code.lastStop?.at ?? 0) <= time) return refuse('CODE_REVOKED');
  return code.notAfter !== undefined && code.notAfter * 1000 < time
    ? refuse('CODE_REVOKED', 'its certification has ended')
    : undefined;
}
