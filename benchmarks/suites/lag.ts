/**
 * How far a monitor lags behind a log that is under load on the same cores: both in processes of their own, the log
 * ingesting at a fixed share of what verifying alone has reached just before.
 */
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Bytes } from '../../src/core/bytes.ts';
import type { Mean } from '../beside.ts';
import { removeFolder, temporaryFolder } from '../cleanup.ts';
import { LagWatch } from '../lag-watch.ts';
import { type Batch, enrol, LoadStream, type Member, placedBy, signed } from '../load.ts';
import type { Measure, Suite, SuiteOptions } from '../main.ts';
import { ended, startNode } from '../node-child.ts';
import { type Receipted, verifyReceipts } from '../receipts.ts';
import { startBenchServer } from '../server.ts';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
/** DONE WHEN of the monitor: of the verify ceiling, and seconds. */
const SHARE = 0.35;
const MOST_LAG = 5;
/** Of the pace: who keeps up takes this much of what it is sent, at least. */
const KEPT = 0.98;
/** As long as whoever lags a little more with every batch needs to be far behind. */
const SECONDS = 60;
/** In less nobody can fall far behind, and the answer to the last batch is a part of the time that counts. */
const JUDGED_FROM = 30;
/** All of it is signed before, so that the rate is not the signer's. */
const MOST = 1_000_000;
const BATCH = 64;
/** Batches that wait for their answer at most. */
const UNDER_WAY = 16;
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

async function measure(folder: string, { entries, progress, beside }: SuiteOptions): Promise<Measure[]> {
  const { result, ceilings } = await beside('ingested', ['P-256 verify'], (before) => {
    return watched(folder, before['P-256 verify'].rate * SHARE, entries, progress);
  });
  return measures(result, ceilings['P-256 verify']);
}

/** @param rate entries a second */
async function watched(folder: string, rate: number, most: number, progress: SuiteOptions['progress']) {
  const count = Math.min(most, Math.round(rate * SECONDS));
  const server = await startBenchServer(join(folder, 'log'));
  const stream = new LoadStream(server.grpc);
  const monitor = await startMonitor(server.http, folder);
  try {
    const load = await prepared(stream, await enrol(stream, join(folder, 'log'), server.origin), count);
    progress(`${count} statements, to be sent at ${Math.round(rate)} a second`);
    const watch = new LagWatch({ checkpoint: `${server.http}/checkpoint`, metrics: monitor.metrics });
    const sending = sent(stream, load, rate).finally(() => watch.end());
    // An alarm ends it at once.
    const [{ sample, seconds }] = await Promise.all([sending, watch.run()]);
    progress(`${verifyReceipts(join(folder, 'log'), server.origin, sample)} receipts verified`);
    return { watch, pace: rate, count, seconds };
  } finally {
    stream.close();
    await monitor.stop();
    await server.stop();
  }
}

interface Ingested {
  readonly watch: LagWatch;
  /** Entries a second, as they were meant to be sent. */
  readonly pace: number;
  readonly count: number;
  readonly seconds: number;
}

/** Judged is what the pace asks for. Of a ceiling that has changed meanwhile nobody could have known. */
function measures({ watch, pace, count, seconds }: Ingested, ceiling: Mean): Measure[] {
  const ingested = count / seconds;
  const long = seconds >= JUDGED_FROM;
  const percent = (name: string, ratio: number) => ({ name, value: ratio * 100, unit: '%' });
  return [
    { name: 'statements', value: count, unit: '' },
    { name: 'the ceiling before', value: ceiling.before, unit: '/s' },
    { name: 'pace', value: pace, unit: '/s' },
    percent('pace ÷ the ceiling before', pace / ceiling.before),
    { name: 'ingested', value: ingested, unit: '/s', of: 'P-256 verify', ceiling },
    { ...percent('ingested ÷ pace', ingested / pace), ...(long && { bound: { least: KEPT * 100 } }) },
    { name: long ? 'for' : `for; judged from ${JUDGED_FROM} s on`, value: seconds, unit: 's' },
    { name: 'lag, median', value: watch.at(0.5), unit: 's' },
    { name: 'lag, most', value: watch.at(1), unit: 's', ...(long && { bound: { most: MOST_LAG } }) },
  ];
}

interface Load {
  readonly batches: readonly Batch[];
  /** First statement of every batch of which a receipt is verified. */
  readonly firsts: readonly Bytes[];
}

async function prepared(stream: LoadStream, member: Member, count: number): Promise<Load> {
  const batches: Batch[] = [];
  const firsts: Bytes[] = [];
  for (let n = 0; n < count; n += BATCH) {
    const statements = await signed(member, n, Math.min(BATCH, count - n));
    if (batches.length % SAMPLE === 0) firsts.push(statements[0]!);
    batches.push(stream.prepare(statements));
  }
  return { batches, firsts };
}

async function sent(stream: LoadStream, { batches, firsts }: Load, rate: number) {
  const started = performance.now();
  const placed: Promise<unknown>[] = [];
  const sample: Receipted[] = [];
  for (const [i, batch] of batches.entries()) {
    await delay(Math.max(0, started + ((i * BATCH) / rate) * 1000 - performance.now()));
    // A client that is not answered does not go on for ever.
    await placed[i - UNDER_WAY];
    const statement = i % SAMPLE === 0 ? firsts[i / SAMPLE] : undefined;
    const keep = (answer: Bytes) =>
      void sample.push({ statement: statement!, receipt: placedBy(answer)[0]!.receipt });
    placed.push(statement ? stream.ask(batch).then(keep) : stream.push(batch));
  }
  await Promise.all(placed);
  return { sample, seconds: (performance.now() - started) / 1000 };
}

async function startMonitor(url: string, folder: string) {
  const port = await freePort();
  const child = startNode('monitor', [
    ...[MAIN, 'monitor', '--url', url, '--trust', join(folder, 'log', 'trust.json')],
    ...['--data-dir', join(folder, 'monitor'), '--http-port', String(port), '--log-level', 'error'],
  ]);
  // What it prints are alarms: more than the metrics say of them.
  child.stdout.pipe(process.stderr);
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
