/**
 * How far a monitor lags behind a log that is under load on the same cores: both in processes of their own, the log
 * ingesting at a fixed share of what verifying alone would reach. Lag is the age of what the monitor has replayed: the time
 * since the log first published more than that.
 */
import { createServer } from 'node:net';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay, setImmediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Bytes } from '../../src/core/bytes.ts';
import { removeFolder, temporaryFolder } from '../cleanup.ts';
import { type Batch, enrol, LoadStream, placedBy, statement } from '../load.ts';
import type { Measure, Suite, SuiteOptions } from '../main.ts';
import { ended, startNode } from '../node-child.ts';
import { type Receipted, verifyReceipts } from '../receipts.ts';
import { startBenchServer } from '../server.ts';
import { verifyCeiling } from '../verify-ceiling.ts';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
/** DONE WHEN of the monitor: of the verify ceiling, and seconds. */
const SHARE = 0.35;
const MOST_LAG = 5;
/** As long as whoever lags a little more with every batch needs to be far behind. */
const SECONDS = 60;
/** All of it is signed before, so that the rate is not the signer's. */
const MOST = 1_000_000;
const BATCH = 64;
/** Batches that wait for their answer at most. */
const UNDER_WAY = 16;
const POLL_MS = 500;
/** The receipt of one statement is verified of so many batches. */
const SAMPLE = 256;

export const suite: Suite = {
  describe: `watches a log that ingests at ${SHARE * 100} % of the verify ceiling on the same cores, for ${SECONDS} s`,
  loaders: { stream: 'own' },
  entries: { most: MOST, found: true },
  async run(options) {
    const folder = temporaryFolder('lag');
    try {
      return await measure(folder, options);
    } finally {
      removeFolder(folder);
    }
  },
};

async function measure(folder: string, { entries, progress, around }: SuiteOptions): Promise<Measure[]> {
  const before = await verifyCeiling(availableParallelism());
  const rate = before.rate * SHARE;
  const count = Math.min(entries, MOST, Math.round(rate * SECONDS));
  const server = await startBenchServer(join(folder, 'log'));
  const stream = new LoadStream(server.grpc);
  const monitor = await startMonitor(server.http, folder);
  try {
    const member = await enrol(stream, join(folder, 'log'), server.origin);
    const batches: Batch[] = [];
    const firsts: Bytes[] = [];
    for (let n = 0; n < count; n += BATCH) {
      const length = Math.min(BATCH, count - n);
      const statements = Array.from({ length }, (_, i) => statement(member, n + i));
      if (batches.length % SAMPLE === 0) firsts.push(statements[0]!);
      batches.push(stream.prepare(statements));
      // A server takes a client that answers no ping for dead.
      await setImmediate();
    }
    progress(`${count} statements, to be sent at ${Math.round(rate)} a second`);
    const watch = new LagWatch(server.http, monitor.metrics);
    const watching = watch.run();
    const started = performance.now();
    const placed: Promise<unknown>[] = [];
    const sample: Receipted[] = [];
    for (const [i, batch] of batches.entries()) {
      await delay(Math.max(0, started + ((i * BATCH) / rate) * 1000 - performance.now()));
      // A client that is not answered does not go on for ever.
      await placed[i - UNDER_WAY];
      const sampled = i % SAMPLE === 0 ? firsts[i / SAMPLE] : undefined;
      const keep = (answer: Bytes) =>
        void sample.push({ statement: sampled!, receipt: placedBy(answer)[0]!.receipt });
      placed.push(sampled ? stream.ask(batch).then(keep) : stream.push(batch));
    }
    await Promise.all(placed);
    const ingested = count / ((performance.now() - started) / 1000);
    watch.end();
    await watching;
    progress(`${verifyReceipts(join(folder, 'log'), server.origin, sample)} receipts verified`);
    const after = await verifyCeiling(availableParallelism());
    const ceiling = around('crypto.verify', before.rate, after.rate);
    return [
      { name: 'verify ceiling', value: ceiling, unit: 'signatures/s' },
      { name: 'ingested', value: ingested, unit: 'entries/s' },
      { name: 'for', value: count / ingested, unit: 's' },
      {
        ...{ name: 'share of the ceiling', value: (ingested / ceiling) * 100, unit: '%' },
        bound: { least: SHARE * 100 * 0.98 },
      },
      { name: 'lag, median', value: watch.at(0.5), unit: 's' },
      { name: 'lag, most', value: watch.at(1), unit: 's', bound: { most: MOST_LAG } },
    ];
  } finally {
    stream.close();
    await monitor.stop();
    await server.stop();
  }
}

/** Looks at both at once, again and again. */
class LagWatch {
  readonly #log: string;
  readonly #metrics: string;
  /** When each size of the log was first seen, oldest first, of those that the monitor has not reached. */
  readonly #published: { readonly size: number; readonly at: number }[] = [];
  readonly #lags: number[] = [];
  #ended = false;

  constructor(log: string, metrics: string) {
    this.#log = log;
    this.#metrics = metrics;
  }

  async run(): Promise<void> {
    // To the end of the lag: what is measured after would be measured beside a monitor at work.
    while (!this.#ended || this.#published.length > 0) {
      const [head, metrics] = await Promise.all([text(`${this.#log}/checkpoint`), text(this.#metrics)]);
      const now = performance.now();
      const size = Number(head.split('\n')[1]);
      const replayed = Number(/^aichain_monitor_replayed_tree_size (\d+)/m.exec(metrics)?.[1] ?? 0);
      if (size > (this.#published.at(-1)?.size ?? 0)) this.#published.push({ size, at: now });
      while (this.#published[0] && this.#published[0].size <= replayed) this.#published.shift();
      this.#lags.push(this.#published[0] ? (now - this.#published[0].at) / 1000 : 0);
      await delay(POLL_MS);
    }
  }

  /** Not to look for more, once the monitor has all. */
  end(): void {
    this.#ended = true;
  }

  /** Seconds, of the given share of all looks no more. */
  at(share: number): number {
    const sorted = this.#lags.toSorted((a, b) => a - b);
    return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
  }
}

async function text(url: string): Promise<string> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  return response.text();
}

async function startMonitor(url: string, folder: string) {
  const port = await freePort();
  const child = startNode('monitor', [
    ...[MAIN, 'monitor', '--url', url, '--trust', join(folder, 'log', 'trust.json')],
    ...['--data-dir', join(folder, 'monitor'), '--http-port', String(port), '--log-level', 'error'],
  ]);
  // Nobody asks what it prints.
  child.stdout.resume();
  const metrics = `http://127.0.0.1:${port}/metrics`;
  for (let tries = 0; ; tries++) {
    const there = await fetch(metrics).catch(() => undefined);
    if (there?.ok) break;
    if (tries > 200 || child.exitCode !== null) throw new Error('the monitor does not start');
    await delay(200);
  }
  return {
    metrics,
    stop: async () => {
      child.kill('SIGTERM');
      await ended(child);
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
