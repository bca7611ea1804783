/** Who verifies for admission: worker threads in a server; a test may verify in place. */
import type { SigningKey } from './signing-keys.ts';
import type { AdmissionAnswer, VerifyRequest } from './verify-batch.ts';
import { keysRequest, verifyThreads } from './verify-threads.ts';

export interface Verifier {
  /** How many requests are worked on side by side. */
  readonly size: number;
  /** Whether another request would be begun at once. */
  readonly free: boolean;
  /** Statements that all have, and those that the one has that has the fewest: it gets the next request. */
  readonly load: { readonly all: number; readonly least: number };
  /** Takes over the request's buffer. */
  verify(request: VerifyRequest): Promise<AdmissionAnswer>;
  /** New signing keys, known to every request that is made later. */
  learn(keys: readonly SigningKey[]): void;
  close(): Promise<void>;
}

/** @param keys all signing keys there are, asked again whenever a thread has to be replaced */
export type MakeVerifier = (keys: () => readonly SigningKey[]) => Verifier;

/** Worker threads with the node crypto back end. */
export function workerThreads(count: number): MakeVerifier {
  return (keys) => {
    const pool = verifyThreads<VerifyRequest, AdmissionAnswer>(count, keys);
    return {
      get size() {
        return pool.size;
      },
      get free() {
        return pool.free;
      },
      get load() {
        return pool.load;
      },
      verify: (request) => pool.run(request, [request.packed.buffer as ArrayBuffer], request.lengths.length),
      learn: (learned) => pool.tell(keysRequest(learned)),
      close: () => pool.close(),
    };
  };
}
