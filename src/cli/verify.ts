/** `aichain verify`: from files alone, no network. Prints the ladder of what was checked. */
import { Command } from 'commander';
import { toBase64url } from '../core/bytes.ts';
import { artifactType } from './artifact.ts';
import { type CommonOptions, type Context, outputOf } from './context.ts';
import { sortEvidence } from './evidence.ts';
import { type Input, readInput, writeOutput } from './files.ts';
import { findingText, ladderJson } from './ladder-text.ts';
import { misbehaviourFinding, misbehaviourOf } from './misbehaviour-finding.ts';
import { addTrustOptions, type TrustOptions, trustOf } from './trust-options.ts';
import { verifyBundleCommand } from './verify-bundle.ts';
import { verifyQuestions } from './verify-questions.ts';

interface Options extends CommonOptions, TrustOptions {
  readonly payload?: string;
  readonly misbehaviour?: string;
}

export function verify(context: Context): Command {
  const command = new Command('verify')
    .summary('verify files offline')
    .description(
      'Verifies from files alone: statements with their receipts (in the statement, or beside it as FILE.receipt, with FILE.effect), .tlog-proofs, checkpoints, effect and consistency proofs, facts, and the issuer’s public key; and proofs of misbehaviour, which convict a log. What a file is, its content says. Prints what was checked: ✓ holds, ✗ fails, – not checked.',
    )
    // So that options behind `bundle` are that command's.
    .enablePositionalOptions()
    .addCommand(verifyBundleCommand(context))
    .argument('<files...>', 'files to verify; - is standard input')
    .option(
      '--payload <file>',
      'file that the statement has to be about: its payload, or what its hash envelope names',
    );
  command.option(
    '--misbehaviour <file>',
    'write the proof of misbehaviour that two contradicting checkpoints make',
  );
  return addTrustOptions(command).action(async (files: string[], options: Options) => {
    const trust = await trustOf(context, options);
    const inputs = await Promise.all(files.map((file) => readInput(context.terminal, file)));
    const payload =
      options.payload === undefined ? undefined : await readInput(context.terminal, options.payload);
    const accusations = inputs.filter(isAccusation);
    const rest = inputs.filter((input) => !isAccusation(input));
    const evidence =
      rest.length > 0 || !accusations.length ? await sortEvidence(context, rest, payload) : undefined;
    const findings = [
      ...accusations.map(({ name, bytes }) => misbehaviourFinding(context.crypto, trust, name, bytes)),
      ...(evidence ? verifyQuestions(context.crypto, trust, evidence, Date.now()) : []),
    ];
    const convicting = evidence && misbehaviourOf(context.crypto, trust, evidence);
    if (convicting && options.misbehaviour !== undefined) await writeOutput(options.misbehaviour, convicting);
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
    if (convicting) output.progress(convictionHint(options.misbehaviour));
    if (failed?.error) throw failed.error;
  });
}

function isAccusation({ bytes }: Input): boolean {
  return artifactType(bytes) === 'proof of misbehaviour';
}

function convictionHint(file: string | undefined): string {
  return file === undefined
    ? 'These checkpoints convict the log: --misbehaviour FILE keeps that as one file, for everybody.'
    : `${file} convicts the log: give it to its witnesses, its replayers and the SRO.`;
}
