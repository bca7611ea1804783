/** What a suite has measured, judged by what is promised: as a table, and as JSON in benchmarks/results/. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { type Around, differ } from './beside.ts';
import type { Loaders } from './ceilings.ts';
import { inMemory } from './file-system.ts';
import { type Ceilings, ceilingLine, judged, text, whole } from './judged.ts';
import type { Measure } from './main.ts';

export const ROOT = new URL('../', import.meta.url);
const RESULTS = new URL('./results/', import.meta.url);
const LOUD = 'so the machine was not quiet, and shares of it say little';

export interface Outcome {
  /** Of a suite that has as many as it is told. */
  readonly entries: number | undefined;
  readonly measures: readonly Measure[];
  readonly ceilings: Ceilings;
  /** The same, and those that the suite took itself. */
  readonly around: readonly (Around & { readonly name: string })[];
  readonly loaders: Loaders;
  /** Of the folders that the suite has made, if it has made one. */
  readonly fileSystem: string | undefined;
}

/** @returns whether everything holds that is promised */
export function report(name: string, outcome: Outcome): boolean {
  const { measures, ceilings, ...circumstances } = outcome;
  const lines = [
    ...Object.entries(ceilings).map(([what, ceiling]) => ceilingLine(`ceiling: ${what}`, ceiling)),
    ...measures,
  ].map((measure) => judged(measure, ceilings));
  const width = Math.max(...lines.map((line) => line.name.length));
  console.log(name);
  for (const line of lines) console.log(`  ${line.name.padEnd(width)}  ${text(line)}`);
  const unsafe = reasons(outcome);
  for (const reason of unsafe) console.log(`  UNSAFE: ${reason}`);
  save(name, { ...circumstances, ceilings, ...(unsafe.length > 0 && { unsafe }), measures: lines });
  return lines.every(({ holds }) => holds);
}

/** Why what was measured, or a share of it, says little. */
function reasons({ around, fileSystem }: Outcome): string[] {
  const unsteady = around
    .filter((each) => differ(each))
    .map(
      ({ name, before, after }) => `${name}: ${whole(before)}/s before and ${whole(after)}/s after, ${LOUD}`,
    );
  const memory = fileSystem === undefined ? undefined : inMemory(fileSystem);
  return memory === undefined ? unsteady : [memory, ...unsteady];
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
