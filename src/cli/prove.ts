/**
 * `aichain prove`: proofs as files, to be handed on and verified offline. What is written has been verified by the
 * code that `aichain verify` runs: a proof that does not verify is never written.
 */
import { Command } from 'commander';
import { type Bytes, fromUtf8, toBase64url } from '../core/bytes.ts';
import { fail } from '../core/errors.ts';
import { formatTlogProof } from '../note/index.ts';
import {
  encodeEffectProof,
  GENESIS_KEY,
  openHead,
  proven,
  type Step,
  verifyCheckpoints,
  verifyEffect,
  verifyFacts,
} from '../verify/index.ts';
import { addConnectionOptions, type Connection, type ConnectionOptions, connect } from './connection.ts';
import { encodeConsistency } from './consistency-file.ts';
import { type Context, outputOf } from './context.ts';
import { EntryCommand } from './entry-command.ts';
import { parseEntryName } from './entry-name.ts';
import { encodeFacts } from './facts-file.ts';
import { deliver, readInput, writeOutput } from './files.ts';
import { findingText } from './ladder-text.ts';
import { parseStateKey } from './state-key.ts';
import type { Output } from './terminal.ts';

interface Options extends ConnectionOptions {
  readonly out?: string;
}

export function prove(context: Context): Command {
  return new Command('prove')
    .summary('write a proof as a file')
    .description('Gets a proof, verifies it, and writes it as a file that anybody can verify offline.')
    .addCommand(inclusion(context))
    .addCommand(consistency(context))
    .addCommand(facts(context));
}

// --- inclusion ------------------------------------------------------------------------------------------------------

/** Attempts to get two answers under one head while the log grows. */
const ATTEMPTS = 8;

function inclusion(context: Context): Command {
  const command = new EntryCommand('inclusion')
    .summary('that an entry is in the log')
    .description('Writes a .tlog-proof (C2SP): the path of the entry, with the checkpoint that it leads to.')
    .argument('<entry>', 'index, or entry id in base64url')
    .option('--out <file>', 'file for the proof (default: standard output)')
    .option('--effect <file>', 'and one for the proof of what the statement did');
  return addConnectionOptions(command).action(
    async (name: string, options: Options & { effect?: string }) => {
      const of = parseEntryName(name);
      const output = outputOf(context, options);
      using connection = await connect(context, options);
      const found = await withEffect(context, connection, of, options.effect !== undefined);
      const { index, path, head, effect } = found;
      const proof = formatTlogProof({ index, path, checkpoint: head.checkpoint });
      if (effect && options.effect !== undefined) await writeOutput(options.effect, effect);
      await deliverText(output, options.out, proof, {
        ...{ index, treeSize: head.size, witnessed: head.witnessed },
      });
    },
  );
}

/** The inclusion proof and, if it is wanted, the effect proof under the same head. */
async function withEffect(
  { crypto }: Context,
  { client, transport, trust, call, options }: Connection,
  of: Parameters<typeof client.inclusion>[0],
  wanted: boolean,
) {
  for (let tried = 0; tried < ATTEMPTS; tried++) {
    const found = await client.inclusion(of, options);
    if (!wanted) return { ...found, effect: undefined };
    const { proof, checkpoint } = await transport.effect(found.index, call());
    const head = openHead(crypto, trust, checkpoint);
    if (head.size !== found.head.size) continue; // the log has grown between the two answers
    verifyEffect(crypto, found.head, found.index, proof);
    return { ...found, effect: encodeEffectProof(proof) };
  }
  throw fail('UNAVAILABLE', 'the log grows too fast to get both proofs under one head');
}

// --- consistency ----------------------------------------------------------------------------------------------------

function consistency(context: Context): Command {
  const command = new Command('consistency')
    .summary('that the log only grew since a checkpoint')
    .description('Writes the proof that the newest tree extends the tree of a checkpoint that you kept.')
    .argument('<checkpoint>', 'file of the older checkpoint')
    .option('--out <file>', 'file for the proof (default: standard output)')
    .option('--checkpoint <file>', 'file for the newest checkpoint, which the proof leads to');
  return addConnectionOptions(command).action(
    async (file: string, options: Options & { checkpoint?: string }) => {
      const { crypto, terminal } = context;
      const output = outputOf(context, options);
      const older = fromUtf8((await readInput(terminal, file)).bytes);
      using connection = await connect(context, options);
      const { client, transport, trust, call } = connection;
      const { size: from } = openHead(crypto, trust, older);
      const { checkpoint: newer, size: to } = await client.getCheckpoint(connection.options);
      const needless = from === 0 || from >= to;
      const path = needless ? [] : await transport.consistency(from, to, call());
      const verification = verifyCheckpoints({ crypto, trust, older, newer, path });
      showLadder(output, file, verification);
      proven(verification);
      if (options.checkpoint !== undefined) await writeOutput(options.checkpoint, newer);
      await deliverBytes(output, options.out, encodeConsistency({ from, to, path }), { from, to });
    },
  );
}

// --- facts ----------------------------------------------------------------------------------------------------------

function facts(context: Context): Command {
  const command = new Command('facts')
    .summary('what the state of the chain is')
    .description(
      'Writes the records under the given keys, or the proof that there are none, as they are now.',
    )
    .argument('<keys...>', 'such as participant=did:web:example.com, key=<kid>, policy, sys=genesis')
    .option('--out <file>', 'file for the proof (default: standard output)');
  return addConnectionOptions(command).action(async (names: string[], options: Options) => {
    const { crypto } = context;
    const output = outputOf(context, options);
    // The genesis record says whose state it is.
    const keys = [GENESIS_KEY, ...names.map(parseStateKey)];
    using connection = await connect(context, options);
    const { transport, trust, call } = connection;
    const answer = await transport.facts(keys, call());
    const verification = verifyFacts({ crypto, trust, ...answer, keys, now: Date.now() });
    showLadder(output, names.join(', '), verification);
    const { head } = proven(verification);
    await deliverBytes(output, options.out, encodeFacts(answer), { treeSize: head.size, facts: keys.length });
  });
}

/** The ladder is a diagnostic here: the answer is the proof. */
function showLadder(
  output: Output,
  subject: string,
  verification: { steps: readonly Step[]; verified: boolean },
) {
  if (!verification.verified) return;
  output.progress(
    findingText(output, { subject, steps: verification.steps, error: undefined, proven: subject, json: {} }),
  );
}

async function deliverText(
  output: Output,
  path: string | undefined,
  text: string,
  json: Record<string, number | boolean>,
) {
  if (path === undefined) output.answer({ ...json, proof: text }, text.trimEnd());
  else await written(output, path, text, json);
}

async function deliverBytes(
  output: Output,
  path: string | undefined,
  bytes: Bytes,
  json: Record<string, number>,
) {
  if (path === undefined && output.json) output.answer({ ...json, proof: toBase64url(bytes) }, '');
  else if (path === undefined) await deliver(output, path, bytes);
  else await written(output, path, bytes, json);
}

async function written(
  output: Output,
  path: string,
  content: Bytes | string,
  json: Record<string, number | boolean>,
) {
  await writeOutput(path, content);
  output.answer({ ...json, file: path }, `written ${path}`);
}
