/**
 * `npm run bench -- NAME [options]`: one suite a file in benchmarks/suites; without a name all of them, one after the other.
 * Prints a table, with each result also as a share of what the machine can do at most just then, and writes the same as JSON
 * to benchmarks/results/. `npm run bench -- profile NAME` shows where the time goes instead. Ends with status 1 where a promise
 * is missed, or a suite fails; the others run all the same.
 */
import { existsSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { type Around, type Beside, beside, type Mean } from './beside.ts';
import { type Ceiling, type CeilingName, type Loaders, loadersOf } from './ceilings.ts';
import { cleanUp, foldersMade } from './cleanup.ts';
import { type Command, help, parseCommand, USAGE } from './command.ts';
import { fileSystemOf, inMemory } from './file-system.ts';
import { guarded } from './guarded.ts';
import { differing, type Lengths, recorded, taken } from './lengths.ts';
import { profiled } from './profile.ts';
import { ROOT, report, save } from './report.ts';

/** One measured line: what, how much, in which unit. */
export interface Measure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** What it must stay below or above, where something promises it. */
  readonly bound?: { readonly most?: number; readonly least?: number };
  /** What the machine can do at most of this, and how much of that is promised (0 to 1), besides the bound. */
  readonly of?: CeilingName;
  readonly share?: number;
  /** The ceiling as it was around this measure, if a suite has taken it itself. */
  readonly ceiling?: Mean;
  /** Processor time of one of them, in microseconds, where it can be told: others on the machine change it little. */
  readonly cpu?: number;
}

export interface SuiteOptions {
  /** As many as were asked for, within what the suite takes. */
  readonly entries: number;
  progress(text: string): void;
  /**
   * Does work between two looks at what the machine can do at most: whether it was quiet is told with the result.
   * @param what is done
   * @param milliseconds for which each ceiling is measured
   */
  beside<T, Name extends CeilingName>(
    what: string,
    names: readonly Name[],
    work: (before: Readonly<Record<Name, Ceiling>>) => Promise<T>,
    milliseconds?: number,
  ): Promise<Beside<T, Name>>;
}

export interface Suite {
  readonly describe: string;
  /** What its measures are shares of. Measured before and after, since others may use the machine too; the mean counts. */
  readonly ceilings?: readonly CeilingName[];
  /** Who makes its load, besides those that its ceilings have. */
  readonly loaders?: Loaders;
  /** What it makes of `--entries`. */
  readonly entries: Lengths;
  /** Files and folders outside of this repository, from its root: where one is not there, the suite is skipped. */
  readonly needs?: readonly string[];
  run(options: SuiteOptions): Promise<Measure[]>;
}

const folder = new URL('./suites/', import.meta.url);
const names = readdirSync(folder).map((file) => file.replace(/\.ts$/, ''));
const { help: helps, profiling, chosen, entries: asked } = command();
if (helps) {
  const suites = await Promise.all(names.map(async (name) => [name, await suiteOf(name)] as const));
  console.log(help(new Map(suites)));
  process.exit(0);
}

const unsafe = inMemory(fileSystemOf(tmpdir()));
if (unsafe !== undefined) console.error(`UNSAFE: ${unsafe}`);
let failed = false;
for (const name of chosen.length > 0 ? chosen : names) {
  const holds = await measured(name).catch((error: unknown) => {
    console.error(`${name} goes on, so what comes after it is not run:`, error);
    process.exit(1);
  });
  failed = !holds || failed;
}
process.exit(failed ? 1 : 0);

function command(): Command {
  try {
    return parseCommand(process.argv.slice(2), names);
  } catch (error) {
    console.error(`${(error as Error).message}\n${USAGE}\nsuites: ${names.join(', ')}`);
    process.exit(2);
  }
}

async function suiteOf(name: string): Promise<Suite> {
  const { suite } = (await import(new URL(`${name}.ts`, folder).href)) as { suite: Suite };
  return suite;
}

/**
 * @returns whether it ran, and everything holds that it promises. One that is skipped promises nothing.
 * @throws it has failed, and goes on
 */
async function measured(name: string): Promise<boolean> {
  const failed = (error: unknown) => {
    console.error(`${name} FAILED:`, error);
    if (!profiling) save(name, { failed: String(error) });
    cleanUp();
  };
  try {
    return (await guarded(() => run(name), failed)) ?? false;
  } finally {
    cleanUp();
  }
}

async function run(name: string): Promise<boolean> {
  const suite = await suiteOf(name);
  console.error(`${name}: ${suite.describe}`);
  const other = asked === undefined ? undefined : differing(suite.entries, asked);
  if (other !== undefined) console.error(`  ${other}`);
  const missing = suite.needs?.find((path) => !existsSync(new URL(path, ROOT)));
  if (missing !== undefined) {
    const skipped = `${missing} is not there`;
    console.log(`${name}\n  skipped: ${skipped}`);
    if (!profiling) save(name, { skipped });
    return true;
  }
  const around: (Around & { readonly name: string })[] = [];
  const options: SuiteOptions = {
    entries: taken(suite.entries, asked),
    progress: (text) => console.error(`  ${text}`),
    beside: async (what, names, work, milliseconds) => {
      const done = await beside(names, work, milliseconds);
      for (const name of names) {
        const { before, after } = done.ceilings[name];
        around.push({ name: `${what}: ${name}`, before, after });
      }
      return done;
    },
  };
  if (profiling) {
    await profiled(name, () => suite.run(options));
    return true;
  }
  const names = suite.ceilings ?? [];
  const folders = foldersMade();
  const { result: measures, ceilings } = await options.beside(name, names, () => suite.run(options));
  return report(name, {
    ...{ entries: recorded(suite.entries, asked), measures, ceilings, around },
    loaders: { ...loadersOf(names), ...suite.loaders },
    fileSystem: foldersMade() > folders ? fileSystemOf(tmpdir()) : undefined,
  });
}
