/**
 * The one place where data meets noise: a sum of vectors, one for each row, each of Euclidean norm at most `bound`, released
 * with Gaussian noise.
 *
 * The textbook mechanism adds a real number to a real number. Doubles are not reals: the sum of a double and a
 * floating-point Gaussian has holes that tell the sum (Mironov 2012; Jin, McMurtry, Rubinstein, Ohrimenko 2022), and
 * rounding lets one row move a sum by more than the bound. So all of it is done in whole numbers, on a grid of 2^20 steps
 * to the bound:
 * - each vector is cut to the grid towards zero, and its norm is checked exactly, in whole numbers;
 * - the sum is exact, and so is sum + noise: both are whole numbers below 2^53;
 * - the noise is a Gaussian rounded to the grid. Since the sum is on the grid, rounding the noise is rounding the noisy
 *   sum: post-processing of the true mechanism, which costs nothing.
 *
 * What remains is that the Gaussian, before it is rounded, is computed in doubles (Box–Muller, from uniform numbers with all
 * their bits). Each grid point's probability is then right to about 2^-30 of itself, and every point that a Gaussian
 * reaches with probability above 2^-60 is reached. That is not a proof; nor is the time that a step takes constant.
 */
import { fail } from '../../core/errors.ts';
import type { RandomSource } from './random-source.ts';

/** Grid steps in the bound of the norm. */
const GRID = 2 ** 20;
const MOST_ROWS = 2 ** 26;

export class NoisySum {
  readonly bound: number;
  readonly #sum: Float64Array;
  readonly #cut: Float64Array;
  #rows = 0;

  constructor(dimension: number, bound: number) {
    if (!(bound > 0 && Number.isFinite(bound)))
      throw fail('ARGUMENT_INVALID', 'a norm is bounded by a number above 0');
    this.bound = bound;
    this.#sum = new Float64Array(dimension);
    this.#cut = new Float64Array(dimension);
  }

  /** Adds what one row contributes, made shorter if it is longer than the bound. */
  add(vector: Float64Array): void {
    // 2^26 rows of 2^20 and their noise stay below 2^53.
    if (++this.#rows > MOST_ROWS) throw fail('ARGUMENT_INVALID', 'more rows than a sum takes');
    const [sum, cut, size] = [this.#sum, this.#cut, this.#sum.length];
    let square = 0;
    for (let i = 0; i < size; i++) square += vector[i]! * vector[i]!;
    // A gradient that has no norm (NaN, or infinite) says nothing, and must not undo the sum.
    if (!Number.isFinite(square)) return;
    let scale = GRID / Math.max(this.bound, Math.sqrt(square));
    for (;;) {
      let exact = 0;
      for (let i = 0; i < size; i++) {
        // Towards zero; below 2^31.
        const whole = (vector[i]! * scale) | 0;
        cut[i] = whole;
        exact += whole * whole;
      }
      // Exact below 2^53, and rounding cannot bring a larger sum of squares down to 2^40.
      if (exact <= GRID * GRID) break;
      scale *= 1 - 2 ** -40;
    }
    for (let i = 0; i < size; i++) sum[i] = sum[i]! + cut[i]!;
  }

  /** The sum with noise of standard deviation `noiseMultiplier` × bound on each coordinate; then starts again from nothing. */
  release(noiseMultiplier: number, random: RandomSource): Float64Array {
    const sum = this.#sum;
    const deviation = noiseMultiplier * GRID;
    const released = new Float64Array(sum.length);
    for (let i = 0; i < sum.length; i += 2) {
      const [first, second] = gaussianPair(random);
      released[i] = sum[i]! + Math.round(first * deviation);
      if (i + 1 < sum.length) released[i + 1] = sum[i + 1]! + Math.round(second * deviation);
    }
    for (let i = 0; i < sum.length; i++) released[i]! *= this.bound / GRID;
    sum.fill(0);
    this.#rows = 0;
    return released;
  }
}

/** Two independent standard Gaussians: Box and Muller 1958. */
function gaussianPair(random: RandomSource): [number, number] {
  const radius = Math.sqrt(-2 * Math.log(random.positive()));
  const angle = 2 * Math.PI * random.unit();
  return [radius * Math.cos(angle), radius * Math.sin(angle)];
}
