/** A log server in a process of its own, on a folder of its own, for the load that a suite makes. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));

export interface BenchServer {
  readonly origin: string;
  readonly grpc: string;
  readonly http: string;
  /** Milliseconds from the start of the process to its being ready. */
  readonly startMs: number;
  /** Resident memory now, and the most so far, in MB (Linux). */
  memory(): { now: number; peak: number };
  stop(signal?: NodeJS.Signals): Promise<void>;
}

/** Default settings, but for free ports and no rate limits: one client makes the whole load. */
export async function startBenchServer(dataDir: string): Promise<BenchServer> {
  const started = performance.now();
  const free = ['--http-port', '0', '--grpc-port', '0'];
  const unlimited = ['--rate-limit-client-per-second', '0', '--rate-limit-issuer-per-second', '0'];
  const args = [MAIN, 'serve', '-o', 'json', '--data-dir', dataDir, ...free, ...unlimited];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const end = () => child.kill('SIGKILL');
  process.once('exit', end);
  child.once('exit', () => process.off('exit', end));
  const answer = await firstAnswer(child);
  const startMs = performance.now() - started;
  return {
    ...answer,
    startMs,
    memory: () => ({ now: status(child.pid!, 'VmRSS'), peak: status(child.pid!, 'VmHWM') }),
    stop: (signal = 'SIGTERM') =>
      new Promise((resolve) => {
        child.once('exit', () => resolve());
        child.kill(signal);
      }),
  };
}

async function firstAnswer(child: ChildProcess): Promise<{ origin: string; grpc: string; http: string }> {
  let text = '';
  for await (const line of createInterface({ input: child.stdout! })) {
    text += line;
    try {
      return JSON.parse(text) as { origin: string; grpc: string; http: string };
    } catch {
      // The answer goes on over several lines.
    }
  }
  throw new Error('the server ended before it was ready');
}

function status(pid: number, field: string): number {
  const found = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return found ? Number(found[1]) / 1024 : Number.NaN;
}

/** Bytes of all files below a folder. */
export function folderBytes(path: string): number {
  const entry = statSync(path);
  if (!entry.isDirectory()) return entry.size;
  return readdirSync(path).reduce((sum, name) => sum + folderBytes(join(path, name)), 0);
}
