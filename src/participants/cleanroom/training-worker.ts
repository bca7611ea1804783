/** The training thread: an epoch holds up whatever runs beside it, and the room has to sign and answer meanwhile. */
import { parentPort, workerData } from 'node:worker_threads';
import { isLedgerError } from '../../core/errors.ts';
import { nodeCrypto } from '../../platform/crypto-node.ts';
import type { TrainingAnswer, TrainingJob, TrainingOrder } from './training-job.ts';
import { TrainingWork } from './training-work.ts';

let work: TrainingWork | undefined;

parentPort!.on('message', (order: TrainingOrder) => parentPort!.postMessage(answerTo(order)));

function answerTo(order: TrainingOrder): TrainingAnswer {
  try {
    work ??= new TrainingWork(nodeCrypto, workerData as TrainingJob);
    return work.do(order);
  } catch (error) {
    // What goes wrong may tell of the data, a row's number too: it is named, and no more. Who has the table can see for itself.
    const { code, message } = isLedgerError(error)
      ? error
      : { code: 'INTERNAL', message: 'training failed by a defect' };
    const said = code === 'DATA_MALFORMED' ? 'a table is not what the pipeline works on' : message;
    return { type: 'failed', code, message: said };
  }
}
