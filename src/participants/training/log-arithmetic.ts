/**
 * Sums of numbers that are held as their logarithms: the terms of a Rényi divergence span hundreds of orders of magnitude,
 * and neither they nor their sums fit a double.
 */

/** log(eᵃ + eᵇ). */
export function logAdd(a: number, b: number): number {
  const [small, large] = a < b ? [a, b] : [b, a];
  return small === -Infinity ? large : large + Math.log1p(Math.exp(small - large));
}

/** log(eᵃ − eᵇ), for a ≥ b. */
export function logSubtract(a: number, b: number): number {
  if (b === -Infinity) return a;
  return a === b ? -Infinity : a + Math.log(-Math.expm1(b - a));
}

/** log erfc(x), to about 14 significant digits for every x at which it is a double. */
export function logErfc(x: number): number {
  if (x < 2) return Math.log(1 - erf(x));
  // Legendre's continued fraction, Abramowitz & Stegun 7.1.14, from its far end.
  let tail = 0;
  for (let k = 120; k >= 1; k--) tail = k / 2 / (x + tail);
  return -x * x - Math.log((x + tail) * Math.sqrt(Math.PI));
}

/** Abramowitz & Stegun 7.1.6: all terms are of one sign, so nothing cancels. */
function erf(x: number): number {
  if (x < 0) return -erf(-x);
  // Above 6 it is 1 to the last bit.
  if (x > 6) return 1;
  let term = x;
  let sum = x;
  for (let n = 1; term > sum * 1e-17; n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}
