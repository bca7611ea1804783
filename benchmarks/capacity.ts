/**
 * What a server of one process can answer at most: asked by h2load or wrk where they are installed (Debian: nghttp2-client, wrk),
 * else by the loaders here, which are about as cheap.
 */
import { execFile, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Bytes } from '../src/core/bytes.ts';
import { removeFolder, temporaryFolder, tied } from './cleanup.ts';
import { grpcLoad } from './grpc-load.ts';
import { getRequest, httpLoad } from './http-load.ts';
import type { LoadResult } from './load-run.ts';

const run = (program: string, args: readonly string[]) => {
  const running = promisify(execFile)(program, args);
  tied(running.child);
  return running;
};
const SECONDS = 3;
const CONNECTIONS = { grpc: 4, http: 32 } as const;
const STREAMS = 16;

const installed = (program: string) => spawnSync(program, ['--version']).error === undefined;
/** Which loaders are used here. */
export const LOADERS = {
  grpc: installed('h2load') ? 'h2load' : 'own',
  http: installed('wrk') ? 'wrk' : 'own',
} as const;

/** A server of one process. */
export interface Asked {
  readonly port: number;
  /** Processor seconds that it has used so far. */
  cpu(): number;
  /** gRPC calls by status that it has answered with an error so far, if it counts them. To h2load they are answers like others: HTTP 200. */
  failed?(): Promise<ReadonlyMap<string, number>>;
}

export interface Capacity {
  /** Answers a second. */
  readonly rate: number;
  /** Processor time of the server for one answer, in microseconds. */
  readonly cpu: number;
}

/**
 * Unary calls a second, all with the same message.
 * @param path `/package.Service/Method`
 * @throws a call has failed
 */
export async function grpcCapacity(server: Asked, path: string, message: Bytes): Promise<Capacity> {
  // One call whose answer is looked at, by our own loader: a wrong path, or a message that is always refused, ends here.
  await grpcLoad({ port: server.port, path, messages: [message], connections: 1, streams: 1 });
  const before = await server.failed?.();
  const found = await capacity(server, () => grpcRate(server.port, path, message));
  for (const [status, calls] of (await server.failed?.()) ?? []) {
    const failed = calls - (before?.get(status) ?? 0);
    if (failed !== 0) throw new Error(`${failed} calls of ${path} have failed with status ${status}`);
  }
  return found;
}

async function grpcRate(port: number, path: string, message: Bytes): Promise<Rate> {
  if (LOADERS.grpc === 'own') {
    const load = { connections: CONNECTIONS.grpc, streams: STREAMS, milliseconds: SECONDS * 1000 };
    return grpcLoad({ port, path, messages: [message], ...load });
  }
  return inFolder(async (folder) => {
    const file = join(folder, 'message');
    const prefix = Buffer.alloc(5);
    prefix.writeUInt32BE(message.length, 1);
    writeFileSync(file, Buffer.concat([prefix, message]));
    const { stdout } = await run('h2load', [
      ...['-c', String(CONNECTIONS.grpc), '-m', String(STREAMS), '-D', String(SECONDS), '-d', file],
      ...['-H', 'content-type: application/grpc', '-H', 'te: trailers', `http://127.0.0.1:${port}${path}`],
    ]);
    const failed = /(\d+) failed, (\d+) errored/.exec(stdout);
    if (failed?.[1] !== '0' || failed[2] !== '0') throw new Error(stdout);
    return found(stdout, /([\d.]+) req\/s/, /(\d+) done/);
  });
}

/** Answers a second to GET, of several paths in turn. */
export function httpCapacity(server: Asked, paths: readonly string[]): Promise<Capacity> {
  return capacity(server, () => httpRate(server.port, paths));
}

async function httpRate(port: number, paths: readonly string[]): Promise<Rate> {
  if (LOADERS.http === 'own') {
    const load = { connections: CONNECTIONS.http, milliseconds: SECONDS * 1000 };
    return httpLoad({ port, requests: paths.map(getRequest), ...load });
  }
  return inFolder(async (folder) => {
    const script = join(folder, 'paths.lua');
    const list = paths.map((path) => JSON.stringify(path)).join(', ');
    writeFileSync(
      script,
      `local paths, n = { ${list} }, 0
       request = function() n = n % #paths + 1; return wrk.format('GET', paths[n]) end\n`,
    );
    const { stdout } = await run('wrk', [
      ...['-t', '1', '-c', String(CONNECTIONS.http), '-d', `${SECONDS}s`, '-s', script],
      `http://127.0.0.1:${port}/`,
    ]);
    if (/Non-2xx|Socket errors/.test(stdout)) throw new Error(stdout);
    return found(stdout, /Requests\/sec:\s+([\d.]+)/, /(\d+) requests in/);
  });
}

type Rate = Pick<LoadResult, 'rate' | 'count'>;

function found(text: string, rate: RegExp, count: RegExp): Rate {
  return { rate: Number(rate.exec(text)![1]), count: Number(count.exec(text)![1]) };
}

async function capacity(server: Asked, load: () => Promise<Rate>): Promise<Capacity> {
  await load(); // What the engine has not translated yet is not what the server can do.
  const before = server.cpu();
  const { rate, count } = await load();
  return { rate, cpu: ((server.cpu() - before) / count) * 1e6 };
}

async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = temporaryFolder('load');
  try {
    return await work(folder);
  } finally {
    removeFolder(folder);
  }
}
