/** Records of contracts. */
import { privacy } from '../privacy.ts';
import { recordType } from '../record.ts';
import {
  amount,
  did,
  type Infer,
  list,
  milliseconds,
  oneOf,
  optional,
  seconds,
  struct,
  text,
  uint,
  urn,
} from '../schema.ts';
import { digest, kid } from '../state.ts';
import { lastStop } from '../stop.ts';
import { column, dataKeyId, word } from './dataset.ts';

export const MAX_TDPS = 16;
export const MAX_DATASETS = 16;
export const MAX_CODE = 8;
export const MAX_VERIFIERS = 8;
export const MAX_ROWS = 32;
export const MAX_COLUMNS = 64;

/** ISO 4217. */
export const currency = text({ max: 3, pattern: /^[A-Z]{3}$/ });

/** A dataset of a contract, and what one run may spend of it; without `privacy` it is not personal. */
export const contractDataset = struct({
  id: urn('dataset'),
  version: uint({ min: 1 }),
  provider: did,
  dataKeyId,
  privacy: optional(privacy),
});
export type ContractDataset = Infer<typeof contractDataset>;

/** One payment for each clean room; `trigger` says before which step it has to be settled. Money in minor units. */
export const paymentRow = struct({
  payee: did,
  amount: amount(),
  currency,
  trigger: oneOf('model.release', 'contract.complete'),
});
export type PaymentRow = Infer<typeof paymentRow>;

/** Who may revoke, and with how many seconds of notice. */
export const revocationTerm = struct({
  who: did,
  condition: text({ max: 512 }),
  notice: uint({ max: 366 * 86_400 }),
});

export const CONTRACT_STATES = [
  'PROPOSED',
  'PARTLY_SIGNED',
  'SIGNED',
  'COMPLETED',
  'REVOKED',
  'SUPERSEDED',
  'DECLINED',
] as const;

const contractRecord = struct({
  version: uint({ min: 1 }),
  /** Entry id and index of the proposal: what signatories sign over. */
  proposal: digest,
  entry: uint(),
  /** SHA-256 of the contract's text. */
  text: digest,
  tdc: did,
  tdps: list(did, { min: 1, max: MAX_TDPS }),
  ccrp: did,
  collab: optional(did),
  paymentService: optional(did),
  /** Distinct DIDs that have to sign: TDC ∪ TDPs ∪ (CCRP, if the policy at the proposal asked for it). */
  signatories: list(did, { min: 1, max: MAX_TDPS + 2 }),
  datasets: list(contractDataset, { min: 1, max: MAX_DATASETS }),
  purpose: word,
  /** Unix seconds. */
  start: seconds,
  expiry: seconds,
  /** Unix milliseconds: until then it has to be fully signed. */
  lapses: milliseconds,
  maxRuns: uint({ min: 1 }),
  code: list(urn('code'), { min: 1, max: MAX_CODE }),
  verifiers: list(did, { min: 1, max: MAX_VERIFIERS }),
  quorum: uint({ min: 1, max: MAX_VERIFIERS }),
  appraisalPolicy: urn('appraisal-policy'),
  joinKeys: list(column, { max: MAX_COLUMNS }),
  targets: list(column, { max: MAX_COLUMNS }),
  payments: list(paymentRow, { max: MAX_ROWS }),
  revocation: list(revocationTerm, { max: MAX_TDPS + 2 }),
  refundAfterGrant: optional(oneOf('if-failed')),
  baseModel: optional(urn('model')),
  supersedes: optional(urn('contract')),
  state: oneOf(...CONTRACT_STATES),
  /** In the order of signing. */
  signatures: list(struct({ did, kid, entry: uint(), at: milliseconds }), { max: MAX_TDPS + 2 }),
  /** Rooms that count against maxRuns: all but those that ended before a GRANT. */
  runs: uint(),
  /** Rooms that have not ended, and payments that are DUE or HELD. */
  openRooms: uint(),
  openPayments: uint(),
  /** SHA-256 of an imported multi-signed contract. */
  imported: optional(digest),
  changed: uint(),
  changedAt: milliseconds,
  lastStop: optional(lastStop),
});
export type ContractRecord = Infer<typeof contractRecord>;
export const CONTRACT = recordType<[id: string], ContractRecord>('contract', contractRecord);
