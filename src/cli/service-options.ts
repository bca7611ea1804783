/** Where a participant's service listens, and with which certificate: the options that every such command has. */
import { readFile } from 'node:fs/promises';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { fail } from '../core/errors.ts';
import type { ServiceTls } from '../participants/service-http.ts';
import type { ConnectionOptions } from './connection.ts';

export interface ServiceOptions extends ConnectionOptions {
  readonly httpHost: string;
  readonly httpPort: number;
  readonly httpTlsCert?: string;
  readonly httpTlsKey?: string;
  readonly httpTlsClientCa?: string;
  readonly logLevel: string;
}

/** @param environment begins the names of the environment variables, such as `AICHAIN_KMS` */
export function addServiceOptions(command: Command, environment: string, port: number): Command {
  const option = (flags: string, text: string, name: string) =>
    new Option(flags, text).env(`${environment}_${name}`);
  return command
    .addOption(option('--http-host <address>', 'address to listen on', 'HTTP_HOST').default('127.0.0.1'))
    .addOption(
      option('--http-port <port>', 'port; 0 takes any free one', 'HTTP_PORT').argParser(portOf).default(port),
    )
    .addOption(
      option('--http-tls-cert <file>', 'PEM file of our certificate chain; means TLS', 'HTTP_TLS_CERT'),
    )
    .addOption(option('--http-tls-key <file>', 'PEM file of its private key', 'HTTP_TLS_KEY'))
    .addOption(
      option(
        '--http-tls-client-ca <file>',
        'PEM file of the authorities of client certificates: who has none of theirs is not answered (mTLS)',
        'HTTP_TLS_CLIENT_CA',
      ),
    )
    .addOption(
      option('--log-level <level>', 'least severe level on standard error', 'LOG_LEVEL')
        .choices(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
        .default('info'),
    );
}

/** @throws ARGUMENT_INVALID */
export async function serviceTls(options: ServiceOptions): Promise<ServiceTls | undefined> {
  const { httpTlsCert: cert, httpTlsKey: key, httpTlsClientCa: clientCa } = options;
  if (cert === undefined && key === undefined && clientCa === undefined) return undefined;
  if (cert === undefined || key === undefined) {
    throw fail('ARGUMENT_INVALID', '--http-tls-cert and --http-tls-key are given together');
  }
  return {
    ...{ cert: await pem(cert), key: await pem(key) },
    ...(clientCa !== undefined && { clientCa: await pem(clientCa) }),
  };
}

async function pem(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw fail('ARGUMENT_INVALID', `cannot read ${path}`, { cause });
  }
}

function portOf(text: string): number {
  const port = /^(?:0|[1-9]\d{0,4})$/.test(text) ? Number(text) : -1;
  if (port < 0 || port > 65_535) throw new InvalidArgumentError('not a port');
  return port;
}
