/**
 * What the state says of where a model comes from. A pure function of records and of the statements that made them: who
 * collects evidence asks it what it still needs, and who verifies asks it again, over what is proven.
 */
import {
  AFFIRMATION,
  type AffirmationRecord,
  ancestry,
  CLEANROOM,
  type CleanroomRecord,
  CONTRACT,
  type ContractRecord,
  DATASET,
  type DatasetRecord,
  EVIDENCE,
  type EvidenceRecord,
  lineageOf,
  MODEL,
  type ModelRecord,
  objectStatus,
  RELEASE,
  type ReleaseRecord,
  RUN,
  type RunRecord,
  recalledAmong,
  type Statement,
  type StateReader,
} from '../chain/index.ts';
import { type Bytes, equal } from '../core/bytes.ts';

/** A statement that is in the log, with effect. */
export interface Logged {
  readonly index: number;
  /** Unix milliseconds. */
  readonly time: number;
  readonly statement: Statement;
}

/** Something with an identifier, its record, and the state that it is in now. */
export interface Named<T> {
  readonly id: string;
  readonly record: T;
  /** Derived: EXPIRED, BLOCKED, SUSPENDED … */
  readonly state: string;
}

export interface Appraisal {
  readonly verifier: string;
  readonly evidence: EvidenceRecord;
  readonly entry: Logged;
}

export interface ModelRecords {
  readonly model: Named<ModelRecord>;
  /** All that it descends from, the nearest first. */
  readonly ancestors: readonly Named<ModelRecord>[];
  /** The model itself, or the first of those, that was recalled. */
  readonly recalled: string | undefined;
  readonly run: Named<RunRecord> | undefined;
  readonly room: Named<CleanroomRecord> | undefined;
  readonly code: { readonly id: string; readonly state: string } | undefined;
  /** The affirming results that attested the room's keys, and how many there have to be. */
  readonly appraisals: readonly Appraisal[];
  readonly affirming: number;
  readonly releases: readonly Named<ReleaseRecord>[];
  /** That the room has opened. */
  readonly datasets: readonly (Named<DatasetRecord> & { readonly version: number })[];
  readonly contracts: readonly Named<ContractRecord>[];
  readonly parties: readonly { readonly did: string; readonly state: string }[];
}

/** @param at Unix milliseconds: states are those of this time. @returns undefined: there is no such model */
export function modelRecords(
  read: StateReader,
  logged: readonly Logged[],
  id: string,
  at: number,
): ModelRecords | undefined {
  const stateOf = (of: string, version?: number) => objectStatus(read, of, at, version)?.state ?? 'unknown';
  const named = <T>(of: string, record: T | undefined, version?: number): Named<T>[] =>
    record === undefined ? [] : [{ id: of, record, state: stateOf(of, version) }];
  const [model] = named(id, MODEL.read(read, id));
  if (!model) return undefined;
  const runId = model.record.run;
  const [run] = runId === undefined ? [] : named(runId, RUN.read(read, runId));
  const [room] = run ? named(run.record.cleanroom, CLEANROOM.read(read, run.record.cleanroom)) : [];
  const affirmation = room && AFFIRMATION.read(read, room.id);
  const contracts = model.record.contracts.flatMap((each) => named(each, CONTRACT.read(read, each)));
  const mounts = room?.record.mounts ?? [];
  const datasets = mounts.flatMap(({ subject, version }) =>
    version === undefined
      ? []
      : named(subject, DATASET.read(read, subject, version), version).map((each) => ({ ...each, version })),
  );
  return {
    model,
    ancestors: [...ancestry(read, model.record.parents)].flatMap(([of, record]) => named(of, record)),
    recalled: recalledAmong(read, [id]),
    ...{ run, room, contracts, datasets },
    code: room && { id: room.record.code, state: stateOf(room.record.code) },
    appraisals: affirmation ? appraisalsOf(read, room.id, affirmation, logged) : [],
    affirming: affirmation?.by.length ?? 0,
    releases: mounts.flatMap(({ release }) =>
      release === undefined ? [] : named(release, RELEASE.read(read, release)),
    ),
    parties: partiesOf(model, room, datasets, contracts).map((did) => ({ did, state: stateOf(did) })),
  };
}

