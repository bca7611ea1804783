/** `aichain mirror`: a verified copy of a log that serves what the log serves, until it is told to stop. */
import { Command, Option } from 'commander';
import { isLedgerError } from '../core/errors.ts';
import { describeConfig, loadConfig } from '../platform/config.ts';
import type { RunningMirror } from '../server/mirror.ts';
import { aborted } from './aborted.ts';
import { addClientTlsOptions, type ClientTlsOptions, tlsOf } from './connection.ts';
import { type CommonOptions, type Context, outputOf } from './context.ts';
import { readTrust, TRUST_FILE } from './trust-options.ts';

/** Settings of a server that a mirror has too. */
const SETTINGS = [
  'httpHost',
  'httpPort',
  'httpTls.cert',
  'httpTls.key',
  'httpTls.clientCa',
  'grpcHost',
  'grpcPort',
  'grpcTls.cert',
  'grpcTls.key',
  'grpcTls.clientCa',
  'workers',
  'logLevel',
];

interface Options extends CommonOptions, ClientTlsOptions {
  readonly url: string;
  readonly trust: string;
  readonly dataDir: string;
  readonly once?: boolean;
  readonly [flag: string]: unknown;
}

export function mirror(context: Context): Command {
  const command = new Command('mirror')
    .summary('keep and serve a verified copy of a log')
    .description(
      'Copies a log over its tiles: every byte is hashed to a checkpoint that the trust file accepts, and every state entry is replayed. Serves what the log serves, under the log’s own signatures, and registers nothing. Stops, and keeps the evidence, when the log contradicts itself.',
    )
    .requiredOption('--url <url>', 'the log, or a mirror of it, over HTTP: what stands before /checkpoint')
    .option('--trust <file>', 'trust file of the log', TRUST_FILE)
    .option(
      '--data-dir <folder>',
      'the copy, in the log’s own layout; made if it is not there',
      'mirror-data',
    )
    .option('--once', 'copy up to the present checkpoint, serve nothing, and end');
  addClientTlsOptions(command);
  for (const { name, flag, meaning, default: value } of describeConfig()) {
    if (!SETTINGS.includes(name)) continue;
    const text = value === undefined ? meaning : `${meaning} Default: ${value}`;
    command.addOption(new Option(`${flag} <value>`, text));
  }
  return command.action(async (options: Options) => {
    const { signal } = context.terminal;
    const { output: _, url, trust: trustFile, once, ca, cert, certKey, ...flags } = options;
    const config = loadConfig({ flags, env: context.terminal.env });
    const upstreamTls = await tlsOf(options);
    const trust = await readTrust(context, trustFile);
    const [{ copyOnce, startMirror }, { createLogger }] = await Promise.all([
      import('../server/index.ts'),
      import('../platform/logger.ts'),
    ]);
    const logger = createLogger({ level: config.logLevel });
    const { dataDir } = config;
    if (once) {
      const size = await copyOnce({ ...config, url, trust, upstreamTls }, logger, signal);
      const { origin } = trust;
      outputOf(context, options).answer({ origin, size, dataDir }, `${origin}: ${size} leaves in ${dataDir}`);
      return;
    }
    let running: RunningMirror;
    try {
      running = await startMirror({ ...config, url, trust, upstreamTls }, logger, signal);
    } catch (error) {
      // Told to end before there was anything to serve: what it has copied is kept, and nothing is wrong.
      if (signal.aborted && !isLedgerError(error)) return;
      throw error;
    }
    const { size, http, grpc } = running;
    outputOf(context, options).answer(
      { origin: trust.origin, size, http, grpc },
      [`mirror of  ${trust.origin}`, `size       ${size}`, `HTTP       ${http}`, `gRPC       ${grpc}`].join(
        '\n',
      ),
    );
    try {
      await Promise.race([aborted(signal), running.ended]);
    } finally {
      await running.close();
    }
  });
}
