/** `aichain monitor`: watches a log until it is told to stop, and says what is wrong, one alarm a line. */
import { availableParallelism } from 'node:os';
import { Command, InvalidArgumentError, Option } from 'commander';
import { fromUtf8 } from '../core/bytes.ts';
import { fail } from '../core/errors.ts';
import type { AlarmSeverity } from '../monitor/index.ts';
import { aborted } from './aborted.ts';
import { addClientTlsOptions, type ClientTlsOptions, pem, tlsOf } from './connection.ts';
import { type CommonOptions, type Context, outputOf } from './context.ts';
import { readInput } from './files.ts';
import { readTrust, TRUST_FILE } from './trust-options.ts';

interface Options extends CommonOptions, ClientTlsOptions {
  readonly url: string;
  readonly trust: string;
  readonly dataDir: string;
  readonly witness: readonly string[];
  readonly cosign?: string;
  readonly cosignHost: string;
  readonly cosignPort: number;
  readonly cosignPrefix: string;
  readonly webhook?: string;
  readonly webhookSecret?: string;
  readonly webhookSeverity: AlarmSeverity;
  readonly alarmsHost: string;
  readonly grpcPort?: number;
  readonly grpcTlsCert?: string;
  readonly grpcTlsKey?: string;
  readonly grpcTlsClientCa?: string;
  readonly httpPort?: number;
  readonly acceptTime?: number;
  readonly workers: number;
  readonly logLevel: string;
}

