/** Who verifies for admission: worker threads in a server; a test may verify in place. */
import { WorkerPool } from '../platform/worker-pool.ts';
import type { SigningKey } from './signing-keys.ts';
import type { AdmissionAnswer, AdmissionRequest, VerifyRequest } from './verify-batch.ts';

export interface Verifier {
  /** How many requests are worked on side by side. */
  readonly size: number;
  /** Whether another request would be begun at once. */
  readonly free: boolean;
  /** Takes over the request's buffer. */
  verify(request: VerifyRequest): Promise<AdmissionAnswer>;
  /** New signing keys, known to every request that is made later. */
  learn(keys: readonly SigningKey[]): void;
  close(): Promise<void>;
}

/** @param keys all signing keys there are, asked again whenever a thread has to be replaced */
export type MakeVerifier = (keys: () => readonly SigningKey[]) => Verifier;

/** Threads run compiled code: from sources (tests), that is what `npm run build` has put into dist/. */
const WORKER = new URL(
  import.meta.url.endsWith('.ts') ? '../../dist/log/admission-worker.js' : './admission-worker.js',
  import.meta.url,
);

/** Worker threads with the node crypto back end. */
export function workerThreads(count: number): MakeVerifier {
  return (keys) => {
    const pool = new WorkerPool<AdmissionRequest, AdmissionAnswer>({
      module: WORKER,
      size: count,
      depth: 2,
      initial: () => [{ type: 'keys', keys: keys() }],
    });
    return {
      get size() {
        return pool.size;
      },
      get free() {
        return pool.free;
      },
      verify: (request) => pool.run(request, [request.packed.buffer as ArrayBuffer]),
      learn: (learned) => {
        // A thread that dies over it is replaced, and its successor is told all keys.
        void pool.broadcast({ type: 'keys', keys: learned }).catch(() => undefined);
      },
      close: () => pool.close(),
    };
  };
}
