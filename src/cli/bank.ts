/** `aichain bank`: a processor of payments for demonstrations, beside a contract service; it moves no money. */
import { Command } from 'commander';
import { isDid } from '../chain/index.ts';
import { fail } from '../core/errors.ts';
import { aborted } from './aborted.ts';
import { tlsOf } from './connection.ts';
import { type Context, outputOf } from './context.ts';
import { ownSecret } from './own-secret.ts';
import { addServiceOptions, type ServiceOptions, serviceTls } from './service-options.ts';
import { readTrust, TRUST_FILE } from './trust-options.ts';

interface Options extends ServiceOptions {
  readonly service: string;
  readonly serviceDid: string;
  readonly secret: string;
}

export function bank(context: Context): Command {
  const command = new Command('bank')
    .summary('confirm payments for demonstrations: it moves no money')
    .description(
      'Takes the webhooks of a contract service and confirms what they ask for: held, paid out, paid back. It pays out only against a proof bundle that it has verified under its own trust file. No money is moved.',
    )
    .requiredOption('--service <url>', 'the contract service')
    .requiredOption('--service-did <did>', 'its DID')
    .requiredOption('--secret <file>', 'of webhooks and confirmations: a line of whsec_ and base64')
    .option('--trust <file>', 'trust file of the log', TRUST_FILE)
    .option('--ca <file>', 'PEM file of the authorities that the service’s certificate must come from')
    .option('--cert <file>', 'PEM file of our own certificate (mTLS)')
    .option('--cert-key <file>', 'PEM file of its private key');
  return addServiceOptions(command, 'AICHAIN_BANK', 8085).action(async (options: Options) => {
    const { crypto, terminal } = context;
    const output = outputOf(context, options);
    const { service: url, serviceDid, httpHost: host, httpPort: port } = options;
    if (!isDid(serviceDid)) throw fail('ARGUMENT_INVALID', '--service-did is not a DID');
    const [trust, secret, tls, ownTls] = await Promise.all([
      readTrust(context, options.trust),
      ownSecret(terminal, options.secret),
      tlsOf(options),
      serviceTls(options),
    ]);
    const { ContractServiceClient, startBank } = await import('../participants/contract-service/index.ts');
    const service = new ContractServiceClient({ url, ...(tls && { tls }) });
    // Not `using`: the compiler does not rewrite the dynamic imports of a file that has one.
    const running = await startBank({
      ...{ crypto, trust, service, serviceDid, secret: secret.trim(), host, port },
      ...(ownTls && { tls: ownTls }),
      observe: ({ type, data }, outcome, why) =>
        output.progress(`${type}  ${data.contract} row ${data.row}  ${outcome ?? `not done: ${why}`}`),
    });
    try {
      output.answer({ url: running.url }, `URL  ${running.url}`);
      await aborted(terminal.signal);
    } finally {
      await running.close();
      service.close();
    }
  });
}
