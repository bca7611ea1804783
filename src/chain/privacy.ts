/** Amounts of privacy: ε in micro-units (1e-6), δ in pico-units (1e-12). Integers, so that sums are exact. */
import { amount, type Infer, struct } from './schema.ts';

export const MAX_EPSILON = 1_000_000_000_000;
export const MAX_DELTA = 1_000_000_000_000;

export const epsilon = amount({ max: MAX_EPSILON });
export const delta = amount({ max: MAX_DELTA });
export const privacy = struct({ epsilon, delta });
export type Privacy = Infer<typeof privacy>;

export const NO_PRIVACY: Privacy = { epsilon: 0, delta: 0 };
