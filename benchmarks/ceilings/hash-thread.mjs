/** One thread that hashes nodes of 65 bytes, the fastest way that node:crypto has. */
import { hash } from 'node:crypto';
import { parentPort, workerData } from 'node:worker_threads';

const node = Buffer.alloc(65, 1);
const out = Buffer.alloc(32);
const run = (until) => {
  let count = 0;
  while (performance.now() < until) {
    for (let i = 0; i < 256; i++, count++) {
      out.latin1Write(hash('sha256', node, 'latin1'), 0);
      out.copy(node, 1);
    }
  }
  return count;
};
run(performance.now() + 200);
const from = performance.now();
const count = run(from + workerData.milliseconds);
parentPort.postMessage((count / (performance.now() - from)) * 1000);
