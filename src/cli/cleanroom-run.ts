/** `aichain cleanroom run`: one clean room, from its deployment to its end. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { isDid, isUrn } from '../chain/index.ts';
import { type Bytes, fromHex, fromUtf8, toHex } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { fail } from '../core/errors.ts';
import { decodePrivateKey } from '../cose/index.ts';
import type { CleanroomOptions, CleanroomOutcome, Progress } from '../participants/cleanroom/index.ts';
import { createFile, makeFolder } from '../platform/write-file.ts';
import { addConnectionOptions, type ConnectionOptions, connect, tlsOf } from './connection.ts';
import { type Context, outputOf } from './context.ts';
import { readInput } from './files.ts';
import { printable } from './printable.ts';

interface Options extends ConnectionOptions {
  readonly contract: string;
  readonly code?: string;
  readonly pipeline: string;
  readonly supplement?: string;
  readonly salt?: string;
  readonly baseModel?: string;
  readonly data: string;
  readonly work: string;
  readonly out: string;
  readonly key: string;
  readonly issuer: string;
  readonly kms: readonly string[];
  readonly evidence?: string;
  readonly simulator?: string;
  readonly measurement?: Bytes;
  readonly hostData?: Bytes;
  readonly debugGuest?: boolean;
  readonly attestDir?: string;
  readonly tee: 'snp' | 'snp-aci' | 'simulated';
  readonly to?: string;
  readonly lifetime: number;
  readonly patience: number;
}

const SALT = 32;
/** Of a guest that the host may look into: bit 19, and what every policy has. */
const DEBUG_GUEST = (1n << 19n) | 0x3_001fn;

export function cleanroomRun(context: Context): Command {
  const command = new Command('run')
    .summary('deploy a clean room, attest, train, and release the model')
    .description(
      'Sets up a clean room under a contract, with keys that live as long as this process: lists evidence and waits for the verifiers, asks for the data keys, opens the encrypted files, trains under differential privacy, and leaves the model encrypted to the consumer in --out. Each step is logged, and taken only if the ledger proves that it may be.',
    )
    .requiredOption('--contract <urn>', 'contract that it is set up under')
    .requiredOption('--pipeline <file>', 'pipeline_config.json')
    .option('--supplement <file>', 'what the pipeline lacks, in the same shape; committed to with it')
    .option('--salt <file>', '64 hexadecimal digits that keep the pipeline from being guessed (default: new)')
    .option('--base-model <file>', 'start from the contract’s base model; sealed, if its weights are secret')
    .option('--code <urn>', 'certified code, if the contract allows several')
    .requiredOption('--data <folder>', 'the encrypted files')
    .requiredOption(
      '--out <folder>',
      'empty, for the one file that leaves: the encrypted model; made if need be',
    )
    .option('--work <folder>', 'for what the room keeps to itself: journal, marks, salt', 'cleanroom-work')
    .requiredOption('--key <file>', 'private key of the deployer: CCRP or TDC (see `aichain keygen`)')
    .requiredOption('--issuer <did>', 'DID of the deployer')
    .requiredOption(
      '--kms <url>',
      'where data keys are asked for; did:…=URL for that of one KMS. May be given several times',
      collect,
      [],
    )
    .option('--evidence <url>', 'URL of the evidence store (default: --server, if that is a URL)')
    .option('--simulator <file>', 'run on this simulated platform (see `aichain cleanroom simulator`)')
    .option('--measurement <hex>', 'what it says was launched there: 48 bytes (default: zeros)', bytesOf(48))
    .option('--host-data <hex>', 'its container policy: 32 bytes (default: the certified one)', bytesOf(32))
    .option('--debug-guest', 'it says that its memory can be looked into, as a test of verifiers')
    .option('--attest-dir <folder>', 'exchange with the tool that asks the firmware: see the guide')
    .addOption(
      new Option('--tee <type>', 'what that is evidence of')
        .choices(['snp', 'snp-aci', 'simulated'])
        .default('snp'),
    )
    .option('--to <did>', 'who gets the model (default: the TDC; the ledger refuses others)')
    .option('--lifetime <seconds>', 'longest life of the room', seconds, 3600)
    .option('--patience <seconds>', 'longest wait for verifiers and for payments, each', seconds, 300);
  return addConnectionOptions(command).action((options: Options) => act(context, options));
}

