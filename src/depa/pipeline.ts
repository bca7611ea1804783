/**
 * pipeline_config.json: a list of stages. One joins the data sets, one trains; what the parties agree on is what these
 * say of data sets, join key, target, and differential privacy. The whole file stays private, behind a commitment.
 */
import { isPickle } from '../chain/index.ts';
import { concat } from '../core/bytes.ts';
import type { Desk, ImportedBody } from './import.ts';
import { urnAt } from './objects.ts';
import type { Place } from './place.ts';

export interface Pipeline {
  /** Names of the stages. */
  readonly stages: readonly string[];
  /** Ids of the data sets as the contract's file has them; undefined: the pipeline does not say. */
  readonly datasets: readonly string[] | undefined;
  /** Last part of the name of the file in each data set, by id. */
  readonly formats: ReadonlyMap<string, Place>;
  readonly joinKeys: readonly string[];
  readonly target: string | undefined;
  readonly private: boolean | undefined;
  readonly epsilon: number | undefined;
  readonly delta: number | undefined;
}

/** Members of a stage that name files, by whose endings a format that runs code is known. */
const FILES = [
  ['config', 'paths', 'input_dataset_path'],
  ['config', 'paths', 'base_model_path'],
  ['config', 'paths', 'saved_weights_path'],
  ['config', 'paths', 'trained_model_output_path'],
  ['config', 'model_type'],
] as const;

export function readPipeline(desk: Desk): Pipeline | undefined {
  const { pipeline, overlay, dataset: datasetConfig } = desk;
  if (!pipeline.present) return undefined;
  const stages = pipeline.at('pipeline').items();
  if (stages.length === 0) pipeline.at('pipeline').problem('SCHEMA_INVALID', 'no stages');
  for (const stage of stages) for (const path of FILES) refusePickle(stage.at(...path));

  const join = stages.find((stage) => stage.at('config', 'datasets').present);
  const joined = join?.at('config', 'datasets').items() ?? [];
  for (const dataset of joined) refusePickle(dataset.at('file'));
  const key = join?.at('config', 'joined_dataset', 'joining_key');

  const train = stages.find((stage) => stage.at('config', 'is_private').present) ?? stages.at(-1);
  const config = train?.at('config') ?? pipeline.at('pipeline');
  const say = overlay.at('cleanroom');
  const isPrivate = config.at('is_private').or(say.at('private')).bool();
  const limits = config.at('privacy_params');
  const target = config.at('dataset_config', 'target_variable');
  return {
    stages: stages.map((stage) => stage.at('name').text()).filter((name) => name !== undefined),
    datasets: join && joined.map((dataset) => dataset.at('id').text()).filter((id) => id !== undefined),
    formats: new Map(joined.map((dataset) => [String(dataset.at('id').value), dataset.at('file')])),
    joinKeys: key?.present ? [key.text()].filter((text) => text !== undefined) : [],
    target: (target.present ? target : datasetConfig.at('target_variable')).maybe((place) => place.text()),
    private: isPrivate,
    epsilon: isPrivate ? limits.at('epsilon').or(say.at('epsilon')).amount(6) : 0,
    delta: isPrivate ? limits.at('delta').or(say.at('delta')).amount(12) : 0,
  };
}

/** Notes a file, or a format, that is opened by running what is in it. */
export function refusePickle(place: Place): void {
  if (typeof place.value === 'string' && isPickle(place.value)) {
    place.problem(
      'FORMAT_NOT_SUPPORTED',
      `${JSON.stringify(place.value)} is read with pickle, which runs what is in it`,
    );
  }
}

/** The body of cleanroom.deploy. */
export function deployment(desk: Desk, pipeline: Pipeline): ImportedBody {
  const { contract, overlay, origin, hasher, salt, pipelineBytes } = desk;
  const say = overlay.at('cleanroom');
  const ids =
    pipeline.datasets ??
    contract
      .at('datasets')
      .items()
      .map((dataset) => String(dataset.at('id').value));
  const known = new Map(
    contract
      .at('datasets')
      .items()
      .map((dataset) => [dataset.at('id').value, dataset]),
  );
  const datasets = ids.map((id) => {
    if (!known.has(id)) {
      desk.pipeline.problem('PIPELINE_DATASET_OUTSIDE_CONTRACT', `the contract has no data set ${id}`);
      return undefined;
    }
    const said = overlay.at('datasets', id);
    return {
      dataset: urnAt(known.get(id)!.at('id').or(said.at('id')), 'dataset', origin),
      version:
        said
          .at('version')
          .or(overlay.at('eachDataset', 'version'))
          .maybe((place) => place.amount(0)) ?? 1,
    };
  });
  const body = {
    id: urnAt(say.at('id'), 'cleanroom', origin),
    contracts: [urnAt(contract.at('id').or(overlay.at('contract', 'id')), 'contract', origin)],
    code: urnAt(say.at('code'), 'code', origin),
    pipeline: pipelineBytes && hasher.sha256(concat(salt, pipelineBytes)),
    public: {
      stages: pipeline.stages,
      datasets,
      private: pipeline.private,
      privacy: { epsilon: pipeline.epsilon, delta: pipeline.delta },
      joinKeys: pipeline.joinKeys,
      target: pipeline.target,
    },
    baseModel: overlay.at('contract', 'baseModel').maybe((place) => urnAt(place, 'model', origin)),
    deadline: say.at('deadline').date(),
  };
  return { kind: 'cleanroom.deploy', name: 'cleanroom.deploy', signer: say.at('deployer').did(), body };
}
