/** From the registration of a statement to its receipt: on a log that has nothing else to do, and at half of what it can take. */
import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { Bytes } from '../../src/core/bytes.ts';
import { removeFolder, temporaryFolder } from '../cleanup.ts';
import { type Batch, enrol, LoadStream, type Member, placedBy, prepareAll, signed } from '../load.ts';
import type { Measure, Suite } from '../main.ts';
import { quantile } from '../quantile.ts';
import { type Receipted, verifyReceipts } from '../receipts.ts';
import { startBenchServer } from '../server.ts';

const IDLE = 2000;
const WARM_UP = 500;
/** Before the full load, as in `ingest`: a rate of code that is not compiled yet would make half of it less than half. */
const FULL_WARM_UP = 60_000;
const FULL_LOAD = 40_000;
const HALF_LOAD_MS = 8000;
const SYNCS = 1000;
/** Receipts that are verified of each part, about. */
const RECEIPTS = 60;

export const suite: Suite = {
  describe: 'registers foreign P-256 statements over one stream, and waits for each receipt',
  ceilings: ['P-256 verify'],
  loaders: { stream: 'own' },
  entries: 'own',
  async run({ progress }) {
    const dataDir = temporaryFolder('latency');
    const server = await startBenchServer(dataDir);
    const stream = new LoadStream(server.grpc);
    try {
      const member = await enrol(stream, dataDir, server.origin);
      const idle = await oneByOne(stream, await signed(member, 0, WARM_UP + IDLE));
      // Now: of a disk that nobody has written to for a while it says little.
      const sync = syncs(join(dataDir, 'sync'));
      await prepareAll(stream, await signed(member, 1e6, FULL_WARM_UP))();
      const { rate: full, sample } = await fullLoad(stream, await signed(member, 2e6, FULL_LOAD));
      const half = await atPace(stream, member, full / 2);
      const verified = (receipts: readonly Receipted[]) => verifyReceipts(dataDir, server.origin, receipts);
      progress(`full load: ${Math.round(full).toLocaleString('en')}/s`);
      const [alone, loaded, halved] = [idle.sample, sample, half.sample].map(verified);
      progress(`receipts verified: ${alone} of the idle log, ${loaded} of full load, ${halved} of half load`);
      return [
        { name: 'fdatasync of this disk, median', value: quantile(sync, 0.5), unit: 'ms' },
        { name: 'fdatasync of this disk, 99 of 100', value: quantile(sync, 0.99), unit: 'ms' },
        ...lines('idle', idle.times, { middle: 2, late: 8 }),
        { name: 'full load', value: full, unit: '/s', of: 'P-256 verify' },
        { name: 'half load', value: full / 2, unit: '/s', of: 'P-256 verify' },
        ...lines('half load', half.times, { late: 30 }),
      ];
    } finally {
      stream.close();
      await server.stop();
      removeFolder(dataDir);
    }
  },
};

function lines(name: string, times: readonly number[], most: { middle?: number; late: number }): Measure[] {
  const middle = { name: `${name}: median`, value: quantile(times, 0.5), unit: 'ms' };
  return [
    most.middle === undefined ? middle : { ...middle, bound: { most: most.middle } },
    { name: `${name}: 99 of 100`, value: quantile(times, 0.99), unit: 'ms', bound: { most: most.late } },
    { name: `${name}: longest`, value: quantile(times, 1), unit: 'ms' },
  ];
}

function syncs(path: string): number[] {
  const file = openSync(path, 'w');
  try {
    return Array.from({ length: SYNCS }, () => {
      writeSync(file, new Uint8Array(600));
      const started = performance.now();
      fdatasyncSync(file);
      return performance.now() - started;
    });
  } finally {
    closeSync(file);
  }
}

/** How long each took, in milliseconds, and some of them with their receipts. */
interface Timed {
  readonly times: readonly number[];
  readonly sample: readonly Receipted[];
}

async function oneByOne(stream: LoadStream, statements: readonly Bytes[]): Promise<Timed> {
  const times: number[] = [];
  const sample: Receipted[] = [];
  const every = Math.ceil(statements.length / RECEIPTS);
  for (const [n, statement] of statements.entries()) {
    const started = performance.now();
    const [placed] = await stream.send([statement]);
    times.push(performance.now() - started);
    if (n % every === 0) sample.push({ statement, receipt: placed!.receipt });
  }
  return { times: times.slice(WARM_UP), sample };
}

async function fullLoad(stream: LoadStream, statements: readonly Bytes[]) {
  const send = prepareAll(stream, statements);
  const started = performance.now();
  const sample = await send();
  return { rate: (statements.length / (performance.now() - started)) * 1000, sample };
}

/**
 * Batches at their times, however long the answers take: who waits for an answer before sending the next hides what is slow.
 * Small ones, since half a load comes from many.
 */
async function atPace(stream: LoadStream, member: Member, rate: number): Promise<Timed> {
  const size = 8;
  const every = (size / rate) * 1000;
  const count = Math.floor(HALF_LOAD_MS / every);
  const batches: { readonly batch: Batch; readonly sampled: Bytes | undefined }[] = [];
  const sampleEvery = Math.ceil(count / RECEIPTS);
  for (let n = 0; n < count; n++) {
    const statements = await signed(member, 3e6 + n * size, size);
    const sampled = n % sampleEvery === 0 ? statements[0] : undefined;
    batches.push({ batch: stream.prepare(statements), sampled });
  }
  const times: number[] = [];
  const receipts: { readonly statement: Bytes; readonly answer: Bytes }[] = [];
  const send = async ({ batch, sampled }: (typeof batches)[number], due: number) => {
    if (sampled) receipts.push({ statement: sampled, answer: await stream.ask(batch) });
    else await stream.push(batch);
    times.push(performance.now() - due);
  };
  const answers: Promise<void>[] = [];
  const started = performance.now();
  for (const [n, batch] of batches.entries()) {
    const due = started + n * every;
    if (due > performance.now() + 1) await setTimeout(due - performance.now());
    answers.push(send(batch, due));
  }
  await Promise.all(answers);
  const sample = receipts.map(({ statement, answer }) => ({
    statement,
    receipt: placedBy(answer)[0]!.receipt,
  }));
  return { times, sample };
}
