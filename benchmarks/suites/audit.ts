/**
 * `aichain fsck` of a stored log, in a process of its own: hashes alone, and everything, beside what crypto.verify alone
 * reaches on the same cores just before and just after.
 */
import { fileURLToPath } from 'node:url';
import { removeFolder, temporaryFolder } from '../cleanup.ts';
import { ceilingLine } from '../judged.ts';
import type { Measure, Suite, SuiteOptions } from '../main.ts';
import { startNode } from '../node-child.ts';
import { memoryOf, processorSeconds } from '../process-status.ts';
import { writeStoredLog } from '../stored-log.ts';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const CEILING_MS = 5000;
/** The targets are of a machine that hashes so many nodes a second on two cores: 700,000 entries, and then a million. */
const NODES = 5_000_000;
const HASHES = { bound: { least: 1_000_000 }, share: 1_000_000 / NODES };
const EVERYTHING = { share: 0.8 };
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

async function measure(dataDir: string, { progress, beside }: SuiteOptions): Promise<Measure[]> {
  // Twice: the first one finds the files in no cache.
  await audit(dataDir, ['--hashes-only']);
  const nodes = 'SHA-256 of nodes';
  const hashing = await beside('hashes alone', [nodes], () => audit(dataDir, ['--hashes-only']));
  const hashes = hashing.result;
  progress(`hashes alone: ${Math.round(hashes.rate).toLocaleString('en')}/s`);
  const verify = 'P-256 verify';
  const verifying = await beside('everything', [verify], () => audit(dataDir, []), CEILING_MS);
  const whole = verifying.result;
  const long = whole.size >= LONG;
  const length = long ? 'entries' : `entries: rates are judged from ${LONG.toLocaleString('en')} on`;
  return [
    { name: length, value: whole.size, unit: 'leaves' },
    ceilingLine('nodes: the ceiling around it', hashing.ceilings[nodes]),
    {
      ...{ name: 'hashes alone', value: hashes.rate, unit: '/s', cpu: hashes.cpuMicroseconds },
      ...{ of: nodes, ceiling: hashing.ceilings[nodes], ...(long && HASHES) },
    },
    { name: 'hashes alone, memory', value: hashes.peak, unit: 'MB', bound: { most: 300 } },
    ceilingLine('verifications: the ceiling around it', verifying.ceilings[verify]),
    {
      ...{ name: 'everything', value: whole.rate, unit: '/s', cpu: whole.cpuMicroseconds },
      ...{ of: verify, ceiling: verifying.ceilings[verify], ...(long && EVERYTHING) },
    },
    { name: 'everything, memory', value: whole.peak, unit: 'MB', bound: { most: 300 } },
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
