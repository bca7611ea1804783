/**
 * A log and its monitor with everything taken out that makes them one: what is left is what grpc-js, LevelDB, HTTP, node's threads
 * and a verification or two of every statement take: a measure of what is left for being a log, and its monitor.
 */
import { randomFillSync, sign } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Bytes } from '../../src/core/bytes.ts';
import { removeFolder, temporaryFolder } from '../cleanup.ts';
import { GrpcStream } from '../grpc-stream.ts';
import { grpcMessage } from '../http2-socket.ts';
import { ceilingLine } from '../judged.ts';
import type { Measure, Suite, SuiteOptions } from '../main.ts';
import { ended, startNode } from '../node-child.ts';
import { ownProcessorSeconds, processorSeconds } from '../process-status.ts';
import { encodedKeys } from '../verify-ceiling.ts';

const [LOG, FOLLOWER] = ['bare-log', 'bare-follower'].map((name) =>
  fileURLToPath(new URL(`../ceilings/${name}.mjs`, import.meta.url)),
) as [string, string];
const LENGTH = 400;
/** Room for a signature as OpenSSL takes it, DER: as a log hands it over. */
const SIGNATURE = 72;
const BATCH = 64;
const IN_FLIGHT = 16;
const MOST = 128_000;
/** Statements before the processor time is taken, as many as the suite `ingest` has: threads start, code is compiled. */
const WARM_UP = 938 * BATCH;

export const suite: Suite = {
  describe:
    'statements that are received, verified, synced and answered, then fetched and verified again too, and nothing else',
  loaders: { stream: 'own' },
  entries: { most: MOST, step: BATCH },
  async run({ entries, beside }) {
    const threads = availableParallelism();
    const { privateKey, publicKey } = encodedKeys('P-256');
    const key = publicKey.toString('base64');
    const count = BATCH * Math.ceil((WARM_UP + entries) / BATCH);
    const batches: Bytes[] = [];
    for (let n = 0; n < count; n += BATCH) batches.push(grpcMessage(batchOf(privateKey, n)));
    return [
      ...(await judged('a log', beside, () => sent(batches, key, threads, false))),
      ...(await judged('a log and its monitor', beside, () => sent(batches, key, threads, true))),
    ];
  },
};

interface Taken {
  /** Statements a second. */
  readonly rate: number;
  /** Processor seconds of one statement, of all processes. */
  readonly cpu: number;
}

/** Beside what the machine verified before and after. */
async function judged(
  what: string,
  beside: SuiteOptions['beside'],
  run: () => Promise<Taken>,
): Promise<Measure[]> {
  const of = 'P-256 verify';
  const { result: taken, ceilings } = await beside(what, [of], run);
  const ceiling = ceilings[of];
  const cpu = taken.cpu * 1e6;
  return [
    ceilingLine(`${what}: the ceiling around it`, ceiling),
    { name: `${what}: statements`, value: taken.rate, unit: '/s', cpu, of, ceiling },
    { name: `${what}: verifications that a statement takes`, value: cpu / ceiling.cpu!, unit: '' },
  ];
}

/** Ends when all are answered, and followed. */
async function sent(
  batches: readonly Bytes[],
  key: string,
  threads: number,
  followed: boolean,
): Promise<Taken> {
  const folder = temporaryFolder('bare');
  const log = run('bare-log', LOG, [join(folder, 'log'), key, String(threads)]);
  try {
    const [grpc, http] = (await log.line()).split(' ');
    const count = BATCH * batches.length;
    const counts = [String(WARM_UP), String(count)];
    const follower = followed
      ? run('bare-follower', FOLLOWER, [http!, key, String(threads), ...counts])
      : undefined;
    await follower?.line();
    const warm = WARM_UP / BATCH;
    await send(grpc!, batches.slice(0, warm));
    // It has verified the same when it says so.
    const behind = Number((await follower?.line()) ?? 0);
    const used = () => processorSeconds(log.pid) + ownProcessorSeconds();
    const [cpu, started] = [used(), performance.now()];
    await send(grpc!, batches.slice(warm));
    const followerUsed = follower ? Number(await follower.line()) - behind : 0;
    const seconds = (performance.now() - started) / 1000;
    return { rate: (count - WARM_UP) / seconds, cpu: (used() - cpu + followerUsed) / (count - WARM_UP) };
  } finally {
    await log.end();
    removeFolder(folder);
  }
}

function batchOf(key: string, first: number): Buffer {
  const batch = Buffer.alloc(BATCH * LENGTH);
  for (let i = 0; i < BATCH; i++) {
    const message = batch.subarray(i * LENGTH, (i + 1) * LENGTH - SIGNATURE);
    message.writeUInt32BE(first + i);
    // What has to be stored does not shrink: neither do hashes, nor most of a statement.
    randomFillSync(message, 4);
    sign('sha256', message, key).copy(batch, (i + 1) * LENGTH - SIGNATURE);
  }
  return batch;
}

/** Resolves when all have been answered. @param batches as gRPC frames them */
function send(port: string, batches: readonly Bytes[]): Promise<void> {
  return new Promise((resolve, reject) => {
    let next = 0;
    let open = batches.length;
    const more = () => {
      if (next < batches.length) stream.write(batches[next++]!);
    };
    const stream = new GrpcStream(`127.0.0.1:${port}`, '/bare.Log/Add', {
      message: () => {
        more();
        if (--open > 0) return;
        stream.close();
        resolve();
      },
      failed: reject,
    });
    for (let i = 0; i < IN_FLIGHT; i++) more();
  });
}

interface Running {
  readonly pid: number;
  line(): Promise<string>;
  end(): Promise<void>;
}

function run(role: string, file: string, args: readonly string[]): Running {
  const child = startNode(role, [file, ...args]);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    pid: child.pid!,
    line: async () => {
      const { done, value } = await lines.next();
      if (done) throw new Error(`${file} ended`);
      return value;
    },
    end: async () => {
      child.kill('SIGTERM');
      await ended(child);
    },
  };
}
