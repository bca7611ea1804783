/** What the machine can do at most: signatures verified and nothing else, on all cores at once. */
import { generateKeyPairSync, sign } from 'node:crypto';
import { Worker } from 'node:worker_threads';

/** Keys as the generator encodes them itself: to export a key that it made can hang (node 20, see crypto-node.ts). */
export function encodedKeys(algorithm: 'P-256' | 'Ed25519'): { privateKey: string; publicKey: Buffer } {
  const publicKeyEncoding = { format: 'der', type: 'spki' } as const;
  const privateKeyEncoding = { format: 'pem', type: 'pkcs8' } as const;
  return algorithm === 'P-256'
    ? generateKeyPairSync('ec', { namedCurve: 'P-256', publicKeyEncoding, privateKeyEncoding })
    : generateKeyPairSync('ed25519', { publicKeyEncoding, privateKeyEncoding });
}

const THREAD = new URL('./verify-thread.mjs', import.meta.url);

export interface Ceiling {
  /** Signatures a second, all threads together. */
  readonly rate: number;
  /** Processor seconds for one of them: what stays the same on a machine that others use, too. */
  readonly cpu: number;
}

/** Over messages of 400 bytes, with signatures as OpenSSL takes them. @param sodium Ed25519 by libsodium, as the log has it; else node's own crypto */
export async function verifyCeiling(
  threads: number,
  milliseconds = 3000,
  algorithm: 'P-256' | 'Ed25519' = 'P-256',
  sodium = false,
): Promise<Ceiling> {
  const hash = algorithm === 'P-256' ? 'sha256' : null;
  const { privateKey, publicKey: key } = encodedKeys(algorithm);
  const messages = Array.from({ length: 64 }, (_, i) => Buffer.alloc(400, i));
  const signatures = messages.map((message) => sign(hash, message, privateKey));
  const answers = await Promise.all(
    Array.from({ length: threads }, () => {
      const workerData = { hash, key, messages, signatures, milliseconds, sodium };
      const worker = new Worker(THREAD, { workerData, execArgv: [] });
      return new Promise<{ rate: number; count: number; cpu: number }>((resolve, reject) => {
        worker.once('message', resolve);
        worker.once('error', reject);
      });
    }),
  );
  // Of the whole process, by each thread: the mean is what all of them have used.
  const cpu = answers.reduce((sum, answer) => sum + answer.cpu, 0) / threads;
  const count = answers.reduce((sum, answer) => sum + answer.count, 0);
  return { rate: answers.reduce((sum, { rate }) => sum + rate, 0), cpu: cpu / count };
}
