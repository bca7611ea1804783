/** `aichain model`: what is a model that somebody holds as files, and where does it come from? */
import { Command } from 'commander';
import type { LedgerClient } from '../client/index.ts';
import { type Bytes, toBase64url, toHex } from '../core/bytes.ts';
import { fail } from '../core/errors.ts';
import { digestModel, IGNORED, type ModelManifest, modelStatement } from '../participants/model-digest.ts';
import { type Verification, type VerifiedModel, verifyModel } from '../verify/index.ts';
import { addConnectionOptions, type ConnectionOptions, connect } from './connection.ts';
import { type CommonOptions, type Context, outputOf } from './context.ts';
import { readInput, writeOutput } from './files.ts';
import { type Finding, findingText, ladderJson } from './ladder-text.ts';
import { printable } from './printable.ts';
import { readTrust } from './trust-options.ts';

export function model(context: Context): Command {
  return new Command('model')
    .summary('verify where a model comes from')
    .description(
      'What a model is that you hold as files, where it comes from, and whether it may still be used.',
    )
    .addCommand(verifyCommand(context))
    .addCommand(digestCommand(context));
}

// --- digest ---------------------------------------------------------------------------------------------------------

function digestCommand(context: Context): Command {
  return new Command('digest')
    .summary('digest a model')
    .description(
      'Digests a model as OpenSSF Model Signing does: SHA-256 of each file, and of all of them in the order of their paths. As JSON: the statement that Model Signing signs.',
    )
    .argument('<path>', 'file or folder')
    .action(async (path: string, options: CommonOptions) => {
      const manifest = await digestOf(context, path);
      const files = manifest.resources.map(({ name, digest }) => `${toHex(digest)}  ${printable(name)}`);
      const text = [...files, `${toHex(manifest.digest)}  ${printable(manifest.name)} (all)`].join('\n');
      outputOf(context, options).answer(modelStatement(manifest, IGNORED), text);
    });
}

/** @throws ARGUMENT_INVALID, MODEL_MALFORMED */
async function digestOf({ crypto }: Context, path: string): Promise<ModelManifest> {
  try {
    return await digestModel(crypto, path);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code !== 'ENOENT' && code !== 'EACCES') throw cause;
    throw fail('ARGUMENT_INVALID', `cannot read ${path}: ${code}`, { cause });
  }
}

// --- verify ---------------------------------------------------------------------------------------------------------

interface Options extends ConnectionOptions {
  readonly bundle?: string;
  readonly archive?: boolean;
  readonly model?: string;
  readonly out?: string;
  readonly insecureTrustOperator?: boolean;
}

function verifyCommand(context: Context): Command {
  const command = new Command('verify')
    .summary('verify a model’s provenance')
    .description(
      'Finds the release of a model by the digests of its files, and prints where it comes from: clean room, attestation, run, privacy spent, datasets, contracts, parties and what has been stopped since, each shown by records and entries that are proven to be the log’s. Fails if the model has been recalled. --out keeps the evidence; --bundle verifies from it, without a network.',
    )
    .argument('<path>', 'file, or folder with everything that was released')
    .option('--bundle <file>', 'evidence of the model, as --out has kept it: no network')
    .option('--archive', 'with --bundle: judge it as of its own time; how old it is does not count')
    .option('--model <urn>', 'which model it has to be (default: whichever has its digest)')
    .option('--out <file>', 'keep the evidence')
    .option('--insecure-trust-operator', 'accept the state on the operator’s word; every answer says so');
  return addConnectionOptions(command).action(async (path: string, options: Options) => {
    if (options.bundle !== undefined && options.out !== undefined) {
      throw fail('ARGUMENT_INVALID', '--out keeps what a log answers, and --bundle asks none');
    }
    if (options.archive && options.bundle === undefined) {
      throw fail('ARGUMENT_INVALID', '--archive is for a --bundle: a log answers of now');
    }
    const files = await digestOf(context, path);
    const evidence = await evidenceFor(context, files, options);
    const trust = await readTrust(context, options.trust);
    const verification = verifyModel({
      ...{ crypto: context.crypto, trust, evidence, files },
      ...(!options.archive && { now: Date.now() }),
      insecureTrustOperator: options.insecureTrustOperator ?? false,
    });
    if (
      verification.verified &&
      options.model !== undefined &&
      verification.value.model.id !== options.model
    ) {
      throw fail('REQUEST_MISMATCH', `the evidence is about ${verification.value.model.id}`);
    }
    const found = modelFinding(path, verification, options);
    const output = outputOf(context, options);
    output.answer(
      {
        ...{ file: path, digest: toHex(files.digest), verified: !found.error, code: found.error?.code },
        ...found.json,
        steps: ladderJson(found.steps),
      },
      findingText(output, found),
    );
    if (found.error) throw found.error;
    if (options.out !== undefined) {
      await writeOutput(options.out, evidence);
      output.progress(`written ${options.out}: aichain model verify ${path} --bundle ${options.out}`);
    }
  });
}

