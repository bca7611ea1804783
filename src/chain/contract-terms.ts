/** The terms of a contract, as the machine judges by them, and what can be wrong with them when they are proposed. */
import { within } from './budget.ts';
import { isOwnUrn } from './identifier.ts';
import type { Context } from './kind.ts';
import { mayBuildOn } from './model-ancestry.ts';
import { delta, epsilon, type Privacy } from './privacy.ts';
import {
  CONTRACT,
  type ContractDataset,
  type ContractRecord,
  MAX_CODE,
  MAX_COLUMNS,
  MAX_DATASETS,
  MAX_ROWS,
  MAX_TDPS,
  MAX_VERIFIERS,
  paymentRow,
  revocationTerm,
} from './records/contract.ts';
import { BUDGET, column, DATASET, type DatasetRecord, dataKeyId, word } from './records/dataset.ts';
import { MODEL } from './records/model.ts';
import { isRefusal, type Refusal, refuse } from './refusal.ts';
import { codeFault } from './room-standing.ts';
import { did, type Infer, list, oneOf, optional, seconds, struct, text, uint, urn } from './schema.ts';
import { standingFault } from './standing.ts';
import { digest, PARTICIPANT, type Role } from './state.ts';
import { stateAt } from './stop.ts';
import { supersedesFault } from './supersession.ts';

export const contractTerms = {
  id: urn('contract'),
  version: uint({ min: 1 }),
  /** SHA-256 of the contract’s text, and its media type. */
  text: digest,
  contentType: text({ max: 128, pattern: /^[a-z0-9.+-]+\/[!-~]+$/ }),
  parties: struct({
    tdc: did,
    tdps: list(did, { min: 1, max: MAX_TDPS, unique: true }),
    ccrp: did,
    collab: optional(did),
    /** Holds and settles the payments; left out: the TDC. */
    paymentService: optional(did),
  }),
  datasets: list(struct({ id: urn('dataset'), version: uint({ min: 1 }), provider: did, dataKeyId }), {
    max: MAX_DATASETS,
  }),
  purpose: word,
  /** Unix seconds. */
  start: seconds,
  expiry: seconds,
  /** What one run may spend of a dataset; each that is personal needs a row. */
  privacy: list(
    struct({
      dataset: urn('dataset'),
      epsilon,
      delta,
      /** In thousandths. */
      noiseMultiplier: optional(uint()),
      epochsPerReport: optional(uint({ min: 1 })),
    }),
    { max: MAX_DATASETS },
  ),
  maxRuns: uint({ min: 1 }),
  code: list(urn('code'), { min: 1, max: MAX_CODE, unique: true }),
  verifiers: list(did, { min: 1, max: MAX_VERIFIERS, unique: true }),
  /** How many of the verifiers have to affirm. */
  quorum: uint({ min: 1, max: MAX_VERIFIERS }),
  appraisalPolicy: urn('appraisal-policy'),
  joinKeys: list(column, { max: MAX_COLUMNS, unique: true }),
  targets: list(column, { max: MAX_COLUMNS, unique: true }),
  payments: list(paymentRow, { max: MAX_ROWS }),
  revocation: list(revocationTerm, { max: MAX_TDPS + 2 }),
  refundAfterGrant: optional(oneOf('if-failed')),
  baseModel: optional(urn('model')),
  /** A contract whose place it takes once it is signed. */
  supersedes: optional(urn('contract')),
} as const;
export const contractBody = struct(contractTerms);
export type ContractBody = Infer<typeof contractBody>;

