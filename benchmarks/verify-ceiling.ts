/** What crypto.verify alone reaches, on all cores: the measure for everything that checks signatures. */
import { generateKeyPairSync, sign, verify } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

const BYTES = 400;

/** P-256 verifications of 400 bytes a second, on `threads` at once for `seconds`. */
export async function verifyCeiling(threads: number, seconds: number): Promise<number> {
  const counts = await Promise.all(
    Array.from({ length: threads }, async () => {
      const worker = new Worker(fileURLToPath(import.meta.url), { workerData: { seconds } });
      try {
        return await new Promise<number>((resolve, reject) => {
          worker.once('message', resolve);
          worker.once('error', reject);
        });
      } finally {
        await worker.terminate();
      }
    }),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}

function countVerifications(seconds: number): number {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const message = new Uint8Array(BYTES);
  const key = { key: publicKey, dsaEncoding: 'ieee-p1363' } as const;
  const signature = sign('sha256', message, { key: privateKey, dsaEncoding: 'ieee-p1363' });
  for (let i = 0; i < 500; i++) verify('sha256', message, key, signature);
  const began = performance.now();
  let count = 0;
  for (; performance.now() - began < seconds * 1000; count++) verify('sha256', message, key, signature);
  return (1000 * count) / (performance.now() - began);
}

if (!isMainThread) {
  parentPort!.postMessage(countVerifications((workerData as { seconds: number }).seconds));
}
