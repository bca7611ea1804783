/** What a suite has measured, judged by what is promised: as a table, and as JSON in benchmarks/results/. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { type Ceiling, type CeilingName, loadersOf } from './ceilings.ts';
import type { Measure } from './main.ts';

export const ROOT = new URL('../', import.meta.url);
const RESULTS = new URL('./results/', import.meta.url);
/** Where a ceiling after a suite is that much more or less than before it, nobody knows what it was meanwhile. */
const UNSTEADY = 1.15;

export type Ceilings = Readonly<Partial<Record<CeilingName, Ceiling>>>;

/** What the machine could do a second, before a suite and after it. */
export interface Around {
  readonly name: string;
  readonly before: number;
  readonly after: number;
}

export interface Outcome {
  /** Of a suite that has as many as it is told. */
  readonly entries: number | undefined;
  readonly measures: readonly Measure[];
  /** Means of before and after. */
  readonly ceilings: Ceilings;
  /** The same, and those that the suite took itself. */
  readonly around: readonly Around[];
}

interface Verdict {
  readonly asked: string;
  readonly holds: boolean;
  /** What is missing, in the unit of the measure, or in points of a percentage. */
  readonly by?: number;
}

/** @returns whether everything holds that is promised */
export function report(name: string, { entries, measures, ceilings, around }: Outcome): boolean {
  const lines = [
    ...Object.entries(ceilings).map(([what, ceiling]) => {
      const { rate, ...cpu } = ceiling;
      return { name: `ceiling: ${what}`, value: rate, unit: '/s', ...cpu };
    }),
    ...measures,
  ].map((measure) => judged(measure, ceilings));
  const width = Math.max(...lines.map((line) => line.name.length));
  console.log(name);
  for (const line of lines) console.log(`  ${line.name.padEnd(width)}  ${text(line)}`);
  const unsteady = around.filter((each) => differ(each));
  for (const { name: what, before, after } of unsteady) {
    console.log(`  UNSAFE: ${what}: ${whole(before)}/s before and ${whole(after)}/s after`);
  }
  if (unsteady.length > 0) console.log('  The machine was not quiet: the shares of this run say little.');
  const loaders = loadersOf(Object.keys(ceilings) as CeilingName[]);
  const circumstances = { loaders, ceilings, around, ...(unsteady.length > 0 && { unsteady: true }) };
  save(name, { entries, ...circumstances, measures: lines });
  return lines.every(({ holds }) => holds);
}

/** Writes the JSON of a suite. @param result what became of it: its measures, or why there are none */
export function save(suite: string, result: object): void {
  const run = { date: new Date().toISOString(), commit: commit() };
  const machine = { os: `${process.platform} ${release()}`, arch: process.arch, node: process.version };
  const processor = { cpu: cpus()[0]?.model, cores: cpus().length };
  const all = { suite, ...run, ...machine, ...processor, ...result };
  mkdirSync(RESULTS, { recursive: true });
  writeFileSync(new URL(`${suite}.json`, RESULTS), `${JSON.stringify(all, null, 2)}\n`);
}

/** What is checked out here, with `-dirty` where files are changed; null where this is no clone. */
function commit(): string | null {
  if (!existsSync(new URL('.git', ROOT))) return null;
  const args = ['describe', '--always', '--dirty', '--abbrev=40', '--exclude', '*'];
  try {
    return execFileSync('git', args, { cwd: ROOT, stdio: 'pipe', encoding: 'utf8' }).trim();
  } catch {
    // There is no git here, or none that may read it.
    return null;
  }
}

type Judged = ReturnType<typeof judged>;

function judged(measure: Measure, ceilings: Ceilings) {
  const { value, of, cpu } = measure;
  const ceiling = measure.ceiling ?? (of === undefined ? undefined : ceilings[of]!);
  const ratio = ceiling && value / ceiling.rate;
  const cpuRatio = ceiling?.cpu === undefined || cpu === undefined ? undefined : ceiling.cpu / cpu;
  const verdicts = verdictsOn(measure, ratio);
  return { ...measure, ratio, cpuRatio, verdicts, holds: verdicts.every(({ holds }) => holds) };
}

/** Each promise for itself: a rate and a share of the ceiling may both be asked of one measure. */
function verdictsOn({ value, unit, bound = {}, share }: Measure, ratio = 0): Verdict[] {
  const { most, least } = bound;
  const isShare = unit === '%';
  const shown = (limit: number) => (isShare ? percent(limit / 100) : limit.toLocaleString('en'));
  const missing = (excess: number) => (isShare ? upToTenth(excess) : Number(excess.toPrecision(2)));
  return [
    most === undefined ? [] : verdict(`≤ ${shown(most)}`, value <= most, missing(value - most)),
    least === undefined ? [] : verdict(`≥ ${shown(least)}`, value >= least, missing(least - value)),
    share === undefined
      ? []
      : verdict(`≥ ${percent(share)}`, ratio >= share, upToTenth(100 * (share - ratio))),
  ].flat();
}

function verdict(asked: string, holds: boolean, by: number): Verdict {
  return holds ? { asked, holds } : { asked, holds, by };
}

/** All of a line but its name. */
function text({ value, unit, cpu, of, ratio, cpuRatio, verdicts }: Judged): string {
  return [
    unit === '%' ? percent(value / 100).padStart(14) : `${number(value).padStart(12)} ${unit}`,
    cpu === undefined ? '' : `, ${cpu.toFixed(1)} µs`,
    ratio === undefined ? '' : `  ${percent(ratio)} of ${of}`,
    cpuRatio === undefined ? '' : `, ${percent(cpuRatio)} by processor time`,
    ...verdicts.map(({ asked, holds, by }) =>
      holds ? `  holds (${asked})` : `  MISSED (${asked}, by ${by!.toLocaleString('en', FINE)})`,
    ),
  ].join('');
}

/** What is missing has two digits, however little it is. */
const FINE = { maximumFractionDigits: 12 };

function number(value: number): string {
  return Math.abs(value) >= 100 ? whole(value) : value.toFixed(2);
}

function whole(value: number): string {
  return Math.round(value).toLocaleString('en');
}

/** Cut off after one decimal, not rounded: what misses a promise by little does not read as if it kept it. */
function percent(ratio: number): string {
  return `${(Math.floor(exact(ratio * 1000)) / 10).toFixed(1)} %`;
}

function upToTenth(points: number): number {
  return Math.ceil(exact(points * 10)) / 10;
}

/** Without what binary fractions add: 0.29 times 1000 is 290, and not a little less. */
function exact(value: number): number {
  return Number(value.toFixed(6));
}

function differ({ before, after }: Around): boolean {
  return Math.max(before, after) > UNSTEADY * Math.min(before, after);
}
