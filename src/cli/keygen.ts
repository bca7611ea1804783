/** `aichain keygen`: makes a key and writes it to a file of its own. */
import { Command, Option } from 'commander';
import { toBase64url } from '../core/bytes.ts';
import type { Crypto, SignatureAlgorithm } from '../core/crypto.ts';
import { fail } from '../core/errors.ts';
import { encodeCoseKey, encodePrivateKey, thumbprint } from '../cose/index.ts';
import { formatSignerKey, formatVerifierKey, noteSigner, SIGNATURE_TYPE } from '../note/index.ts';
import { writeSecret } from '../server/key-files.ts';
import { type CommonOptions, type Context, outputOf } from './context.ts';
import { writeOutput } from './files.ts';

interface Options extends CommonOptions {
  readonly alg?: SignatureAlgorithm;
  readonly out: string;
  readonly public?: string;
  readonly noteName?: string;
}

export function keygen(context: Context): Command {
  return new Command('keygen')
    .summary('make a key')
    .description(
      'Makes a key. The file holds the secret: it is readable by this user only, and an existing file is never overwritten. What is printed is public.',
    )
    .addOption(
      new Option('--alg <algorithm>', 'signature algorithm (default: ES256)').choices([
        'ES256',
        'ES384',
        'Ed25519',
      ]),
    )
    .requiredOption('--out <file>', 'file for the private key (COSE_Key)')
    .option('--public <file>', 'file for the public key (COSE_Key), as `aichain verify` takes it')
    .option('--note-name <name>', 'make an Ed25519 key that signs notes under this name (C2SP signed-note)')
    .action(async (options: Options) => {
      if (options.noteName === undefined) await coseKey(context, options);
      else noteKey(context, options, options.noteName);
    });
}

async function coseKey(context: Context, options: Options): Promise<void> {
  const { crypto } = context;
  const key = crypto.generatePrivateKey(options.alg ?? 'ES256');
  const kid = toBase64url(thumbprint(crypto, key.publicKey));
  const publicKey = encodeCoseKey(key.publicKey);
  writeSecret(options.out, encodePrivateKey(key));
  if (options.public !== undefined) await writeOutput(options.public, publicKey);
  outputOf(context, options).answer(
    { kid, algorithm: key.algorithm, publicKey: toBase64url(publicKey), file: options.out },
    [
      `kid         ${kid}`,
      `algorithm   ${key.algorithm}`,
      `public key  ${toBase64url(publicKey)}`,
      `secret in   ${options.out}`,
    ].join('\n'),
  );
}

function noteKey(context: Context, options: Options, name: string): void {
  if (options.alg !== undefined && options.alg !== 'Ed25519') {
    throw fail('ARGUMENT_INVALID', 'notes are signed with Ed25519');
  }
  if (options.public !== undefined) {
    throw fail('ARGUMENT_INVALID', 'a note key’s public part is the verifier key that is printed');
  }
  const { verifierKey, text } = makeNoteKey(context.crypto, name);
  writeSecret(options.out, `${text}\n`);
  outputOf(context, options).answer(
    { verifierKey, algorithm: 'Ed25519', file: options.out },
    `verifier key  ${verifierKey}\nsecret in     ${options.out}`,
  );
}

function makeNoteKey(crypto: Crypto, name: string) {
  const privateKey = crypto.generatePrivateKey('Ed25519');
  // First, because it checks the name.
  const verifierKey = formatVerifierKey(noteSigner(crypto, name, privateKey).verifierKey);
  return { verifierKey, text: formatSignerKey(crypto, { name, type: SIGNATURE_TYPE.ED25519, privateKey }) };
}
