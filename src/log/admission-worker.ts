/** The admission worker thread: answers {@link AdmissionRequest}s with the node crypto back end. */
import { parentPort } from 'node:worker_threads';
import { nodeCrypto } from '../platform/crypto-node.ts';
import type { WorkerAnswer, WorkerRequest } from '../platform/worker-pool.ts';
import { type AdmissionAnswer, type AdmissionRequest, KeyDirectory, verifyPacked } from './verify-batch.ts';

const keys = new KeyDirectory(nodeCrypto);

parentPort!.on('message', ({ id, request }: WorkerRequest<AdmissionRequest>) => {
  try {
    if (request.type === 'keys') {
      for (const [kid, coseKey] of request.keys) keys.add(kid, coseKey);
      parentPort!.postMessage({ id } satisfies WorkerAnswer<AdmissionAnswer>);
      return;
    }
    const answer = verifyPacked(nodeCrypto, keys, request);
    parentPort!.postMessage({ id, answer } satisfies WorkerAnswer<AdmissionAnswer>, [
      answer.hashes.buffer as ArrayBuffer,
      answer.flags.buffer as ArrayBuffer,
    ]);
  } catch (error) {
    // Only a defect comes here: refusals are outcomes. The request fails, the thread goes on.
    parentPort!.postMessage({ id, error: String(error) } satisfies WorkerAnswer<AdmissionAnswer>);
  }
});
