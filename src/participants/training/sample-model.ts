/**
 * A model that the consumer of the small scenario has had before: trained for a moment on a few made-up people of its own, so that
 * there is something to start from and much to be learned yet. The same seed gives the same bytes.
 */
import type { Bytes } from '../../core/bytes.ts';
import { utf8 } from '../../core/bytes.ts';
import type { Hasher } from '../../core/crypto.ts';
import { readCsv } from './csv.ts';
import { prepare } from './examples.ts';
import { join } from './join.ts';
import { writeModel } from './model-file.ts';
import { readTrainingPipeline } from './pipeline.ts';
import { seededRandom } from './random-source.ts';
import { sampleData } from './sample-data.ts';
import { COVID_STANDARDS, standardise } from './standardise.ts';
import { TrainingRun } from './training-run.ts';

const PEOPLE = 120;

/** safetensors, for the columns and the network of this pipeline. */
export function sampleModel(hasher: Hasher, pipeline: Bytes, supplement: Bytes, seed: string): Bytes {
  const {
    architecture,
    dataset,
    join: joining,
    optimizer,
    scaler,
  } = readTrainingPipeline(pipeline, supplement);
  const own = Object.entries(sampleData(hasher, PEOPLE, `${seed}, of the consumer`));
  const tables = new Map(
    own.map(([name, text]) => [name, standardise(hasher, readCsv(utf8(text)), COVID_STANDARDS[name]!)]),
  );
  const prepared = prepare(hasher, dataset, join(joining, tables));
  const random = seededRandom(hasher, `aichain/sample-model/v1/${seed}`);
  const options = { architecture, scaler, optimizer, batchSize: PEOPLE, epochs: 1, privacy: undefined };
  const run = new TrainingRun(hasher, random, prepared, options);
  for (const _ of run.epochs());
  const { network, scales } = run.finish();
  return writeModel({ network, features: prepared.features, target: dataset.target }, scales);
}
