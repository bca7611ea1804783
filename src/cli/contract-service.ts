/** `aichain contract-service`: datasets, contracts and payments over HTTP, until it is told to stop. */
import { Command } from 'commander';
import { fail } from '../core/errors.ts';
import { decodePrivateKey } from '../cose/index.ts';
import type { Receiver } from '../participants/contract-service/index.ts';
import { aborted } from './aborted.ts';
import { addConnectionOptions, connect, tlsOf } from './connection.ts';
import { type Context, outputOf } from './context.ts';
import { readInput } from './files.ts';
import { ownSecret } from './own-secret.ts';
import { addServiceOptions, type ServiceOptions, serviceTls } from './service-options.ts';

interface Options extends ServiceOptions {
  readonly key: string;
  readonly issuer: string;
  readonly dataDir: string;
  readonly webhooks?: string;
  readonly processor?: string;
  readonly processorSecret?: string;
  readonly complete?: boolean;
}

export function contractService(context: Context): Command {
  const command = new Command('contract-service')
    .summary('help participants to agree, watch their contracts, see to payments')
    .description(
      'Serves discovery of datasets, drafts of contracts, their signing and completion over HTTP, and tells by signed webhooks what has become of them: in force, stopped, a payment due or earned. Parties sign with their own keys, locally; everything is verified against the log, and nothing that the service says has to be believed.',
    )
    .requiredOption('--key <file>', 'private key of the service (see `aichain keygen`)')
    .requiredOption('--issuer <did>', 'DID of the service')
    .option('--data-dir <folder>', 'drafts, events and confirmations', 'contract-service-data')
    .option(
      '--webhooks <file>',
      'receivers of events: JSON list of {"name", "url", "secret": "whsec_…", "events": ["payment."]}; readable by its owner only',
    )
    .option('--processor <name>', 'who moves the money, as payments name it')
    .option('--processor-secret <file>', 'what it signs its confirmations with: a line of whsec_ and base64')
    .option('--complete', 'complete contracts whose runs are used up, once nothing of them is open');
  addServiceOptions(command, 'AICHAIN_CONTRACT_SERVICE', 8084);
  return addConnectionOptions(command).action(async (options: Options) => {
    const { terminal, crypto } = context;
    const { issuer: did, dataDir, httpHost: host, httpPort: port } = options;
    const key = decodePrivateKey(crypto, (await readInput(terminal, options.key)).bytes);
    const [tls, receiverTls, receivers, processor] = await Promise.all([
      serviceTls(options),
      tlsOf(options),
      receiversOf(context, options.webhooks),
      processorOf(context, options),
    ]);
    // Not `using`: the compiler does not rewrite the dynamic imports of a file that has one.
    const connection = await connect(context, options);
    const [{ startContractService }, { createLogger }] = await Promise.all([
      import('../participants/contract-service/index.ts'),
      import('../platform/logger.ts'),
    ]);
    const logger = createLogger({ level: options.logLevel });
    const running = await startContractService({
      ...{ crypto, client: connection.client, did, key, dataDir, host, port, receivers },
      ...(tls && { tls }),
      ...(receiverTls && { receiverTls }),
      ...(processor && { processor }),
      complete: options.complete ?? false,
      observer: {
        refused: (operation, error, status) =>
          status === 500
            ? logger.error({ operation, err: error.cause ?? error }, 'request failed')
            : logger.debug({ operation, code: error.code }, error.message),
        failed: (contract, error) => logger.warn({ contract, code: error.code }, error.message),
        delivery: (receiver, outcome, { id, type }, why) =>
          logger[outcome === 'delivered' ? 'info' : 'warn']({ receiver, event: id, type, why }, outcome),
      },
    });
    try {
      outputOf(context, options).answer(
        { url: running.url, did, log: connection.trust.origin },
        `URL  ${running.url}\nDID  ${did}\nlog  ${connection.trust.origin}`,
      );
      await Promise.race([aborted(terminal.signal), running.failed]);
    } finally {
      await running.close();
      connection[Symbol.dispose]();
    }
  });
}

async function receiversOf({ terminal }: Context, file: string | undefined): Promise<readonly Receiver[]> {
  if (file === undefined) return [];
  const text = await ownSecret(terminal, file);
  try {
    const receivers: unknown = JSON.parse(text);
    const texts = (each: Receiver) => [each.name, each.url, each.secret, ...(each.events ?? [])];
    const whole = (each: Receiver) => texts(each).every((item) => typeof item === 'string');
    if (Array.isArray(receivers) && receivers.length <= 32 && receivers.every(whole)) return receivers;
  } catch {
    // Said below: what is in the file is not repeated, for it has secrets.
  }
  throw fail('CONFIG_INVALID', `${file} is not a list of receivers`);
}

async function processorOf({ terminal }: Context, { processor: name, processorSecret: file }: Options) {
  if ((name === undefined) !== (file === undefined)) {
    throw fail('ARGUMENT_INVALID', '--processor and --processor-secret are given together');
  }
  if (name === undefined) return undefined;
  return { name, secret: (await ownSecret(terminal, file!)).trim() };
}
