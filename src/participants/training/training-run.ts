/**
 * One training run, from prepared rows to a model: it plans its noise for what it may spend, reports after each epoch what it
 * has spent so far, in the ledger's units, and ends before a step that would exceed the reserve.
 */
import type { Privacy } from '../../chain/privacy.ts';
import { type Bytes, concat } from '../../core/bytes.ts';
import { encode } from '../../core/cbor.ts';
import type { Hasher } from '../../core/crypto.ts';
import { fail } from '../../core/errors.ts';
import { leafHash, treeRoot } from '../../merkle/index.ts';
import { ACCOUNTANT, Accountant } from './accountant.ts';
import { Descent, type Optimizer, predict } from './dp-sgd.ts';
import type { Examples, Prepared } from './examples.ts';
import { microEpsilon, picoDelta, plainPrivacy } from './ledger-units.ts';
import { exactMetrics, histogramMetrics, type Metrics, scoreHistogram } from './metrics.ts';
import { withScales } from './model-file.ts';
import { type Architecture, Network } from './network.ts';
import { noiseMultiplierFor } from './noise-multiplier.ts';
import type { RandomSource } from './random-source.ts';
import { rangeScales, type Scale, type Scaler, scaled, standardScales } from './scaling.ts';

export interface PrivacyPlan {
  /** What the ledger has reserved for the run: ε in micro-units, δ in pico-units. */
  readonly reserve: Privacy;
  readonly maxGradNorm: number;
  /** Of the noise on a step; undefined: the least with which all epochs fit into the reserve. */
  readonly noiseMultiplier?: number;
  /** Of the noise on each count of the metrics. */
  readonly metricsNoise?: number;
}

export interface TrainingOptions {
  readonly architecture: Architecture;
  /** What it starts from, on columns as they are in the data, and of this architecture; undefined: a new network. */
  readonly base?: Network;
  readonly scaler: Scaler;
  readonly optimizer: Optimizer;
  /** Rows that a step takes, on average. */
  readonly batchSize: number;
  readonly epochs: number;
  /** Undefined: the rows are not private. */
  readonly privacy: PrivacyPlan | undefined;
}

/** What a `run.log` says. */
export interface EpochReport {
  readonly epoch: number;
  /** So far. */
  readonly steps: number;
  readonly spent: Privacy;
  /** Merkle root over salted commitments to the batches of the epoch. */
  readonly batchRoot: Bytes;
  /** Whether the next step would have exceeded the reserve. */
  readonly stopped: boolean;
}

export interface Trained {
  readonly network: Network;
  readonly scales: readonly Scale[];
  readonly spent: Privacy;
  /** Who counted, as `run.complete` names it. */
  readonly accountant: string;
  readonly steps: number;
  /** On the rows that were held out; with noise, where they are private. */
  readonly metrics: Metrics;
}

const MAX_EPOCHS = 10_000;
const MAX_STEPS = 10_000_000;
const METRICS_NOISE = 8;

export class TrainingRun {
  readonly noiseMultiplier: number;
  readonly stepsPerEpoch: number;
  readonly #options: TrainingOptions;
  readonly #prepared: Prepared;
  readonly #random: RandomSource;
  readonly #hasher: Hasher;
  readonly #salt: Bytes;
  readonly #delta: number;
  readonly #accountant = new Accountant();
  readonly #metricsAccountant = new Accountant();
  readonly #network: Network;
  readonly #scales: readonly Scale[];
  #steps = 0;
  #finished = false;

