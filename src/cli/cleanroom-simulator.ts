/** `aichain cleanroom simulator`: a simulated SEV-SNP platform, for logs whose genesis says that they are for development. */
import { Command } from 'commander';
import { isUrn } from '../chain/index.ts';
import { toBase64url } from '../core/bytes.ts';
import { fail } from '../core/errors.ts';
import { type CommonOptions, type Context, outputOf } from './context.ts';
import { writeOutput } from './files.ts';

interface Options extends CommonOptions {
  readonly out: string;
  readonly anchors?: string;
  readonly anchorsId?: string;
  readonly anchorsVersion: string;
}

export function cleanroomSimulator(context: Context): Command {
  return new Command('simulator')
    .summary('make a simulated platform')
    .description(
      'Makes a platform whose evidence has the genuine form, under a root of its own. What it attests is safe from nobody; only a log for development takes it, once its SRO has published the root as an anchor.',
    )
    .requiredOption('--out <file>', 'file for the platform')
    .option('--anchors <file>', 'also write the body of an anchors.publish statement for it')
    .option('--anchors-id <urn>', 'its id')
    .option('--anchors-version <number>', 'its version', '1')
    .action(async (options: Options) => {
      const { out, anchors, anchorsId, anchorsVersion } = options;
      if (anchors !== undefined && (anchorsId === undefined || !isUrn(anchorsId, 'anchors'))) {
        throw fail('ARGUMENT_INVALID', '--anchors needs --anchors-id, the URN of anchors');
      }
      const version = Number(anchorsVersion);
      if (!/^[1-9][0-9]{0,8}$/.test(anchorsVersion)) {
        throw fail('ARGUMENT_INVALID', '--anchors-version is not a version');
      }
      const { createSimulator } = await import('../participants/cleanroom/index.ts');
      const simulator = await createSimulator(context.crypto, out);
      const root = toBase64url(simulator.root);
      if (anchors !== undefined) {
        const body = { ...simulator.anchors(anchorsId!, version), roots: [{ $bytes: root }] };
        await writeOutput(anchors, `${JSON.stringify(body, null, 2)}\n`);
      }
      outputOf(context, options).answer({ file: out, root }, `platform  ${out}\nroot      ${root}`);
    });
}
