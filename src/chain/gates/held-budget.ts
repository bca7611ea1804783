/** Whether a budget still holds what a grant reserved of it. */
import type { BUDGET_FAULTS } from '../budget.ts';
import type { Privacy } from '../privacy.ts';
import type { StateReader } from '../record.ts';
import { BUDGET, type Charge } from '../records/dataset.ts';
import { type Refusal, refuse } from '../refusal.ts';

export function heldFault(
  read: StateReader,
  { provider, scope }: Charge,
  reserve: Privacy,
): Refusal<keyof typeof BUDGET_FAULTS> | undefined {
  const budget = BUDGET.read(read, provider, scope);
  if (!budget) return refuse('BUDGET_EXHAUSTED', scope);
  const { allocated, spent, reserved } = budget;
  if (reserved.epsilon < reserve.epsilon || spent.epsilon + reserved.epsilon > allocated.epsilon) {
    return refuse('BUDGET_EXHAUSTED', scope);
  }
  return reserved.delta < reserve.delta || spent.delta + reserved.delta > allocated.delta
    ? refuse('BUDGET_DELTA_EXHAUSTED', scope)
    : undefined;
}
