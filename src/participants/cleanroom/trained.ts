/** The run: logged before it begins, epoch by epoch while it goes on, and with every file that may leave once it is over. */
import type { CleanroomRecord } from '../../chain/index.ts';
import type { Privacy } from '../../chain/privacy.ts';
import { toBase64url, utf8 } from '../../core/bytes.ts';
import { ANSWERS_FILE, packAnswers } from '../gate-answers.ts';
import type { EpochReport } from '../training/training-run.ts';
import type { Author } from './author.ts';
import type { BaseModel } from './base-model.ts';
import type { MountedFile } from './mounted.ts';
import type { OutputFile } from './output-files.ts';
import type { Planned } from './planned.ts';
import type { Site } from './site.ts';
import type { TrainedModel } from './training-job.ts';
import type { TrainingThread } from './training-thread.ts';

/** A file that leaves, as `run.complete` declares it. */
export interface Output extends OutputFile {
  readonly format: string;
  readonly digest: Uint8Array;
}

export interface Run {
  /** URN. */
  readonly id: string;
  readonly outputs: readonly Output[];
  readonly spent: Privacy;
}

export const MODEL_FILE = 'trained_model.safetensors';

/** Logs the run and makes sure that it may begin. @throws the ledger's refusal, the gate's reason */
export async function start(
  site: Site,
  author: Author,
  of: {
    id: string;
    cleanroom: string;
    planned: Planned;
    files: readonly MountedFile[];
    base: BaseModel | undefined;
  },
): Promise<void> {
  const { id, cleanroom, base } = of;
  const mounts = of.files.map(({ dataset, version, ciphertext }) => ({ dataset, version, ciphertext }));
  const pipeline = of.planned.commitment;
  const baseModel = base && { baseModel: { model: base.id, digest: base.digest } };
  const body = { id, cleanroom, mounts, pipeline, ...baseModel };
  const { index } = await author.register('run.start', body, site.signal, 'WITNESSED');
  await site.pass('run.start', { cleanroom, run: id, pipeline, mounts });
  site.said('started', id, index);
}

/** Trains; no epoch begins before what the one before it has spent is logged, and the ledger lets the run go on. */
export async function train(
  site: Site,
  author: Author,
  thread: TrainingThread,
  run: string,
): Promise<readonly EpochReport[]> {
  const reports: EpochReport[] = [];
  for (;;) {
    const report = await thread.epoch();
    if (!report) return reports;
    reports.push(report);
    const { epoch, spent, batchRoot } = report;
    const { epsilon, delta } = spent;
    const body = { run, seq: reports.length, epoch, epsilon, delta, batchRoot };
    const { index } = await author.register('run.log', body, site.signal);
    site.said('trained', `epoch ${epoch}: ε ${(epsilon / 1e6).toFixed(6)}`, index);
    await site.pass('budget.spend', { run, epsilon, delta });
  }
}

/** Declares everything that leaves. @throws the ledger's refusal */
export async function complete(
  site: Site,
  author: Author,
  of: {
    run: string;
    room: CleanroomRecord;
    planned: Planned;
    reports: readonly EpochReport[];
    trained: TrainedModel;
  },
): Promise<Run> {
  const { run, planned, reports, trained } = of;
  const { model, metrics, spent, accountant } = trained;
  const file = (name: string, format: string, bytes: Uint8Array): Output => {
    return { name, format, bytes, digest: site.crypto.sha256(bytes) };
  };
  const outputs = [
    file(MODEL_FILE, 'safetensors', model),
    file('evaluation_metrics.json', 'json', metrics),
    file('training_log.json', 'json', logFile(reports)),
    file(ANSWERS_FILE, 'json', packAnswers(site.proofs.map(({ bundle }) => bundle))),
  ];
  // All of it comes from the model, the noisy histogram, the accountant and the log: nothing is looked at beside the mechanism.
  const isPrivate = planned.training.privacy !== undefined;
  const body = {
    ...{ run, epsilon: spent.epsilon, delta: spent.delta, accountant },
    outputs: outputs.map(({ name, format, digest, bytes }) => {
      return { name, format, digest, size: bytes.length, private: isPrivate };
    }),
  };
  const { index } = await author.register('run.complete', body, site.signal, 'WITNESSED');
  site.said('completed', `${outputs.length} files declared`, index);
  return { id: run, outputs, spent };
}

function logFile(reports: readonly EpochReport[]): Uint8Array {
  const epochs = reports.map(({ epoch, steps, spent, batchRoot, stopped }) => {
    return { epoch, steps, ...spent, batchRoot: toBase64url(batchRoot), stopped };
  });
  return utf8(`${JSON.stringify({ unit: { epsilon: 1e-6, delta: 1e-12 }, epochs }, null, 2)}\n`);
}
