/** `aichain register`: statements in, verified receipts out. */
import { dirname, join } from 'node:path';
import { Command, Option } from 'commander';
import type { Registration, RegistrationOutcome } from '../client/index.ts';
import { toBase64url } from '../core/bytes.ts';
import { isLedgerError, type LedgerError } from '../core/errors.ts';
import { attachReceipts } from '../cose/index.ts';
import { makeFolder } from '../platform/write-file.ts';
import type { VerifiedEffect } from '../verify/index.ts';
import { addConnectionOptions, type Connection, type ConnectionOptions, connect } from './connection.ts';
import { type Context, outputOf } from './context.ts';
import { baseName, type Input, readInput, STDIO, writeOutput } from './files.ts';
import { printable } from './printable.ts';
import type { Json } from './terminal.ts';

interface Options extends ConnectionOptions {
  readonly outDir?: string;
  readonly transparent?: boolean;
  readonly wait: 'logged' | 'witnessed';
}

export function register(context: Context): Command {
  const command = new Command('register')
    .summary('register statements and keep their receipts')
    .description(
      'Registers statements and writes the receipt of each beside it, as FILE.receipt, once it is verified. May be repeated: a statement that is in the log already gets its receipt.',
    )
    .argument('<files...>', 'signed statements; - is standard input')
    .option('--out-dir <folder>', 'folder for what is written (default: beside each statement)')
    .option('--transparent', 'write FILE.transparent, the statement with its receipt inside, instead')
    .addOption(
      new Option(
        '--wait <what>',
        'answer when it is logged, or only when a head that covers it meets the quorum of the trust file’s policy; that head is written as FILE.checkpoint',
      )
        .choices(['logged', 'witnessed'])
        .default('logged'),
    );
  return addConnectionOptions(command).action(async (files: string[], options: Options) => {
    const output = outputOf(context, options);
    const inputs = await Promise.all(files.map((file) => readInput(context.terminal, file)));
    if (options.outDir !== undefined) makeFolder(options.outDir, 0o777);
    using connection = await connect(context, options);
    const { client } = connection;
    const results: Json[] = [];
    let failure: LedgerError | undefined;
    for await (const outcome of client.registerAll(
      inputs.map(({ bytes }) => bytes),
      { ...connection.options, wait: options.wait === 'witnessed' ? 'WITNESSED' : 'LOGGED' },
    )) {
      const input = inputs[outcome.position]!;
      const result = await settle(connection, input, outcome, options);
      if ('error' in result) failure ??= result.error;
      if (output.json) results.push(resultJson(result));
      else output.answer(null, resultText(result));
    }
    if (output.json) output.answer({ results }, '');
    if (failure) throw failure;
  });
}

type Result =
  | {
      readonly file: string;
      readonly registration: Registration;
      readonly effect: VerifiedEffect;
      readonly proof: string;
    }
  | { readonly file: string; readonly error: LedgerError };

/** Keeps the receipt, then asks what the statement did. */
async function settle(
  { client, options }: Connection,
  input: Input,
  outcome: RegistrationOutcome,
  { outDir, transparent }: Options,
): Promise<Result> {
  const file = input.name;
  if ('error' in outcome) return { file, error: outcome.error };
  const { registration } = outcome;
  try {
    const proof = pathFor(input, outDir, transparent ? 'transparent' : 'receipt');
    const { receipt } = registration;
    await writeOutput(proof, transparent ? attachReceipts(input.bytes, [receipt]) : receipt);
    const { witnessed } = registration;
    if (witnessed) await writeOutput(pathFor(input, outDir, 'checkpoint'), witnessed.checkpoint);
    return { file, registration, effect: await client.effect(registration.index, options), proof };
  } catch (error) {
    if (!isLedgerError(error)) throw error;
    return { file, error };
  }
}

function pathFor({ name }: Input, outDir: string | undefined, extension: string): string {
  return join(outDir ?? (name === STDIO ? '.' : dirname(name)), `${baseName(name)}.${extension}`);
}

function resultJson(result: Result): Json {
  if ('error' in result) {
    return { file: result.file, registered: false, code: result.error.code, message: result.error.message };
  }
  const { file, registration, effect, proof } = result;
  return {
    ...{ file, registered: true, index: registration.index, entryId: toBase64url(registration.entryId) },
    ...{ verdict: effect.outcome, reason: effect.reason, time: effect.time, proof },
    witnessed: registration.witnessed !== undefined,
  };
}

function resultText(result: Result): string {
  if ('error' in result) return `${result.file}: ${result.error.code}: ${printable(result.error.message)}`;
  const { file, registration, effect, proof } = result;
  const verdict = effect.reason === null ? effect.outcome : `${effect.outcome} (${effect.reason})`;
  return `${file}: entry ${registration.index} ${toBase64url(registration.entryId)} ${verdict} -> ${proof}`;
}
