/** The public part of a training pipeline, and whether it keeps to what the contracts of its clean room allow. */
import { privacy } from './privacy.ts';
import type { StateReader } from './record.ts';
import type { Mount } from './records/cleanroom.ts';
import { type ContractRecord, MAX_DATASETS } from './records/contract.ts';
import { column, DATASET, type DatasetVersion, datasetVersion, MAX_COLUMNS } from './records/dataset.ts';
import { MODEL } from './records/model.ts';
import { isRefusal, type Refusal, refuse } from './refusal.ts';
import { bool, type Infer, list, optional, struct, text } from './schema.ts';

const MAX_STAGES = 32;

export const publicPipeline = struct({
  stages: list(text({ max: 128 }), { min: 1, max: MAX_STAGES }),
  datasets: list(datasetVersion, { min: 1, max: MAX_DATASETS }),
  /** Whether it trains under differential privacy. */
  private: bool,
  /** What one run spends of each dataset, at most. */
  privacy,
  joinKeys: list(column, { max: MAX_COLUMNS, unique: true }),
  target: optional(column),
});
type PublicPipeline = Infer<typeof publicPipeline>;

export const PIPELINE_FAULTS = {
  PIPELINE_DATASET_OUTSIDE_CONTRACT:
    'A dataset of the pipeline, or its base model, is in none of the contracts, or is named twice.',
  PIPELINE_JOIN_NOT_ALLOWED: 'The pipeline joins on a column that a contract does not allow.',
  PIPELINE_TARGET_NOT_ALLOWED: 'The pipeline trains for a column that a contract does not allow.',
  PIPELINE_NOT_PRIVATE: 'The pipeline uses personal data without differential privacy.',
  PIPELINE_EPSILON_OVER_CONTRACT: 'The pipeline spends more ε of a dataset than a contract allows.',
  PIPELINE_DELTA_OVER_CONTRACT: 'The pipeline spends more δ of a dataset than a contract allows.',
} as const;
type Fault = Refusal<keyof typeof PIPELINE_FAULTS>;

/** What a room with this pipeline needs a key for, each under the first of its contracts that names it. */
export function mountsOf(
  read: StateReader,
  contracts: readonly ContractRecord[],
  { datasets }: PublicPipeline,
  baseModel: string | undefined,
): readonly Mount[] | Refusal<'PIPELINE_DATASET_OUTSIDE_CONTRACT'> {
  const mounts: Mount[] = [];
  for (const { dataset, version } of datasets) {
    const contract = contracts.findIndex((of) => termOf(of, { dataset, version }));
    const record = DATASET.read(read, dataset, version);
    // Two versions of one dataset may share a data key, which is released to a room once.
    if (contract < 0 || !record || mounts.some(({ subject }) => subject === dataset)) {
      return refuse('PIPELINE_DATASET_OUTSIDE_CONTRACT', `${dataset} version ${version}`);
    }
    mounts.push({ subject: dataset, version, kms: record.kms, dataKeyId: record.dataKeyId, contract });
  }
  const base = baseModel === undefined ? [] : baseMount(read, contracts, baseModel);
  return isRefusal(base) ? base : [...mounts, ...base];
}

function baseMount(read: StateReader, contracts: readonly ContractRecord[], id: string) {
  const contract = contracts.findIndex(({ baseModel }) => baseModel === id);
  const model = MODEL.read(read, id);
  if (contract < 0 || !model) return refuse('PIPELINE_DATASET_OUTSIDE_CONTRACT', id);
  // A base model without a key is for everybody to read.
  return model.kms ? [{ subject: id, kms: model.kms.did, dataKeyId: model.kms.dataKeyId, contract }] : [];
}

function termOf({ datasets }: ContractRecord, { dataset, version }: DatasetVersion) {
  return datasets.find((of) => of.id === dataset && of.version === version);
}

/** The first thing in it that goes beyond a contract; its datasets are in the contracts. */
export function pipelineFault(
  read: StateReader,
  contracts: readonly ContractRecord[],
  pipeline: PublicPipeline,
): Fault | undefined {
  const { joinKeys, target } = pipeline;
  for (const contract of contracts) {
    const other = joinKeys.find((key) => !contract.joinKeys.includes(key));
    if (other !== undefined) return refuse('PIPELINE_JOIN_NOT_ALLOWED', other);
  }
  if (target !== undefined && !contracts.every(({ targets }) => targets.includes(target))) {
    return refuse('PIPELINE_TARGET_NOT_ALLOWED', target);
  }
  return privacyFault(read, contracts, pipeline);
}

/** A dataset that draws on personal data, and of which a contract says nothing, may not be spent of at all. */
function privacyFault(
  read: StateReader,
  contracts: readonly ContractRecord[],
  pipeline: PublicPipeline,
): Fault | undefined {
  const { epsilon, delta } = pipeline.privacy;
  const limits = pipeline.datasets.flatMap((dataset) => {
    const personal = isPersonal(read, dataset);
    const terms = contracts.map((contract) => termOf(contract, dataset)).filter((term) => term !== undefined);
    return terms
      .filter((term) => personal || term.privacy)
      .map((term) => ({ id: term.id, limit: term.privacy ?? { epsilon: 0, delta: 0 } }));
  });
  // An ε of zero is training that learns nothing: whoever states it has not said what the run will spend.
  if (limits.length > 0 && (!pipeline.private || epsilon === 0)) {
    return refuse('PIPELINE_NOT_PRIVATE', limits[0]!.id);
  }
  const over = limits.find(({ limit }) => epsilon > limit.epsilon);
  if (over) return refuse('PIPELINE_EPSILON_OVER_CONTRACT', over.id);
  const overDelta = limits.find(({ limit }) => delta > limit.delta);
  return overDelta && refuse('PIPELINE_DELTA_OVER_CONTRACT', overDelta.id);
}

function isPersonal(read: StateReader, { dataset, version }: DatasetVersion): boolean {
  const record = DATASET.read(read, dataset, version);
  return record !== undefined && (record.personal || record.charges.length > 0);
}
