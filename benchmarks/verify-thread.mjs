/** One thread of the verify ceiling: plain JavaScript, so that no translator has a part in what is measured. */
import { createPublicKey, verify } from 'node:crypto';
import { createRequire } from 'node:module';
import { parentPort, workerData } from 'node:worker_threads';

const { hash, key, messages, signatures, milliseconds, sodium } = workerData;
const publicKey = createPublicKey({ key: Buffer.from(key), format: 'der', type: 'spki' });
const one = sodium ? bySodium() : (message, signature) => verify(hash, message, publicKey, signature);

function bySodium() {
  const require = createRequire(import.meta.url);
  const { crypto_sign_verify_detached: detached } = require('sodium-native');
  const raw = Buffer.from(publicKey.export({ format: 'jwk' }).x, 'base64url');
  return (message, signature) => detached(signature, message, raw);
}

let count = 0;
const run = (until) => {
  while (performance.now() < until) {
    for (let i = 0; i < messages.length; i++, count++) {
      if (!one(messages[i], signatures[i])) throw new Error('does not verify');
    }
  }
};
run(performance.now() + 200);
count = 0;
const cpu = process.cpuUsage();
const from = performance.now();
run(from + milliseconds);
const { user, system } = process.cpuUsage(cpu);
parentPort.postMessage({
  rate: (count / (performance.now() - from)) * 1000,
  count,
  cpu: (user + system) / 1e6,
});