async function evidenceFor(context: Context, files: ModelManifest, options: Options): Promise<Bytes> {
  if (options.bundle !== undefined) return (await readInput(context.terminal, options.bundle)).bytes;
  using connection = await connect(context, options);
  const { client, options: call } = connection;
  const id = options.model ?? (await findModel(client, files, call));
  return await client.modelEvidence(id, call);
}

/** @throws MODEL_UNKNOWN no model has these digests; ARGUMENT_INVALID several do */
async function findModel(
  client: LedgerClient,
  { digest, resources }: ModelManifest,
  call: { deadlineMs?: number },
): Promise<string> {
  const { modelsByDigest } = await import('../client/index.ts');
  const digests = [digest, ...resources.map((file) => file.digest)];
  const [first, ...more] = await modelsByDigest(client, digests, call);
  if (first === undefined) {
    const [file] = resources;
    const what = resources.length === 1 ? `SHA-256 ${toHex(file!.digest)}` : `the digest of any of its files`;
    throw fail('MODEL_UNKNOWN', `no model of the log has ${what}`);
  }
  if (more.length > 0) {
    throw fail(
      'ARGUMENT_INVALID',
      `several models have it, choose by --model: ${[first, ...more].join(', ')}`,
    );
  }
  return first;
}

function modelFinding(
  subject: string,
  verification: Verification<VerifiedModel>,
  { archive = false, insecureTrustOperator = false }: Options,
): Finding {
  const { steps } = verification;
  if (!verification.verified) return { subject, steps, error: verification.error, proven: '', json: {} };
  const {
    model: found,
    run,
    room,
    datasets,
    contracts,
    head,
    witnessed,
    simulated,
    flags,
  } = verification.value;
  const { id, state, record } = found;
  const parts = [
    `${id}, ${state}`,
    ...(archive ? ['as of then, and not of now'] : []),
    ...(flags.length > 0 ? [`NOTE: ${flags.join('; ')}`] : []),
    ...(insecureTrustOperator ? ['INSECURE: on the operator’s word alone'] : []),
    ...(simulated ? ['a log for development, which binds nobody'] : []),
  ];
  return {
    ...{ subject, steps, error: undefined, proven: printable(parts.join('; ')) },
    json: {
      ...{ model: id, state, owner: record.owner, released: record.entry, flags: [...flags] },
      run: run && { id: run.id, epsilon: run.record.epsilon / 1e6, delta: run.record.delta / 1e12 },
      cleanroom: room?.id,
      datasets: datasets.map(({ id: dataset, version, state: now }) => ({
        id: dataset,
        version,
        state: now,
      })),
      contracts: contracts.map(({ id: contract, state: now }) => ({ id: contract, state: now })),
      ...{ treeSize: head.size, root: toBase64url(head.root), witnessed, simulated, archive },
      operatorTrusted: insecureTrustOperator,
    },
  };
}
