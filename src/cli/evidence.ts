/** Sorts the files that `aichain verify` was given into questions: what is to be shown, and what speaks for it. */
import { access } from 'node:fs/promises';
import type { Bytes } from '../core/bytes.ts';
import { fail } from '../core/errors.ts';
import type { CosePublicKey } from '../cose/index.ts';
import { decodeCoseKey, isEncryptionKey } from '../cose/index.ts';
import { decodeEffectProof, type EffectProof } from '../verify/index.ts';
import { type ArtifactType, artifactType } from './artifact.ts';
import { type ConsistencyFile, decodeConsistency } from './consistency-file.ts';
import type { Context } from './context.ts';
import { decodeFacts, type FactsFile } from './facts-file.ts';
import { type Input, readInput, STDIO } from './files.ts';

export interface StatementQuestion {
  readonly name: string;
  readonly statement: Bytes;
  readonly receipt?: Bytes;
  readonly tlogProof?: Bytes;
  readonly effect?: EffectProof;
}

export interface Evidence {
  readonly statements: readonly StatementQuestion[];
  readonly facts: readonly { readonly name: string; readonly file: FactsFile }[];
  /** Signed notes, in the order given. */
  readonly checkpoints: readonly { readonly name: string; readonly note: string }[];
  readonly consistency: ConsistencyFile | undefined;
  readonly issuerKey: CosePublicKey | undefined;
  /** What the statement has to be about. */
  readonly payload: Bytes | undefined;
}

type Typed = Input & { readonly type: ArtifactType };

const STATEMENTS: readonly ArtifactType[] = ['statement', 'transparent statement'];
const TAKEN: readonly ArtifactType[] = [
  ...STATEMENTS,
  'inclusion receipt',
  'tlog-proof',
  'effect proof',
  'facts',
  'signed note',
  'consistency proof',
  'consistency receipt',
  'COSE key',
];

/**
 * @throws ARGUMENT_INVALID files that do not fit together; REQUEST_MALFORMED a file of no known format; what the
 * decoders throw
 */
export async function sortEvidence(
  context: Context,
  inputs: readonly Input[],
  payload: Input | undefined,
): Promise<Evidence> {
  const files = inputs.map((input): Typed => ({ ...input, type: artifactType(input.bytes) }));
  for (const { name, type } of files) checkTaken(name, type);
  const of = (...types: ArtifactType[]) => files.filter(({ type }) => types.includes(type));
  const statements = await statementQuestions(context, files);
  const evidence: Evidence = {
    statements,
    facts: of('facts').map(({ name, bytes }) => ({ name, file: decodeFacts(bytes) })),
    checkpoints: of('signed note').map(({ name, bytes }) => ({
      name,
      note: new TextDecoder().decode(bytes),
    })),
    consistency: consistencyOf(of('consistency proof', 'consistency receipt')),
    issuerKey: issuerKeyOf(of('COSE key')),
    payload: payload?.bytes,
  };
  checkTogether(evidence);
  return evidence;
}

function checkTaken(name: string, type: ArtifactType): void {
  if (TAKEN.includes(type)) return;
  if (type === 'unknown') throw fail('REQUEST_MALFORMED', `${name} is of no format that is known here`);
  // What is to be verified must never say whom to trust.
  const instead =
    type === 'trust file'
      ? ': give it with --trust'
      : type === 'proof bundle'
        ? ' without your own question: see `aichain verify bundle --help`'
        : type === 'evidence of a model'
          ? ' without the model: see `aichain model verify --help`'
          : '';
  throw fail('ARGUMENT_INVALID', `${name} is a ${type}, which is nothing to verify${instead}`);
}

function checkTogether({ statements, facts, checkpoints, payload }: Evidence): void {
  if (statements.length + facts.length + checkpoints.length === 0) {
    throw fail('ARGUMENT_INVALID', 'a proof proves nothing by itself: give the statement that it is for');
  }
  const most = statements.length > 0 ? 1 : 2;
  if (checkpoints.length > most)
    throw fail('ARGUMENT_INVALID', `at most ${most} checkpoints can be used here`);
  if (payload && statements.length !== 1) throw fail('ARGUMENT_INVALID', '--payload is for one statement');
}

async function statementQuestions(context: Context, files: readonly Typed[]): Promise<StatementQuestion[]> {
  const statements = files.filter(({ type }) => STATEMENTS.includes(type));
  const single = statements.length === 1;
  const claimed = new Set<Typed>();
  const questions = [];
  for (const { name, bytes, type } of statements) {
    /** With one statement, whatever is there is for it; with several, what is named after it. */
    const own = (wanted: ArtifactType) => {
      const fitting = files.filter(
        (file) => file.type === wanted && (single || file.name.startsWith(`${name}.`)),
      );
      if (fitting.length > 1) throw fail('ARGUMENT_INVALID', `more than one ${wanted} for ${name}`);
      if (fitting[0]) claimed.add(fitting[0]);
      return fitting[0]?.bytes;
    };
    const tlogProof = own('tlog-proof');
    const given = own('inclusion receipt');
    const needed = type === 'statement' && !tlogProof;
    const receipt = given ?? (needed ? await besideOf(context, name, 'receipt') : undefined);
    // Only with the receipt that was written with it: it is of the same head.
    const written = receipt && !given ? await besideOf(context, name, 'effect') : undefined;
    const effect = own('effect proof') ?? written;
    questions.push({
      ...{ name, statement: bytes },
      ...(receipt && { receipt }),
      ...(tlogProof && { tlogProof }),
      ...(effect && { effect: decodeEffectProof(effect) }),
    });
  }
  const lost = files.find(
    (file) => ['inclusion receipt', 'tlog-proof', 'effect proof'].includes(file.type) && !claimed.has(file),
  );
  if (lost) {
    throw fail(
      'ARGUMENT_INVALID',
      `${lost.name}: of which statement? Its name has to begin with the statement’s`,
    );
  }
  return questions;
}

/** What `aichain register` or `aichain quickstart` has written beside the statement. */
async function besideOf(
  context: Context,
  name: string,
  what: 'receipt' | 'effect',
): Promise<Bytes | undefined> {
  const path = `${name}.${what}`;
  if (name === STDIO || !(await exists(path))) return undefined;
  return (await readInput(context.terminal, path)).bytes;
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

function consistencyOf(files: readonly Typed[]): ConsistencyFile | undefined {
  if (files.length > 1) throw fail('ARGUMENT_INVALID', 'more than one consistency proof');
  return files[0] && decodeConsistency(files[0].bytes);
}

function issuerKeyOf(files: readonly Typed[]): CosePublicKey | undefined {
  if (files.length > 1) throw fail('ARGUMENT_INVALID', 'more than one issuer key');
  if (!files[0]) return undefined;
  const key = decodeCoseKey(files[0].bytes);
  if (isEncryptionKey(key))
    throw fail('ARGUMENT_INVALID', `${files[0].name} is an encryption key: it signs nothing`);
  return key;
}
