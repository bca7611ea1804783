/** Whether a payment may go to its payee: what rules and gates ask of the clean room that it is for. */
import type { StateReader } from './record.ts';
import type { CleanroomRecord } from './records/cleanroom.ts';
import { RUN } from './records/run.ts';
import { roomStateAt } from './room-end.ts';

/**
 * The run has been completed; or the room has ended without that, but a key had been granted to it, and then the terms say
 * whether the payer has anything back. Before, nobody has earned anything. @param time Unix milliseconds
 */
export function isEarned(read: StateReader, room: CleanroomRecord, time: number): boolean {
  const completed = room.run !== undefined && RUN.read(read, room.run)?.state === 'COMPLETED';
  const state = roomStateAt(room, time);
  return completed || (room.granted !== undefined && (state === 'FAILED' || state === 'ABORTED'));
}
