/** How a clean room ends: by a step, or by its deadline, which is derived by who reads and never stored. */
import { type StateReader, type Write, withWrites } from './record.ts';
import type { CleanroomRecord } from './records/cleanroom.ts';
import { CONTRACT } from './records/contract.ts';

/** A room that has not released by its deadline has FAILED. @param time Unix milliseconds */
export function roomStateAt(
  { state, deadline }: Pick<CleanroomRecord, 'state' | 'deadline'>,
  time: number,
): CleanroomRecord['state'] {
  if (state === 'RELEASED' || state === 'TERMINATED' || state === 'ABORTED') return state;
  return deadline * 1000 < time ? 'FAILED' : state;
}

/** Its contracts wait for it no longer. */
export function leaveContracts(
  read: StateReader,
  { contracts }: Pick<CleanroomRecord, 'contracts'>,
): readonly Write[] {
  const writes: Write[] = [];
  for (const id of contracts) {
    const contract = CONTRACT.read(withWrites(read, writes), id);
    if (contract) writes.push(CONTRACT.put({ ...contract, openRooms: contract.openRooms - 1 }, id));
  }
  return writes;
}
