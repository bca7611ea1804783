/** `aichain get`: one entry of the log, verified to be in it. */
import type { Command } from 'commander';
import type { VerifiedEntry } from '../client/index.ts';
import { toBase64 } from '../core/bytes.ts';
import { fail } from '../core/errors.ts';
import { attachReceipts } from '../cose/index.ts';
import { addConnectionOptions, type Connection, type ConnectionOptions, connect } from './connection.ts';
import { type Context, outputOf } from './context.ts';
import { EntryCommand } from './entry-command.ts';
import { parseEntryName } from './entry-name.ts';
import { deliver } from './files.ts';
import { describe } from './inspect.ts';
import type { Json, Output } from './terminal.ts';
import { treeText } from './tree-text.ts';

interface Options extends ConnectionOptions {
  readonly statement?: string;
  readonly receipt?: string;
  readonly transparent?: string;
  readonly leaf?: string;
}

export function get(context: Context): Command {
  const command = new EntryCommand('get')
    .summary('get an entry, its statement and receipt')
    .description(
      'Gets one entry, verifies that it is in the log, and shows it; for a statement also what it did. With the options below its parts are written as files.',
    )
    .argument('<entry>', 'index, or entry id in base64url')
    .option('--statement <file>', 'write the statement; - is standard output')
    .option('--receipt <file>', 'write a receipt for it')
    .option('--transparent <file>', 'write the statement with its receipt inside')
    .option('--leaf <file>', 'write the leaf data: the entry id, or the state entry');
  return addConnectionOptions(command).action(async (name: string, options: Options) => {
    const of = parseEntryName(name);
    const output = outputOf(context, options);
    using connection = await connect(context, options);
    const entry = await connection.client.entry(of, connection.options);
    const { statement } = entry;
    const more = statement ? await aboutStatement(connection, entry) : undefined;
    if (await writeParts(output, entry, more?.receipt, options)) return;
    const shown = {
      index: entry.index,
      log: connection.trust.origin,
      treeSize: entry.head.size,
      effect: more?.effect,
      ...describe(context.crypto, statement ?? entry.leafData),
    };
    const raw = {
      leafData: toBase64(entry.leafData),
      statement: statement && toBase64(statement),
      receipt: more && toBase64(more.receipt),
    };
    output.answer({ ...shown, ...raw }, treeText(shown));
  });
}

async function aboutStatement({ client, options }: Connection, { index, leafData }: VerifiedEntry) {
  const { receipt } = await client.getReceipt(leafData, options);
  const { outcome, reason, time, stateIndex } = await client.effect(index, options);
  const effect: Json = { verdict: outcome, reason, time: new Date(time).toISOString(), stateIndex };
  return { receipt, effect };
}

/** Whether a part went to standard output, which then has to hold nothing else. */
async function writeParts(
  output: Output,
  { statement, leafData }: VerifiedEntry,
  receipt: Uint8Array | undefined,
  options: Options,
): Promise<boolean> {
  if (!statement && (options.statement ?? options.receipt ?? options.transparent) !== undefined) {
    throw fail('ARGUMENT_INVALID', 'the entry is a state entry: it has --leaf data, and no statement');
  }
  const parts = [
    [options.statement, statement],
    [options.receipt, receipt],
    [options.transparent, statement && receipt && attachReceipts(statement, [receipt])],
    [options.leaf, leafData],
  ] as const;
  const wanted = parts.flatMap(([file, bytes]) => (file !== undefined && bytes ? [{ file, bytes }] : []));
  const onStdout = wanted.filter(({ file }) => file === '-').length;
  if (onStdout > 1) throw fail('ARGUMENT_INVALID', 'only one part can go to standard output');
  for (const { file, bytes } of wanted) await deliver(output, file, bytes);
  return onStdout > 0;
}
