/** `aichain backup`: writes a log, running or not, to one file. */
import { Command } from 'commander';
import { toBase64 } from '../core/bytes.ts';
import { loadConfig } from '../platform/config.ts';
import { type CommonOptions, type Context, outputOf } from './context.ts';

interface Options extends CommonOptions {
  readonly to: string;
  readonly keysTo?: string;
  readonly evidence: boolean;
  readonly dataDir?: string;
  readonly config?: string;
}

export function backup(context: Context): Command {
  return new Command('backup')
    .summary('write a log to a backup')
    .description(
      'Writes the log as it is at this moment to one file with digests, readable by its owner only. A server that runs on the folder goes on meanwhile. Keys are not in it: they go to a file of their own, with --keys-to.',
    )
    .requiredOption('--to <path>', 'file that is not there yet, or a folder, in which it gets a name')
    .option('--keys-to <file>', 'the log’s secret keys, to a file of their own: keep it elsewhere')
    .option('--no-evidence', 'leave the evidence store out')
    .option('--data-dir <folder>', 'folder of the log')
    .option('--config <file>', 'JSON file of settings')
    .action(async (options: Options) => {
      const { to, keysTo, evidence, dataDir: folder, config: file } = options;
      const flags = folder === undefined ? {} : { dataDir: folder };
      const { dataDir } = loadConfig({
        flags,
        env: context.terminal.env,
        ...(file !== undefined && { file }),
      });
      const server = await import('../server/index.ts');
      const { head, ...made } = await server.backup({ dataDir, to, withoutEvidence: !evidence });
      const keys = keysTo === undefined ? null : await server.backupKeys(dataDir, keysTo);
      const { origin, size, root } = head;
      outputOf(context, options).answer(
        { ...made, origin, size, root: toBase64(root), keys },
        [
          `backup   ${made.path}`,
          `origin   ${origin}`,
          `tree     ${size} leaves, ${toBase64(root)}`,
          `content  ${made.rows} rows, ${made.files} files, ${made.bytes} bytes`,
          `SHA-256  ${made.digest}`,
          ...(keys === null ? [] : [`keys     ${keys}`]),
        ].join('\n'),
      );
    });
}
