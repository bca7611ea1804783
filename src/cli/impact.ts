/** `aichain impact`: what hangs on a participant or object, for when it is stopped. */
import { Command } from 'commander';
import { connect } from './connection.ts';
import { type Context, outputOf } from './context.ts';
import { answerWalk } from './lineage-text.ts';
import { addWalkOptions, type WalkCommandOptions, walkOf, wholeNumber } from './walk-options.ts';

export function impact(context: Context): Command {
  const command = new Command('impact')
    .summary('show what hangs on something that was stopped')
    .description(
      'Shows what descends from a dataset, contract, code or model, or from what a participant answers for, and the contracts about it: with --type model, which models a withdrawal, revocation or suspension touches. What stopped, and when, is shown with each.',
    )
    .argument('<id>', 'URN of an object, or DID of a participant')
    .option('--of-version <number>', 'this version of a dataset only');
  return addWalkOptions(command).action(
    async (id: string, options: WalkCommandOptions & { readonly ofVersion?: string }) => {
      const { output: format, verify, ofVersion } = options;
      const output = outputOf(context, { output: format === 'json' ? 'json' : 'text' });
      const version = ofVersion === undefined ? {} : { version: wholeNumber(ofVersion, '--of-version') };
      using connection = await connect(context, { ...options, output: 'text' });
      const query = { id, walk: 'impact', ...walkOf(options), ...version } as const;
      const walk = await connection.client.provenance.walk(query, { ...connection.options, verify });
      answerWalk(output, walk, format, verify);
    },
  );
}
