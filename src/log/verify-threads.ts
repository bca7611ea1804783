/** Threads that verify signatures under the keys that they are told: for admission, and for a replay. */
import type { Bytes } from '../core/bytes.ts';
import { WorkerPool } from '../platform/worker-pool.ts';
import { packKeys, type SigningKey } from './signing-keys.ts';
import type { VerifyRequest } from './verify-batch.ts';
import type { SignaturesRequest } from './verify-signatures.ts';

interface KeysRequest {
  readonly type: 'keys';
  readonly packed: Bytes;
}

export type ThreadRequest = KeysRequest | VerifyRequest | SignaturesRequest;

/** Threads run compiled code: from sources (tests), that is what `npm run build` has put into dist/. */
const WORKER = new URL(
  import.meta.url.endsWith('.ts') ? '../../dist/log/verify-worker.js' : './verify-worker.js',
  import.meta.url,
);
/** Two requests keep a thread busy while an answer travels. */
const DEPTH = 2;

/** @param keys all signing keys there are, asked again whenever a thread has to be replaced */
export function verifyThreads<Request extends VerifyRequest | SignaturesRequest, Answer>(
  count: number,
  keys: () => readonly SigningKey[],
): WorkerPool<KeysRequest | Request, Answer> {
  return new WorkerPool({
    ...{ module: WORKER, size: count, depth: DEPTH },
    initial: () => [keysRequest(keys())],
  });
}

export function keysRequest(keys: readonly SigningKey[]): KeysRequest {
  return { type: 'keys', packed: packKeys(keys) };
}
