/** `aichain verify bundle`: the answer of a gate, from a file, without a network. */
import { Command, Option } from 'commander';
import { fail } from '../core/errors.ts';
import { proven, type Trust, verifyBundle } from '../verify/index.ts';
import { bundleFinding, bundleJson, throwDenial } from './bundle-finding.ts';
import { type CommonOptions, type Context, outputOf } from './context.ts';
import { readInput } from './files.ts';
import { questionOf, REQUEST_HELP, STEPS } from './gate-question.ts';
import { findingText } from './ladder-text.ts';
import { addTrustOptions, type TrustOptions, trustOf } from './trust-options.ts';

interface Options extends CommonOptions, TrustOptions {
  readonly step?: string;
  readonly request?: string;
  readonly report?: boolean;
  readonly archive?: boolean;
  readonly marks?: string;
  readonly insecureTrustOperator?: boolean;
}

export function verifyBundleCommand(context: Context): Command {
  const command = new Command('bundle')
    .summary('verify the answer of a gate offline')
    .description(
      'Verifies a proof bundle against your own question, and decides from what it proves. Prints what was checked. A denial ends with exit code 14. With --archive the answer is as of then and allows nothing; with --report it is no answer to a question of yours.',
    )
    .argument('<file>', 'proof bundle; - is standard input')
    .addOption(new Option('--step <step>', 'the step that you ask about').choices(STEPS))
    .option('--request <json>', REQUEST_HELP)
    .option('--report', 'ask nothing: show what the bundle says, verified, in the place of an answer')
    .option('--archive', 'judge it as of its own time: freshness and marks do not count')
    .option('--marks <file>', 'heads that were seen before, which the bundle has to extend')
    .option('--insecure-trust-operator', 'accept the state on the operator’s word; every answer says so');
  return addTrustOptions(command).action(async (file: string, options: Options) => {
    const { crypto, terminal } = context;
    const output = outputOf(context, options);
    const trust = await trustOf(context, options);
    const question = await ownQuestion(context, options);
    const { bytes: bundle } = await readInput(terminal, file);
    const verification = verifyBundle({
      ...{ crypto, trust, bundle, now: Date.now() },
      ...(question && { question }),
      ...(options.marks !== undefined && { marks: await readMarks(options.marks, trust) }),
      archive: options.archive ?? false,
      insecureTrustOperator: options.insecureTrustOperator ?? false,
    });
    const found = bundleFinding(file, trust, verification);
    output.answer(bundleJson(found), findingText(output, found));
    throwDenial(proven(verification));
  });
}

async function ownQuestion(context: Context, { step, request, report }: Options) {
  if (step !== undefined && request !== undefined && !report) return questionOf(context, step, request);
  if (step === undefined && request === undefined && report) return undefined;
  throw fail(
    'ARGUMENT_INVALID',
    'give your own --step and --request: what the bundle says that it answers counts for nothing (--report shows it)',
  );
}

/** Loaded here and not before: the client's modules take their time. */
async function readMarks(path: string, trust: Trust) {
  const { MarkFile } = await import('../client/mark-file.ts');
  return new MarkFile(path, trust).read();
}
