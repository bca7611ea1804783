/**
 * Privacy budgets, one for each provider and population. At every entry spent + reserved ≤ allocated, for ε and for δ:
 * a grant reserves, the end of a run settles, and what is never settled stays reserved, which counts as spent.
 * Basic sequential composition over integers.
 */
import { fail } from '../core/errors.ts';
import { NO_PRIVACY, type Privacy } from './privacy.ts';
import type { StateReader, Write } from './record.ts';
import { BUDGET, type BudgetRecord, type Charge } from './records/dataset.ts';
import { type Refusal, refuse } from './refusal.ts';

export const BUDGET_FAULTS = {
  BUDGET_EXHAUSTED: 'What is left of a privacy budget is less than the ε that would be reserved.',
  BUDGET_DELTA_EXHAUSTED: 'What is left of a privacy budget is less than the δ that would be reserved.',
} as const;

export function add(a: Privacy, b: Privacy): Privacy {
  return { epsilon: a.epsilon + b.epsilon, delta: a.delta + b.delta };
}

/** @throws INTERNAL an amount would be negative: a defect */
export function subtract(a: Privacy, b: Privacy): Privacy {
  if (b.epsilon > a.epsilon || b.delta > a.delta)
    throw fail('INTERNAL', 'a privacy budget would turn negative');
  return { epsilon: a.epsilon - b.epsilon, delta: a.delta - b.delta };
}

export function within({ epsilon, delta }: Privacy, limit: Privacy): boolean {
  return epsilon <= limit.epsilon && delta <= limit.delta;
}

function budgetOf(read: StateReader, { provider, scope }: Charge): BudgetRecord {
  return (
    BUDGET.read(read, provider, scope) ?? { allocated: NO_PRIVACY, spent: NO_PRIVACY, reserved: NO_PRIVACY }
  );
}

/** Whether each of the budgets has `wanted` left. The charges are distinct. */
export function budgetFault(
  read: StateReader,
  charges: readonly Charge[],
  wanted: Privacy,
): Refusal<keyof typeof BUDGET_FAULTS> | undefined {
  for (const charge of charges) {
    const { allocated, spent, reserved } = budgetOf(read, charge);
    const taken = add(add(spent, reserved), wanted);
    if (taken.epsilon > allocated.epsilon) return refuse('BUDGET_EXHAUSTED', charge.scope);
    if (taken.delta > allocated.delta) return refuse('BUDGET_DELTA_EXHAUSTED', charge.scope);
  }
  return undefined;
}

function change(
  read: StateReader,
  charges: readonly Charge[],
  make: (budget: BudgetRecord) => BudgetRecord,
): readonly Write[] {
  return charges.map((charge) => BUDGET.put(make(budgetOf(read, charge)), charge.provider, charge.scope));
}

/** After {@link budgetFault} found none. */
export function reserve(read: StateReader, charges: readonly Charge[], amount: Privacy): readonly Write[] {
  return change(read, charges, (budget) => ({ ...budget, reserved: add(budget.reserved, amount) }));
}

/** Gives a reserve back. */
export function free(read: StateReader, charges: readonly Charge[], amount: Privacy): readonly Write[] {
  return change(read, charges, (budget) => ({ ...budget, reserved: subtract(budget.reserved, amount) }));
}

/** Turns a reserve into what was spent of it; the rest is free again. `spent` is within `reserved`. */
export function settle(
  read: StateReader,
  charges: readonly Charge[],
  reserved: Privacy,
  spent: Privacy,
): readonly Write[] {
  return change(read, charges, (budget) => ({
    ...budget,
    reserved: subtract(budget.reserved, reserved),
    spent: add(budget.spent, spent),
  }));
}
