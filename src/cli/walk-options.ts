/** Options of the commands that ask for a lineage. */
import { type Command, Option } from 'commander';
import { fail } from '../core/errors.ts';
import { addConnectionOptions, type ConnectionOptions } from './connection.ts';
import { GRAPH_FORMATS, type GraphFormat } from './lineage-text.ts';

export interface PageOptions extends ConnectionOptions {
  readonly limit?: string;
  readonly cursor?: string;
  readonly verify: boolean;
}

export interface WalkCommandOptions extends Omit<PageOptions, 'output'> {
  readonly output: GraphFormat;
  readonly depth?: string;
  readonly type?: readonly string[];
}

export function addPageOptions(command: Command): Command {
  return addConnectionOptions(command)
    .option('--limit <number>', 'most items, 1 to 1000', '100')
    .option('--cursor <number>', 'where the page before ended')
    .option('--no-verify', 'take the server’s word: do not fetch and verify the entries');
}

export function addWalkOptions(command: Command): Command {
  return addPageOptions(command)
    .option('--depth <steps>', 'steps from where it begins (default: to the end)')
    .option('--type <type...>', 'only these: dataset, contract, cleanroom, run, model …')
    .addOption(
      new Option('-o, --output <format>', 'how the answer is written').choices(GRAPH_FORMATS).default('text'),
    );
}

export function pageOf({ limit, cursor }: Pick<PageOptions, 'limit' | 'cursor'>) {
  return {
    ...(limit !== undefined && { limit: wholeNumber(limit, '--limit') }),
    ...(cursor !== undefined && { cursor: wholeNumber(cursor, '--cursor') }),
  };
}

export function walkOf(options: WalkCommandOptions) {
  const { depth, type } = options;
  return {
    ...pageOf(options),
    ...(depth !== undefined && { depth: wholeNumber(depth, '--depth') }),
    ...(type !== undefined && { types: type }),
  };
}

/** @throws ARGUMENT_INVALID */
export function wholeNumber(text: string, option: string): number {
  if (!/^(?:0|[1-9][0-9]{0,15})$/.test(text) || !Number.isSafeInteger(Number(text))) {
    throw fail('ARGUMENT_INVALID', `${option} is a whole number`);
  }
  return Number(text);
}
