/**
 * pipeline_config.json of a DEPA-Training scenario, as what is done here: a join, and training of a binary classifier. What
 * the file asks for and is not done here is named, all of it at once, and never passed over in silence.
 *
 * Two things that training under differential privacy needs have no place in DEPA's files: the ranges of columns
 * (`dataset_config.ranges`, a map of column to [least, most]) and, where the base model is an ONNX file, the network. They
 * stand in the pipeline's training stage itself, or in a supplement of the same shape, which is committed to with it.
 */
import { type Bytes, fromUtf8 } from '../../core/bytes.ts';
import { fail } from '../../core/errors.ts';
import { readJson } from '../../depa/json.ts';
import { type Notes, Place } from '../../depa/place.ts';
import type { Optimizer } from './dp-sgd.ts';
import type { DatasetConfig, Range } from './examples.ts';
import type { JoinConfig } from './join.ts';
import { readModelConfig } from './model-config.ts';
import type { Architecture } from './network.ts';
import type { Scaler } from './scaling.ts';

export interface MountedTable {
  /** As the contract's file has it. */
  readonly id: string;
  /** What the joining query calls it. */
  readonly name: string;
  /** Name of the file in the dataset. */
  readonly file: string;
}

export interface TrainingPipeline {
  readonly tables: readonly MountedTable[];
  readonly join: JoinConfig;
  readonly dataset: DatasetConfig;
  readonly scaler: Scaler;
  /** With the number of inputs that the network was described with. */
  readonly architecture: Architecture;
  readonly optimizer: Optimizer;
  readonly batchSize: number;
  readonly epochs: number;
  /** ε in micro-units and δ in pico-units; undefined: not private. */
  readonly privacy: { epsilon: number; delta: number; maxGradNorm: number } | undefined;
}

const SCALERS: Readonly<Record<string, Scaler>> = { standard: 'standard', minmax: 'minmax' };
const LOSSES: Readonly<Record<string, 'probabilities' | 'logits'>> = {
  'torch.nn.BCELoss': 'probabilities',
  'torch.nn.BCEWithLogitsLoss': 'logits',
};

/** @throws PIPELINE_UNSUPPORTED naming everything that is missing or not done here; REQUEST_MALFORMED not JSON */
export function readTrainingPipeline(file: Bytes, supplement?: Bytes): TrainingPipeline {
  const notes: Notes = { problems: [], replaced: [], variables: new Map() };
  const pipeline = new Place(notes, 'pipeline', readJson(fromUtf8(file)));
  const say = new Place(notes, 'supplement', supplement && readJson(fromUtf8(supplement)));
  const stages = pipeline.at('pipeline').items();
  const stage = (name: string) =>
    stages.find((each) => each.at('name').value === name)?.at('config') ??
    new Place(notes, 'pipeline', undefined, name);
  const join = joinAt(stage('SparkJoin'));
  const training = trainingAt(stage('Train_DL'), say);
  for (const { at, name } of stages.map((each) => ({ at: each, name: each.at('name').value }))) {
    if (name !== 'SparkJoin' && name !== 'Train_DL')
      unsupported(at.at('name'), 'a stage that is not done here');
  }
  if (notes.problems.length > 0 || !join || !training) {
    const told = notes.problems.map(({ file, path, message }) => `${file} ${path}: ${message}`);
    throw fail('PIPELINE_UNSUPPORTED', told.join('; '));
  }
  return { ...join, ...training };
}

function unsupported(place: Place, message: string): undefined {
  return place.problem('PIPELINE_UNSUPPORTED', message);
}

function joinAt(config: Place): Pick<TrainingPipeline, 'tables' | 'join'> | undefined {
  const tables = config.at('datasets').list((dataset): MountedTable | undefined => {
    const [id, name, file] = [dataset.at('id').text(), dataset.at('name').text(), dataset.at('file').text()];
    return id && name && file ? { id, name, file } : undefined;
  });
  const joined = config.at('joined_dataset');
  const query = joined.at('joining_query').text();
  const key = joined.at('joining_key').text();
  const columns = (name: string) => joined.at(name).maybe((place) => place.list((item) => item.text()));
  const dropped = [...(columns('drop_columns') ?? []), ...(columns('identifiers') ?? [])];
  if (!tables || query === undefined || key === undefined) return undefined;
  return { tables, join: { query, key, dropped, columns: columns('joined_result_columns') } };
}

