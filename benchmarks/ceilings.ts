/** What the machine can do at most, just now: a result beside its ceiling says something on any machine, however busy. */
import { randomBytes } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { Level } from 'level';
import { securityHeaders } from '../src/http/security-headers.ts';
import { IMMUTABLE } from '../src/http/v1-route.ts';
import { type Asked, grpcCapacity, httpCapacity, LOADERS } from './capacity.ts';
import { removeFolder, temporaryFolder } from './cleanup.ts';
import { startNode } from './node-child.ts';
import { processorSeconds } from './process-status.ts';
import { verifyCeiling } from './verify-ceiling.ts';

const CORES = availableParallelism();
const MILLISECONDS = 3000;
const STARTS = 3;
/** What asks for a proof is no longer. */
const MESSAGE = new Uint8Array(32).fill(7);

export interface Ceiling {
  /** Each a second. */
  readonly rate: number;
  /** Processor time of one, in microseconds: of all threads, or of the server that answers. */
  readonly cpu?: number;
}

/** Of an answer that hands out a tile. */
const HEADERS = {
  ...securityHeaders({ tls: false, simulated: true }).answers,
  'cache-control': IMMUTABLE,
  'content-type': 'application/octet-stream',
};

const CEILINGS = {
  'P-256 verify': (milliseconds) => verifying(milliseconds, 'P-256'),
  'Ed25519 verify': (milliseconds) => verifying(milliseconds, 'Ed25519'),
  'Ed25519 verify, libsodium': (milliseconds) => verifying(milliseconds, 'Ed25519', true),
  'SHA-256 of nodes': hashing,
  'synced puts': syncedPuts,
  'grpc-js echo': () =>
    withEcho('grpc-echo.mjs', (server) => grpcCapacity(server, '/echo.Echo/Echo', MESSAGE)),
  'fastify GET 8 KiB': () => withEcho('http-echo.mjs', (server) => httpCapacity(server, ['/tile'])),
  'the same with our headers': () =>
    withEcho('http-echo.mjs', (server) => httpCapacity(server, ['/tile']), JSON.stringify(HEADERS)),
} as const satisfies Readonly<Record<string, (milliseconds: number) => Promise<Ceiling>>>;
export type CeilingName = keyof typeof CEILINGS;

/** @param milliseconds for which it is measured, but for those of echoes */
export function measureCeiling(name: CeilingName, milliseconds = MILLISECONDS): Promise<Ceiling> {
  return CEILINGS[name](milliseconds);
}

/** Who makes a load, by the way that it comes: `own` is a loader of this folder. */
export type Loaders = Readonly<Partial<Record<'stream' | 'grpc' | 'http', string>>>;

/** Who asks, for these ceilings and for what is judged by them. */
export function loadersOf(names: readonly CeilingName[]): Loaders {
  const http: readonly CeilingName[] = ['fastify GET 8 KiB', 'the same with our headers'];
  return {
    ...(names.includes('grpc-js echo') && { grpc: LOADERS.grpc }),
    ...(names.some((name) => http.includes(name)) && { http: LOADERS.http }),
  };
}

async function verifying(
  milliseconds: number,
  algorithm: 'P-256' | 'Ed25519',
  sodium = false,
): Promise<Ceiling> {
  const { rate, cpu } = await verifyCeiling(CORES, milliseconds, algorithm, sodium);
  return { rate, cpu: cpu * 1e6 };
}

async function hashing(milliseconds: number): Promise<Ceiling> {
  const rates = Array.from({ length: CORES }, () => {
    const workerData = { milliseconds };
    const thread = new Worker(new URL('./ceilings/hash-thread.mjs', import.meta.url), {
      workerData,
      execArgv: [],
    });
    return new Promise<number>((resolve, reject) => {
      thread.once('message', resolve);
      thread.once('error', reject);
    });
  });
  return { rate: (await Promise.all(rates)).reduce((sum, rate) => sum + rate, 0) };
}

/** Rows of 400 bytes in chained batches of 100, each on disk before the next begins. */
async function syncedPuts(milliseconds: number): Promise<Ceiling> {
  const folder = temporaryFolder('ceiling');
  const db = new Level<Uint8Array, Uint8Array>(folder, { keyEncoding: 'view', valueEncoding: 'view' });
  try {
    await db.open();
    const value = randomBytes(400);
    const started = performance.now();
    let puts = 0;
    while (performance.now() - started < milliseconds) {
      const batch = db.batch();
      for (let i = 0; i < 100; i++, puts++) {
        const key = new Uint8Array(9);
        new DataView(key.buffer).setUint32(1, puts);
        batch.put(key, value);
      }
      await batch.write({ sync: true });
    }
    return { rate: (puts / (performance.now() - started)) * 1000 };
  } finally {
    await db.close();
    removeFolder(folder);
  }
}

/** The mean of some starts: one differs from the next by up to a seventh, for as long as it lives. */
async function withEcho(
  file: string,
  load: (server: Asked) => Promise<Required<Ceiling>>,
  ...args: readonly string[]
): Promise<Ceiling> {
  let [rate, cpu] = [0, 0];
  for (let start = 0; start < STARTS; start++) {
    const one = await withOneEcho(file, load, args);
    rate += one.rate / STARTS;
    cpu += one.cpu / STARTS;
  }
  return { rate, cpu };
}

async function withOneEcho(
  file: string,
  load: (server: Asked) => Promise<Required<Ceiling>>,
  args: readonly string[],
): Promise<Required<Ceiling>> {
  const path = fileURLToPath(new URL(`./ceilings/${file}`, import.meta.url));
  const child = startNode('echo', [path, ...args]);
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      const server = { port: Number(line), cpu: () => processorSeconds(child.pid!) };
      return await load(server);
    }
    throw new Error(`${file} ended before it was ready`);
  } finally {
    child.kill('SIGTERM');
  }
}
