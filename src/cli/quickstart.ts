/**
 * `aichain quickstart`: the whole way in a few seconds. A log, a participant, contracts signed and registered; then
 * the log is stopped, and every receipt is verified from files alone.
 */
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { toBase64url, utf8 } from '../core/bytes.ts';
import { fail } from '../core/errors.ts';
import { encodeCoseKey } from '../cose/index.ts';
import { makeFolder } from '../platform/write-file.ts';
import { type CommonOptions, type Context, outputOf } from './context.ts';
import type { ContractFile, Demonstration } from './demonstration.ts';
import { sortEvidence } from './evidence.ts';
import { baseName, readInput, writeOutput } from './files.ts';
import { type Finding, findingText, ladderJson } from './ladder-text.ts';
import { SAMPLE_CONTRACT } from './sample-contract.ts';
import type { Output } from './terminal.ts';
import { readTrust } from './trust-options.ts';
import { verifyQuestions } from './verify-questions.ts';

interface Options extends CommonOptions {
  readonly keep?: string;
}

/** A contract as the party that registered it keeps it. */
interface Kept {
  readonly source: string;
  readonly subject: string;
  readonly index: number;
  readonly entryId: string;
  /** A copy of the contract's file. */
  readonly payload: string;
  /** The files that show its registration; the statement first. */
  readonly files: readonly string[];
}

export function quickstart(context: Context): Command {
  return new Command('quickstart')
    .summary('see it work: from nothing to verified proofs')
    .description(
      'Starts a log for development in a folder of its own, registers a participant and the contracts given to it (DEPA’s contract.json; a made-up one by default), stops the log, and verifies every receipt offline.',
    )
    .argument('[contracts...]', 'contract.json files')
    .option('--keep <folder>', 'keep the log and the proofs in this new folder')
    .action(async (files: string[], options: Options) => {
      const contracts = await readContracts(context, files);
      const folder = folderOf(options.keep);
      try {
        await tour(context, outputOf(context, options), folder, contracts, options.keep !== undefined);
      } finally {
        if (options.keep === undefined) rmSync(folder, { recursive: true, force: true });
      }
    });
}

async function readContracts({ terminal }: Context, files: readonly string[]): Promise<ContractFile[]> {
  if (files.length === 0) return [{ name: SAMPLE_CONTRACT.name, bytes: utf8(SAMPLE_CONTRACT.text) }];
  return Promise.all(files.map((file) => readInput(terminal, file)));
}

function folderOf(keep: string | undefined): string {
  if (keep === undefined) return mkdtempSync(join(tmpdir(), 'aichain-quickstart-'));
  if (existsSync(keep) && readdirSync(keep).length > 0) {
    throw fail('ARGUMENT_INVALID', `${keep} is not empty: quickstart keeps its files in a new folder`);
  }
  makeFolder(keep, 0o777);
  return keep;
}

async function tour(
  context: Context,
  output: Output,
  folder: string,
  contracts: readonly ContractFile[],
  keep: boolean,
): Promise<void> {
  // Loaded here: it brings the whole server along.
  const { Demonstration } = await import('./demonstration.ts');
  const dataDir = join(folder, 'ledger-data');
  const proofs = join(folder, 'proofs');
  makeFolder(proofs, 0o777);
  const demonstration = await Demonstration.start(context.crypto, dataDir, context.terminal.signal);
  let kept: Kept[];
  try {
    kept = await register(output, demonstration, proofs, contracts);
  } finally {
    await demonstration.stop();
  }
  const findings = await verifyOffline(context, output, proofs, kept);
  showFiles(context, output, { folder, dataDir, proofs, keep, kept });
  if (output.json) {
    const results = kept.map((contract, i) => resultJson(contract, findings[i]!));
    output.answer({ origin: demonstration.origin, folder: keep ? folder : null, contracts: results }, '');
  }
  const failed = findings.find(({ error }) => error);
  if (failed?.error) throw failed.error;
}

