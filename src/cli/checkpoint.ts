/** `aichain checkpoint`: the newest tree head, verified; or all of them as they are published. */
import { Command } from 'commander';
import type { VerifiedHead } from '../client/index.ts';
import { toBase64 } from '../core/bytes.ts';
import { addConnectionOptions, type ConnectionOptions, connect } from './connection.ts';
import { type Context, outputOf } from './context.ts';
import { writeOutput } from './files.ts';
import type { Json } from './terminal.ts';

interface Options extends ConnectionOptions {
  readonly watch?: boolean;
  readonly out?: string;
}

export function checkpoint(context: Context): Command {
  const command = new Command('checkpoint')
    .summary('get the newest checkpoint')
    .description(
      'Gets the newest checkpoint, verifies its signature, its cosignatures and that it extends what was seen before (--marks), and prints it. With --watch, prints one line for every new one until it is interrupted.',
    )
    .option('--watch', 'follow the log')
    .option('--out <file>', 'file for the checkpoint; with --watch always the newest');
  return addConnectionOptions(command).action(async (options: Options) => {
    const { signal } = context.terminal;
    const output = outputOf(context, options);
    using connection = await connect(context, options);
    const { client } = connection;
    const heads = options.watch
      ? client.follow({ signal })
      : [await client.getCheckpoint(connection.options)];
    for await (const head of heads) {
      if (options.out !== undefined) await writeOutput(options.out, head.checkpoint);
      output.answer(
        headJson(connection.trust.origin, head),
        options.watch ? headLine(head) : head.checkpoint.trimEnd(),
      );
      if (!options.watch) output.progress(`verified: tree of ${head.size}, ${witnessText(head)}`);
    }
  });
}

function headJson(
  origin: string,
  { size, root, witnessed, cosignatures, checkpoint: note }: VerifiedHead,
): Json {
  const cosigners = cosignatures.map(({ key, timestamp }) => ({ name: key.name, timestamp }));
  return { origin, size, root: toBase64(root), witnessed, cosigners, checkpoint: note };
}

function headLine(head: VerifiedHead): string {
  return `${head.size} ${toBase64(head.root)} ${witnessText(head)}`;
}

function witnessText({ witnessed }: VerifiedHead): string {
  return witnessed ? 'witnessed' : 'not witnessed';
}