/** The statements that the room's attested keys rest on: each by what it says, since a batch may have several of one key. */
function appraisalsOf(
  read: StateReader,
  room: string,
  { evidence: digest, by }: AffirmationRecord,
  logged: readonly Logged[],
): Appraisal[] {
  const evidence = EVIDENCE.read(read, room, digest);
  if (!evidence) return [];
  return by.flatMap((vouched) => {
    const entry = logged.find((each) => affirms(each, room, digest, vouched));
    return entry ? [{ verifier: entry.statement.issuer, evidence, entry }] : [];
  });
}

function affirms(
  { statement, time }: Logged,
  room: string,
  digest: Bytes,
  { kid, at, policy }: AffirmationRecord['by'][number],
): boolean {
  if (time !== at || !equal(statement.kid, kid) || !isAbout(statement, 'cleanroom.appraise', room))
    return false;
  const body = statement.body as { evidence: Bytes; result: string; policy: { id: string } };
  return body.result === 'affirming' && body.policy.id === policy && equal(body.evidence, digest);
}

function partiesOf(
  model: Named<ModelRecord>,
  room: Named<CleanroomRecord> | undefined,
  datasets: readonly Named<DatasetRecord>[],
  contracts: readonly Named<ContractRecord>[],
): string[] {
  const all = [
    model.record.owner,
    ...(room ? [room.record.deployer, ...room.record.mounts.map(({ kms }) => kms)] : []),
    ...datasets.map(({ record }) => record.provider),
    ...contracts.flatMap(({ record }) => [...record.signatories, ...record.verifiers]),
  ];
  return [...new Set(all)].sort();
}

/** Entries that the records name, by what they are about, and who has signed those of a contract. */
export function entriesOf(records: ModelRecords): { index: number; id: string; issuer?: string }[] {
  const { model, ancestors, run, room, datasets, contracts } = records;
  const made = [
    model,
    ...ancestors,
    ...(run ? [run] : []),
    ...(room ? [room] : []),
    ...datasets,
    ...contracts,
  ];
  return [
    ...made.map(({ id, record }) => ({ index: record.entry, id })),
    ...contracts.flatMap(({ id, record }) =>
      record.signatures.map(({ did, entry }) => ({ index: entry, id, issuer: did })),
    ),
  ];
}

/** What else belongs to it, which no record names by its index. */
export function kindsOf({ run, room, releases }: ModelRecords): { id: string; kind: string }[] {
  return [
    ...(run ? [{ id: run.id, kind: 'run.complete' }] : []),
    ...(room ? [{ id: room.id, kind: 'cleanroom.appraise' }] : []),
    ...releases.map(({ id }) => ({ id, kind: 'key.release' })),
  ];
}

/** What is missing of the entries that have to be there, in words. */
export function missingEntry(records: ModelRecords, logged: readonly Logged[]): string | undefined {
  for (const { index, id, issuer } of entriesOf(records)) {
    const found = logged.find((each) => each.index === index)?.statement;
    const fits =
      found && lineageOf(found)?.subject === id && (issuer === undefined || found.issuer === issuer);
    if (!fits) return `entry ${index}, about ${id},`;
  }
  for (const { id, kind } of kindsOf(records)) {
    if (!logged.some(({ statement }) => isAbout(statement, kind, id))) return `${kind} of ${id}`;
  }
  const { appraisals, affirming, releases } = records;
  const undecided = releases.find((release) => !decisionOf(release, logged));
  if (undecided) return `what decided ${undecided.id}`;
  return appraisals.length < affirming ? `one of ${affirming} affirming appraisals` : undefined;
}

/** The KMS's statement that the release was decided by: who has nothing to decide is logged about it as well. */
export function decisionOf(
  { id, record }: Named<ReleaseRecord>,
  logged: readonly Logged[],
): Logged | undefined {
  return logged.find(({ statement }) => {
    if (statement.issuer !== record.kms || !isAbout(statement, 'key.release', id)) return false;
    const { nonce } = statement.body as { nonce: Bytes };
    return record.nonce !== undefined && equal(nonce, record.nonce);
  });
}

export function isAbout(statement: Statement, kind: string, id: string): boolean {
  return statement.chain?.kind === kind && lineageOf(statement)?.subject === id;
}
