/**
 * Differentially private stochastic gradient descent: Abadi, Chu, Goodfellow, McMahan, Mironov, Talwar, Zhang, "Deep Learning
 * with Differential Privacy" (2016). At each step each row is in the batch by its own coin (Poisson sampling, which is what
 * the accountant assumes), its gradient is cut to a bound, and the sum is released with Gaussian noise. Whatever is made of
 * the noisy sum afterwards, momentum and weight decay too, costs nothing more.
 */
import type { Examples } from './examples.ts';
import { type Network, probability } from './network.ts';
import { NoisySum } from './noisy-sum.ts';
import type { RandomSource } from './random-source.ts';

/** As torch.optim.SGD defines them. */
export interface Optimizer {
  readonly learningRate: number;
  readonly momentum: number;
  readonly weightDecay: number;
}

export interface StepOptions {
  readonly samplingRate: number;
  /** Bound of the norm of one row's gradient; Infinity where rows are not private. */
  readonly maxGradNorm: number;
  /** 0 where rows are not private. */
  readonly noiseMultiplier: number;
  readonly optimizer: Optimizer;
}

export class Descent {
  readonly #network: Network;
  readonly #options: StepOptions;
  readonly #gradient: Float64Array;
  readonly #velocity: Float64Array;
  readonly #sum: NoisySum | PlainSum;

  constructor(network: Network, options: StepOptions) {
    const size = network.parameters.length;
    this.#network = network;
    this.#options = options;
    this.#gradient = new Float64Array(size);
    this.#velocity = new Float64Array(size);
    this.#sum = options.noiseMultiplier > 0 ? new NoisySum(size, options.maxGradNorm) : new PlainSum(size);
  }

  /** One step; gives the indices of the rows that were in the batch. */
  step({ rows, labels }: Examples, random: RandomSource): number[] {
    const { samplingRate, noiseMultiplier, optimizer } = this.#options;
    const batch: number[] = [];
    for (const [i, row] of rows.entries()) {
      if (samplingRate < 1 && random.unit() >= samplingRate) continue;
      batch.push(i);
      this.#network.gradient(row, labels[i]!, this.#gradient, random);
      this.#sum.add(this.#gradient);
    }
    // An empty batch is released like any other: that it is empty is nobody's business.
    const released = this.#sum.release(noiseMultiplier, random);
    this.#descend(released, rows.length * samplingRate, optimizer);
    return batch;
  }

  /** Divides by how many rows were to be expected, not by how many there were: that number is private. */
  #descend(sum: Float64Array, expected: number, { learningRate, momentum, weightDecay }: Optimizer): void {
    const { parameters } = this.#network;
    const velocity = this.#velocity;
    for (let i = 0; i < parameters.length; i++) {
      const slope = sum[i]! / expected + weightDecay * parameters[i]!;
      velocity[i] = momentum * velocity[i]! + slope;
      parameters[i]! -= learningRate * velocity[i]!;
    }
  }
}

/** The sum as it is, for rows that are not private. */
class PlainSum {
  readonly #sum: Float64Array;

  constructor(size: number) {
    this.#sum = new Float64Array(size);
  }

  add(vector: Float64Array): void {
    for (let i = 0; i < vector.length; i++) this.#sum[i]! += vector[i]!;
  }

  release(): Float64Array {
    const sum = this.#sum.slice();
    this.#sum.fill(0);
    return sum;
  }
}

/** Probabilities that the model gives to rows. */
export function predict(network: Network, rows: readonly Float64Array[]): Float64Array {
  return Float64Array.from(rows, (row) => probability(network.logit(row)));
}