export const PARTY_FAULTS = {
  PARTY_UNKNOWN: 'A party or verifier is not registered.',
  PARTY_NOT_ACTIVE: 'A party or verifier is not active.',
  PARTY_ROLE_MISSING: 'A party or verifier does not hold the role that it has in the contract.',
} as const;
export const TERMS_FAULTS = {
  DATASET_UNKNOWN:
    'The contract names a dataset that is not registered, or terms for one that it does not name.',
  DATASET_NOT_PUBLISHED: 'A dataset is not published (any more).',
  DATASET_PROVIDER_NOT_PARTY:
    'The provider of a dataset is not the one that is stated, or no TDP of the contract.',
  DATA_KEY_MISMATCH: 'The data key is not that of the dataset or base model.',
  NO_DATASETS: 'The contract names no dataset.',
  PURPOSE_NOT_PERMITTED: 'The policy, a dataset or a contract does not allow this purpose.',
  WINDOW_INVALID: 'The contract would end before it begins.',
  CONTRACT_ALREADY_EXPIRED: 'The contract’s term is over.',
  PRIVACY_TERM_MISSING: 'A dataset of personal data has no privacy terms.',
  EPSILON_OVER_BUDGET: 'A run could spend more ε than the policy, the dataset or a budget has.',
  DELTA_OVER_BUDGET: 'A run could spend more δ than the policy, the dataset or a budget has.',
  CODE_NOT_CERTIFIED: 'The contract names code that is not certified.',
  VERIFIER_NOT_INDEPENDENT: 'A verifier would vouch for what it deploys or trains itself.',
  SUPERSEDES_INVALID:
    'The contract that would be superseded is not in its term, has signatories that this one lacks, or clean rooms ' +
    'that have not ended.',
} as const;
export const TERMS_SHARED = ['ID_MALFORMED', 'ID_TAKEN', 'NUMBER_MALFORMED', 'STATE_WRONG'] as const;

export type PartyFault = Refusal<keyof typeof PARTY_FAULTS | 'ID_MALFORMED' | 'ID_TAKEN'>;
type TermsFault = Refusal<keyof typeof TERMS_FAULTS | (typeof TERMS_SHARED)[number]>;

/** The id is free, and everybody is who the contract says. */
export function partiesFault(ctx: Context, body: ContractBody): PartyFault | undefined {
  if (!isOwnUrn(body.id, ctx.origin)) return refuse('ID_MALFORMED', `not an object of ${ctx.origin}`);
  if (CONTRACT.read(ctx.read, body.id)) return refuse('ID_TAKEN');
  for (const [who, role] of casting(body)) {
    const party = PARTICIPANT.read(ctx.read, who);
    if (!party) return refuse('PARTY_UNKNOWN', who);
    if (standingFault(party, 'active', ctx.time)) return refuse('PARTY_NOT_ACTIVE', who);
    if (!party.roles.includes(role)) return refuse('PARTY_ROLE_MISSING', `${who} is no ${role}`);
  }
  return undefined;
}

function casting({ parties, verifiers }: ContractBody): readonly (readonly [did: string, role: Role])[] {
  const { tdc, tdps, ccrp, collab, paymentService } = parties;
  return [
    [tdc, 'TDC'],
    ...tdps.map((tdp) => [tdp, 'TDP'] as const),
    [ccrp, 'CCRP'],
    ...(collab === undefined ? [] : [[collab, 'DATA_COLLAB'] as const]),
    ...(paymentService === undefined ? [] : [[paymentService, 'CONTRACT_SERVICE'] as const]),
    ...verifiers.map((verifier) => [verifier, 'VERIFIER'] as const),
  ];
}

/** The record of a contract that begins with this entry, PROPOSED. Its parties have been found without fault. */
export function propose(ctx: Context, body: ContractBody): ContractRecord | TermsFault {
  const datasets = readDatasets(ctx, body);
  if (isRefusal(datasets)) return datasets;
  const fault = windowFault(ctx, body) ?? privacyFault(ctx, datasets) ?? roomFault(ctx, body);
  if (fault) return fault;
  const record = recordOf(ctx, body, datasets);
  return supersedesFault(ctx, record) ?? record;
}

interface NamedDataset extends ContractDataset {
  readonly record: DatasetRecord;
}

