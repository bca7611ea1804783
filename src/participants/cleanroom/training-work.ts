/** Training from opened files to a model's file, step by step as it is ordered to. */
import { type Bytes, utf8 } from '../../core/bytes.ts';
import type { Crypto } from '../../core/crypto.ts';
import { fail } from '../../core/errors.ts';
import {
  cryptoRandom,
  join,
  type Network,
  type Prepared,
  prepare,
  readCsv,
  readModel,
  readTrainingPipeline,
  type TrainingPipeline,
  TrainingRun,
  writeModel,
} from '../training/index.ts';
import type { TrainingAnswer, TrainingJob, TrainingOrder } from './training-job.ts';

export class TrainingWork {
  readonly #pipeline: TrainingPipeline;
  readonly #prepared: Prepared;
  readonly #run: TrainingRun;
  readonly #epochs: ReturnType<TrainingRun['epochs']>;

  /** Overwrites the files once they are read. @throws DATA_MALFORMED, PIPELINE_UNSUPPORTED, TRAINING_OVER_RESERVE */
  constructor(crypto: Crypto, job: TrainingJob) {
    const pipeline = readTrainingPipeline(job.pipeline, job.supplement);
    const { architecture, scaler, optimizer, batchSize, epochs, privacy } = pipeline;
    const tables = new Map(job.tables.map(({ name, csv }) => [name, readCsv(csv)]));
    for (const { csv } of job.tables) csv.fill(0);
    this.#pipeline = pipeline;
    this.#prepared = prepare(crypto, pipeline.dataset, join(pipeline.join, tables));
    this.#run = new TrainingRun(crypto, cryptoRandom(crypto), this.#prepared, {
      ...{ architecture, scaler, optimizer, batchSize, epochs },
      ...(job.base && { base: this.#baseOf(job.base) }),
      // What was reserved counts; the pipeline asked for as much at most.
      privacy: privacy && { reserve: job.reserve, maxGradNorm: privacy.maxGradNorm },
    });
    this.#epochs = this.#run.epochs();
  }

  do(order: TrainingOrder): TrainingAnswer {
    switch (order) {
      case 'epoch':
        return { type: 'epoch', report: this.#epochs.next().value ?? undefined };
      case 'finish':
        return this.#finish();
      default:
        throw fail('INTERNAL', 'an order that is not known');
    }
  }

  /** @throws MODEL_MALFORMED; PIPELINE_UNSUPPORTED it says something else, or of other columns */
  #baseOf(file: Bytes): Network {
    const { network, features, target } = readModel(file);
    file.fill(0);
    const { features: columns } = this.#prepared;
    const same = features.length === columns.length && features.every((name, i) => name === columns[i]);
    if (same && target === this.#pipeline.dataset.target) return network;
    throw fail('PIPELINE_UNSUPPORTED', 'the base model is not for the columns that come out of the join');
  }

  #finish(): TrainingAnswer {
    const { network, scales, spent, accountant, steps, metrics } = this.#run.finish();
    const { features } = this.#prepared;
    const model = writeModel({ network, features, target: this.#pipeline.dataset.target }, scales);
    const said = {
      ...{ target: this.#pipeline.dataset.target, steps, noiseMultiplier: this.#run.noiseMultiplier },
      // Of private rows these are worked out of one noisy histogram.
      heldOut: metrics,
    };
    const file = utf8(`${JSON.stringify(said, null, 2)}\n`);
    return { type: 'finished', trained: { model, metrics: file, spent, accountant } };
  }
}