async function act(context: Context, options: Options): Promise<void> {
  const { terminal, crypto } = context;
  const output = outputOf(context, options);
  const { contract, code, issuer, data, work, out, to, lifetime, patience } = options;
  if (!isDid(issuer)) throw fail('ARGUMENT_INVALID', '--issuer is not a DID');
  if (!isUrn(contract, 'contract')) throw fail('ARGUMENT_INVALID', '--contract is not the URN of a contract');
  const read = async (name: string) => (await readInput(terminal, name)).bytes;
  const key = decodePrivateKey(crypto, await read(options.key));
  const [pipeline, trustFile] = [await read(options.pipeline), await read(options.trust)];
  const supplement = options.supplement === undefined ? undefined : await read(options.supplement);
  const baseModel = options.baseModel === undefined ? undefined : await read(options.baseModel);
  makeFolder(work);
  const salt = await saltOf(context, options);
  const [room, { EvidenceClient }] = await Promise.all([
    import('../participants/cleanroom/index.ts'),
    import('../client/evidence-client.ts'),
  ]);
  const evidence = evidenceOf(crypto, options, room);
  const tls = await tlsOf(options);
  const marks = options.marks ?? join(work, 'marks.json');
  const written = [dirname(marks), ...(options.attestDir === undefined ? [] : [options.attestDir])];
  using connection = await connect(context, { ...options, marks });
  using store = new EvidenceClient({ url: storeUrl(options), crypto, ...(tls && { tls }) });
  const outcome = await room.runCleanroom({
    ...{ crypto, client: connection.client, trustFile, deployer: { did: issuer, key }, contract },
    ...{ data, work, out, written, evidence, store, lifetime, patience, kms: options.kms.map(address) },
    files: { pipeline, salt, ...(supplement && { supplement }) },
    ...(baseModel && { baseModel }),
    ...(code !== undefined && { code }),
    ...(to !== undefined && { to }),
    ...(tls && { kmsTls: tls }),
    signal: terminal.signal,
    observe: (progress) => output.progress(progressText(progress)),
  });
  output.answer(described(outcome), text(outcome, out));
}

type Room = typeof import('../participants/cleanroom/index.ts');

function evidenceOf(crypto: Crypto, options: Options, room: Room): CleanroomOptions['evidence'] {
  const { simulator: file, attestDir, tee, measurement, hostData, debugGuest } = options;
  if ((file === undefined) === (attestDir === undefined)) {
    throw fail('ARGUMENT_INVALID', 'one of --simulator and --attest-dir says where evidence comes from');
  }
  if (attestDir !== undefined) return () => room.evidenceFromFolder(crypto, attestDir, { tee });
  const simulator = room.openSimulator(crypto, file!);
  return ([certified]) =>
    room.simulatedEvidence(crypto, simulator, {
      measurement: measurement ?? new Uint8Array(48),
      hostData: hostData ?? certified!,
      ...(debugGuest && { guestPolicy: DEBUG_GUEST }),
    });
}

/** Kept: without it nobody can show later which pipeline the commitment is to. */
async function saltOf({ terminal, crypto }: Context, { salt: file, work }: Options): Promise<Bytes> {
  const path = file ?? join(work, 'pipeline.salt');
  if (file === undefined && !existsSync(path)) {
    createFile(path, `${toHex(crypto.randomBytes(SALT))}\n`, 0o600);
  }
  const written = fromUtf8((await readInput(terminal, path)).bytes).trim();
  if (!/^[0-9a-f]{64}$/.test(written))
    throw fail('ARGUMENT_INVALID', `${path} does not hold 64 hexadecimal digits`);
  return fromHex(written);
}

function storeUrl({ evidence, server }: Options): string {
  const url = evidence ?? (/^https?:/.test(server) ? server : undefined);
  if (url === undefined) throw fail('ARGUMENT_INVALID', '--evidence URL is needed beside a gRPC --server');
  return url;
}

function address(text: string): { did?: string; url: string } {
  const [, did, url] = /^(did:[^=]+)=(.+)$/.exec(text) ?? [];
  return did === undefined ? { url: text } : { did, url: url! };
}

function described({ cleanroom, run, spent, released, outputs, proofs }: CleanroomOutcome) {
  const { model, to, delivery } = released;
  return {
    ...{ cleanroom, run, model, to, ciphertext: toHex(delivery.ciphertext), spent: { ...spent } },
    outputs: outputs.map(({ name, digest, bytes }) => ({ name, sha256: toHex(digest), size: bytes.length })),
    answers: proofs.length,
  };
}

function text({ cleanroom, run, spent, released, outputs }: CleanroomOutcome, out: string): string {
  return [
    `clean room  ${cleanroom}`,
    `run         ${run}`,
    `model       ${released.model}`,
    `for         ${released.to}`,
    `spent       ε ${(spent.epsilon / 1e6).toFixed(6)}, δ ${(spent.delta / 1e12).toExponential(3)}`,
    ...outputs.map(({ name, digest }) => `declared    ${toHex(digest)}  ${name}`),
    `in          ${out}`,
  ].join('\n');
}

function progressText({ step, detail, entry }: Progress): string {
  return `${step.padEnd(10)} ${printable(detail)}${entry === undefined ? '' : `  (entry ${entry})`}`;
}

const collect = (value: string, before: readonly string[]) => [...before, value];

function bytesOf(size: number) {
  return (value: string): Bytes => {
    if (!/^[0-9a-f]*$/.test(value) || value.length !== 2 * size) {
      throw new InvalidArgumentError(`not ${size} bytes in hexadecimal`);
    }
    return fromHex(value);
  };
}

function seconds(value: string): number {
  if (!/^[1-9][0-9]{0,6}$/.test(value)) throw new InvalidArgumentError('not a number of seconds');
  return Number(value);
}
