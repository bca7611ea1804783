/** `aichain witness`: is a witness for logs, ours or others', until it is told to stop. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { fromUtf8 } from '../core/bytes.ts';
import { fail } from '../core/errors.ts';
import { aborted } from './aborted.ts';
import { type CommonOptions, type Context, outputOf } from './context.ts';
import { readInput } from './files.ts';

interface Options extends CommonOptions {
  readonly dataDir: string;
  readonly name?: string;
  readonly log: readonly string[];
  readonly logs?: string;
  readonly host: string;
  readonly port: number;
  readonly prefix: string;
  readonly logLevel: string;
}

export function witness(context: Context): Command {
  return new Command('witness')
    .summary('be a witness for logs')
    .description(
      'Cosigns the checkpoints of the listed logs, each only if it extends the one before (C2SP tlog-witness). What it has cosigned is on disk before it answers. The first start makes a key.',
    )
    .option('--data-dir <folder>', 'key and records, made if they are not there', 'witness-data')
    .option('--name <name>', 'name of the witness; needed by the first start, which makes the key')
    .option('--log <vkey>', 'verifier key of a log to cosign; may be given several times', collect, [])
    .option('--logs <file>', 'file of logs: lines "log <vkey>", or a tlog-policy file')
    .option('--host <address>', 'address to listen on; the default is this machine only', '127.0.0.1')
    .option('--port <port>', 'port; 0 takes any free one', portOf, 8090)
    .option('--prefix <path>', 'path before the resources of the protocol, such as /witness', prefixOf, '')
    .addOption(
      new Option('--log-level <level>', 'least severe level on standard error')
        .choices(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
        .default('info'),
    )
    .action(async (options: Options) => {
      const { terminal } = context;
      const { dataDir, name, host, port, prefix } = options;
      const [{ startWitness }, { createLogger }] = await Promise.all([
        import('../server/index.ts'),
        import('../platform/logger.ts'),
      ]);
      const logs = await listed(context, options);
      const running = await startWitness(
        { dataDir, logs, host, port, prefix, ...(name !== undefined && { name }) },
        createLogger({ level: options.logLevel }),
      );
      const { verifierKey, url, origins } = running;
      outputOf(context, options).answer(
        { verifierKey, url, origins },
        [
          `verifier key  ${verifierKey}`,
          `URL           ${url}`,
          ...origins.map((origin) => `log           ${origin}`),
        ].join('\n'),
      );
      try {
        await Promise.race([aborted(terminal.signal), running.failed]);
      } finally {
        await running.close();
      }
    });
}

async function listed({ terminal }: Context, { log, logs }: Options): Promise<string> {
  const file = logs === undefined ? '' : fromUtf8((await readInput(terminal, logs)).bytes);
  const lines = log.map((vkey) => `log ${vkey}\n`).join('');
  const text = `${file}${file === '' || file.endsWith('\n') ? '' : '\n'}${lines}`;
  if (text === '') throw fail('ARGUMENT_INVALID', 'a witness needs logs: --log or --logs');
  return text;
}

function collect(value: string, before: readonly string[]): string[] {
  return [...before, value];
}

function portOf(text: string): number {
  const port = /^(?:0|[1-9]\d{0,4})$/.test(text) ? Number(text) : -1;
  if (port < 0 || port > 65_535) throw new InvalidArgumentError('not a port');
  return port;
}

/** Letters that no router gives a meaning. */
function prefixOf(text: string): string {
  const prefix = text.replace(/\/+$/, '');
  if (!/^(?:\/[\w.~-]+)*$/.test(prefix)) throw new InvalidArgumentError('not a path such as /witness');
  return prefix;
}
