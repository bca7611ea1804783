/** Verifies messages of 400 bytes, a signature in DER in the last 72 of each: a thread of the bare log and of who follows it. */
import { createPublicKey, verify } from 'node:crypto';
import { parentPort, workerData } from 'node:worker_threads';

const key = createPublicKey({ key: Buffer.from(workerData.key, 'base64'), format: 'der', type: 'spki' });
const [LENGTH, SIGNATURE] = [400, 72];

parentPort.on('message', ({ id, bytes }) => {
  for (let at = 0; at < bytes.length; at += LENGTH) {
    const message = bytes.subarray(at, at + LENGTH - SIGNATURE);
    // Its second byte says how many follow.
    const from = at + LENGTH - SIGNATURE;
    const signature = bytes.subarray(from, from + 2 + bytes[from + 1]);
    if (!verify('sha256', message, key, signature)) throw new Error('does not verify');
  }
  parentPort.postMessage(id);
});
