/**
 * What a clean room is to do, as its owner hands it in: DEPA's pipeline configuration, a supplement for what that has no place
 * for, and a salt. All of it stays private; the ledger has a commitment to the whole, and the public part that contracts are
 * about.
 */
import type { ContractRecord } from '../../chain/index.ts';
import { type Bytes, concat, fromUtf8 } from '../../core/bytes.ts';
import { encode } from '../../core/cbor.ts';
import type { Hasher } from '../../core/crypto.ts';
import { readTrainingPipeline, type TrainingPipeline } from '../training/index.ts';

export interface PipelineFiles {
  /** pipeline_config.json. */
  readonly pipeline: Bytes;
  /** In the same shape: ranges of columns, a network in the place of an ONNX file. */
  readonly supplement?: Bytes;
  /** 32 random bytes that keep the rest from being guessed from the commitment. */
  readonly salt: Bytes;
}

export interface Planned {
  readonly training: TrainingPipeline;
  /** What `cleanroom.deploy` and `run.start` say of it. */
  readonly commitment: Bytes;
  readonly stages: readonly string[];
}

const LABEL = 'aichain/pipeline/v1';

/** @throws PIPELINE_UNSUPPORTED naming all that is missing or not done here; REQUEST_MALFORMED */
export function readPlan(hasher: Hasher, files: PipelineFiles): Planned {
  const training = readTrainingPipeline(files.pipeline, files.supplement);
  return { training, commitment: commitmentTo(hasher, files), stages: stagesOf(files.pipeline) };
}

/**
 * SHA-256(salt ‖ pipeline), as an import of DEPA's files has it; with a supplement SHA-256(salt ‖ CBOR [label, SHA-256 of the
 * pipeline, SHA-256 of the supplement]), which no pipeline can be: JSON does not begin like that.
 */
export function commitmentTo(hasher: Hasher, { pipeline, supplement, salt }: PipelineFiles): Bytes {
  const said = supplement ? encode([LABEL, hasher.sha256(pipeline), hasher.sha256(supplement)]) : pipeline;
  return hasher.sha256(concat(salt, said));
}

/** A dataset that the pipeline mounts. */
export interface PlannedMount {
  readonly dataset: string;
  readonly version: number;
  /** What the joining query calls its table. */
  readonly table: string;
}

/** Each table as the dataset that it is in the contract. One that the contract does not have is for the ledger to refuse. */
export function mountsOf(
  { training }: Planned,
  contract: Pick<ContractRecord, 'datasets'>,
  origin: string,
): PlannedMount[] {
  return training.tables.map(({ id, name }) => {
    const dataset = id.startsWith('urn:') ? id : `urn:depa:dataset:${origin}:${id}`;
    const version = contract.datasets.find((term) => term.id === dataset)?.version ?? 1;
    return { dataset, version, table: name };
  });
}

/** The member `public` of `cleanroom.deploy`. */
export function publicPart({ training, stages }: Planned, mounts: readonly PlannedMount[]) {
  const { privacy, join, dataset } = training;
  return {
    stages,
    datasets: mounts.map(({ dataset: id, version }) => ({ dataset: id, version })),
    private: privacy !== undefined,
    privacy: { epsilon: privacy?.epsilon ?? 0, delta: privacy?.delta ?? 0 },
    joinKeys: [join.key],
    target: dataset.target,
  };
}

function stagesOf(pipeline: Bytes): string[] {
  // Read before, and found to be a list of stages with names.
  const { pipeline: stages } = JSON.parse(fromUtf8(pipeline).replace(/^\ufeff/, '')) as {
    pipeline: { name: string }[];
  };
  return stages.map(({ name }) => name);
}
