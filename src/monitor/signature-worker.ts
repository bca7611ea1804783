/** A thread that verifies signatures for a replay: what was signed, by which key, is all that it is told. */
import { parentPort } from 'node:worker_threads';
import { KeyDirectory } from '../log/verify-batch.ts';
import { nodeCrypto } from '../platform/crypto-node.ts';
import type { WorkerAnswer, WorkerRequest } from '../platform/worker-pool.ts';
import type { SignatureRequest, SignaturesRequest } from './signature-request.ts';

const keys = new KeyDirectory(nodeCrypto);

parentPort!.on('message', ({ id, request }: WorkerRequest<SignatureRequest>) => {
  try {
    const answer = request.type === 'keys' ? learn(request.keys) : verify(request);
    parentPort!.postMessage({ id, answer } satisfies WorkerAnswer<Uint8Array>);
  } catch (error) {
    // Only a defect comes here. The request fails, the thread goes on.
    parentPort!.postMessage({ id, error: String(error) } satisfies WorkerAnswer<Uint8Array>);
  }
});

function learn(learned: readonly (readonly [kid: Uint8Array, coseKey: Uint8Array])[]): Uint8Array {
  for (const [kid, coseKey] of learned) keys.add(kid, coseKey);
  return new Uint8Array(0);
}

/** 1 for each signature that verifies under a key that is known, else 0. */
function verify({ kids, lengths, packed }: SignaturesRequest): Uint8Array {
  const verified = new Uint8Array(lengths.length / 2);
  let at = 0;
  for (let i = 0; i < verified.length; i++) {
    const message = packed.subarray(at, at + lengths[2 * i]!);
    at += message.length;
    const signature = packed.subarray(at, at + lengths[2 * i + 1]!);
    at += signature.length;
    if (keys.get(kids.subarray(i * 32, i * 32 + 32))?.verify(message, signature)) verified[i] = 1;
  }
  return verified;
}
