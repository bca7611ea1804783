/** `aichain sign`: makes a statement, of one of the log's kinds or foreign, and checks it before it is signed. */
import { Command } from 'commander';
import { isDid, isOrigin, parseStatement, type Ref, signForeign, signStatement } from '../chain/index.ts';
import { type Bytes, fromBase64url, fromUtf8, toBase64url } from '../core/bytes.ts';
import type { PrivateKey } from '../core/crypto.ts';
import { fail } from '../core/errors.ts';
import { decodePrivateKey } from '../cose/index.ts';
import { checkedBody, withPossession } from './chain-body.ts';
import { type CommonOptions, type Context, outputOf } from './context.ts';
import { deliver, readInput, STDIO } from './files.ts';
import { parseBody } from './json-body.ts';
import { readTrust } from './trust-options.ts';

interface Options extends CommonOptions {
  readonly key: string;
  readonly issuer: string;
  readonly subject?: string;
  readonly issuedAt?: string;
  readonly out?: string;
  // chain statements
  readonly kind?: string;
  readonly body?: string;
  readonly log?: string;
  readonly trust?: string;
  readonly popKey: readonly string[];
  readonly ref: readonly string[];
  readonly onBehalf?: string;
  // foreign statements
  readonly contentType?: string;
  readonly hashEnvelope?: boolean;
  readonly location?: string;
}

const collect = (value: string, before: readonly string[]) => [...before, value];

export function sign(context: Context): Command {
  return new Command('sign')
    .summary('make a signed statement')
    .description(
      'Makes a signed statement. With --kind: a statement of the chain, its body as JSON ({"$bytes": "<base64url>"} stands for a byte string). Without: a foreign statement with FILE as its payload, which gets a receipt and changes nothing.',
    )
    .argument('[file]', 'payload of a foreign statement; - is standard input')
    .requiredOption('--key <file>', 'private key that signs (see `aichain keygen`)')
    .requiredOption('--issuer <did>', 'DID of the signer')
    .option('--subject <uri>', 'what the statement is about (chain statements: the issuer by default)')
    .option('--issued-at <seconds>', 'Unix time of the statement (default: now)')
    .option('--out <file>', 'file for the statement (default: standard output)')
    .option('--kind <kind>', 'kind of a chain statement, such as participant.register')
    .option('--body <file>', 'its body as JSON; - is standard input')
    .option('--log <origin>', 'the log that it is for')
    .option('--trust <file>', 'trust file to take the log from, instead of --log')
    .option(
      '--pop-key <file>',
      'private key of a key that the body lists, to prove its possession; may be repeated',
      collect,
      [],
    )
    .option(
      '--ref <rel:index:entry>',
      'earlier entry that it builds on, such as after:5:<entry id>; may be repeated',
      collect,
      [],
    )
    .option('--on-behalf <did>', 'DID of the participant that the signer is a delegate of')
    .option('--content-type <type>', 'media type of the payload of a foreign statement')
    .option('--hash-envelope', 'log only the SHA-256 of the payload (RFC 9995)')
    .option('--location <uri>', 'where the payload of a hash envelope can be found')
    .action(async (file: string | undefined, options: Options) => {
      const { crypto, terminal } = context;
      const output = outputOf(context, options);
      if (output.json && (options.out === undefined || options.out === STDIO)) {
        throw fail('ARGUMENT_INVALID', 'with -o json the statement needs a file of its own: --out FILE');
      }
      const key = await readPrivateKey(context, options.key);
      const statement =
        options.kind === undefined
          ? await foreignStatement(context, key, file, options)
          : await chainStatement(context, key, file, options.kind, options);
      // The log would refuse it for the same reasons; better to hear them before the key's owner has sent it.
      const { entryId } = parseStatement(crypto, statement);
      await deliver(output, options.out, statement);
      const id = toBase64url(entryId);
      if (options.out === undefined || options.out === STDIO) terminal.stderr.write(`entry id ${id}\n`);
      else
        output.answer(
          { entryId: id, bytes: statement.length, file: options.out },
          `entry id  ${id}\nwritten   ${options.out}`,
        );
    });
}

