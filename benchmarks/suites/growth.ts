/**
 * How a log behaves as it grows: append rate at the end against the start, memory, start-up, bytes on disk; and
 * what further records of the state take. The statements are signed before, so that the rate is the server's and not
 * the load's.
 */
import { join } from 'node:path';
import { removeFolder, temporaryFolder } from '../cleanup.ts';
import { enrol, LoadStream, type Member, prepareAll, signed } from '../load.ts';
import type { Measure, Suite } from '../main.ts';
import { quantile } from '../quantile.ts';
import { verifyReceipts } from '../receipts.ts';
import { type BenchServer, folderBytes, recordsOf, startBenchServer } from '../server.ts';
import { writeStoredLog } from '../stored-log.ts';

/** Statements signed ahead at a time: bounds the memory of the load. */
const PART = 100_000;
/** So many are sent to a server; of a larger log only the last are, and the rest is written as a server would have. */
const SENT = 1_000_000;
const LAST = 3 * PART;
/** Timed apart. Nothing warms the server up: it has just started, and the engine still compiles what is run often. */
const FIRST = 10_000;
/** Of a larger log; two for each participant. */
const RECORDS = 100_000;
/**
 * Leaves of two logs, of which one has next to no records and the other two for each leaf. What lies between them
 * is told for a million: so many would take several minutes to be written.
 */
const BESIDE = 50_000;
/** Of each of the two; the median counts. */
const STARTS = 3;

export const suite: Suite = {
  describe: 'appends entries over one stream, batches of 64, P-256; default settings without rate limits',
  ceilings: ['P-256 verify'],
  loaders: { stream: 'own' },
  entries: {},
  async run({ entries, progress }) {
    const folders: string[] = [];
    const folder = () => {
      const made = temporaryFolder('growth');
      folders.push(made);
      return made;
    };
    try {
      return [
        ...(await grow(folder(), Math.min(entries, SENT), progress)),
        ...(entries > SENT ? await large(folder, entries, progress) : []),
        ...(await furtherRecords(folder, progress)),
      ];
    } finally {
      for (const made of folders) removeFolder(made);
    }
  },
};

interface Appended {
  /** Entries a second, of each part, and of the first entries of the first part. */
  readonly rates: readonly number[];
  readonly firstRate: number;
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
  let firstRate = Number.NaN;
  let peak = 0;
  for (let done = 0; done < count; ) {
    const part = Math.min(PART, count - done);
    const statements = await signed(member, first + done, part);
    const bytes = statements.reduce((sum, one) => sum + one.length, 0) / part;
    const apart = done === 0 ? Math.min(FIRST, part) : 0;
    const sendFirst = prepareAll(stream, statements.slice(0, apart));
    const sendRest = prepareAll(stream, statements.slice(apart));
    const started = performance.now();
    const sample = await sendFirst();
    if (done === 0) firstRate = apart / secondsSince(started);
    sample.push(...(await sendRest()));
    const seconds = secondsSince(started);
    const verified = verifyReceipts(dataDir, server.origin, sample);
    rates.push(part / seconds);
    done += part;
    const memory = server.memory();
    peak = Math.max(peak, memory.peak);
    progress(
      `${(first + done).toLocaleString('en')} entries, ${Math.round(part / seconds).toLocaleString('en')}/s, ${Math.round(memory.now)} MB, ${Math.round(bytes)} bytes each, ${verified} receipts verified`,
    );
  }
  return { rates, firstRate, peak };
}

const secondsSince = (started: number) => (performance.now() - started) / 1000;

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
  return [
    ...ratesOf(life, entries),
    ...measuresOf('grown', life, entries, { memory: 400, start: 3, disk: 560 }),
  ];
}

