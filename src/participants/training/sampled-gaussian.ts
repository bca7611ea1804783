/**
 * Rényi differential privacy of the sampled Gaussian mechanism: Mironov, Talwar, Zhang, "Rényi Differential Privacy of the
 * Sampled Gaussian Mechanism" (2019), §3.3. A query of sensitivity 1 is asked of a sample that each row is in with
 * probability q, independently, and answered with Gaussian noise of standard deviation σ. Neighbours differ by one row
 * more or less.
 */
import { fail } from '../../core/errors.ts';

export interface SampledGaussian {
  /** Probability with which each row is in the sample: 0 < q ≤ 1. */
  readonly samplingRate: number;
  /** Standard deviation of the noise, in units of the sensitivity. */
  readonly noiseMultiplier: number;
}

/** @throws ARGUMENT_INVALID */
export function checkMechanism({ samplingRate: q, noiseMultiplier: sigma }: SampledGaussian): void {
  if (!(q > 0 && q <= 1)) throw fail('ARGUMENT_INVALID', 'a sampling rate is above 0 and at most 1');
  // Less noise is none: ε would be in the thousands, and the integral below endless.
  if (!(sigma >= 0.05 && sigma < 1e6)) throw fail('ARGUMENT_INVALID', 'a noise multiplier is at least 0.05');
}

/** The Rényi divergence of order α > 1 that one use of the mechanism costs. */
export function renyiCost(
  { samplingRate: q, noiseMultiplier: sigma }: SampledGaussian,
  order: number,
): number {
  if (q === 1) return order / (2 * sigma * sigma);
  const logMoment = Number.isInteger(order)
    ? integerMoment(q, sigma, order)
    : fractionalMoment(q, sigma, order);
  return logMoment / (order - 1);
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

/**
 * log A_α for any α, from the integral that defines it: E[xᵅ] where z ~ N(0, σ²) and x = 1 + y, y = q(e^((2z−1)/2σ²) − 1). The
 * paper's two series converge slowly, or not at all, where α is near 1. E[x] is 1, so that what A_α has above 1 is
 * E[xᵅ − 1 − αy], and that is positive everywhere: again nothing cancels. The rule of trapezoids is exact to a double here:
 * the integrand falls off as a Gaussian, and is analytic within πσ² of the real line.
 */
function fractionalMoment(q: number, sigma: number, order: number): number {
  const step = Math.min(sigma / 12, (sigma * sigma) / 2);
  const [from, to] = [-REACH * sigma, order + REACH * sigma];
  const logWeight = Math.log(step / (sigma * Math.sqrt(2 * Math.PI)));
  let excess = -Infinity;
  for (let i = 0; from + i * step <= to; i++) {
    const z = from + i * step;
    const logDensity = logWeight - (z * z) / (2 * sigma * sigma);
    excess = logAdd(excess, logDensity + logAboveTangent(q, (2 * z - 1) / (2 * sigma * sigma), order));
  }
  return logAdd(0, excess);
}

/** Standard deviations beyond which a Gaussian has less than a double can tell. */
const REACH = 12;

/** log((1 + y)ᵅ − 1 − αy), y = q(eᵗ − 1): how far the power lies above its tangent. */
function logAboveTangent(q: number, t: number, order: number): number {
  // e^50 and more: the rest is below its last digit.
  if (t > 50) return order * (Math.log(q) + t + Math.log1p(((1 - q) / q) * Math.exp(-t)));
  const y = q * Math.expm1(t);
  if (Math.abs(y) > 0.01) return Math.log(Math.expm1(order * Math.log1p(y)) - order * y);
  // The binomial series from its third term: C(α,2)y² + C(α,3)y³ + …
  let term = ((order * (order - 1)) / 2) * y * y;
  let sum = 0;
  for (let k = 2; k < 12; k++) {
    sum += term;
    term *= ((order - k) / (k + 1)) * y;
  }
  return Math.log(sum);
}

/** log(eᵃ + eᵇ): the terms span hundreds of orders of magnitude, and neither they nor their sums fit a double. */
function logAdd(a: number, b: number): number {
  const [small, large] = a < b ? [a, b] : [b, a];
  return small === -Infinity ? large : large + Math.log1p(Math.exp(small - large));
}
