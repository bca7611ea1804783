/** A connection to a log, from the options that every command that needs one has. */
import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import type { Call, CallOptions, ClientTls, LedgerClient, Transport } from '../client/index.ts';
import { fail } from '../core/errors.ts';
import type { Trust } from '../verify/index.ts';
import type { CommonOptions, Context } from './context.ts';
import { readTrust, TRUST_FILE } from './trust-options.ts';

/** How a server over TLS is recognised, and what we show it. */
export interface ClientTlsOptions {
  readonly ca?: string;
  readonly cert?: string;
  readonly certKey?: string;
}

export interface ConnectionOptions extends CommonOptions, ClientTlsOptions {
  readonly server: string;
  readonly trust: string;
  readonly timeout: string;
  readonly marks?: string;
  readonly evidenceDir?: string;
}

/** Where `aichain serve` listens when nothing else is configured. */
const DEFAULT_SERVER = '127.0.0.1:8081';

export function addConnectionOptions(command: Command): Command {
  command
    .option(
      '--server <address>',
      'gRPC as host:port (grpcs://host:port for TLS), HTTP as a URL',
      DEFAULT_SERVER,
    )
    .option('--trust <file>', 'trust file of the log', TRUST_FILE)
    .option('--timeout <seconds>', 'longest wait for one answer', '10')
    .option('--marks <file>', 'remember what the log has shown, to notice a fork the next time')
    .option('--evidence-dir <folder>', 'keep what convicts the log there, should it show two histories');
  return addClientTlsOptions(command);
}

export function addClientTlsOptions(command: Command): Command {
  return command
    .option(
      '--ca <file>',
      'PEM file of the authorities that the server’s certificate must come from; means TLS',
    )
    .option('--cert <file>', 'PEM file of our own certificate (mTLS)')
    .option('--cert-key <file>', 'PEM file of its private key');
}

export interface Connection extends Disposable {
  readonly trust: Trust;
  /** Verifies everything. */
  readonly client: LedgerClient;
  /** For evidence that is kept: what it brings is verified by whoever writes it. */
  readonly transport: Transport;
  /** Deadline and signal of one request. */
  call(): Call;
  readonly options: CallOptions;
}

/** @throws ARGUMENT_INVALID, TRUST_MALFORMED; CONFIG_INVALID, ORIGIN_MISMATCH the marks file */
export async function connect(context: Context, options: ConnectionOptions): Promise<Connection> {
  const { signal } = context.terminal;
  const deadlineMs = milliseconds(options.timeout);
  const trust = await readTrust(context, options.trust);
  const transport = await openTransport(options.server, await tlsOf(options));
  const { LedgerClient } = await import('../client/index.ts');
  const client = await LedgerClient.connect({
    ...{ trust, transport, crypto: context.crypto, deadlineMs },
    ...(options.marks !== undefined && { stateFile: options.marks }),
    ...(options.evidenceDir !== undefined && { evidenceDir: options.evidenceDir }),
  });
  return {
    ...{ trust, client, transport },
    call: () => ({ deadline: Date.now() + deadlineMs, signal }),
    options: { deadlineMs, signal },
    [Symbol.dispose]: () => client.close(),
  };
}

/** The client's modules are loaded here and not before: most commands need no network and start faster without. */
async function openTransport(server: string, tls: ClientTls | undefined): Promise<Transport> {
  if (/^https?:/.test(server)) {
    const { HttpTransport } = await import('../client/http-transport.ts');
    return new HttpTransport(server, tls);
  }
  const [, scheme, address] = /^(?:(grpcs?):\/\/)?([^/\s]+:\d{1,5})$/.exec(server) ?? [];
  if (address === undefined) {
    throw fail('ARGUMENT_INVALID', `--server ${server} is neither host:port nor an http or https URL`);
  }
  const { GrpcTransport } = await import('../client/grpc-transport.ts');
  return new GrpcTransport(address, scheme === 'grpcs' ? (tls ?? {}) : tls);
}

export async function tlsOf({ ca, cert, certKey }: ClientTlsOptions): Promise<ClientTls | undefined> {
  if ((cert === undefined) !== (certKey === undefined)) {
    throw fail('ARGUMENT_INVALID', '--cert and --cert-key are given together');
  }
  if (ca === undefined && cert === undefined) return undefined;
  return {
    ...(ca !== undefined && { ca: await pem(ca) }),
    ...(cert !== undefined && { cert: await pem(cert) }),
    ...(certKey !== undefined && { key: await pem(certKey) }),
  };
}

export async function pem(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw fail('ARGUMENT_INVALID', `cannot read ${path}`, { cause });
  }
}

function milliseconds(seconds: string): number {
  if (!/^[1-9][0-9]{0,4}$/.test(seconds)) throw fail('ARGUMENT_INVALID', '--timeout is a number of seconds');
  return Number(seconds) * 1000;
}