export function monitor(context: Context): Command {
  const command = new Command('monitor')
    .summary('watch a log: replay it, compare its state, raise alarms')
    .description(
      'Follows a log over its tiles, replays every entry, compares every state entry with its own, and writes what is wrong to standard output, one alarm a line. The evidence is kept in files. With --cosign it is a replayer, too: a witness that signs only what it has replayed.',
    )
    .requiredOption('--url <url>', 'the log’s HTTP interface')
    .option('--trust <file>', 'trust file of the log', TRUST_FILE)
    .option('--data-dir <folder>', 'what was replayed, alarms, evidence and key', 'monitor-data')
    .option(
      '--witness <url>',
      'where a witness shows what it has cosigned, to compare; may be given several times',
      collect,
      [],
    )
    .option('--cosign <name>', 'cosign as a replayer of this name; the first start makes the key')
    .option('--cosign-host <address>', 'address to listen on for that', '127.0.0.1')
    .option('--cosign-port <port>', 'port; 0 takes any free one', portOf, 8091)
    .option('--cosign-prefix <path>', 'path before the resources of the protocol', prefixOf, '')
    .option('--webhook <url>', 'send every alarm there, signed (Standard Webhooks), until it is taken')
    .option('--webhook-secret <file>', 'its secret: a line of whsec_ and base64 of 24 to 64 bytes')
    .addOption(
      new Option('--webhook-severity <severity>', 'least severity that is sent')
        .choices(['info', 'warning', 'critical'])
        .default('warning'),
    )
    .option('--alarms-host <address>', 'address to listen on for the two below', '127.0.0.1')
    .option('--grpc-port <port>', 'serve MonitorService.Watch there; 0 takes any free port', portOf)
    .option('--grpc-tls-cert <file>', 'PEM file of the certificate chain of that; without it there is no TLS')
    .option('--grpc-tls-key <file>', 'PEM file of its private key')
    .option(
      '--grpc-tls-client-ca <file>',
      'PEM file of the authorities that its clients’ certificates must come from; given, every client needs one',
    )
    .option('--http-port <port>', 'serve /metrics, /alarms and evidence there', portOf)
    .option(
      '--accept-time <index>',
      'cosign again although entries up to this one had a time that was not that of this machine’s clock',
      indexOf,
    )
    .option('--workers <count>', 'threads that verify signatures', workersOf, availableParallelism())
    .addOption(
      new Option('--log-level <level>', 'least severe level on standard error')
        .choices(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
        .default('info'),
    );
  return addClientTlsOptions(command).action(async (options: Options) => {
    const { terminal } = context;
    const trust = await readTrust(context, options.trust);
    const [{ startMonitor }, { createLogger }] = await Promise.all([
      import('../server/index.ts'),
      import('../platform/logger.ts'),
    ]);
    const { url, dataDir, witness: peers, workers, acceptTime, cosign: name } = options;
    const { cosignHost: host, cosignPort: port, cosignPrefix: prefix } = options;
    const running = await startMonitor(
      {
        ...{ url, trust, dataDir, peers, workers, tls: await tlsOf(options) },
        ...(acceptTime !== undefined && { acceptTime }),
        outputs: await outputsOf(context, options),
        cosign: { host, port, prefix, ...(name !== undefined && { name }) },
      },
      createLogger({ level: options.logLevel }),
    );
    const { replayer, ports } = running;
    // Standard output is for alarms alone: whoever reads it line by line gets nothing else.
    outputOf(context, options).progress(
      [
        `watching      ${trust.origin} at ${url}`,
        ...(ports.grpc === undefined ? [] : [`gRPC          ${options.alarmsHost}:${ports.grpc}`]),
        ...(ports.http === undefined ? [] : [`alarms        http://${options.alarmsHost}:${ports.http}`]),
        ...(replayer ? [`verifier key  ${replayer.verifierKey}`, `URL           ${replayer.url}`] : []),
      ].join('\n'),
    );
    try {
      await Promise.race([aborted(terminal.signal), running.failed]);
    } finally {
      await running.close();
    }
  });
}

async function outputsOf({ terminal }: Context, options: Options) {
  const {
    webhook: url,
    webhookSecret,
    webhookSeverity: severity,
    alarmsHost: host,
    grpcPort,
    httpPort,
  } = options;
  const grpcTls = await serverTls(options);
  if ((url === undefined) !== (webhookSecret === undefined)) {
    throw fail('ARGUMENT_INVALID', '--webhook and --webhook-secret are given together');
  }
  const secret =
    webhookSecret === undefined ? '' : fromUtf8((await readInput(terminal, webhookSecret)).bytes).trim();
  return {
    // From now on; those before are kept, and were told then.
    lines: (line: string) => void terminal.stdout.write(`${line}\n`),
    ...(url !== undefined && { webhook: { url, secret, severity } }),
    ...(grpcPort !== undefined && { grpc: { host, port: grpcPort, ...(grpcTls && { tls: grpcTls }) } }),
    ...(httpPort !== undefined && { http: { host, port: httpPort } }),
  };
}

async function serverTls({ grpcTlsCert: cert, grpcTlsKey: key, grpcTlsClientCa: clientCa }: Options) {
  if (cert === undefined && key === undefined && clientCa === undefined) return undefined;
  if (cert === undefined || key === undefined) {
    throw fail('ARGUMENT_INVALID', '--grpc-tls-cert and --grpc-tls-key are given together');
  }
  return {
    ...{ cert: await pem(cert), key: await pem(key) },
    ...(clientCa !== undefined && { clientCa: await pem(clientCa) }),
  };
}

function collect(value: string, before: readonly string[]): string[] {
  return [...before, value];
}

function indexOf(text: string): number {
  const index = /^(?:0|[1-9]\d{0,15})$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(index)) throw new InvalidArgumentError('not an index');
  return index;
}

function workersOf(text: string): number {
  if (!/^[1-9]\d?$/.test(text)) throw new InvalidArgumentError('not a number of threads');
  return Number(text);
}

function portOf(text: string): number {
  const port = /^(?:0|[1-9]\d{0,4})$/.test(text) ? Number(text) : -1;
  if (port < 0 || port > 65_535) throw new InvalidArgumentError('not a port');
  return port;
}

function prefixOf(text: string): string {
  const prefix = text.replace(/\/+$/, '');
  if (!/^(?:\/[\w.~-]+)*$/.test(prefix)) throw new InvalidArgumentError('not a path such as /replayer');
  return prefix;
}
