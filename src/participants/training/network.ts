/**
 * The models that are trained: dense layers with rectifiers between them, and one logistic output. With no hidden layer this
 * is logistic regression. The derivative is written out: that is all that a network of this kind needs.
 */
import { fail } from '../../core/errors.ts';
import type { RandomSource } from './random-source.ts';

export interface Architecture {
  readonly inputs: number;
  /** Width of each hidden layer; none for logistic regression. */
  readonly hidden: readonly number[];
  /** Probability with which each output of a hidden layer is left out of a step of training. */
  readonly dropout: number;
}

const MAX_INPUTS = 4096;
const MAX_HIDDEN = 8;
const MAX_PARAMETERS = 4_000_000;

interface Layer {
  readonly inputs: number;
  readonly outputs: number;
  /** Where its weights begin (row by row of outputs), and after them its biases. */
  readonly weights: number;
  readonly biases: number;
}

export class Network {
  readonly architecture: Architecture;
  readonly layers: readonly Layer[];
  /** All weights and biases, layer by layer. */
  readonly parameters: Float64Array;
  readonly #outputs: readonly Float64Array[];
  readonly #slopes: readonly Float64Array[];

  /** All parameters are 0. @throws ARGUMENT_INVALID a size that is not taken */
  constructor(architecture: Architecture) {
    const { inputs, hidden, dropout } = architecture;
    const widths = [inputs, ...hidden, 1];
    const sizes = widths.every((width) => Number.isSafeInteger(width) && width >= 1 && width <= MAX_INPUTS);
    if (!sizes || hidden.length > MAX_HIDDEN || !(dropout >= 0 && dropout < 1)) {
      throw fail('ARGUMENT_INVALID', 'not a network of a size that is trained here');
    }
    this.architecture = architecture;
    const layers: Layer[] = [];
    let at = 0;
    for (let i = 1; i < widths.length; i++) {
      const [from, to] = [widths[i - 1]!, widths[i]!];
      layers.push({ inputs: from, outputs: to, weights: at, biases: at + from * to });
      at += from * to + to;
    }
    if (at > MAX_PARAMETERS) throw fail('ARGUMENT_INVALID', 'a network with too many parameters');
    this.layers = layers;
    this.parameters = new Float64Array(at);
    this.#outputs = layers.map(({ outputs }) => new Float64Array(outputs));
    this.#slopes = layers.map(({ outputs }) => new Float64Array(outputs));
  }

  /** Starts hidden layers where training can move: uniform within ±1/√inputs. One layer may start at 0. */
  initialise(random: RandomSource): void {
    if (this.layers.length === 1) return;
    for (const { inputs, outputs, weights } of this.layers) {
      const reach = 1 / Math.sqrt(inputs);
      for (let i = 0; i < inputs * outputs + outputs; i++) {
        this.parameters[weights + i] = (2 * random.unit() - 1) * reach;
      }
    }
  }

  /** The log-odds that the model gives a row. */
  logit(row: Float64Array): number {
    return this.#forward(row, undefined);
  }

  /** Writes the gradient of one row's loss (cross-entropy) into `gradient`. */
  gradient(row: Float64Array, label: number, gradient: Float64Array, random: RandomSource): void {
    const { parameters } = this;
    const logit = this.#forward(row, this.architecture.dropout > 0 ? random : undefined);
    const last = this.layers.length - 1;
    // d(cross-entropy)/d(logit).
    this.#slopes[last]![0] = probability(logit) - label;
    for (let l = last; l >= 0; l--) {
      const { inputs, outputs, weights, biases } = this.layers[l]!;
      const below = l === 0 ? row : this.#outputs[l - 1]!;
      const slopes = this.#slopes[l]!;
      const slopesBelow = this.#slopes[l - 1];
      slopesBelow?.fill(0);
      for (let o = 0; o < outputs; o++) {
        const slope = slopes[o]!;
        gradient[biases + o] = slope;
        const at = weights + o * inputs;
        for (let i = 0; i < inputs; i++) gradient[at + i] = slope * below[i]!;
        if (!slopesBelow || slope === 0) continue;
        for (let i = 0; i < inputs; i++) slopesBelow[i] = slopesBelow[i]! + slope * parameters[at + i]!;
      }
      // A rectifier, or one that was left out, lets through where it gave something.
      if (slopesBelow) {
        const kept = 1 - this.architecture.dropout;
        for (let i = 0; i < inputs; i++) slopesBelow[i] = below[i]! > 0 ? slopesBelow[i]! / kept : 0;
      }
    }
  }

  #forward(row: Float64Array, random: RandomSource | undefined): number {
    const { dropout } = this.architecture;
    const { parameters } = this;
    let below = row;
    for (const [l, { inputs, outputs, weights, biases }] of this.layers.entries()) {
      const above = this.#outputs[l]!;
      const hidden = l < this.layers.length - 1;
      for (let o = 0; o < outputs; o++) {
        let sum = parameters[biases + o]!;
        const at = weights + o * inputs;
        for (let i = 0; i < inputs; i++) sum += parameters[at + i]! * below[i]!;
        if (hidden) {
          sum = Math.max(sum, 0);
          if (random) sum = random.unit() < dropout ? 0 : sum / (1 - dropout);
        }
        above[o] = sum;
      }
      below = above;
    }
    return below[0]!;
  }
}

/** The logistic function, without overflow on either side. */
export function probability(logit: number): number {
  return logit >= 0 ? 1 / (1 + Math.exp(-logit)) : Math.exp(logit) / (1 + Math.exp(logit));
}
