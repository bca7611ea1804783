/**
 * `aichain fsck` of a stored log, in a process of its own: hashes alone, and everything, beside what crypto.verify alone
 * reaches on the same cores just before and just after.
 */
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { measureCeiling } from '../ceilings.ts';
import { removeFolder, temporaryFolder } from '../cleanup.ts';
import type { Measure, Suite, SuiteOptions } from '../main.ts';
import { startNode } from '../node-child.ts';
import { memoryOf, processorSeconds } from '../process-status.ts';
import { writeStoredLog } from '../stored-log.ts';
import { verifyCeiling } from '../verify-ceiling.ts';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const CEILING_MS = 5000;
/** The targets are of a machine that hashes so many nodes a second on two cores: 700,000 entries, and then a million. */
const NODES = 5_000_000;
const SHARE = 1_000_000 / NODES;
/** Leaves that a log has for its rates to be judged: threads take about 0.2 s to start, of a short audit too much. */
const LONG = 1_000_000;
const POLL_MS = 20;

export const suite: Suite = {
  describe: 'audits a stored log; 1 statement of 100 registers a participant, the others are foreign, P-256',
  entries: {},
  async run(options) {
    const { entries, progress } = options;
    const dataDir = temporaryFolder('audit');
    try {
      await writeStoredLog(dataDir, entries, { progress });
      return await measure(dataDir, options);
    } finally {
      removeFolder(dataDir);
    }
  },
};

async function measure(dataDir: string, { progress, around }: SuiteOptions): Promise<Measure[]> {
  const cores = availableParallelism();
  // Twice: the first one finds the files in no cache.
  await audit(dataDir, ['--hashes-only']);
  const nodesBefore = await measureCeiling('SHA-256 of nodes');
  const hashes = await audit(dataDir, ['--hashes-only']);
  const nodesAfter = await measureCeiling('SHA-256 of nodes');
  const nodes = around('crypto.hash', nodesBefore.rate, nodesAfter.rate);
  progress(`hashes alone: ${Math.round(hashes.rate).toLocaleString('en')}/s`);
  const before = await verifyCeiling(cores, CEILING_MS);
  const whole = await audit(dataDir, []);
  const after = await verifyCeiling(cores, CEILING_MS);
  progress(`crypto.verify alone: ${Math.round(before.rate)}/s before, ${Math.round(after.rate)}/s after`);
  const ceiling = around('crypto.verify', before.rate, after.rate);
  const cpu = ((before.cpu + after.cpu) / 2) * 1e6;
  const long = whole.size >= LONG;
  const atLeast = (least: number) => (long ? { bound: { least } } : {});
  const length = long ? 'entries' : `entries: rates are judged from ${LONG.toLocaleString('en')} on`;
  return [
    { name: length, value: whole.size, unit: 'leaves' },
    { name: 'hashes alone', value: hashes.rate, unit: '/s', ...atLeast(1_000_000) },
    { name: 'nodes hashed by crypto.hash alone', value: nodes, unit: '/s' },
    { name: 'hashes alone ÷ crypto.hash', value: hashes.rate / nodes, unit: '', ...atLeast(SHARE) },
    { name: 'hashes alone, processor time', value: hashes.cpuMicroseconds, unit: 'µs an entry' },
    { name: 'hashes alone, memory', value: hashes.peak, unit: 'MB', bound: { most: 300 } },
    { name: 'everything', value: whole.rate, unit: '/s' },
    { name: 'everything, processor time', value: whole.cpuMicroseconds, unit: 'µs an entry' },
    { name: 'everything, memory', value: whole.peak, unit: 'MB', bound: { most: 300 } },
    { name: `crypto.verify alone, ${cores} threads`, value: ceiling, unit: '/s' },
    { name: 'crypto.verify, processor time', value: cpu, unit: 'µs a signature' },
    { name: 'everything ÷ crypto.verify', value: whole.rate / ceiling, unit: '', ...atLeast(0.8) },
    // What others do on the machine meanwhile falls out of this one.
    { name: 'the same by processor time', value: cpu / whole.cpuMicroseconds, unit: '' },
  ];
}

interface Audit {
  readonly size: number;
  /** Entries a second, of the audit itself: the start of node left out. */
  readonly rate: number;
  readonly cpuMicroseconds: number;
  /** Most resident memory, in MB (Linux). */
  readonly peak: number;
}

async function audit(dataDir: string, more: readonly string[]): Promise<Audit> {
  const role = ['fsck', ...more].join('');
  const child = startNode(role, [MAIN, 'fsck', '--data-dir', dataDir, '-o', 'json', ...more]);
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk;
  });
  let [peak, cpu] = [0, 0];
  const poll = setInterval(() => {
    try {
      ({ peak } = memoryOf(child.pid!));
      cpu = processorSeconds(child.pid!);
    } catch {
      // It has ended: what was seen last counts.
    }
  }, POLL_MS);
  const code = await new Promise((resolve) => child.once('close', resolve));
  clearInterval(poll);
  // Looked at first: of one that has crashed there is nothing to read.
  if (code !== 0) throw new Error(`the audit of an honest log ended with ${code}: ${text}`);
  const { size, entriesPerSecond, intact } = JSON.parse(text) as {
    size: number;
    entriesPerSecond: number;
    intact: boolean;
  };
  if (!intact) throw new Error(`the audit of an honest log failed: ${text}`);
  if (peak === 0 || cpu === 0) throw new Error('nobody saw what memory and processor time the audit took');
  return { size, rate: entriesPerSecond, cpuMicroseconds: (cpu * 1e6) / size, peak };
}
