/** From the registration of a statement to its receipt: on a log that has nothing else to do, and at half of what it can take. */
import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { Bytes } from '../../src/core/bytes.ts';
import { removeFolder, temporaryFolder } from '../cleanup.ts';
import { type Batch, enrol, LoadStream, type Member, prepareAll, signed } from '../load.ts';
import type { Measure, Suite } from '../main.ts';
import { verifyReceipts } from '../receipts.ts';
import { startBenchServer } from '../server.ts';

const IDLE = 2000;
const WARM_UP = 500;
const FULL_LOAD = 40_000;
const HALF_LOAD_MS = 8000;
const SYNCS = 1000;

export const suite: Suite = {
  describe: 'registers foreign P-256 statements over one stream, and waits for each receipt',
  ceilings: ['P-256 verify'],
  async run({ progress }) {
    const dataDir = temporaryFolder('latency');
    const server = await startBenchServer(dataDir);
    const stream = new LoadStream(server.grpc);
    try {
      const member = await enrol(stream, dataDir, server.origin);
      const idle = await oneByOne(stream, await signed(member, 0, WARM_UP + IDLE));
      // Now: of a disk that nobody has written to for a while it says little.
      const sync = syncs(join(dataDir, 'sync'));
      const { rate: full, sample } = await fullLoad(stream, await signed(member, 1e6, FULL_LOAD));
      const verified = verifyReceipts(dataDir, server.origin, sample);
      progress(`full load: ${Math.round(full).toLocaleString('en')}/s, ${verified} receipts verified`);
      const half = await atPace(stream, member, full / 2);
      return [
        { name: 'fdatasync of this disk, median', value: at(sync, 0.5), unit: 'ms' },
        { name: 'fdatasync of this disk, 99 of 100', value: at(sync, 0.99), unit: 'ms' },
        ...lines('idle', idle, { middle: 2, late: 8 }),
        { name: 'full load', value: full, unit: '/s', of: 'P-256 verify' },
        { name: 'half load', value: full / 2, unit: '/s', of: 'P-256 verify' },
        ...lines('half load', half, { late: 30 }),
      ];
    } finally {
      stream.close();
      await server.stop();
      removeFolder(dataDir);
    }
  },
};

function lines(name: string, times: readonly number[], most: { middle?: number; late: number }): Measure[] {
  const middle = { name: `${name}: median`, value: at(times, 0.5), unit: 'ms' };
  return [
    most.middle === undefined ? middle : { ...middle, bound: { most: most.middle } },
    { name: `${name}: 99 of 100`, value: at(times, 0.99), unit: 'ms', bound: { most: most.late } },
    { name: `${name}: longest`, value: at(times, 1), unit: 'ms' },
  ];
}

function at(times: readonly number[], share: number): number {
  const sorted = times.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;
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

async function oneByOne(stream: LoadStream, statements: readonly Bytes[]): Promise<number[]> {
  const times: number[] = [];
  for (const statement of statements) {
    const started = performance.now();
    await stream.send([statement]);
    times.push(performance.now() - started);
  }
  return times.slice(WARM_UP);
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
async function atPace(stream: LoadStream, member: Member, rate: number): Promise<number[]> {
  const size = 8;
  const every = (size / rate) * 1000;
  const count = Math.floor(HALF_LOAD_MS / every);
  const batches: Batch[] = [];
  for (let n = 0; n < count; n++) {
    batches.push(stream.prepare(await signed(member, 2e6 + n * size, size)));
  }
  const times: number[] = [];
  const answers: Promise<void>[] = [];
  const started = performance.now();
  for (const [n, batch] of batches.entries()) {
    const due = started + n * every;
    if (due > performance.now() + 1) await setTimeout(due - performance.now());
    answers.push(stream.push(batch).then(() => void times.push(performance.now() - due)));
  }
  await Promise.all(answers);
  return times;
}
