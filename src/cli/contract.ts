/** `aichain contract`: DEPA-Training's own files, as bodies that `aichain sign --kind` takes; and a party's answer to a proposal. */
import { join } from 'node:path';
import { Command } from 'commander';
import { isOrigin } from '../chain/index.ts';
import { toHex } from '../core/bytes.ts';
import { fail, LedgerError } from '../core/errors.ts';
import { type Imported, importContract, type Problem, type SourceFile } from '../depa/index.ts';
import { makeFolder } from '../platform/write-file.ts';
import { type CommonOptions, type Context, outputOf } from './context.ts';
import { contractSign } from './contract-sign.ts';
import { readInput, writeOutput } from './files.ts';
import { bodyText } from './json-body.ts';
import { printable } from './printable.ts';
import { readTrust } from './trust-options.ts';

interface Options extends CommonOptions {
  readonly overlay?: string;
  readonly pipeline?: string;
  readonly dataset?: string;
  readonly scenario?: string;
  readonly policy?: string;
  readonly log?: string;
  readonly trust?: string;
  readonly at?: string;
  readonly out?: string;
}

export function contract(context: Context): Command {
  return new Command('contract')
    .summary('work with contracts')
    .addCommand(importCommand(context))
    .addCommand(contractSign(context));
}

function importCommand(context: Context): Command {
  return new Command('import')
    .summary("turn DEPA-Training's files into bodies to sign")
    .description(
      'Maps contract.json, with the configuration files that go with it, to the bodies of dataset.register, contract.propose, cleanroom.deploy and code.certify, and names everything that it does not take. What the files lack comes from the overlay (docs/guides/import.md).',
    )
    .argument('<contract>', 'contract.json')
    .option('--overlay <file>', 'what the files lack: dates, DIDs, versions, payments, code, images')
    .option('--pipeline <file>', 'pipeline_config.json')
    .option('--dataset <file>', 'dataset_config.json')
    .option('--scenario <file>', 'scenario.json')
    .option('--policy <file>', 'policy-in.json: the containers of the clean room')
    .option('--log <origin>', 'the log that it is for')
    .option('--trust <file>', 'trust file to take the log from, instead of --log')
    .option('--at <seconds>', 'Unix time at which the contract must not have ended (default: now)')
    .option('--out <folder>', 'folder for the bodies, a file each')
    .action(async (file: string, options: Options) => {
      const { crypto, terminal } = context;
      const read = async (name: string | undefined): Promise<SourceFile | undefined> =>
        name === undefined ? undefined : readInput(terminal, name);
      const [overlay, pipeline, dataset, scenario, policy] = await Promise.all(
        [options.overlay, options.pipeline, options.dataset, options.scenario, options.policy].map(read),
      );
      const sources = {
        contract: await readInput(terminal, file),
        ...(overlay && { overlay }),
        ...(pipeline && { pipeline }),
        ...(dataset && { dataset }),
        ...(scenario && { scenario }),
        ...(policy && { policy }),
      };
      const origin = await originOf(context, options);
      const salt = crypto.randomBytes(32);
      const imported = importContract(crypto, sources, { origin, at: timeOf(options), salt });
      report(context, imported, options);
      await deliverBodies(context, imported, options);
    });
}

/** @throws the code of the first problem, after all have been named */
function report({ terminal }: Context, { problems }: Imported, { output }: Options): void {
  const [first] = problems;
  if (!first) return;
  if (output === 'json') terminal.stdout.write(`${JSON.stringify({ problems })}\n`);
  else for (const problem of problems) terminal.stderr.write(`${printable(line(problem))}\n`);
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : '';
  throw new LedgerError(first.code, `${where(first)}: ${first.message}${more}`);
}

const where = ({ file, path }: Problem) => (path === '' ? file : `${file}: ${path}`);
const line = (problem: Problem) => `${where(problem)}: ${problem.code}: ${problem.message}`;

async function deliverBodies(
  context: Context,
  { bodies, replaced, salt }: Imported,
  options: Options,
): Promise<void> {
  const output = outputOf(context, options);
  const { out } = options;
  const files = bodies.map(({ name }, i) => `${String(i + 1).padStart(2, '0')}-${name}.json`);
  if (out !== undefined) {
    makeFolder(out, 0o777);
    for (const [i, { body }] of bodies.entries()) await writeOutput(join(out, files[i]!), bodyText(body));
    // Without it nobody can show which pipeline the commitment is to.
    if (options.pipeline !== undefined) await writeOutput(join(out, 'pipeline.salt'), `${toHex(salt)}\n`);
  }
  output.answer(
    {
      bodies: bodies.map(({ kind, signer, body }, i) => ({
        ...{ kind, signer: signer ?? null, body: JSON.parse(bodyText(body)) },
        ...(out !== undefined && { file: join(out, files[i]!) }),
      })),
      replaced: replaced.map((each) => ({ ...each })),
    },
    [
      ...bodies.map(({ kind, signer }, i) => {
        const by = signer === undefined ? 'the SRO' : signer;
        return `${out === undefined ? kind : join(out, files[i]!)}  signed by ${by}`;
      }),
      ...replaced.map(({ file, path, by }) => `${file}: ${path} replaced by ${by} of the overlay`),
    ].join('\n'),
  );
}

async function originOf(context: Context, { log, trust }: Options): Promise<string> {
  if ((log === undefined) === (trust === undefined)) {
    throw fail('ARGUMENT_INVALID', 'objects have names in one log: give --log ORIGIN or --trust FILE');
  }
  if (trust !== undefined) return (await readTrust(context, trust)).origin;
  if (!isOrigin(log!)) throw fail('ARGUMENT_INVALID', '--log is not the origin of a log');
  return log!;
}

function timeOf({ at }: Options): number {
  if (at === undefined) return Math.floor(Date.now() / 1000);
  if (!/^(?:0|[1-9][0-9]{0,11})$/.test(at)) throw fail('ARGUMENT_INVALID', '--at is not Unix seconds');
  return Number(at);
}