async function register(
  output: Output,
  demonstration: Demonstration,
  proofs: string,
  contracts: readonly ContractFile[],
): Promise<Kept[]> {
  const { server, origin } = demonstration;
  output.narrate(`${output.paint('bold', '1. A log is running, for development only')}
   its name     ${origin}
   addresses    ${server.http}, gRPC ${server.grpc}
   trust file   what a verifier has to know of it: its name, its keys, its first entry
`);
  const { participant, registration } = await demonstration.requestParticipation();
  const verified = await demonstration.verifyParticipant(participant, registration);
  output.narrate(`${output.paint('bold', '2. A participant, a training data consumer (TDC), takes part')}
   entry ${String(registration.index).padEnd(4)} ${participant.did} asks to, signed with a key of its own
   entry ${String(verified.index).padEnd(4)} ${demonstration.sro}, the self-regulatory organisation (SRO), agrees
`);
  output.narrate(output.paint('bold', '3. It signs and registers each contract'));
  const registered = [];
  for (const contract of contracts) {
    const { statement, subject } = demonstration.signContract(participant, contract);
    const place = await demonstration.register(statement);
    output.narrate(`   entry ${String(place.index).padEnd(4)} ${contract.name}`);
    registered.push({ contract, statement, subject, place });
  }
  output.narrate('');
  // Only now, when the log no longer grows: all proofs are then under one checkpoint.
  const kept: Kept[] = [];
  for (const [i, { contract, statement, subject, place }] of registered.entries()) {
    const archive = await demonstration.archive(place);
    const base = join(proofs, `${String(i + 1).padStart(2, '0')}-${baseName(contract.name)}`);
    await writeOutput(base, contract.bytes);
    await writeOutput(`${base}.cose`, statement);
    await writeOutput(`${base}.cose.receipt`, archive.receipt);
    await writeOutput(`${base}.cose.effect`, archive.effect);
    const files = [`${base}.cose`, `${base}.cose.receipt`, `${base}.cose.effect`];
    const entryId = toBase64url(place.entryId);
    kept.push({ source: contract.name, subject, index: place.index, entryId, payload: base, files });
  }
  await writeOutput(join(proofs, 'trust.json'), server.trust);
  await writeOutput(join(proofs, 'checkpoint'), await demonstration.checkpoint());
  await writeOutput(join(proofs, 'tdc.pub'), encodeCoseKey(participant.key.publicKey));
  return kept;
}

/** What `aichain verify` does, with nothing but the files. */
async function verifyOffline(
  context: Context,
  output: Output,
  proofs: string,
  kept: readonly Kept[],
): Promise<Finding[]> {
  output.narrate(
    output.paint('bold', '4. The log is stopped. Each receipt is verified from its files alone'),
  );
  const trust = await readTrust(context, join(proofs, 'trust.json'));
  const findings: Finding[] = [];
  for (const { payload, files } of kept) {
    const all = [...files, join(proofs, 'tdc.pub'), join(proofs, 'checkpoint')];
    const inputs = await Promise.all(all.map((file) => readInput(context.terminal, file)));
    const evidence = await sortEvidence(context, inputs, await readInput(context.terminal, payload));
    const [finding] = verifyQuestions(context.crypto, trust, evidence, Date.now());
    findings.push(finding!);
    output.narrate(`\n${findingText(output, finding!)}`);
  }
  return findings;
}

interface Places {
  readonly folder: string;
  readonly dataDir: string;
  readonly proofs: string;
  readonly keep: boolean;
  readonly kept: readonly Kept[];
}

function showFiles({ terminal }: Context, output: Output, { dataDir, proofs, keep, kept }: Places): void {
  const aichain = terminal.env.npm_lifecycle_event === undefined ? 'aichain' : 'npx aichain';
  const [first] = kept;
  if (!keep) {
    output.narrate(`
The files were in a temporary folder and are gone. Next, keep them and look around:
  ${aichain} quickstart --keep demo
  ${aichain} verify --trust demo/proofs/trust.json demo/proofs/*.cose
  ${aichain} inspect demo/proofs/${first!.files[0]!.slice(proofs.length + 1)}`);
    return;
  }
  const trust = join(proofs, 'trust.json');
  output.narrate(`
Files
  ${proofs}   what the participant keeps: statements, receipts, effects, trust file
  ${dataDir}   the log, with its keys
Next
  ${aichain} verify --trust ${trust} ${first!.files[0]}
  ${aichain} inspect ${first!.files[1]}
  ${aichain} serve --data-dir ${dataDir}
  ${aichain} get ${first!.index} --trust ${trust}     (while it runs)`);
}

function resultJson({ source, subject, index, entryId, files }: Kept, { steps, error }: Finding) {
  return {
    ...{ source, subject, index, entryId, files },
    ...{ verified: error === undefined, code: error?.code, steps: ladderJson(steps) },
  };
}