function readDatasets(ctx: Context, body: ContractBody): readonly NamedDataset[] | TermsFault {
  const found: NamedDataset[] = [];
  for (const named of body.datasets) {
    const { id, version, provider, dataKeyId } = named;
    const record = DATASET.read(ctx.read, id, version);
    if (!record) return refuse('DATASET_UNKNOWN', `${id} ${version}`);
    const ended = record.retentionUntil !== undefined && record.retentionUntil * 1000 < ctx.time;
    if (stateAt(record, ctx.time) !== 'PUBLISHED' || ended) return refuse('DATASET_NOT_PUBLISHED', id);
    if (record.provider !== provider || !body.parties.tdps.includes(provider)) {
      return refuse('DATASET_PROVIDER_NOT_PARTY', provider);
    }
    if (record.dataKeyId !== dataKeyId) return refuse('DATA_KEY_MISMATCH', dataKeyId);
    const rows = body.privacy.filter(({ dataset }) => dataset === id);
    if (found.some((other) => other.id === id) || rows.length > 1) return refuse('ID_TAKEN', `${id} twice`);
    const privacy: Privacy | undefined = rows[0] && { epsilon: rows[0].epsilon, delta: rows[0].delta };
    found.push({ id, version, provider, dataKeyId, ...(privacy && { privacy }), record });
  }
  if (found.length === 0) return refuse('NO_DATASETS');
  const stray = body.privacy.find(({ dataset }) => !found.some(({ id }) => id === dataset));
  if (stray) return refuse('DATASET_UNKNOWN', `${stray.dataset} has privacy terms only`);
  const purposes = [ctx.policy.purposes, ...found.map(({ record }) => record.purposes)];
  const permitted = purposes.every((list) => list === undefined || list.includes(body.purpose));
  return permitted ? found : refuse('PURPOSE_NOT_PERMITTED', body.purpose);
}

function windowFault({ time }: Context, { start, expiry }: ContractBody): TermsFault | undefined {
  if (start >= expiry) return refuse('WINDOW_INVALID');
  return expiry * 1000 <= time ? refuse('CONTRACT_ALREADY_EXPIRED') : undefined;
}

/** One run has to be possible on what was allocated; whether it still is, the grant decides. */
function privacyFault(ctx: Context, datasets: readonly NamedDataset[]): TermsFault | undefined {
  for (const { id, privacy, record } of datasets) {
    if (!privacy) {
      if (record.personal) return refuse('PRIVACY_TERM_MISSING', id);
      continue;
    }
    const limits = [
      ctx.policy.runLimits[record.sensitivity],
      record.budget,
      ...record.charges.map(({ provider, scope }) => BUDGET.read(ctx.read, provider, scope)?.allocated),
    ];
    const exceeded = limits.find((limit) => limit && !within(privacy, limit));
    if (exceeded) {
      const over = privacy.epsilon > exceeded.epsilon ? 'EPSILON_OVER_BUDGET' : 'DELTA_OVER_BUDGET';
      return refuse(over, id);
    }
  }
  return undefined;
}

/** What the clean rooms may run, and who vouches for them. */
function roomFault(ctx: Context, body: ContractBody): TermsFault | undefined {
  const { code, verifiers, quorum, baseModel, parties } = body;
  const uncertified = code.find((id) => codeFault(ctx.read, id, ctx.time));
  if (uncertified !== undefined) return refuse('CODE_NOT_CERTIFIED', uncertified);
  const partial = verifiers.find((verifier) => verifier === parties.tdc || verifier === parties.ccrp);
  if (partial !== undefined) return refuse('VERIFIER_NOT_INDEPENDENT', partial);
  if (quorum > verifiers.length) return refuse('NUMBER_MALFORMED', 'a quorum that cannot be reached');
  if (baseModel === undefined) return undefined;
  // Else somebody could register what the parties signed for unseen, or rooms would train on what is another's secret.
  const model = MODEL.read(ctx.read, baseModel);
  const theirs = [parties.tdc, ...parties.tdps].some((party) => mayBuildOn(model, party));
  return theirs ? undefined : refuse('STATE_WRONG', 'no base model that a party has, or that is open to all');
}

function recordOf(ctx: Context, body: ContractBody, datasets: readonly NamedDataset[]): ContractRecord {
  const { id: _, contentType, parties, privacy, ...terms } = body;
  const { tdc, tdps, ccrp } = parties;
  const all = [tdc, ...tdps, ...(ctx.policy.ccrpMustSign ? [ccrp] : [])];
  return {
    ...terms,
    ...parties,
    datasets: datasets.map(({ record, ...named }) => named),
    proposal: ctx.entryId,
    entry: ctx.index,
    signatories: all.filter((who, i) => all.indexOf(who) === i),
    lapses: ctx.time + ctx.policy.proposalTimeToLive * 1000,
    state: 'PROPOSED',
    signatures: [],
    runs: 0,
    openRooms: 0,
    openPayments: 0,
    changed: ctx.index,
    changedAt: ctx.time,
  };
}
