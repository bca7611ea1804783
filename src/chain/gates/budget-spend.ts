/**
 * budget.spend: may a run spend up to these amounts in all? Asked before the next epoch, and by whoever audits a claim:
 * what a run spends has to be within what was reserved for it, and the budgets have to hold it.
 */

import { delta, epsilon } from '../privacy.ts';
import type { StateReader } from '../record.ts';
import { CLEANROOM, type CleanroomRecord } from '../records/cleanroom.ts';
import { RELEASE } from '../records/release.ts';
import { RUN } from '../records/run.ts';
import { type Refusal, refuse } from '../refusal.ts';
import { urn } from '../schema.ts';
import { declareGate } from './gate.ts';
import { heldFault } from './held-budget.ts';
import { deadlineFault, ROOM_FAULTS } from './room-faults.ts';

const REASONS = {
  ...ROOM_FAULTS,
  RUN_NOT_FOUND: 'No run is logged with this id.',
  RUN_NOT_OPEN: 'The run has ended.',
  EPSILON_DECREASED: 'More has been spent already.',
  EPSILON_OVER_RESERVE: 'The ε is more than was reserved for the run.',
  DELTA_OVER_RESERVE: 'The δ is more than was reserved for the run.',
  BUDGET_EXHAUSTED: 'A privacy budget does not hold the ε that was reserved.',
  BUDGET_DELTA_EXHAUSTED: 'A privacy budget does not hold the δ that was reserved.',
} as const;
type Fault = Refusal<keyof typeof REASONS> | undefined;

export const spend = declareGate({
  step: 'budget.spend',
  question: 'May the run have spent this much ε and δ, all its epochs together?',
  members: {
    run: urn('run'),
    /** All that the run will have spent, not what comes on top. */
    epsilon,
    delta,
  },
  reasons: REASONS,
  decide({ read, at }, { run: id, epsilon: total, delta: totalDelta }) {
    const run = RUN.read(read, id);
    if (!run) return refuse('RUN_NOT_FOUND');
    if (run.state !== 'STARTED') return refuse('RUN_NOT_OPEN', run.state);
    const room = CLEANROOM.read(read, run.cleanroom);
    if (!room) return refuse('CLEANROOM_NOT_FOUND');
    if (room.state !== 'TRAINING' || room.run !== id) return refuse('CLEANROOM_STATE_WRONG', room.state);
    if (room.blocked && room.blocked.at <= at) return refuse('CLEANROOM_BLOCKED');
    const late = deadlineFault(room, at);
    if (late) return late;
    if (total < run.epsilon || totalDelta < run.delta) return refuse('EPSILON_DECREASED');
    if (total > run.reserve.epsilon) return refuse('EPSILON_OVER_RESERVE');
    if (totalDelta > run.reserve.delta) return refuse('DELTA_OVER_RESERVE');
    return budgetsFault(read, room);
  },
});

/** Every budget that the room's grants are charged to still has what they reserved. */
function budgetsFault(read: StateReader, room: CleanroomRecord): Fault {
  for (const { release: id } of room.mounts) {
    const release = id === undefined ? undefined : RELEASE.read(read, id);
    for (const charge of release?.charges ?? []) {
      const fault = heldFault(read, charge, release!.reserve);
      if (fault) return fault;
    }
  }
  return undefined;
}
