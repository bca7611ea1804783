/** Amounts of privacy in the units of the ledger, always rounded up: what is logged is never less than what was spent. */
import { MAX_DELTA, MAX_EPSILON, type Privacy } from '../../chain/privacy.ts';
import { fail } from '../../core/errors.ts';

/** ε in micro-units. @throws ARGUMENT_INVALID not an amount that the ledger can hold */
export function microEpsilon(epsilon: number): number {
  return units(epsilon, 1e6, MAX_EPSILON);
}

/** δ in pico-units. @throws ARGUMENT_INVALID not an amount that the ledger can hold */
export function picoDelta(delta: number): number {
  return units(delta, 1e12, MAX_DELTA);
}

/** ε and δ as plain numbers. */
export function plainPrivacy({ epsilon, delta }: Privacy): { epsilon: number; delta: number } {
  return { epsilon: epsilon / 1e6, delta: delta / 1e12 };
}

function units(amount: number, scale: number, max: number): number {
  const exact = amount * scale;
  const whole = Math.round(exact);
  // What was read from whole units, such as δ, is those units again: dividing and multiplying are each off by half a bit.
  const up = Math.abs(exact - whole) <= 2 * Number.EPSILON * whole ? whole : Math.ceil(exact);
  if (!(amount >= 0 && up <= max)) throw fail('ARGUMENT_INVALID', 'not an amount of privacy');
  return up;
}
