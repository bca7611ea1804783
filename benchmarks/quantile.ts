/**
 * @param share of the values that are no more than what is returned, 0 to 1: 0.5 is the median, 1 the most
 * @throws there are no values: what was never measured is not little
 */
export function quantile(values: readonly number[], share: number): number {
  if (values.length === 0) throw new Error('nothing was measured');
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;
}
