/** The ladder of a model, from its files to its status: what its proven records and entries say, one line each. */
import { type Bytes, equal, toHex } from '../core/bytes.ts';
import { fail, LedgerError } from '../core/errors.ts';
import type { Ladder } from './ladder.ts';
import { decisionOf, isAbout, type Logged, type ModelRecords } from './model-records.ts';

/** The files of a model, or of a folder that it is in. */
export interface ModelFiles {
  /** Over all files, as OpenSSF Model Signing works it out. */
  readonly digest: Bytes;
  /** SHA-256 of each. */
  readonly resources: readonly Resource[];
}

interface Resource {
  readonly name: string;
  readonly digest: Bytes;
}

/**
 * @returns what a user of the model should know
 * @throws MODEL_UNKNOWN the files are not those of the model; MODEL_RECALLED
 */
export function climbModel(
  ladder: Ladder,
  records: ModelRecords,
  logged: readonly Logged[],
  files: ModelFiles | undefined,
): string[] {
  if (files) climbFiles(ladder, records, logged, files);
  else ladder.skip('files', 'no file was given');
  climbRun(ladder, records, logged);
  climbRoom(ladder, records, logged);
  climbSources(ladder, records);
  return climbStatus(ladder, records);
}

function climbFiles(
  ladder: Ladder,
  { model: { id, record }, run }: ModelRecords,
  logged: readonly Logged[],
  { digest, resources }: ModelFiles,
): void {
  ladder.step('files', () => {
    const all = `${resources.length} ${resources.length === 1 ? 'file' : 'files'}`;
    if (equal(record.digest, digest)) return { value: undefined, detail: `${all}, by the digest over all` };
    const model = resources.find((file) => equal(file.digest, record.digest));
    if (!model) throw fail('MODEL_UNKNOWN', `none of ${all} has the SHA-256 that ${id} was released with`);
    const { body } = logged.find(({ index }) => index === record.entry)!.statement;
    const { files: others = [] } = body as { files?: readonly Bytes[] };
    const stranger = resources.find(
      (file) => !equal(file.digest, record.digest) && !others.some((other) => equal(other, file.digest)),
    );
    if (stranger) throw fail('MODEL_UNKNOWN', `${stranger.name} did not leave the clean room with the model`);
    // Contents alone would let two files change places, of which a user reads one for the other.
    const renamed = resources.find((file) => !isNamedSo(file, run?.record.outputs ?? []));
    if (renamed) throw fail('MODEL_UNKNOWN', `${renamed.name} left the clean room under another name`);
    const name = model.name === '.' ? 'the file' : model.name;
    const beside = resources.length - 1;
    return {
      value: undefined,
      detail: `${name} is the model${beside > 0 ? `; ${beside} more left with it` : ''}`,
    };
  });
}

/** Wherever in the folder it lies. A file by itself may be called anything, and so may one that no run has declared. */
function isNamedSo({ name, digest }: Resource, outputs: readonly { name: string; digest: Bytes }[]): boolean {
  const names = outputs.filter((output) => equal(output.digest, digest)).map((output) => output.name);
  return name === '.' || names.length === 0 || names.includes(name.split('/').at(-1)!);
}

function climbRun(ladder: Ladder, { model, run }: ModelRecords, logged: readonly Logged[]): void {
  if (!run) {
    ladder.skip('run', `stated by ${model.record.owner}: it was not trained in a clean room of this log`);
    return;
  }
  const { record, id, state } = run;
  ladder.step('run', () => {
    const done = logged.find(({ statement }) => isAbout(statement, 'run.complete', id))!;
    return {
      value: undefined,
      detail: `${id}: ${state}; run.start entry ${record.entry}, run.complete entry ${done.index}`,
    };
  });
  ladder.step('privacy', () => {
    const { epsilon, delta, reserve, logs } = record;
    const spent = `ε ${micro(epsilon)} of ${micro(reserve.epsilon)} reserved, δ ${delta / 1e12}`;
    return { value: undefined, detail: `${spent}; logged ${logs} times while it trained` };
  });
}

function climbRoom(ladder: Ladder, records: ModelRecords, logged: readonly Logged[]): void {
  const { room, code, appraisals, releases } = records;
  if (!room || !code) return;
  ladder.step('clean room', () => {
    const { deployer, entry } = room.record;
    return {
      value: undefined,
      detail: `${room.id}: ${room.state}; deployed by ${deployer}, entry ${entry}; code ${code.id}: ${code.state}`,
    };
  });
  for (const { verifier, evidence, entry } of appraisals) {
    ladder.step('attestation', () => ({
      value: undefined,
      detail: `${evidence.tee} evidence of entry ${evidence.entry}, affirmed by ${verifier}, entry ${entry.index}`,
    }));
  }
  for (const release of releases) {
    const { subject, state, kms } = release.record;
    const granted = decisionOf(release, logged)!;
    ladder.step('keys', () => ({
      value: undefined,
      detail: `${subject}: ${state}; by ${kms}, entry ${granted.index}`,
    }));
  }
}

function climbSources(ladder: Ladder, { datasets, contracts, ancestors, parties }: ModelRecords): void {
  for (const { id, version, state, record } of datasets) {
    ladder.step('dataset', () => ({
      value: undefined,
      detail: `${id} version ${version}, ${record.name}: ${state}; of ${record.provider}, entry ${record.entry}`,
    }));
  }
  for (const { id, state, record } of ancestors) {
    ladder.step('base model', () => ({
      value: undefined,
      detail: `${id}: ${state}; of ${record.owner}, entry ${record.entry}, SHA-256 ${toHex(record.digest)}`,
    }));
  }
  for (const { id, state, record } of contracts) {
    ladder.step('contract', () => {
      const signed = record.signatures.map(({ did, entry }) => `${did} (entry ${entry})`).join(', ');
      return { value: undefined, detail: `${id}: ${state}; for ${record.purpose}; signed by ${signed}` };
    });
  }
  ladder.step('parties', () => ({
    value: undefined,
    detail: parties.map(({ did, state }) => `${did} ${state}`).join(', '),
  }));
}

function climbStatus(ladder: Ladder, records: ModelRecords): string[] {
  return ladder.step('status', () => {
    const { model, recalled } = records;
    if (recalled !== undefined) {
      const what = recalled === model.id ? 'the model' : `${recalled}, which it descends from,`;
      throw new LedgerError('MODEL_RECALLED', `${what} was recalled`);
    }
    const value = flagsOf(records);
    const flags =
      value.length === 0 ? 'nothing that it rests on has been stopped' : `NOTE: ${value.join('; ')}`;
    return { value, detail: `${model.state}, not recalled; ${flags}` };
  });
}

/** LIFECYCLE, "What a stop does": what flags a model that was released before it. */
function flagsOf({ datasets, parties, code, contracts }: ModelRecords): string[] {
  const stopped = (state: string) => ['SUSPENDED', 'WITHDRAWN', 'REVOKED', 'EXPIRED'].includes(state);
  return [
    ...datasets
      .filter(({ state }) => stopped(state))
      .map(({ id, version, state }) => `source ${id} version ${version} is ${state}`),
    ...parties.filter(({ state }) => stopped(state)).map(({ did, state }) => `${did} is ${state}`),
    ...(code && stopped(code.state) ? [`code ${code.id} is ${code.state}`] : []),
    ...contracts.filter(({ state }) => state === 'REVOKED').map(({ id }) => `contract ${id} is REVOKED`),
  ];
}

function micro(amount: number): string {
  return (amount / 1e6).toString();
}
