/** `aichain appraiser`: appraises what rooms list, for a verifier, until it is told to stop. */
import { Command } from 'commander';
import { isDid } from '../chain/index.ts';
import { fromUtf8 } from '../core/bytes.ts';
import { fail } from '../core/errors.ts';
import { decodePrivateKey } from '../cose/index.ts';
import type { Outcome } from '../participants/appraiser/index.ts';
import { addConnectionOptions, type ConnectionOptions, connect, tlsOf } from './connection.ts';
import { type Context, outputOf } from './context.ts';
import { readInput } from './files.ts';
import { printable } from './printable.ts';

interface Options extends ConnectionOptions {
  readonly key: string;
  readonly issuer: string;
  readonly evidence?: string;
  readonly tokenFile?: string;
  readonly docket?: string;
  readonly once?: boolean;
}

export function appraiser(context: Context): Command {
  const command = new Command('appraiser')
    .summary('appraise the evidence that clean rooms list')
    .description(
      'Follows a log for a verifier. Each piece of evidence that a room under one of its contracts lists is fetched, appraised by the anchors and the appraisal policy that the log has published, and the result is signed and registered. When the SRO publishes others, everything is appraised again.',
    )
    .requiredOption('--key <file>', 'private key of the verifier (see `aichain keygen`)')
    .requiredOption('--issuer <did>', 'DID of the verifier')
    .option('--evidence <url>', 'URL of the evidence store (default: --server, if that is a URL)')
    .option('--token-file <file>', 'file with the bearer token that the store takes')
    .option('--docket <file>', 'remember what was read and judged, to go on there after a restart')
    .option('--once', 'appraise what is due, and end');
  return addConnectionOptions(command).action(async (options: Options) => {
    const { terminal, crypto } = context;
    const { issuer, docket, once } = options;
    const output = outputOf(context, options);
    if (!isDid(issuer)) throw fail('ARGUMENT_INVALID', '--issuer is not a DID');
    const url = evidenceUrl(options);
    const key = decodePrivateKey(crypto, (await readInput(terminal, options.key)).bytes);
    const token = await tokenOf(context, options.tokenFile);
    const tls = await tlsOf(options);
    using connection = await connect(context, options);
    const [{ AppraiserService, DocketFile }, { EvidenceClient }] = await Promise.all([
      import('../participants/appraiser/index.ts'),
      import('../client/evidence-client.ts'),
    ]);
    using store = new EvidenceClient({
      ...{ url, crypto, deadlineMs: connection.options.deadlineMs! },
      ...(token !== undefined && { token }),
      ...(tls && { tls }),
    });
    const service = new AppraiserService({
      ...{ crypto, client: connection.client, evidence: store, verifier: { did: issuer, key } },
      ...(docket !== undefined && { file: new DocketFile(docket, connection.trust) }),
      observe: (outcome) => output.answer({ ...outcome }, outcomeText(outcome)),
    });
    // Awaited here: the connection ends with this function.
    if (!once) return await service.run(terminal.signal);
    const outcomes = await service.once(terminal.signal);
    if (outcomes.length === 0) output.progress('nothing is due');
    const missed = outcomes.find(({ result }) => result === 'unavailable');
    if (missed) throw fail('UNAVAILABLE', `not all could be appraised: ${missed.code}: ${missed.detail}`);
  });
}

function evidenceUrl({ evidence, server }: Options): string {
  const url = evidence ?? (/^https?:/.test(server) ? server : undefined);
  if (url === undefined) throw fail('ARGUMENT_INVALID', '--evidence URL is needed beside a gRPC --server');
  return url;
}

/** From a file: what stands on a command line, everybody on the machine can read. */
async function tokenOf({ terminal }: Context, file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return undefined;
  const token = fromUtf8((await readInput(terminal, file)).bytes).trim();
  if (!/^[!-~]{1,512}$/.test(token)) throw fail('ARGUMENT_INVALID', `${file} does not hold a token`);
  return token;
}

function outcomeText({ result, code, detail, cleanroom, evidence, entry, simulated }: Outcome): string {
  const why = [code, detail].filter((part) => part !== null).join(': ');
  return [
    `${cleanroom}  ${result}${why === '' ? '' : ` (${printable(why)})`}`,
    `  evidence ${evidence}${entry === null ? '' : `  entry ${entry}`}${simulated ? '  simulated: binds nobody' : ''}`,
  ].join('\n');
}
