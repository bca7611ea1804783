/** The thread that trains, from outside: one order at a time, and an end that leaves nothing of the data. */
import { type TransferListItem, Worker } from 'node:worker_threads';
import { fail, LedgerError } from '../../core/errors.ts';
import type { EpochReport } from '../training/training-run.ts';
import type { TrainedModel, TrainingAnswer, TrainingJob, TrainingOrder } from './training-job.ts';

/** Threads run compiled code: from sources (tests), that is what `npm run build` has put into dist/. */
const WORKER = new URL(
  import.meta.url.endsWith('.ts')
    ? '../../../dist/participants/cleanroom/training-worker.js'
    : './training-worker.js',
  import.meta.url,
);

export class TrainingThread {
  readonly #worker: Worker;
  #waiting: { resolve(answer: TrainingAnswer): void; reject(error: unknown): void } | undefined;
  #ended: LedgerError | undefined;

  /** Takes over the opened files: they are gone on this side. */
  constructor(job: TrainingJob) {
    // A buffer of its own each, so that it can change hands and is not copied.
    const tables = job.tables.map(({ name, csv }) => ({ name, csv: ownBuffer(csv) }));
    const transferList: TransferListItem[] = tables.map(({ csv }) => csv.buffer as ArrayBuffer);
    this.#worker = new Worker(WORKER, { workerData: { ...job, tables }, transferList });
    this.#worker.on('message', (answer: TrainingAnswer) => {
      this.#waiting?.resolve(answer);
      this.#waiting = undefined;
    });
    const ended = (cause?: unknown) => {
      this.#ended ??= fail('INTERNAL', 'the training thread ended', { cause });
      this.#waiting?.reject(this.#ended);
      this.#waiting = undefined;
    };
    this.#worker.on('error', ended);
    this.#worker.on('exit', () => ended());
  }

  /** The next epoch; undefined: there is none. @throws the training's own error by its code; INTERNAL the thread died */
  async epoch(): Promise<EpochReport | undefined> {
    const answer = await this.#order('epoch');
    if (answer.type !== 'epoch') throw fail('INTERNAL', 'another answer than was asked for');
    return answer.report;
  }

  async finish(): Promise<TrainedModel> {
    const answer = await this.#order('finish');
    if (answer.type !== 'finished') throw fail('INTERNAL', 'another answer than was asked for');
    return answer.trained;
  }

  /** Its memory goes with it. */
  async end(): Promise<void> {
    await this.#worker.terminate();
  }

  async #order(order: TrainingOrder): Promise<TrainingAnswer> {
    if (this.#ended) throw this.#ended;
    const answer = await new Promise<TrainingAnswer>((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#worker.postMessage(order);
    });
    if (answer.type === 'failed') throw new LedgerError(answer.code, answer.message);
    return answer;
  }
}

function ownBuffer(bytes: Uint8Array): Uint8Array {
  if (bytes.byteLength === bytes.buffer.byteLength) return bytes;
  const own = Uint8Array.from(bytes);
  bytes.fill(0);
  return own;
}
