/**
 * How a log behaves as it grows: append rate at the end against the start, memory, start-up, bytes on disk. The
 * statements are signed before, so that the rate is the server's and not the load's.
 */
import { join } from 'node:path';
import { removeFolder, temporaryFolder } from '../cleanup.ts';
import { enrol, LoadStream, type Member, prepareAll, signed } from '../load.ts';
import type { Measure, Suite } from '../main.ts';
import { verifyReceipts } from '../receipts.ts';
import { type BenchServer, folderBytes, recordsOf, startBenchServer } from '../server.ts';
import { writeStoredLog } from '../stored-log.ts';

/** Statements signed ahead at a time: bounds the memory of the load. */
const PART = 100_000;
/** So many are sent to a server; of a larger log only the last are, and the rest is written as a server would have. */
const SENT = 1_000_000;
const LAST = 3 * PART;
/** Of a larger log; two for each participant. */
const RECORDS = 100_000;
/** Of the log that shows what further records take, told for a million: so many would take half an hour to be written. */
const MANY_RECORDS = 300_000;

export const suite: Suite = {
  describe: 'appends entries over one stream, batches of 64, P-256; default settings without rate limits',
  ceilings: ['P-256 verify'],
  async run({ entries, progress }) {
    const folders: string[] = [];
    const folder = () => {
      const made = temporaryFolder('growth');
      folders.push(made);
      return made;
    };
    try {
      const grown = await grow(folder(), Math.min(entries, SENT), progress);
      if (entries <= SENT) return grown;
      return [...grown, ...(await large(folder, entries, progress))];
    } finally {
      for (const made of folders) removeFolder(made);
    }
  },
};

interface Appended {
  /** Of each part. */
  readonly rates: readonly number[];
  /** MB. */
  readonly peak: number;
}

/** In parts, of each of which some receipts are verified. */
async function append(
  dataDir: string,
  { server, stream, member, first, count }: Load,
  progress: (text: string) => void,
): Promise<Appended> {
  const rates: number[] = [];
  let peak = 0;
  for (let done = 0; done < count; ) {
    const part = Math.min(PART, count - done);
    const statements = await signed(member, first + done, part);
    const bytes = statements.reduce((sum, one) => sum + one.length, 0) / part;
    const send = prepareAll(stream, statements);
    const started = performance.now();
    const sample = await send();
    const seconds = (performance.now() - started) / 1000;
    const verified = verifyReceipts(dataDir, server.origin, sample);
    rates.push(part / seconds);
    done += part;
    const memory = server.memory();
    peak = Math.max(peak, memory.peak);
    progress(
      `${(first + done).toLocaleString('en')} entries, ${Math.round(part / seconds).toLocaleString('en')}/s, ${Math.round(memory.now)} MB, ${Math.round(bytes)} bytes each, ${verified} receipts verified`,
    );
  }
  return { rates, peak };
}

interface Starts {
  /** Seconds. */
  readonly killed: number;
  readonly clean: number;
  /** MB after the second one. */
  readonly memory: number;
}

/** How a server that was killed, and then one that ended by itself, comes back. */
async function restarts(dataDir: string): Promise<Starts> {
  const killed = await startBenchServer(dataDir);
  await killed.stop();
  const clean = await startBenchServer(dataDir);
  const memory = clean.memory().now;
  await clean.stop();
  return { killed: killed.startMs / 1000, clean: clean.startMs / 1000, memory };
}

interface Load {
  readonly server: BenchServer;
  readonly stream: LoadStream;
  readonly member: Member;
  /** Entries that the log has had from this member, and how many follow now. */
  readonly first: number;
  readonly count: number;
}

interface Life extends Appended {
  readonly starts: Starts;
  /** Bytes. */
  readonly disk: number;
  readonly records: number;
}

/** Appends, dies in the middle of its work, and comes back. */
async function live(dataDir: string, load: Load, progress: (text: string) => void): Promise<Life> {
  const { server, stream } = load;
  const appended = await append(dataDir, load, progress);
  const records = await recordsOf(server, dataDir);
  stream.close();
  await server.stop('SIGKILL');
  const starts = await restarts(dataDir);
  return { ...appended, records, starts, disk: folderBytes(join(dataDir, 'db')) };
}

