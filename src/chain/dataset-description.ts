/** What a provider says of one version of a dataset, and what can be wrong with it. */
import { within } from './budget.ts';
import { formatFault } from './format.ts';
import { isOwnUrn } from './identifier.ts';
import type { Context } from './kind.ts';
import { privacy } from './privacy.ts';
import type { StateReader, Write } from './record.ts';
import { currency } from './records/contract.ts';
import {
  BUDGET,
  type Charge,
  CIPHERTEXT,
  column,
  DATA_KEY,
  DATASET,
  type DatasetRecord,
  dataKeyId,
  datasetVersion,
  MAX_CHARGES,
  MAX_COLUMNS,
  MAX_PARENTS,
  MAX_PURPOSES,
  scopeName,
  word,
} from './records/dataset.ts';
import { isRefusal, type Refusal, refuse } from './refusal.ts';
import { amount, bool, did, type Infer, list, optional, seconds, struct, text, uint, urn } from './schema.ts';
import { delegationFault } from './standing.ts';
import { digest } from './state.ts';
import { stateAt } from './stop.ts';

const MAX_SHARES = 16;
const url = text({ max: 1024, pattern: /^[a-z][a-z0-9+.-]*:\/\/[!-~]+$/ });

const terms = struct({
  /** How it is priced, in the provider's word. */
  model: word,
  /** Minor units of the currency. */
  amount: amount(),
  currency,
  /** Who gets how many percent. */
  split: list(struct({ payee: did, percent: uint({ max: 100 }) }), { min: 1, max: MAX_SHARES }),
});

export const datasetBody = struct({
  id: urn('dataset'),
  version: uint({ min: 1 }),
  provider: did,
  name: text({ max: 256 }),
  /** Where the schema of the data is described. */
  schema: optional(text({ max: 1024 })),
  /** SHA-256 of the dataset card. */
  card: digest,
  url,
  /** SHA-256 of the encrypted file. */
  ciphertext: digest,
  /** Bytes of the encrypted file. */
  size: uint(),
  format: word,
  /** Salted commitment to the plaintext. */
  plaintext: digest,
  sampleUrl: optional(url),
  sampleDigest: optional(digest),
  kms: struct({ did, dataKeyId, endpoint: text({ max: 512, pattern: /^[!-~]+$/ }) }),
  sensitivity: uint({ max: 2 }),
  personal: bool,
  /** Population, as the SRO verified it: datasets of one provider with one scope share one budget. */
  scope: optional(scopeName),
  legalBasis: optional(word),
  purposes: list(word, { min: 1, max: MAX_PURPOSES, unique: true }),
  joinKeys: list(column, { max: MAX_COLUMNS, unique: true }),
  targets: list(column, { max: MAX_COLUMNS, unique: true }),
  budget: optional(privacy),
  terms: optional(terms),
  /** Unix seconds. */
  retentionUntil: optional(seconds),
  parents: list(datasetVersion, { max: MAX_PARENTS }),
});
export type DatasetBody = Infer<typeof datasetBody>;

export const DESCRIPTION_FAULTS = {
  PARENT_NOT_FOUND: 'A parent is no registered version of a dataset.',
  PARENT_WITHDRAWN: 'A parent has been withdrawn.',
  BUDGET_REQUIRED: 'Personal data need a privacy budget.',
  BUDGET_OVER_POLICY:
    'The privacy budget is more than the policy allows at this sensitivity, or than its scope has been given.',
  LEGAL_BASIS_REQUIRED: 'Personal data need a legal basis.',
  KMS_NOT_DELEGATED: 'The KMS may not release keys on behalf of the owner.',
  PURPOSE_UNKNOWN: 'A purpose that the policy does not have.',
  DATASET_LOOSENED:
    'ε or δ is raised, the scope changed, personal cleared, the sensitivity lowered (below that of a parent or of the ' +
    'version before), or a budget dropped that runs are charged to.',
  SPLIT_NOT_100: 'The shares of the payment do not come to 100 percent.',
  DATA_ALREADY_REGISTERED: 'The ciphertext or the data key is that of something else that is registered.',
  SCOPE_REQUIRED: 'Personal data need a scope: the population whose budget they draw on.',
} as const;
export const DESCRIPTION_SHARED = [
  'ID_MALFORMED',
  'DELEGATION_MISSING',
  'FORMAT_NOT_SUPPORTED',
  'STATE_WRONG',
] as const;
type DescriptionFault = keyof typeof DESCRIPTION_FAULTS | (typeof DESCRIPTION_SHARED)[number];

interface Describing extends Context {
  /** The provider: who signs, or whose collaborator does. */
  readonly principal: { readonly did: string };
}

