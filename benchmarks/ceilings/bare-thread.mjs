/** Verifies messages of 400 bytes, a signature of 64 at the end of each: a thread of the bare log and of who follows it. */
import { createPublicKey, verify } from 'node:crypto';
import { parentPort, workerData } from 'node:worker_threads';

const key = {
  key: createPublicKey({ key: Buffer.from(workerData.key, 'base64'), format: 'der', type: 'spki' }),
  dsaEncoding: 'ieee-p1363',
};
const [LENGTH, SIGNATURE] = [400, 64];

parentPort.on('message', ({ id, bytes }) => {
  for (let at = 0; at < bytes.length; at += LENGTH) {
    const message = bytes.subarray(at, at + LENGTH - SIGNATURE);
    const signature = bytes.subarray(at + LENGTH - SIGNATURE, at + LENGTH);
    if (!verify('sha256', message, key, signature)) throw new Error('does not verify');
  }
  parentPort.postMessage(id);
});
