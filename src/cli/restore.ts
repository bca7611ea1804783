/** `aichain restore`: verifies a backup, and makes it the data folder of a log. */
import { Command } from 'commander';
import { toBase64 } from '../core/bytes.ts';
import { loadConfig } from '../platform/config.ts';
import { type CommonOptions, type Context, outputOf } from './context.ts';
import { readTrust } from './trust-options.ts';

interface Options extends CommonOptions {
  readonly keys?: string;
  readonly trust?: string;
  readonly highWaterFile?: string;
  readonly verifyOnly?: boolean;
  readonly dataDir?: string;
  readonly config?: string;
}

/** Milliseconds between two lines of progress. */
const PROGRESS = 2000;

export function restore(context: Context): Command {
  return new Command('restore')
    .summary('put a log back from a backup')
    .description(
      'Unpacks a backup beside its place, hashes all of it up to the head that the log has signed, and only then makes it the data folder, which has to be empty or not there. A backup that is older than the high-water mark is refused: going on from it would fork the log.',
    )
    .argument('<backup>', 'file of `aichain backup`')
    .option('--keys <file>', 'backup of the keys (`aichain backup --keys-to`); they are put back too')
    .option('--trust <file>', 'trust file of the log: needed without the keys')
    .option('--high-water-file <file>', 'the high-water mark of the log')
    .option('--verify-only', 'verify the backup and leave nothing behind')
    .option('--data-dir <folder>', 'folder that the log is put into')
    .option('--config <file>', 'JSON file of settings')
    .action(async (from: string, options: Options) => {
      const { keys, trust, highWaterFile: mark, verifyOnly = false, dataDir: folder, config: file } = options;
      const { dataDir, highWaterFile } = loadConfig({
        flags: { dataDir: folder, highWaterFile: mark },
        env: context.terminal.env,
        ...(file !== undefined && { file }),
      });
      const { restoreServer } = await import('../server/index.ts');
      const output = outputOf(context, options);
      let next = performance.now() + PROGRESS;
      const progress = (step: string, done: number, of: number) => {
        if (performance.now() < next) return;
        next = performance.now() + PROGRESS;
        output.progress(step === 'leaves' ? `${done} of ${of} entries audited` : 'auditing rows');
      };
      const restored = await restoreServer({
        ...{ from, dataDir, verifyOnly, progress },
        ...(keys !== undefined && { keys }),
        ...(trust !== undefined && { trust: await readTrust(context, trust) }),
        ...(highWaterFile !== undefined && { highWaterFile }),
      });
      const { origin, size, root, madeAt } = restored.head;
      output.answer(
        {
          ...{ origin, size, root: toBase64(root), madeAt, files: restored.files, digest: restored.digest },
          ...{ dataDir: verifyOnly ? null : dataDir, mark: highWaterFile ?? null },
        },
        [
          `origin   ${origin}`,
          `tree     ${size} leaves, ${toBase64(root)}`,
          `made     ${new Date(madeAt).toISOString()}`,
          `SHA-256  ${restored.digest}`,
          verifyOnly ? 'verified; nothing was put back' : `restored ${dataDir}: \`aichain serve\` starts it`,
          ...(highWaterFile === undefined
            ? [
                'warning  not compared with a high-water mark: if this log has witnesses, its start will ask them',
              ]
            : []),
        ].join('\n'),
      );
    });
}
