/** A log server in a process of its own, on a folder of its own, for the load that a suite makes. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { LedgerClient } from '../src/client/index.ts';
import { nodeCrypto as crypto } from '../src/platform/crypto-node.ts';
import { parseTrust } from '../src/verify/index.ts';
import { ended, type NodeChild, profiling, startNode } from './node-child.ts';
import { memoryOf, processorSeconds } from './process-status.ts';

const MAIN = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
const POLL_MS = 200;

export interface BenchServer {
  readonly origin: string;
  readonly grpc: string;
  readonly http: string;
  /** Milliseconds from the start of the process to its being ready. */
  readonly startMs: number;
  /** Resident memory now, and the most so far, in MB (Linux). */
  memory(): { now: number; peak: number };
  /** Processor seconds that all its threads have used so far (Linux). */
  cpu(): number;
  /** Until the lineage index of a log that was not written by a server has been built. */
  settled(): Promise<void>;
  /** When the bench profiles always by SIGTERM: a process that is killed writes no profile. */
  stop(signal?: NodeJS.Signals): Promise<void>;
}

/** Default settings, but for free ports and no rate limits: one client makes the whole load. */
export async function startBenchServer(dataDir: string): Promise<BenchServer> {
  const started = performance.now();
  const free = ['--http-port', '0', '--grpc-port', '0'];
  const unlimited = ['--rate-limit-client-per-second', '0', '--rate-limit-issuer-per-second', '0'];
  const args = ['serve', '-o', 'json', '--data-dir', dataDir, ...free, ...unlimited];
  const child = startNode('server', [MAIN, ...args]);
  const answer = await firstAnswer(child);
  const startMs = performance.now() - started;
  return {
    ...answer,
    startMs,
    memory: () => memoryOf(child.pid!),
    cpu: () => processorSeconds(child.pid!),
    settled: async () => {
      while ((await fetch(new URL('/v1/stats', answer.http))).status === 503) await setTimeout(POLL_MS);
    },
    stop: async (signal = 'SIGTERM') => {
      child.kill(profiling() ? 'SIGTERM' : signal);
      await ended(child);
    },
  };
}

async function firstAnswer({ stdout }: NodeChild): Promise<{ origin: string; grpc: string; http: string }> {
  let text = '';
  for await (const line of createInterface({ input: stdout })) {
    text += line;
    try {
      return JSON.parse(text) as { origin: string; grpc: string; http: string };
    } catch {
      // The answer goes on over several lines.
    }
  }
  throw new Error('the server ended before it was ready');
}

/** Records in the state map, by the state entry at the tip, proven. */
export async function recordsOf(server: BenchServer, dataDir: string): Promise<number> {
  const trust = parseTrust(crypto, readFileSync(join(dataDir, 'trust.json'), 'utf8'));
  const client = await LedgerClient.connect({ grpc: server.grpc, trust });
  try {
    return (await client.facts([])).tip.mapCount;
  } finally {
    client.close();
  }
}

/** @param address of a server: authority or URL */
export function portOf(address: string): number {
  return Number(/:(\d+)\/?$/.exec(address)![1]);
}

/** Bytes of all files below a folder. */
export function folderBytes(path: string): number {
  const entry = statSync(path);
  if (!entry.isDirectory()) return entry.size;
  return readdirSync(path).reduce((sum, name) => sum + folderBytes(join(path, name)), 0);
}
