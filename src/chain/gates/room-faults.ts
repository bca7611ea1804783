/** What speaks against a step of a clean room, whichever step it is. */
import type { CleanroomRecord } from '../records/cleanroom.ts';
import { type Refusal, refuse } from '../refusal.ts';

export const ROOM_FAULTS = {
  CLEANROOM_NOT_FOUND: 'There is no clean room with this id.',
  CLEANROOM_STATE_WRONG: 'The clean room is not in a state from which this step is possible.',
  CLEANROOM_BLOCKED: 'The clean room is blocked for good: what it was set up under was stopped since.',
  DEADLINE_PASSED: 'The clean room’s deadline has passed.',
} as const;

export function deadlineFault(
  { deadline }: CleanroomRecord,
  at: number,
): Refusal<'DEADLINE_PASSED'> | undefined {
  return deadline * 1000 < at ? refuse('DEADLINE_PASSED') : undefined;
}