function trainingAt(stage: Place, say: Place): Omit<TrainingPipeline, 'tables' | 'join'> | undefined {
  const at = (...names: string[]) => stage.at(...names).or(say.at(...names));
  const dataset = datasetAt(at);
  const scaler = at('dataset_config', 'preprocessing', 'scaler').maybe(
    (place) => SCALERS[String(place.value)] ?? unsupported(place, 'not a scaler that is used here'),
  );
  const loss = at('loss_config', 'class');
  const form = LOSSES[String(loss.value)] ?? unsupported(loss, 'not the cross-entropy of two classes');
  const scheduler = at('scheduler');
  if (scheduler.present && scheduler.value !== null) unsupported(scheduler, 'no schedulers here');
  const architecture = architectureAt(at, form === 'logits');
  const optimizer = optimizerAt(at);
  const batchSize = at('batch_size').amount(0);
  const epochs = at('total_epochs').amount(0);
  const isPrivate = at('is_private').bool();
  const limits = {
    epsilon: isPrivate ? at('privacy_params', 'epsilon').amount(6) : 0,
    delta: isPrivate ? at('privacy_params', 'delta').amount(12) : 0,
    maxGradNorm: isPrivate ? at('privacy_params', 'max_grad_norm').real() : 0,
  };
  const { epsilon, delta, maxGradNorm } = limits;
  if (!dataset || !architecture || !optimizer || !batchSize || !epochs) return undefined;
  if (epsilon === undefined || delta === undefined || maxGradNorm === undefined) return undefined;
  const privacy = isPrivate ? { epsilon, delta, maxGradNorm } : undefined;
  return { dataset, scaler: scaler ?? 'none', architecture, optimizer, batchSize, epochs, privacy };
}

type At = (...names: string[]) => Place;

function datasetAt(at: At): DatasetConfig | undefined {
  const type = at('dataset_config', 'type');
  if (type.value !== 'tabular') unsupported(type, 'only tables are trained on here');
  const target = at('dataset_config', 'target_variable').text();
  const strategy = at('dataset_config', 'missing_strategy');
  const missing =
    strategy.value === 'fill'
      ? at('dataset_config', 'fill_value').real()
      : !strategy.present || strategy.value === 'drop'
        ? 'drop'
        : // A value from another row would make one person's row say something of another's.
          unsupported(strategy, 'a missing value is filled with a constant, or its row is left out');
  const [train, val, test] = ['train', 'val', 'test'].map(
    (name) => at('dataset_config', 'splits', name).maybe((place) => place.real()) ?? 0,
  );
  const all = train! + val! + test!;
  if (!(train! > 0 && val! >= 0 && test! >= 0))
    unsupported(at('dataset_config', 'splits'), 'not shares of the rows');
  const seed = at('dataset_config', 'splits', 'random_state').maybe((place) => place.amount(0)) ?? 0;
  const ranges = rangesAt(at('dataset_config', 'ranges'));
  if (target === undefined || missing === undefined) return undefined;
  return { target, missing, train: train! / all, seed: String(seed), ranges };
}

function rangesAt(place: Place): ReadonlyMap<string, Range> {
  if (!place.present) unsupported(place, 'the ranges of the columns are needed: [least, most] for each');
  return new Map(
    place.names().map((name) => {
      const [least, most] = place
        .at(name)
        .items()
        .map((item) => item.real() ?? Number.NaN);
      return [name, { least: least ?? Number.NaN, most: most ?? Number.NaN }];
    }),
  );
}

function architectureAt(at: At, logits: boolean): Architecture | undefined {
  const config = at('model_config');
  if (config.present) return readModelConfig(config, logits);
  return unsupported(
    at('model_type'),
    'a network is described by a model_config here; ONNX files are not read',
  );
}

function optimizerAt(at: At): Optimizer | undefined {
  const name = at('optimizer', 'name');
  if (name.value !== 'SGD') unsupported(name, 'the optimizer is SGD here');
  const learningRate = at('optimizer', 'params', 'lr').real();
  const momentum = at('optimizer', 'params', 'momentum').maybe((place) => place.real()) ?? 0;
  const weightDecay = at('optimizer', 'params', 'weight_decay').maybe((place) => place.real()) ?? 0;
  for (const param of at('optimizer', 'params').names()) {
    if (!['lr', 'momentum', 'weight_decay'].includes(param)) {
      unsupported(at('optimizer', 'params', param), 'not a parameter that is used here');
    }
  }
  const inRange =
    learningRate !== undefined && learningRate > 0 && momentum >= 0 && momentum < 1 && weightDecay >= 0;
  if (!inRange) return unsupported(at('optimizer', 'params'), 'not parameters with which SGD descends');
  return { learningRate, momentum, weightDecay };
}
