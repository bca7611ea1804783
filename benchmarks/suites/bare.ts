/**
 * A log and its monitor with everything taken out that makes them one: what is left is what grpc-js, LevelDB, HTTP, node's threads
 * and two verifications of every statement take. No log on them can be faster beside a monitor on the same cores; what ours takes
 * more, it takes for being a log.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { sign } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Client, credentials } from '@grpc/grpc-js';
import type { Suite } from '../main.ts';
import { processorSeconds } from '../server.ts';
import { encodedKeys, verifyCeiling } from '../verify-ceiling.ts';

const [LOG, FOLLOWER] = ['bare-log', 'bare-follower'].map((name) =>
  fileURLToPath(new URL(`../ceilings/${name}.mjs`, import.meta.url)),
) as [string, string];
const LENGTH = 400;
/** Room for a signature as OpenSSL takes it, DER: as a log hands it over. */
const SIGNATURE = 72;
const BATCH = 64;
const IN_FLIGHT = 8;
const MOST = 128_000;
/** Statements before the processor time is taken: threads start, code is compiled. */
const WARM_UP = 12_800;

export const suite: Suite = {
  describe:
    'statements that are received, verified, synced, answered, fetched and verified again, and nothing else',
  async run({ entries }) {
    const folder = mkdtempSync(join(tmpdir(), 'aichain-bare-'));
    const threads = availableParallelism();
    const { privateKey, publicKey } = encodedKeys('P-256');
    const key = publicKey.toString('base64');
    const count = BATCH * Math.ceil((WARM_UP + Math.min(entries, MOST)) / BATCH);
    const batches: Buffer[] = [];
    for (let n = 0; n < count; n += BATCH) batches.push(batchOf(privateKey, n));
    const before = await verifyCeiling(threads);
    const log = run(LOG, [join(folder, 'log'), key, String(threads)]);
    try {
      const [grpc, http] = (await log.line()).split(' ');
      const follower = run(FOLLOWER, [http!, key, String(threads), String(count)]);
      await follower.line();
      const warm = WARM_UP / BATCH;
      await send(grpc!, batches.slice(0, warm));
      const used = () => processorSeconds(log.pid) + own();
      const [cpu, started, behind] = [used(), performance.now(), processorSeconds(follower.pid)];
      await send(grpc!, batches.slice(warm));
      const followed = Number(await follower.line()) - behind;
      const seconds = (performance.now() - started) / 1000;
      const each = (used() - cpu + followed) / (count - WARM_UP);
      const after = await verifyCeiling(threads);
      const rate = (before.rate + after.rate) / 2;
      const verification = (before.cpu + after.cpu) / 2;
      return [
        { name: 'verify ceiling', value: rate, unit: 'signatures/s', cpu: verification * 1e6 },
        { name: 'both together', value: (count - WARM_UP) / seconds, unit: '/s', cpu: each * 1e6 },
        { name: 'share of the ceiling', value: ((count - WARM_UP) / seconds / rate) * 100, unit: '%' },
        { name: 'verifications that one statement takes', value: each / verification, unit: '' },
      ];
    } finally {
      log.end();
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

function batchOf(key: string, first: number): Buffer {
  const batch = Buffer.alloc(BATCH * LENGTH);
  for (let i = 0; i < BATCH; i++) {
    const message = batch.subarray(i * LENGTH, (i + 1) * LENGTH - SIGNATURE);
    message.writeUInt32BE(first + i);
    // What has to be stored does not shrink: neither do hashes, nor most of a statement.
    for (let at = 4; at < message.length; at++) message[at] = (at * 167 + first + i * 31) & 0xff;
    sign('sha256', message, key).copy(batch, (i + 1) * LENGTH - SIGNATURE);
  }
  return batch;
}

function own(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** Resolves when all have been answered. */
function send(port: string, batches: readonly Buffer[]): Promise<void> {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  const same = (bytes: Buffer) => bytes;
  const call = client.makeBidiStreamRequest('/bare.Log/Add', same, same);
  let next = 0;
  let open = batches.length;
  return new Promise((resolve, reject) => {
    const more = () => {
      if (next < batches.length) call.write(batches[next++]!);
    };
    call.on('error', reject);
    call.on('data', () => {
      more();
      if (--open > 0) return;
      call.end();
      client.close();
      resolve();
    });
    for (let i = 0; i < IN_FLIGHT; i++) more();
  });
}

interface Running {
  readonly pid: number;
  line(): Promise<string>;
  end(): void;
}

function run(file: string, args: readonly string[]): Running {
  const child: ChildProcess = spawn(process.execPath, [file, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const end = () => child.kill('SIGKILL');
  process.once('exit', end);
  child.once('exit', () => process.off('exit', end));
  const lines: AsyncIterator<string> = (createInterface({ input: child.stdout! }) as Interface)[
    Symbol.asyncIterator
  ]();
  return {
    pid: child.pid!,
    line: async () => {
      const { done, value } = await lines.next();
      if (done) throw new Error(`${file} ended`);
      return value;
    },
    end,
  };
}
