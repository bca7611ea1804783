/**
 * Brings features to one scale before they are trained on. A scale from declared ranges tells nothing of the data. Means and
 * deviations do, so that they are measured with noise, as one more query that the accountant counts.
 */
import { fail } from '../../core/errors.ts';
import type { Accountant } from './accountant.ts';
import type { Range } from './examples.ts';
import { NoisySum } from './noisy-sum.ts';
import type { RandomSource } from './random-source.ts';

/** x becomes (x − offset) × factor. */
export interface Scale {
  readonly offset: number;
  readonly factor: number;
}

export type Scaler = 'standard' | 'minmax' | 'none';

/** Standard deviation of the noise on means and deviations, in units of what one row can change: little beside a step's cost. */
export const SCALING_NOISE = 10;

/** A deviation below this share of the range is taken for noise. */
const LEAST_DEVIATION = 0.02;

export function rangeScales(scaler: Exclude<Scaler, 'standard'>, ranges: readonly Range[]): Scale[] {
  return ranges.map(({ least, most }) =>
    scaler === 'none' ? { offset: 0, factor: 1 } : { offset: least, factor: 1 / (most - least) },
  );
}

/**
 * Mean 0 and deviation 1, about. With an accountant, noise is added, and counted as one use of the Gaussian mechanism on all
 * rows; without one, the rows are not private.
 */
export function standardScales(
  rows: readonly Float64Array[],
  ranges: readonly Range[],
  random: RandomSource,
  accountant: Accountant | undefined,
): Scale[] {
  if (rows.length === 0) throw fail('DATA_MALFORMED', 'no rows to train on');
  const features = ranges.length;
  // A row says, of each feature, where in its range it is (−1 to 1), and the square of that: 2 × features numbers up to 1.
  const sum = new NoisySum(2 * features, Math.sqrt(2 * features));
  const said = new Float64Array(2 * features);
  for (const row of rows) {
    for (const [f, { least, most }] of ranges.entries()) {
      const place = (2 * (row[f]! - least)) / (most - least) - 1;
      said[f] = place;
      said[features + f] = place * place;
    }
    sum.add(said);
  }
  accountant?.spend({ samplingRate: 1, noiseMultiplier: SCALING_NOISE });
  const released = sum.release(accountant ? SCALING_NOISE : 0, random);
  return ranges.map(({ least, most }, f) => {
    const mean = Math.min(Math.max(released[f]! / rows.length, -1), 1);
    const variance = released[features + f]! / rows.length - mean * mean;
    const deviation = Math.max(Math.sqrt(Math.max(variance, 0)), LEAST_DEVIATION);
    const half = (most - least) / 2;
    return { offset: least + half * (1 + mean), factor: 1 / (half * deviation) };
  });
}

export function scaled(row: Float64Array, scales: readonly Scale[]): Float64Array {
  return row.map((x, f) => (x - scales[f]!.offset) * scales[f]!.factor);
}
