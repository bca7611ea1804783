/** The command line of the bench. */
import { parseArgs } from 'node:util';
import { type Lengths, words } from './lengths.ts';

export interface Command {
  readonly help: boolean;
  readonly profiling: boolean;
  /** Suites that are named; none: all. */
  readonly chosen: readonly string[];
  /** What `--entries` says, where it is given. */
  readonly entries: number | undefined;
}

export const USAGE = `usage: npm run bench -- [NAME…] [--entries N]
       npm run bench -- profile NAME [--entries N]
       npm run bench -- --help`;

/**
 * @param suites that there are
 * @throws what is not as the usage says
 */
export function parseCommand(args: readonly string[], suites: readonly string[]): Command {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { entries: { type: 'string' }, help: { type: 'boolean', short: 'h', default: false } },
  });
  const profiling = positionals[0] === 'profile';
  const chosen = profiling ? positionals.slice(1) : positionals;
  const unknown = chosen.find((name) => !suites.includes(name));
  if (unknown !== undefined) throw new Error(`there is no suite ${unknown}`);
  if (profiling && chosen.length !== 1 && !values.help) throw new Error('profile takes one suite');
  const entries = values.entries === undefined ? undefined : countOf(values.entries);
  return { help: values.help, profiling, chosen, entries };
}

function countOf(text: string): number {
  const count = Number(text);
  if (!Number.isSafeInteger(count) || count < 1) throw new Error(`not a number of entries: ${text}`);
  return count;
}

/** A suite as it is told about in the help. */
export interface Described {
  readonly describe: string;
  readonly entries: Lengths;
}

/** @param suites by name */
export function help(suites: ReadonlyMap<string, Described>): string {
  const width = Math.max(...[...suites.keys()].map((name) => name.length));
  const lines = [...suites].map(
    ([name, { describe, entries }]) => `  ${name.padEnd(width)}  ${describe} (${words(entries)})`,
  );
  return `${USAGE}

without NAME: all suites, one after the other
  --entries N  leaves or statements, as far as a suite lets itself be told (default 1000000)
  profile      where the time goes instead: CPU profiles and flame graphs

suites, and what --entries may be of each:
${lines.join('\n')}`;
}