/** The record of a version that begins with this entry, PUBLISHED. */
export function describe(ctx: Describing, body: DatasetBody): DatasetRecord | Refusal<DescriptionFault> {
  if (!isOwnUrn(body.id, ctx.origin)) return refuse('ID_MALFORMED', `not an object of ${ctx.origin}`);
  if (body.provider !== ctx.principal.did) return refuse('DELEGATION_MISSING', 'the provider has not signed');
  const format = formatFault(ctx.policy, body.format);
  if (format) return format;
  const parents = readParents(ctx, body);
  if (isRefusal(parents)) return parents;
  const fault = termsFault(ctx, body) ?? ownerFault(ctx.read, body);
  if (fault) return fault;
  if (body.personal && body.scope === undefined) return refuse('SCOPE_REQUIRED');
  const charges = chargesOf(body, parents);
  if (charges.length > MAX_CHARGES)
    return refuse('STATE_WRONG', `more than ${MAX_CHARGES} budgets to charge`);
  const { provider, name, ciphertext, kms, sensitivity, purposes, joinKeys, targets } = body;
  return {
    provider,
    name,
    ciphertext,
    format: body.format,
    kms: kms.did,
    dataKeyId: kms.dataKeyId,
    sensitivity,
    // What descends from personal data counts as such, whatever is said of it: every run on it has its price.
    personal: charges.length > 0,
    ...(body.personal && body.scope !== undefined && { scope: body.scope }),
    purposes,
    joinKeys,
    targets,
    ...(body.budget && { budget: body.budget }),
    ...(body.retentionUntil !== undefined && { retentionUntil: body.retentionUntil }),
    parents: body.parents,
    charges,
    state: 'PUBLISHED',
    entry: ctx.index,
    changed: ctx.index,
    changedAt: ctx.time,
  };
}

function readParents(ctx: Context, { id, provider, parents, sensitivity }: DatasetBody) {
  const found: DatasetRecord[] = [];
  for (const { dataset, version } of parents) {
    const parent = DATASET.read(ctx.read, dataset, version);
    if (!parent) return refuse('PARENT_NOT_FOUND', `${dataset} ${version}`);
    if (stateAt(parent, ctx.time) === 'WITHDRAWN') return refuse('PARENT_WITHDRAWN', dataset);
    // Or what may not leave a clean room would leave it in another's name.
    if (sensitivity < parent.sensitivity) return refuse('DATASET_LOOSENED', `${dataset} is more sensitive`);
    found.push(parent);
    // Runs on a child spend the budgets of its parents. Without their providers' leave, a stranger could drain them.
    const stranger = dataset !== id && parent.provider !== provider && parent.charges.length > 0;
    if (stranger && delegationFault(ctx.read, parent.provider, provider, 'collab', ctx.time, dataset)) {
      return refuse('DELEGATION_MISSING', `${parent.provider} has not made the provider its collaborator`);
    }
  }
  return found;
}

function termsFault(ctx: Context, body: DatasetBody): Refusal<DescriptionFault> | undefined {
  const { provider, personal, scope, budget, sensitivity } = body;
  if (personal && !budget) return refuse('BUDGET_REQUIRED');
  if (budget && !within(budget, ctx.policy.runLimits[sensitivity]!)) return refuse('BUDGET_OVER_POLICY');
  const shared = personal && scope !== undefined ? BUDGET.read(ctx.read, provider, scope) : undefined;
  if (budget && shared && !within(budget, shared.allocated)) {
    return refuse('BUDGET_OVER_POLICY', `more than was allocated to ${scope}`);
  }
  if (personal && body.legalBasis === undefined) return refuse('LEGAL_BASIS_REQUIRED');
  // Who keeps its keys itself has nobody to delegate to.
  const { did: kms } = body.kms;
  const lent = kms === provider || !delegationFault(ctx.read, provider, kms, 'kms', ctx.time, body.id);
  if (!lent) return refuse('KMS_NOT_DELEGATED', kms);
  const { purposes } = ctx.policy;
  const unknown = purposes && body.purposes.find((purpose) => !purposes.includes(purpose));
  if (unknown !== undefined) return refuse('PURPOSE_UNKNOWN', unknown);
  const shares = body.terms?.split.reduce((sum, { percent }) => sum + percent, 0) ?? 100;
  return shares === 100 ? undefined : refuse('SPLIT_NOT_100', `${shares} percent`);
}

function ownerFault(read: StateReader, { id, ciphertext, kms }: DatasetBody) {
  const owners = [CIPHERTEXT.read(read, ciphertext), DATA_KEY.read(read, kms.did, kms.dataKeyId)];
  const other = owners.find((owner) => owner && owner.dataset !== id);
  return other && refuse('DATA_ALREADY_REGISTERED', `by ${other.dataset}`);
}

/** Its own budget, and those of every personal ancestor, each once. */
function chargesOf({ provider, personal, scope }: DatasetBody, parents: readonly DatasetRecord[]) {
  const own = personal && scope !== undefined ? [{ provider, scope }] : [];
  const all: readonly Charge[] = [...own, ...parents.flatMap(({ charges }) => charges)];
  return all.filter((charge, i) => all.findIndex((other) => isSame(charge, other)) === i);
}

export function isSame(a: Charge, b: Charge): boolean {
  return a.provider === b.provider && a.scope === b.scope;
}

/** The dataset as the owner of its ciphertext and of its data key. */
export function ownership({ id, ciphertext, kms }: DatasetBody): readonly Write[] {
  const owner = { dataset: id };
  return [CIPHERTEXT.put(owner, ciphertext), DATA_KEY.put(owner, kms.did, kms.dataKeyId)];
}
