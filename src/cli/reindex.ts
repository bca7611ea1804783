/** `aichain reindex`: has the lineage index of a log built anew. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { fail } from '../core/errors.ts';
import { loadConfig } from '../platform/config.ts';
import { type CommonOptions, type Context, outputOf } from './context.ts';

interface Options extends CommonOptions {
  readonly config?: string;
  readonly dataDir?: string;
}

export function reindex(context: Context): Command {
  return new Command('reindex')
    .summary('have the lineage index built anew')
    .description(
      'For a log that is not running: forgets the index that answers trace, impact, timeline and list. The next `aichain serve` builds it from the entries, in the background. The log itself is not touched, and no proof depends on the index.',
    )
    .option('--data-dir <folder>', 'folder of the log')
    .option('--config <file>', 'JSON file of settings')
    .action(async (options: Options) => {
      const { dataDir: folder, config: file } = options;
      const flags = folder === undefined ? {} : { dataDir: folder };
      const config = loadConfig({ flags, env: context.terminal.env, ...(file !== undefined && { file }) });
      // Opening a folder that is not there would make one.
      if (!existsSync(join(config.dataDir, 'db'))) {
        throw fail('ARGUMENT_INVALID', `there is no log in ${config.dataDir}`);
      }
      const server = await import('../server/index.ts');
      await server.reindex(config);
      const text = `${config.dataDir}: the next start builds the lineage index anew`;
      outputOf(context, options).answer({ dataDir: config.dataDir }, text);
    });
}
