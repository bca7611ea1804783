/**
 * How well a model does on rows that it was not trained on.
 *
 * Held-out rows are people's too. What is said of them is an output like the model: exact numbers are for data that is not
 * private, and for tests. What leaves a clean room is measured through {@link scoreHistogram}: one noisy histogram, from
 * which every figure is worked out, so that all of them together cost one use of the mechanism.
 */
import type { Accountant } from './accountant.ts';
import { NoisySum } from './noisy-sum.ts';
import type { RandomSource } from './random-source.ts';

export interface Metrics {
  /** Mean cross-entropy, in nats. */
  readonly loss: number;
  readonly accuracy: number;
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
  /** Area under the ROC curve. */
  readonly auc: number;
  /** Rows by label (0, 1) and by what was predicted (0, 1): [[00, 01], [10, 11]]. */
  readonly confusion: readonly (readonly [number, number])[];
}

/** Rows by label (0, 1) and by bin of the probability that they were given. */
export type ScoreHistogram = readonly [Float64Array, Float64Array];

/** Even, so that one half lies on each side of the threshold ½. */
const BINS = 10;
/** A probability of 0 for what then happens would make a loss infinite. */
const SURE = 1e-6;

/** Counts with noise of standard deviation `noiseMultiplier`: one row is in one bin. */
export function scoreHistogram(
  scores: Float64Array,
  labels: Uint8Array,
  noiseMultiplier: number,
  random: RandomSource,
  accountant: Accountant,
): ScoreHistogram {
  const sum = new NoisySum(2 * BINS, 1);
  const said = new Float64Array(2 * BINS);
  for (const [i, score] of scores.entries()) {
    const bin = labels[i]! * BINS + Math.min(Math.floor(score * BINS), BINS - 1);
    said.fill(0);
    said[bin] = 1;
    sum.add(said);
  }
  accountant.spend({ samplingRate: 1, noiseMultiplier });
  const noisy = sum.release(noiseMultiplier, random).map((count) => Math.max(0, count));
  return [noisy.slice(0, BINS), noisy.slice(BINS)];
}

/** What a histogram says; each bin counts as its middle. */
export function histogramMetrics([negative, positive]: ScoreHistogram): Metrics {
  const bins = [...negative.keys()].map((bin) => (bin + 0.5) / negative.length);
  return metricsOf(
    bins.flatMap((score, i) => [
      { score, label: 0, weight: negative[i]! },
      { score, label: 1, weight: positive[i]! },
    ]),
  );
}

/** Of rows that are not private. */
export function exactMetrics(scores: Float64Array, labels: Uint8Array): Metrics {
  return metricsOf(Array.from(scores, (score, i) => ({ score, label: labels[i]!, weight: 1 })));
}

interface Scored {
  readonly score: number;
  readonly label: number;
  readonly weight: number;
}

function metricsOf(scored: readonly Scored[]): Metrics {
  const confusion: [number, number][] = [
    [0, 0],
    [0, 0],
  ];
  let [loss, total] = [0, 0];
  for (const { score, label, weight } of scored) {
    const given = Math.min(Math.max(label === 1 ? score : 1 - score, SURE), 1);
    loss -= weight * Math.log(given);
    total += weight;
    confusion[label]![score >= 0.5 ? 1 : 0] += weight;
  }
  const [[rightNo, wrongYes], [wrongNo, rightYes]] = confusion as [[number, number], [number, number]];
  return {
    loss: share(loss, total),
    accuracy: share(rightNo + rightYes, total),
    precision: share(rightYes, rightYes + wrongYes),
    recall: share(rightYes, rightYes + wrongNo),
    f1: share(2 * rightYes, 2 * rightYes + wrongYes + wrongNo),
    auc: areaUnderRoc(scored),
    confusion,
  };
}

function share(part: number, whole: number): number {
  return whole > 0 ? part / whole : 0;
}

/** The probability that a positive scores above a negative; a tie is half of that. */
function areaUnderRoc(scored: readonly Scored[]): number {
  const sorted = [...scored].sort((a, b) => a.score - b.score);
  let [below, area, positives] = [0, 0, 0];
  for (let i = 0; i < sorted.length; ) {
    const [from, tied] = [i, [0, 0]];
    for (; i < sorted.length && sorted[i]!.score === sorted[from]!.score; i++) {
      tied[sorted[i]!.label]! += sorted[i]!.weight;
    }
    area += tied[1]! * (below + tied[0]! / 2);
    below += tied[0]!;
    positives += tied[1]!;
  }
  return positives > 0 && below > 0 ? area / (positives * below) : 0.5;
}