  /** @throws TRAINING_OVER_RESERVE, ARGUMENT_INVALID, DATA_MALFORMED no rows */
  constructor(hasher: Hasher, random: RandomSource, prepared: Prepared, options: TrainingOptions) {
    const { privacy, architecture, batchSize, epochs, scaler } = options;
    const rows = prepared.train.rows.length;
    if (rows === 0) throw fail('DATA_MALFORMED', 'no rows to train on');
    if (!(batchSize >= 1 && Number.isSafeInteger(epochs) && epochs >= 1 && epochs <= MAX_EPOCHS)) {
      throw fail('ARGUMENT_INVALID', 'a batch is at least one row, and there is at least one epoch');
    }
    if (architecture.inputs !== prepared.features.length) {
      const { length } = prepared.features;
      throw fail('PIPELINE_UNSUPPORTED', `a network of ${architecture.inputs} inputs for ${length} columns`);
    }
    // How many rows there are is taken for public, here as in all implementations of DP-SGD.
    this.stepsPerEpoch = Math.max(1, Math.ceil(rows / batchSize));
    if (this.stepsPerEpoch * epochs > MAX_STEPS) throw fail('ARGUMENT_INVALID', 'too many steps');
    this.#options = options;
    this.#prepared = prepared;
    this.#random = random;
    this.#hasher = hasher;
    this.#salt = random.bytes(32);
    // A δ above 1 / rows would let a mechanism give some row away whole.
    this.#delta = privacy ? Math.min(plainPrivacy(privacy.reserve).delta, 1 / (rows + 1)) : 0;
    if (privacy && this.#delta === 0) throw fail('TRAINING_OVER_RESERVE', 'no δ is reserved');
    this.#scales = this.#measureScales(scaler);
    this.noiseMultiplier = privacy ? (privacy.noiseMultiplier ?? this.#leastNoise(privacy)) : 0;
    this.#network = new Network(architecture);
    if (options.base) this.#startFrom(options.base);
    else this.#network.initialise(random);
  }

  /** What the run has spent of its reserve so far. */
  get spent(): Privacy {
    if (!this.#options.privacy) return { epsilon: 0, delta: 0 };
    return this.#cost(this.#accountant);
  }

  /** Trains, one epoch at each turn; asks for nothing after an epoch in which it stopped. */
  *epochs(): Generator<EpochReport, void, void> {
    const { train } = this.#prepared;
    const rows = train.rows.map((row) => scaled(row, this.#scales));
    const examples: Examples = { rows, labels: train.labels };
    const descent = this.#descent();
    for (let epoch = 1; epoch <= this.#options.epochs; epoch++) {
      const batches: Bytes[] = [];
      let stopped = false;
      for (let i = 0; i < this.stepsPerEpoch && !stopped; i++) {
        stopped = !this.#maySpend();
        if (!stopped) batches.push(this.#commitment(descent.step(examples, this.#random)));
      }
      const batchRoot = treeRoot(this.#hasher, batches);
      yield { epoch, steps: this.#steps, spent: this.spent, batchRoot, stopped };
      if (stopped) return;
    }
  }

  /** The model, and how it does on the rows that were held out. Once: another look at them would cost again. */
  finish(): Trained {
    if (this.#finished) throw fail('ARGUMENT_INVALID', 'a run is finished once');
    this.#finished = true;
    const { heldOut } = this.#prepared;
    const rows = heldOut.rows.map((row) => scaled(row, this.#scales));
    const scores = predict(this.#network, rows);
    const { privacy } = this.#options;
    const metrics = privacy ? this.#noisyMetrics(scores, privacy) : exactMetrics(scores, heldOut.labels);
    return {
      ...{ network: this.#network, scales: this.#scales, steps: this.#steps, metrics },
      ...{ spent: this.spent, accountant: ACCOUNTANT },
    };
  }

  #startFrom(base: Network): void {
    const [wanted, given] = [this.#network.layers, base.layers];
    const same =
      wanted.length === given.length &&
      wanted.every(({ weights, biases }, l) => {
        return given[l]!.weights === weights && given[l]!.biases === biases;
      });
    if (!same)
      throw fail('PIPELINE_UNSUPPORTED', 'the base model is another network than the pipeline describes');
    this.#network.parameters.set(withScales(base, this.#scales));
  }

  #descent(): Descent {
    const { privacy, optimizer } = this.#options;
    return new Descent(this.#network, {
      samplingRate: 1 / this.stepsPerEpoch,
      maxGradNorm: privacy?.maxGradNorm ?? Number.POSITIVE_INFINITY,
      noiseMultiplier: this.noiseMultiplier,
      optimizer,
    });
  }

  #measureScales(scaler: Scaler): Scale[] {
    const { train, ranges } = this.#prepared;
    if (scaler !== 'standard') return rangeScales(scaler, ranges);
    const accountant = this.#options.privacy && this.#accountant;
    return standardScales(train.rows, ranges, this.#random, accountant);
  }

  #leastNoise({ reserve }: PrivacyPlan): number {
    return noiseMultiplierFor({
      samplingRate: 1 / this.stepsPerEpoch,
      steps: this.stepsPerEpoch * this.#options.epochs,
      epsilon: plainPrivacy(reserve).epsilon,
      delta: this.#delta,
      before: this.#accountant,
    });
  }

  /** Counts the next step, unless it would exceed the reserve. */
  #maySpend(): boolean {
    const { privacy } = this.#options;
    if (privacy) {
      const after = this.#accountant.copy();
      after.spend(this.#mechanism());
      if (this.#cost(after).epsilon > privacy.reserve.epsilon) return false;
      this.#accountant.spend(this.#mechanism());
    }
    this.#steps += 1;
    return true;
  }

  #mechanism() {
    return { samplingRate: 1 / this.stepsPerEpoch, noiseMultiplier: this.noiseMultiplier };
  }

  /** No row is both trained on and held out: what is said of the ones costs nothing of the others. */
  #cost(accountant: Accountant): Privacy {
    const all = accountant.beside(this.#metricsAccountant);
    return { epsilon: microEpsilon(all.epsilon(this.#delta)), delta: picoDelta(this.#delta) };
  }

  #noisyMetrics(scores: Float64Array, { metricsNoise, reserve }: PrivacyPlan): Metrics {
    const noise = Math.max(metricsNoise ?? METRICS_NOISE, this.#noiseForMetrics(reserve));
    const { labels } = this.#prepared.heldOut;
    const histogram = scoreHistogram(scores, labels, noise, this.#random, this.#metricsAccountant);
    return histogramMetrics(histogram);
  }

  #noiseForMetrics(reserve: Privacy): number {
    const { epsilon } = plainPrivacy(reserve);
    return noiseMultiplierFor({ samplingRate: 1, steps: 1, epsilon, delta: this.#delta });
  }

  /** Which rows a batch had is part of what keeps them private: said only behind a salt that stays in the clean room. */
  #commitment(batch: readonly number[]): Bytes {
    const said = encode([this.#steps, batch]);
    return leafHash(this.#hasher, this.#hasher.sha256(concat(this.#salt, said)));
  }
}
