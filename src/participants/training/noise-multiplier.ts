/** How much noise a run needs so that all of it costs no more than what it may spend. */
import { fail } from '../../core/errors.ts';
import { Accountant } from './accountant.ts';

export interface NoiseQuestion {
  readonly samplingRate: number;
  readonly steps: number;
  /** What the whole run may cost, with what was spent before it. */
  readonly epsilon: number;
  readonly delta: number;
  /** Spent already, on the same rows. */
  readonly before?: Accountant;
}

const [LEAST, MOST] = [0.1, 100_000];
/** The answer is at most this much above the least noise that would do. */
const PRECISION = 1e-4;

/**
 * Standard deviation of the noise, in units of the sensitivity.
 * @throws TRAINING_OVER_RESERVE no noise is enough: what was spent before is too much, or δ is too small for ε
 */
export function noiseMultiplierFor({ samplingRate, steps, epsilon, delta, before }: NoiseQuestion): number {
  const costs = (noiseMultiplier: number) => {
    const accountant = before?.copy() ?? new Accountant();
    accountant.spend({ samplingRate, noiseMultiplier }, steps);
    return accountant.epsilon(delta);
  };
  let [little, much] = [LEAST, LEAST];
  // ε falls as the noise grows: doubled until it is enough, then halved in between.
  while (!(costs(much) <= epsilon)) {
    little = much;
    much *= 2;
    if (much > MOST) throw fail('TRAINING_OVER_RESERVE', 'no noise makes the steps cost so little');
  }
  while (much - little > PRECISION * much) {
    const middle = (little + much) / 2;
    if (costs(middle) <= epsilon) much = middle;
    else little = middle;
  }
  return much;
}
