/** `aichain kms`: keeps data keys for their owners, and hands them to clean rooms that the ledger allows, until it is told to stop. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { isDid } from '../chain/index.ts';
import { toBase64url } from '../core/bytes.ts';
import { fail } from '../core/errors.ts';
import { decodePrivateKey } from '../cose/index.ts';
import { aborted } from './aborted.ts';
import { addConnectionOptions, type ConnectionOptions, connect } from './connection.ts';
import { type Context, outputOf } from './context.ts';
import { readInput } from './files.ts';
import { kmsImport } from './kms-import.ts';
import { FORMATS } from './terminal.ts';

interface Options extends ConnectionOptions {
  readonly key?: string;
  readonly issuer?: string;
  readonly dataDir: string;
  readonly wrapKey?: string;
  readonly httpHost: string;
  readonly httpPort: number;
  readonly httpTlsCert?: string;
  readonly httpTlsKey?: string;
  readonly httpTlsClientCa?: string;
  readonly patience: number;
  readonly logLevel: string;
}

export function kms(context: Context): Command {
  const command = new Command('kms')
    .summary('keep data keys, and release them against proofs')
    .description(
      'Takes data keys from their owners (`aichain kms import`), and hands one to a clean room only after its release was logged, granted, and verified here: at a head that witnesses and a replayer have cosigned, on a nonce drawn here, for the key that the room has attested. Everything else is refused by its reason, and cancelled.',
    )
    // So that options behind `import` are that command's.
    .enablePositionalOptions()
    .addCommand(kmsImport(context))
    // The frame gives it to commands without subcommands only.
    .addOption(
      new Option('-o, --output <format>', 'how the answer is written').choices(FORMATS).default('text'),
    )
    .addOption(option('--key <file>', 'private key of the KMS (see `aichain keygen`); needed'))
    .addOption(option('--issuer <did>', 'DID of the KMS; needed'))
    .addOption(
      option('--data-dir <folder>', 'sealed keys and the journal, made if they are not there').default(
        'kms-data',
      ),
    )
    .addOption(
      option('--wrap-key <file>', 'the key that data keys are sealed to (default: in the data folder)'),
    )
    .addOption(option('--http-host <address>', 'address to listen on').default('127.0.0.1'))
    .addOption(
      option('--http-port <port>', 'port; 0 takes any free one').argParser(portOf).default(8092, '8092'),
    )
    .addOption(
      option('--http-tls-cert <file>', 'PEM file of its certificate chain; without it there is no TLS'),
    )
    .addOption(option('--http-tls-key <file>', 'PEM file of its private key'))
    .addOption(
      option(
        '--http-tls-client-ca <file>',
        'PEM file of the authorities that client certificates must come from; given, every client needs one',
      ),
    )
    .addOption(
      option('--patience <seconds>', 'how long the other keys of a pipeline are waited for')
        .argParser(secondsOf)
        .default(20, '20'),
    )
    .addOption(
      option('--log-level <level>', 'least severe level on standard error')
        .choices(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
        .default('info'),
    );
  return addConnectionOptions(command).action(async (options: Options) => {
    const { terminal, crypto } = context;
    const { issuer, dataDir, wrapKey, httpHost: host, httpPort: port } = options;
    if (issuer === undefined || !isDid(issuer))
      throw fail('ARGUMENT_INVALID', '--issuer has to be the DID of the KMS');
    if (options.key === undefined) throw fail('ARGUMENT_INVALID', '--key is needed');
    const key = decodePrivateKey(crypto, (await readInput(terminal, options.key)).bytes);
    const tls = await serverTls(options);
    const [{ startKms }, { createLogger }] = await Promise.all([
      import('../participants/kms/index.ts'),
      import('../platform/logger.ts'),
    ]);
    const logger = createLogger({ level: options.logLevel });
    // What the log has shown survives a restart: it cannot go back, or fork.
    const marks = options.marks ?? join(dataDir, 'marks.json');
    // Not `using`: the compiler does not rewrite the dynamic imports of a file that has one.
    const connection = await connect(context, { ...options, marks });
    const running = await startKms({
      ...{ crypto, client: connection.client, kms: { did: issuer, key }, dataDir, host, port },
      ...(wrapKey !== undefined && { wrapKey }),
      ...(tls && { tls }),
      patience: options.patience * 1000,
      observe: {
        imported: (owner, dataKeyId) => logger.info({ owner, dataKeyId }, 'key imported'),
        released: ({ code, ...outcome }) =>
          logger[code === null ? 'info' : 'warn'](
            { ...outcome, code },
            code === null ? 'released' : 'refused',
          ),
        failed: (operation, err) => logger.error({ operation, err }, 'failed'),
      },
    }).catch((error: unknown) => {
      connection[Symbol.dispose]();
      throw error;
    });
    const { url, wrapKid } = running;
    outputOf(context, options).answer(
      { url, wrapKid, wrapKey: toBase64url(running.wrapKey) },
      [
        `URL         ${url}`,
        `wrap key    ${toBase64url(running.wrapKey)}`,
        `thumbprint  ${wrapKid}`,
        ...(tls ? [] : ['no TLS      whoever reaches this address can ask, and import']),
      ].join('\n'),
    );
    try {
      await aborted(terminal.signal);
    } finally {
      await running.close();
      connection[Symbol.dispose]();
    }
  });
}

/** Each has its variable: AICHAIN_KMS_ and the name of the flag. */
function option(flags: string, description: string): Option {
  const made = new Option(flags, description);
  return made.env(`AICHAIN_KMS_${made.name().toUpperCase().replaceAll('-', '_')}`);
}

async function serverTls({ httpTlsCert, httpTlsKey, httpTlsClientCa }: Options) {
  if (httpTlsCert === undefined && httpTlsKey === undefined && httpTlsClientCa === undefined)
    return undefined;
  if (httpTlsCert === undefined || httpTlsKey === undefined) {
    throw fail('ARGUMENT_INVALID', '--http-tls-cert and --http-tls-key are given together');
  }
  const [cert, key, clientCa] = await Promise.all([
    pem(httpTlsCert),
    pem(httpTlsKey),
    httpTlsClientCa === undefined ? undefined : pem(httpTlsClientCa),
  ]);
  return { cert, key, ...(clientCa !== undefined && { clientCa }) };
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

function secondsOf(text: string): number {
  if (!/^[1-9][0-9]{0,2}$/.test(text)) throw new InvalidArgumentError('not 1 to 999 seconds');
  return Number(text);
}
