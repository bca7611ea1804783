/** `aichain inspect`: what a file says, without believing it. */
import { Command } from 'commander';
import type { Bytes } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { fail } from '../core/errors.ts';
import { type ArtifactType, artifactType } from './artifact.ts';
import { type CommonOptions, type Context, outputOf } from './context.ts';
import {
  describeKey,
  describeKeySet,
  describeMultiSigned,
  describePrivateKey,
  describeReceipt,
  describeStatement,
} from './describe-cose.ts';
import {
  describeBundle,
  describeConsistency,
  describeEffect,
  describeFacts,
  describeModelEvidence,
  describeNote,
  describePolicy,
  describeProblem,
  describeSignerKey,
  describeStateEntry,
  describeTilePath,
  describeTlogProof,
  describeTrust,
  describeVerdict,
  describeVerifierKey,
} from './describe-log.ts';
import { readInput } from './files.ts';
import { describeMisbehaviour } from './misbehaviour-finding.ts';
import type { Json } from './terminal.ts';
import { treeText } from './tree-text.ts';

const DESCRIBE: Readonly<Record<Exclude<ArtifactType, 'unknown'>, (crypto: Crypto, bytes: Bytes) => Json>> = {
  statement: describeStatement,
  'transparent statement': describeStatement,
  'inclusion receipt': (_, bytes) => describeReceipt(bytes),
  'consistency receipt': (_, bytes) => describeReceipt(bytes),
  'multi-signed document': describeMultiSigned,
  'COSE key': describeKey,
  'private COSE key': describePrivateKey,
  'COSE key set': describeKeySet,
  'signed note': (_, bytes) => describeNote(bytes),
  'tlog-proof': (_, bytes) => describeTlogProof(bytes),
  'trust file': describeTrust,
  'trust policy': (_, bytes) => describePolicy(bytes),
  'verifier key': (_, bytes) => describeVerifierKey(bytes),
  'signer key': describeSignerKey,
  'state entry': (_, bytes) => describeStateEntry(bytes),
  verdict: (_, bytes) => describeVerdict(bytes),
  'effect proof': (_, bytes) => describeEffect(bytes),
  'consistency proof': (_, bytes) => describeConsistency(bytes),
  facts: (_, bytes) => describeFacts(bytes),
  'proof bundle': (_, bytes) => describeBundle(bytes),
  'evidence of a model': (_, bytes) => describeModelEvidence(bytes),
  'proof of misbehaviour': (_, bytes) => describeMisbehaviour(bytes),
  'problem details': (_, bytes) => describeProblem(bytes),
  'tile path': (_, bytes) => describeTilePath(bytes),
};

/**
 * The type of `bytes` and what they say.
 * @throws REQUEST_MALFORMED none of the formats that are known here; what the decoder of the format throws
 */
export function describe(crypto: Crypto, bytes: Bytes): { readonly [name: string]: Json | undefined } {
  const type = artifactType(bytes);
  if (type === 'unknown')
    throw fail('REQUEST_MALFORMED', `${bytes.length} bytes of no format that is known here`);
  return { type, ...(DESCRIBE[type](crypto, bytes) as object) };
}

export function inspect(context: Context): Command {
  return new Command('inspect')
    .summary('show what a file says, without trusting it')
    .description(
      'Decodes any file of this project (statement, receipt, checkpoint, proof, key, trust file, state entry, tile path) and shows what it says. Nothing is verified.',
    )
    .argument('<file>', 'file to read; - is standard input')
    .action(async (file: string, options: CommonOptions) => {
      const { bytes } = await readInput(context.terminal, file);
      const output = outputOf(context, options);
      const description = describe(context.crypto, bytes);
      output.answer(description, treeText(description));
      output.progress('Nothing of this has been verified: see `aichain verify`.');
    });
}
