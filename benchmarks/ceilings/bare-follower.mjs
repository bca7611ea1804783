/**
 * Fetches what a bare log has, bundle by bundle, and verifies it. `bare-follower.mjs PORT KEY THREADS WARM_UP COUNT` prints its processor
 * seconds when as many are verified as a warm-up has, and when all are, and ends then.
 */
import { setTimeout } from 'node:timers/promises';
import { Pool } from 'undici';
import { Threads } from './bare-threads.mjs';

const [port, key, threads, ...counts] = process.argv.slice(2);
const LENGTH = 400;
const UNDER_WAY = 2 * Number(threads);
const POLL_MS = 20;

const pool = new Threads(Number(threads), key);
const http = new Pool(`http://127.0.0.1:${port}`);
const verifying = new Set();
let next = 0;
process.stdout.write('ready\n');
for (const count of counts) {
  while (next < Number(count)) await fetchNext();
  await Promise.all(verifying);
  const { user, system } = process.cpuUsage();
  process.stdout.write(`${(user + system) / 1e6}\n`);
}
process.exit(0);

async function fetchNext() {
  const { body } = await http.request({ path: `/${next}`, method: 'GET' });
  const bytes = new Uint8Array(await body.arrayBuffer());
  if (bytes.length === 0) {
    await setTimeout(POLL_MS);
    return;
  }
  next += bytes.length / LENGTH;
  const one = pool.verify(bytes).then(() => verifying.delete(one));
  verifying.add(one);
  if (verifying.size >= UNDER_WAY) await Promise.race(verifying);
}