async function chainStatement(
  context: Context,
  key: PrivateKey,
  file: string | undefined,
  kind: string,
  options: Options,
): Promise<Bytes> {
  const { crypto, terminal } = context;
  if (file !== undefined)
    throw fail('ARGUMENT_INVALID', 'a chain statement has a --body, not a payload file');
  if (options.contentType !== undefined || options.hashEnvelope || options.location !== undefined) {
    throw fail(
      'ARGUMENT_INVALID',
      '--content-type, --hash-envelope and --location are for foreign statements',
    );
  }
  if (options.body === undefined) throw fail('ARGUMENT_INVALID', '--body is needed');
  const log = await originOf(context, options);
  const { issuer, onBehalf, subject } = options;
  const body = parseBody(fromUtf8((await readInput(terminal, options.body)).bytes));
  const others = await Promise.all(options.popKey.map((path) => readPrivateKey(context, path)));
  const complete = withPossession(crypto, body, { kind, log, issuer, signer: key, others });
  checkedBody(kind, complete);
  return signStatement(crypto, key, {
    ...{ log, kind, issuer, issuedAt: issuedAt(options), body: complete },
    refs: options.ref.map(parseRef),
    ...(subject !== undefined && { subject }),
    ...(onBehalf !== undefined && { onBehalf }),
  });
}

async function foreignStatement(
  { crypto, terminal }: Context,
  key: PrivateKey,
  file: string | undefined,
  options: Options,
): Promise<Bytes> {
  const { issuer, subject, contentType, location } = options;
  if (file === undefined || contentType === undefined) {
    throw fail('ARGUMENT_INVALID', 'give a payload file with its --content-type, or --kind with --body');
  }
  for (const [name, given] of Object.entries({
    '--body': options.body,
    '--on-behalf': options.onBehalf,
    '--ref': options.ref[0],
    '--pop-key': options.popKey[0],
  })) {
    if (given !== undefined) throw fail('ARGUMENT_INVALID', `${name} is for chain statements (--kind)`);
  }
  if (location !== undefined && !options.hashEnvelope) {
    throw fail('ARGUMENT_INVALID', '--location is for a --hash-envelope');
  }
  if (!isDid(issuer)) throw fail('ID_MALFORMED', '--issuer is not a DID');
  return signForeign(crypto, key, {
    ...{ issuer, contentType, issuedAt: issuedAt(options), payload: (await readInput(terminal, file)).bytes },
    ...(subject !== undefined && { subject }),
    ...(options.hashEnvelope && { hashEnvelope: location === undefined ? true : { location } }),
  });
}

async function originOf(context: Context, { log, trust }: Options): Promise<string> {
  if ((log === undefined) === (trust === undefined)) {
    throw fail('ARGUMENT_INVALID', 'a chain statement is for one log: give --log ORIGIN or --trust FILE');
  }
  if (trust !== undefined) return (await readTrust(context, trust)).origin;
  if (!isOrigin(log!)) throw fail('ARGUMENT_INVALID', '--log is not the origin of a log');
  return log!;
}

function issuedAt({ issuedAt: given }: Options): number {
  if (given === undefined) return Math.floor(Date.now() / 1000);
  if (!/^(?:0|[1-9][0-9]{0,11})$/.test(given))
    throw fail('ARGUMENT_INVALID', '--issued-at is not Unix seconds');
  return Number(given);
}

function parseRef(text: string): Ref {
  const [, rel, index, entry] =
    /^([a-zA-Z]{1,32}):(0|[1-9][0-9]{0,15}):([A-Za-z0-9_-]{43})$/.exec(text) ?? [];
  if (rel === undefined || !Number.isSafeInteger(Number(index))) {
    throw fail('ARGUMENT_INVALID', `--ref ${text} is not <relation>:<index>:<entry id>`);
  }
  return { rel, index: Number(index), entry: fromBase64url(entry!) };
}

async function readPrivateKey({ crypto, terminal }: Context, path: string): Promise<PrivateKey> {
  return decodePrivateKey(crypto, (await readInput(terminal, path)).bytes);
}
