/** `aichain appraise`: evidence of a clean room's machine, judged offline by published anchors and policy. */
import { Command } from 'commander';
import {
  type Appraisal,
  Appraiser,
  type Check,
  type Expected,
  encodeAppraisal,
  readRuntimeData,
  toEar,
} from '../attestation/index.ts';
import { fromHex, toBase64url } from '../core/bytes.ts';
import { fail, isLedgerError, LedgerError } from '../core/errors.ts';
import { anchorsOf, evidenceFor, policyOf, sortAppraisalFiles } from './appraisal-files.ts';
import { type CommonOptions, type Context, outputOf } from './context.ts';
import { readInput, writeOutput } from './files.ts';
import { printable } from './printable.ts';
import type { Json, Output } from './terminal.ts';

interface Options extends CommonOptions {
  readonly policy: string;
  readonly anchors: string;
  readonly at?: string;
  readonly binding?: string;
  readonly reportData?: string;
  readonly head?: string;
  readonly out?: string;
}

export function appraise(context: Context): Command {
  return new Command('appraise')
    .summary('judge evidence of a trusted machine offline')
    .description(
      'Appraises evidence from files alone, as verifiers do: a report of 1184 bytes with its certificates (PEM or DER) and, where there are any, the endorsement of the machine, the runtime data and the container policy; or an envelope that holds them. What a file is, its content says. Prints every check: ✓ holds, ! leaves something open, ✗ fails, – nothing to check. Only an affirming result opens a gate; anything else ends with its reason code.',
    )
    .argument('<files...>', 'the evidence, and what belongs to it')
    .requiredOption(
      '--policy <file>',
      'appraisal policy: body of appraisal-policy.publish, or the policy in it',
    )
    .requiredOption('--anchors <file>', 'anchors: body of anchors.publish')
    .option('--at <seconds>', 'Unix time to judge at (default: now)')
    .option('--binding <file>', 'what the report has to be for: the runtime data of the clean room')
    .option('--report-data <hex>', 'instead: the 64 bytes of report data that are expected')
    .option('--head <seconds>', 'and the Unix time of the head of the log that it names')
    .option('--out <file>', 'write the result as CBOR')
    .action(async (files: string[], options: Options) => {
      const { terminal, crypto } = context;
      const read = (name: string) => readInput(terminal, name);
      const given = sortAppraisalFiles(await Promise.all(files.map(read)));
      const anchors = anchorsOf(await read(options.anchors));
      const policy = policyOf(await read(options.policy));
      const at = options.at === undefined ? Date.now() : seconds(options.at, '--at') * 1000;
      const expected = await expectation(context, options);
      const evidence = evidenceFor(given, anchors);
      const found = new Appraiser(crypto, anchors).appraise(evidence, given.collateral, policy, expected, at);
      if (options.out !== undefined) await writeOutput(options.out, encodeAppraisal(found));
      const output = outputOf(context, options);
      output.answer(toEar(found, 'aichain') as unknown as Json, appraisalText(output, found));
      if (found.tier !== 'affirming') throw refusal(found);
    });
}

/** @throws ARGUMENT_INVALID */
async function expectation({ terminal }: Context, options: Options): Promise<Expected> {
  const { binding, reportData, head } = options;
  if (binding === undefined && reportData === undefined) {
    if (head !== undefined) throw fail('ARGUMENT_INVALID', '--head goes with --binding or --report-data');
    return { type: 'none' };
  }
  if (binding !== undefined && reportData !== undefined) {
    throw fail('ARGUMENT_INVALID', 'give --binding or --report-data, not both');
  }
  if (head === undefined)
    throw fail('ARGUMENT_INVALID', 'say how old the head is that the report names: --head');
  const headTime = seconds(head, '--head') * 1000;
  if (binding !== undefined) {
    return {
      type: 'binding',
      binding: readRuntimeData((await readInput(terminal, binding)).bytes),
      headTime,
    };
  }
  return { type: 'report-data', reportData: reportBytes(reportData!), headTime };
}

function reportBytes(text: string) {
  try {
    const bytes = fromHex(text);
    if (bytes.length === 64) return bytes;
  } catch (error) {
    if (!isLedgerError(error)) throw error;
  }
  throw fail('ARGUMENT_INVALID', '--report-data is not 64 bytes in lower-case hexadecimal');
}

function seconds(text: string, option: string): number {
  if (!/^(?:0|[1-9][0-9]{0,11})$/.test(text)) throw fail('ARGUMENT_INVALID', `${option} is not Unix seconds`);
  return Number(text);
}

function refusal({ code, tier, checks }: Appraisal): LedgerError {
  const failed = checks.find((check) => check.code === code);
  return new LedgerError(
    code ?? 'INTERNAL',
    failed ? `${failed.name}: expected ${failed.expected}; found ${failed.seen}` : tier,
  );
}

const MARK = {
  pass: { sign: '✓', colour: 'green' },
  warn: { sign: '!', colour: 'bold' },
  fail: { sign: '✗', colour: 'red' },
  skip: { sign: '–', colour: 'dim' },
  none: { sign: '·', colour: 'dim' },
} as const;
/** Of the longest name of a check. */
const WIDTH = 20;

function appraisalText(output: Output, found: Appraisal): string {
  const colour = found.tier === 'affirming' ? 'green' : 'red';
  const simulated = found.simulated ? ' (simulated: it says nothing about any machine)' : '';
  const name = (bytes: Uint8Array | undefined) => (bytes ? toBase64url(bytes) : 'none');
  return [
    ...found.checks.map((check) => checkText(output, check)),
    '',
    `${output.paint(colour, found.tier)}${found.code === undefined ? '' : `: ${found.code}`}${simulated}`,
    `evidence id  ${name(found.evidenceId)}`,
    `policy       ${name(found.policy)}`,
    `anchors      ${name(found.anchors.digest)}, ${printable(found.anchors.id)} version ${found.anchors.version}`,
  ].join('\n');
}

function checkText(output: Output, { name, verdict, expected, seen, code }: Check): string {
  const { sign, colour } = MARK[verdict];
  const reason = code === undefined ? '' : `${code}: expected ${expected}; found `;
  return `${output.paint(colour, sign)} ${name.padEnd(WIDTH)} ${printable(`${reason}${seen}`)}`;
}