/** @param most megabytes while it works, and seconds of a start */
function measuresOf(
  name: string,
  life: Life,
  entries: number,
  most: { memory: number; start: number; disk?: number },
): Measure[] {
  const { peak, starts, disk, records } = life;
  return [
    { name: `${name}, entries`, value: entries, unit: 'statements' },
    { name: `${name}, records`, value: records, unit: '' },
    { name: `${name}, memory, most`, value: peak, unit: 'MB', bound: { most: most.memory } },
    { name: `${name}, memory after a start`, value: starts.memory, unit: 'MB' },
    { name: `${name}, start after SIGKILL`, value: starts.killed, unit: 's', bound: { most: most.start } },
    { name: `${name}, start after SIGTERM`, value: starts.clean, unit: 's', bound: { most: most.start } },
    {
      name: `${name}, on disk`,
      value: disk / entries,
      unit: 'bytes an entry',
      ...(most.disk && { bound: { most: most.disk } }),
    },
  ];
}

async function grow(dataDir: string, entries: number, progress: (text: string) => void): Promise<Measure[]> {
  const life = await live(dataDir, await emptyLog(dataDir, entries), progress);
  // One part may fall into a compaction, or into something else that the machine does: three show what lasts.
  const [first, last] = [median(life.rates.slice(0, 3)), median(life.rates.slice(-3))];
  return [
    { name: 'append rate, first three parts', value: first, unit: '/s', of: 'P-256 verify' },
    { name: 'append rate, last three parts', value: last, unit: '/s', of: 'P-256 verify' },
    { name: 'last ÷ first', value: last / first, unit: '', bound: { least: 0.8 } },
    ...measuresOf('grown', life, entries, { memory: 400, start: 3, disk: 560 }),
  ];
}

async function emptyLog(dataDir: string, count: number): Promise<Load> {
  const server = await startBenchServer(dataDir);
  const stream = new LoadStream(server.grpc);
  const member = await enrol(stream, dataDir, server.origin);
  return { server, stream, member, first: 0, count };
}

/** What the machine makes of an empty log at this moment, entries a second. */
async function smallRate(dataDir: string, progress: (text: string) => void): Promise<number> {
  const load = await emptyLog(dataDir, LAST);
  const { rates } = await append(dataDir, load, progress);
  load.stream.close();
  await load.server.stop();
  return median(rates);
}

async function large(
  folder: () => string,
  entries: number,
  progress: (text: string) => void,
): Promise<Measure[]> {
  const dataDir = folder();
  const registerEvery = Math.max(1, Math.round((entries * 2) / RECORDS));
  const first = entries - LAST;
  const member = await written(dataDir, first, registerEvery, progress);
  // Long after the first: the machine may not be what it was, so a small log goes before and after.
  const before = await smallRate(folder(), progress);
  const server = await startBenchServer(dataDir);
  await server.settled();
  const stream = new LoadStream(server.grpc);
  const life = await live(dataDir, { server, stream, member, first, count: LAST }, progress);
  const { starts, peak } = life;
  progress(
    `starts in ${starts.killed.toFixed(1)} and ${starts.clean.toFixed(1)} s, ${Math.round(peak)} MB at most`,
  );
  const small = (before + (await smallRate(folder(), progress))) / 2;

  const many = folder();
  await written(many, MANY_RECORDS / 2, 1, progress);
  const built = await startBenchServer(many);
  await built.settled();
  const further = ((await recordsOf(built, many)) - life.records) / 1_000_000;
  await built.stop();
  const withMany = await restarts(many);
  const last = median(life.rates);
  return [
    { name: 'large, append rate', value: last, unit: '/s', of: 'P-256 verify' },
    { name: 'small, append rate before and after it', value: small, unit: '/s', of: 'P-256 verify' },
    { name: 'large ÷ small', value: last / small, unit: '', bound: { least: 0.8 } },
    ...measuresOf('large', life, entries, { memory: 600, start: 5 }),
    {
      name: 'a further million records, start',
      value: (withMany.clean - life.starts.clean) / further,
      unit: 's',
    },
    {
      name: 'a further million records, memory after a start',
      value: (withMany.memory - life.starts.memory) / further,
      unit: 'MB',
    },
  ];
}

function written(
  dataDir: string,
  size: number,
  registerEvery: number,
  progress: (text: string) => void,
): Promise<Member> {
  let next = size / 10;
  const told = (leaves: number) => {
    if (leaves < next) return;
    next += size / 10;
    progress(`${leaves.toLocaleString('en')} entries written`);
  };
  return writeStoredLog(dataDir, size, { registerEvery, progress: told });
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}