/** How the end compares with the start is told only of a log that is long enough to have both. */
function ratesOf({ rates, firstRate }: Appended, entries: number): Measure[] {
  const ofFirst: Measure = {
    ...{ name: `append rate, first ${FIRST.toLocaleString('en')}, server not warm`, value: firstRate },
    ...{ unit: '/s', of: 'P-256 verify' },
  };
  const start = entries > FIRST ? [ofFirst] : [];
  if (entries < 2 * LAST) {
    return [
      ...start,
      { name: 'append rate, all parts', value: median(rates), unit: '/s', of: 'P-256 verify' },
    ];
  }
  // One part may fall into a compaction, or into something else that the machine does: three show what lasts.
  const [first, last] = [median(rates.slice(0, 3)), median(rates.slice(-3))];
  return [
    ofFirst,
    { name: 'append rate, first three parts', value: first, unit: '/s', of: 'P-256 verify' },
    { name: 'append rate, last three parts', value: last, unit: '/s', of: 'P-256 verify' },
    { name: 'last ÷ first three parts', value: last / first, unit: '', bound: { least: 0.8 } },
    {
      name: `last three parts ÷ first ${FIRST.toLocaleString('en')}`,
      ...{ value: last / firstRate, unit: '', bound: { least: 0.8 } },
    },
  ];
}

async function emptyLog(dataDir: string, count: number): Promise<Load> {
  const server = await startBenchServer(dataDir);
  const stream = new LoadStream(server.grpc);
  const member = await enrol(stream, dataDir, server.origin);
  return { server, stream, member, first: 0, count };
}

/** What the machine makes of an empty log at this moment, entries a second. */
async function emptyRate(dataDir: string, progress: (text: string) => void): Promise<number> {
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
  const member = await writeStoredLog(dataDir, first, { registerEvery, progress });
  // Long after the first: the machine may not be what it was, so an empty log goes before and after.
  const before = await emptyRate(folder(), progress);
  const server = await startBenchServer(dataDir);
  await server.settled();
  const stream = new LoadStream(server.grpc);
  const life = await live(dataDir, { server, stream, member, first, count: LAST }, progress);
  const { starts, peak } = life;
  progress(
    `starts in ${starts.killed.toFixed(1)} and ${starts.clean.toFixed(1)} s, ${Math.round(peak)} MB at most`,
  );
  const empty = (before + (await emptyRate(folder(), progress))) / 2;
  const last = median(life.rates);
  return [
    { name: 'large, append rate', value: last, unit: '/s', of: 'P-256 verify' },
    {
      name: `empty log, append rate, first ${LAST.toLocaleString('en')}, before and after`,
      value: empty,
      unit: '/s',
      of: 'P-256 verify',
    },
    { name: 'large ÷ empty log', value: last / empty, unit: '', bound: { least: 0.8 } },
    ...measuresOf('large', life, entries, { memory: 600, start: 5 }),
  ];
}

interface Held {
  readonly records: number;
  /** Seconds of a start, and MB after it. */
  readonly start: number;
  readonly memory: number;
}

/** Of two logs of the same length: what the leaves take is in both, and only what records take lies between them. */
async function furtherRecords(folder: () => string, progress: (text: string) => void): Promise<Measure[]> {
  const few = await held(folder(), Infinity, progress);
  const many = await held(folder(), 1, progress);
  const further = many.records - few.records;
  const millions = further / 1_000_000;
  return [
    { name: `further records, in a log of ${BESIDE.toLocaleString('en')}`, value: further, unit: '' },
    { name: 'a further million records, start', value: (many.start - few.start) / millions, unit: 's' },
    {
      name: 'a further million records, memory after a start',
      value: (many.memory - few.memory) / millions,
      unit: 'MB',
    },
  ];
}

/** @param registerEvery see StoredLogOptions */
async function held(dataDir: string, registerEvery: number, progress: (text: string) => void): Promise<Held> {
  await writeStoredLog(dataDir, BESIDE, { registerEvery });
  const built = await startBenchServer(dataDir);
  await built.settled();
  const records = await recordsOf(built, dataDir);
  await built.stop();
  const starts: Pick<Held, 'start' | 'memory'>[] = [];
  while (starts.length < STARTS) {
    const server = await startBenchServer(dataDir);
    starts.push({ start: server.startMs / 1000, memory: server.memory().now });
    await server.stop();
  }
  const start = median(starts.map((one) => one.start));
  const memory = median(starts.map((one) => one.memory));
  const each = starts.map((one) => `${one.start.toFixed(2)} s, ${Math.round(one.memory)} MB`).join('; ');
  progress(
    `${records.toLocaleString('en')} records in ${BESIDE.toLocaleString('en')} entries, starts: ${each}`,
  );
  return { records, start, memory };
}

function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}
