/** `aichain serve`: runs a log until it is told to stop. */
import { Command, Option } from 'commander';
import { describeConfig, loadConfig } from '../platform/config.ts';
import { growHeapBy } from '../platform/heap-growth.ts';
import { aborted } from './aborted.ts';
import { type CommonOptions, type Context, outputOf } from './context.ts';

/** Bytes of garbage, about. */
const HEAP_GROWTH = 48 << 20;

type Options = CommonOptions & { readonly config?: string; readonly [flag: string]: unknown };

export function serve(context: Context): Command {
  const command = new Command('serve')
    .summary('run a log')
    .description(
      'Runs a log until it is interrupted. An empty data folder becomes a log for development, with keys and an SRO of its own; `aichain init` makes one for production. `aichain env` lists the settings with their variables.',
    )
    .option('--config <file>', 'JSON file of settings');
  for (const { flag, meaning, default: value } of describeConfig()) {
    command.addOption(
      new Option(`${flag} <value>`, value === undefined ? meaning : `${meaning} Default: ${value}`),
    );
  }
  return command.action(async (options: Options) => {
    const { terminal } = context;
    const { output: _, config: file, ...flags } = options;
    const config = loadConfig({ flags, env: terminal.env, ...(file !== undefined && { file }) });
    const [{ startServer }, { createLogger }] = await Promise.all([
      import('../server/index.ts'),
      import('../platform/logger.ts'),
    ]);
    const server = await startServer(config, createLogger({ level: config.logLevel }));
    // From here on: a start makes much garbage, and nobody is served while it lasts.
    growHeapBy(HEAP_GROWTH);
    const { ledger, http, grpc, trustFile } = server;
    outputOf(context, options).answer(
      {
        ...{ origin: ledger.origin, verifierKey: ledger.verifierKey, simulated: ledger.simulated },
        ...{ http, grpc, trust: trustFile },
      },
      [
        `origin        ${ledger.origin}`,
        `verifier key  ${ledger.verifierKey}`,
        `HTTP          ${http}`,
        `gRPC          ${grpc}`,
        `trust file    ${trustFile}`,
        ...(ledger.simulated ? ['simulated     a log for development: what it says binds nobody'] : []),
      ].join('\n'),
    );
    await aborted(terminal.signal);
    await server.close();
  });
}
