/**
 * What a run has spent of privacy, in Rényi terms at many orders at once, so that steps add up without the waste of adding
 * ε to ε. The accountant that a clean room's code is certified with: `run.complete` names it.
 */
import { fail } from '../../core/errors.ts';
import { checkMechanism, renyiCost, type SampledGaussian } from './sampled-gaussian.ts';

/** The name under which it is certified (`code.certify`, accountant) and named in `run.complete`. */
export const ACCOUNTANT = 'aichain-rdp-1';

/**
 * The orders that TensorFlow Privacy has always computed published values at; the best of them is taken. More orders would
 * give an ε that is a little lower, and that nobody else's accountant shows.
 */
export const ORDERS: readonly number[] = [
  ...[1.25, 1.5, 1.75, 2, 2.25, 2.5, 3, 3.5, 4, 4.5],
  ...Array.from({ length: 59 }, (_, i) => 5 + i),
  ...[128, 256, 512],
];

export class Accountant {
  readonly #spent: Float64Array;

  constructor(spent: Float64Array = new Float64Array(ORDERS.length)) {
    this.#spent = spent;
  }

  /** Counts `steps` uses of a mechanism on the same rows. @throws ARGUMENT_INVALID */
  spend(mechanism: SampledGaussian, steps = 1): void {
    checkMechanism(mechanism);
    if (!Number.isSafeInteger(steps) || steps < 0) {
      throw fail('ARGUMENT_INVALID', 'steps are counted in whole numbers');
    }
    const costs = costsOf(mechanism);
    for (let i = 0; i < costs.length; i++) this.#spent[i]! += steps * costs[i]!;
  }

  copy(): Accountant {
    return new Accountant(Float64Array.from(this.#spent));
  }

  /**
   * What this and the other cost together if no row is in the data of both. One person more or less changes one of them
   * only; whichever it is, at each order the dearer one covers it.
   */
  beside(other: Accountant): Accountant {
    return new Accountant(this.#spent.map((spent, i) => Math.max(spent, other.#spent[i]!)));
  }

  /**
   * The least ε for which all that was spent is (ε, δ)-differentially private: Balle, Barthe, Gaboardi, Hsu, Sato,
   * "Hypothesis Testing Interpretations and Renyi Differential Privacy" (2020), theorem 21. @throws ARGUMENT_INVALID
   */
  epsilon(delta: number): number {
    if (!(delta > 0 && delta < 1)) throw fail('ARGUMENT_INVALID', 'δ is above 0 and below 1');
    let least = Infinity;
    for (const [i, order] of ORDERS.entries()) {
      const spent = this.#spent[i]!;
      // Nothing is spent at any order exactly if nothing was done.
      if (spent === 0) return 0;
      const epsilon =
        spent - (Math.log(delta) + Math.log(order)) / (order - 1) + Math.log((order - 1) / order);
      least = Math.min(least, epsilon);
    }
    return Math.max(0, least);
  }
}

/** Every step of a run is the same mechanism; computing its costs takes a thousand times longer than adding them. */
let last: { readonly mechanism: SampledGaussian; readonly costs: readonly number[] } | undefined;

function costsOf(mechanism: SampledGaussian): readonly number[] {
  const { samplingRate, noiseMultiplier } = mechanism;
  if (last?.mechanism.samplingRate !== samplingRate || last.mechanism.noiseMultiplier !== noiseMultiplier) {
    last = {
      mechanism: { samplingRate, noiseMultiplier },
      costs: ORDERS.map((o) => renyiCost(mechanism, o)),
    };
  }
  return last.costs;
}
