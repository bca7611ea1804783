/** `aichain kms`: keeps data keys for their owners, and hands them to clean rooms that the ledger allows, until it is told to stop. */
import { join } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { isDid } from '../chain/index.ts';
import { toBase64url } from '../core/bytes.ts';
import { fail } from '../core/errors.ts';
import { decodePrivateKey } from '../cose/index.ts';
import { aborted } from './aborted.ts';
import { addConnectionOptions, connect } from './connection.ts';
import { type Context, outputOf } from './context.ts';
import { readInput } from './files.ts';
import { kmsImport } from './kms-import.ts';
import { addServiceOptions, type ServiceOptions, serviceTls } from './service-options.ts';
import { FORMATS } from './terminal.ts';

interface Options extends ServiceOptions {
  readonly key?: string;
  readonly issuer?: string;
  readonly dataDir: string;
  readonly wrapKey?: string;
  readonly patience: number;
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
    .addOption(
      option('--patience <seconds>', 'how long the other keys of a pipeline are waited for')
        .argParser(secondsOf)
        .default(20, '20'),
    );
  addServiceOptions(command, 'AICHAIN_KMS', 8092);
  return addConnectionOptions(command).action(async (options: Options) => {
    const { terminal, crypto } = context;
    const { issuer, dataDir, wrapKey, httpHost: host, httpPort: port } = options;
    if (issuer === undefined || !isDid(issuer))
      throw fail('ARGUMENT_INVALID', '--issuer has to be the DID of the KMS');
    if (options.key === undefined) throw fail('ARGUMENT_INVALID', '--key is needed');
    const key = decodePrivateKey(crypto, (await readInput(terminal, options.key)).bytes);
    const tls = await serviceTls(options);
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

function secondsOf(text: string): number {
  if (!/^[1-9][0-9]{0,2}$/.test(text)) throw new InvalidArgumentError('not 1 to 999 seconds');
  return Number(text);
}
