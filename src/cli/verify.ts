/** `aichain verify`: from files alone, no network. Prints the ladder of what was checked. */
import { Command } from 'commander';
import { toBase64url } from '../core/bytes.ts';
import type { LedgerError } from '../core/errors.ts';
import type { Step } from '../verify/index.ts';
import { type CommonOptions, type Context, outputOf } from './context.ts';
import { sortEvidence } from './evidence.ts';
import { readInput } from './files.ts';
import { ladderJson, ladderText } from './ladder-text.ts';
import type { Json } from './terminal.ts';
import { addTrustOptions, type TrustOptions, trustOf } from './trust-options.ts';
import { verifyQuestions } from './verify-questions.ts';

interface Options extends CommonOptions, TrustOptions {
  readonly payload?: string;
}

/** What came of one thing that was verified. */
export interface Finding {
  /** Files by name. */
  readonly subject: string;
  readonly steps: readonly Step[];
  readonly error: LedgerError | undefined;
  /** What is proven, in one line; only without an error. */
  readonly proven: string;
  readonly json: { readonly [name: string]: Json | undefined };
}

export function verify(context: Context): Command {
  const command = new Command('verify')
    .summary('verify files offline')
    .description(
      'Verifies from files alone: statements with their receipts (in the statement, or beside it as FILE.receipt), .tlog-proofs, checkpoints, effect and consistency proofs, facts, and the issuer’s public key. What a file is, its content says. Prints what was checked: ✓ holds, ✗ fails, – not checked.',
    )
    .argument('<files...>', 'files to verify; - is standard input')
    .option(
      '--payload <file>',
      'file that the statement has to be about: its payload, or what its hash envelope names',
    );
  return addTrustOptions(command).action(async (files: string[], options: Options) => {
    const trust = await trustOf(context, options);
    const inputs = await Promise.all(files.map((file) => readInput(context.terminal, file)));
    const payload =
      options.payload === undefined ? undefined : await readInput(context.terminal, options.payload);
    const evidence = await sortEvidence(context, inputs, payload);
    const findings = verifyQuestions(context.crypto, trust, evidence, Date.now());
    const output = outputOf(context, options);
    output.answer(
      {
        verified: findings.every(({ error }) => !error),
        log: trust.origin,
        genesis: toBase64url(trust.genesis),
        results: findings.map(({ subject, steps, error, json }) => ({
          file: subject,
          verified: error === undefined,
          code: error?.code,
          ...json,
          steps: ladderJson(steps),
        })),
      },
      findings.map((finding) => findingText(output, finding)).join('\n\n'),
    );
    const failed = findings.find(({ error }) => error);
    if (failed?.error) throw failed.error;
  });
}

function findingText(
  output: ReturnType<typeof outputOf>,
  { subject, steps, error, proven }: Finding,
): string {
  const verdict = error
    ? output.paint('red', `NOT VERIFIED: ${error.code}`)
    : `${output.paint('green', 'VERIFIED')}: ${proven}`;
  return `${output.paint('bold', subject)}\n${ladderText(output, steps, '  ')}\n${verdict}`;
}
