/**
 * Rényi differential privacy of the sampled Gaussian mechanism: Mironov, Talwar, Zhang, "Rényi Differential Privacy of the
 * Sampled Gaussian Mechanism" (2019), §3.3. A query of sensitivity 1 is asked of a sample that each row is in with
 * probability q, independently, and answered with Gaussian noise of standard deviation σ. Neighbours differ by one row
 * more or less.
 */
import { fail } from '../../core/errors.ts';
import { logAdd, logErfc, logSubtract } from './log-arithmetic.ts';

export interface SampledGaussian {
  /** Probability with which each row is in the sample: 0 < q ≤ 1. */
  readonly samplingRate: number;
  /** Standard deviation of the noise, in units of the sensitivity. */
  readonly noiseMultiplier: number;
}

/** Terms after which a series that has not converged is given up, and its order with it. */
const MAX_TERMS = 1000;
/** A term below e^-30 no longer changes the digits that are asked for. */
const NEGLIGIBLE = -30;
/** More than what the differences of the two series can lose to rounding. */
const ROUNDING = 1e-14;

/** @throws ARGUMENT_INVALID */
export function checkMechanism({ samplingRate: q, noiseMultiplier: sigma }: SampledGaussian): void {
  if (!(q > 0 && q <= 1)) throw fail('ARGUMENT_INVALID', 'a sampling rate is above 0 and at most 1');
  if (!(sigma > 0 && sigma < 1e6)) throw fail('ARGUMENT_INVALID', 'a noise multiplier is above 0');
}

/** The Rényi divergence of order α > 1 that one use of the mechanism costs; Infinity where it cannot be computed. */
export function renyiCost(
  { samplingRate: q, noiseMultiplier: sigma }: SampledGaussian,
  order: number,
): number {
  if (q === 1) return order / (2 * sigma * sigma);
  const logMoment = Number.isInteger(order)
    ? integerMoment(q, sigma, order)
    : fractionalMoment(q, sigma, order) + ROUNDING;
  return Number.isNaN(logMoment) ? Infinity : logMoment / (order - 1);
}

/**
 * log A_α for whole α: a binomial sum, all of whose terms are positive. Σ C(α,k) qᵏ(1−q)^(α−k) is 1; what is summed here is
 * what A_α has above it, so that a cost that is tiny is not lost beside that 1.
 */
function integerMoment(q: number, sigma: number, order: number): number {
  const [logQ, logRest] = [Math.log(q), Math.log1p(-q)];
  let logBinomial = Math.log(order);
  let excess = -Infinity;
  for (let k = 2; k <= order; k++) {
    logBinomial += Math.log((order - k + 1) / k);
    const gain = (k * k - k) / (2 * sigma * sigma);
    const logGain = gain < 1 ? Math.log(Math.expm1(gain)) : gain + Math.log1p(-Math.exp(-gain));
    excess = logAdd(excess, logBinomial + k * logQ + (order - k) * logRest + logGain);
  }
  return logAdd(0, excess);
}

/** log A_α for any α: two series, cut where the likelihood of a row's being there outweighs its absence. */
function fractionalMoment(q: number, sigma: number, order: number): number {
  const [logQ, logRest] = [Math.log(q), Math.log1p(-q)];
  const cut = sigma * sigma * Math.log(1 / q - 1) + 0.5;
  const root = Math.SQRT2 * sigma;
  const twice = 2 * sigma * sigma;
  let [below, above] = [-Infinity, -Infinity];
  // Binomial coefficients of a fractional order change their sign past it.
  let [logBinomial, negative] = [0, false];
  for (let i = 0; i < MAX_TERMS; i++) {
    const j = order - i;
    const first =
      logBinomial + i * logQ + j * logRest + (i * i - i) / twice + logErfc((i - cut) / root) - Math.LN2;
    const second =
      logBinomial + j * logQ + i * logRest + (j * j - j) / twice + logErfc((cut - j) / root) - Math.LN2;
    below = negative ? logSubtract(below, first) : logAdd(below, first);
    above = negative ? logSubtract(above, second) : logAdd(above, second);
    if (Math.max(first, second) < NEGLIGIBLE) return logAdd(below, above);
    logBinomial += Math.log(Math.abs(j) / (i + 1));
    if (j < 0) negative = !negative;
  }
  return Infinity;
}
