/** `aichain trace`: what something was made from, or what was made from it. */
import { Command } from 'commander';
import { connect } from './connection.ts';
import { type Context, outputOf } from './context.ts';
import { answerWalk } from './lineage-text.ts';
import { addWalkOptions, type WalkCommandOptions, walkOf } from './walk-options.ts';

export function trace(context: Context): Command {
  const command = new Command('trace')
    .summary('trace where something comes from')
    .description(
      'Traces a dataset, contract, run or model to what it was made from, or with --down to what was made from it. Every entry of the answer is verified to be in the log and to say what the answer says.',
    )
    .argument('<id>', 'URN of an object, or DID')
    .option('--down', 'what was made from it');
  return addWalkOptions(command).action(
    async (id: string, options: WalkCommandOptions & { readonly down?: boolean }) => {
      const { output: format, verify } = options;
      const output = outputOf(context, { output: format === 'json' ? 'json' : 'text' });
      using connection = await connect(context, { ...options, output: 'text' });
      const query = { id, walk: options.down ? 'down' : 'up', ...walkOf(options) } as const;
      const walk = await connection.client.provenance.walk(query, { ...connection.options, verify });
      answerWalk(output, walk, format, verify);
    },
  );
}
