/** Records of datasets, and of the privacy budgets that they share. */
import { privacy } from '../privacy.ts';
import { recordType } from '../record.ts';
import {
  bool,
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
import { digest } from '../state.ts';
import { lastStop } from '../stop.ts';

export const MAX_PARENTS = 8;
export const MAX_PURPOSES = 16;
export const MAX_COLUMNS = 64;
/** Budgets that one run on a dataset may be charged to: its own and those of its personal ancestors. */
export const MAX_CHARGES = 16;

/** A purpose, format or legal basis. */
export const word = text({ max: 64, pattern: /^[A-Za-z0-9][A-Za-z0-9._+/-]{0,63}$/ });
/** A column of a table: a join key or a training target. */
export const column = text({ max: 128 });
/** What a key management system calls a key. */
export const dataKeyId = text({ max: 128 });
/** Population whose privacy budget a dataset draws on, in the provider's own terms. */
export const scopeName = text({ max: 128 });
/** A budget: the provider, and its name for the population. */
export const charge = struct({ provider: did, scope: scopeName });
export type Charge = Infer<typeof charge>;
export const datasetVersion = struct({ dataset: urn('dataset'), version: uint({ min: 1 }) });
export type DatasetVersion = Infer<typeof datasetVersion>;

const datasetRecord = struct({
  provider: did,
  name: text({ max: 256 }),
  /** SHA-256 of the encrypted file. */
  ciphertext: digest,
  format: word,
  kms: did,
  dataKeyId,
  sensitivity: uint({ max: 2 }),
  personal: bool,
  /** With it, a personal dataset: its own budget. */
  scope: optional(scopeName),
  purposes: list(word, { min: 1, max: MAX_PURPOSES }),
  joinKeys: list(column, { max: MAX_COLUMNS }),
  targets: list(column, { max: MAX_COLUMNS }),
  /** Most that one run may spend of it. */
  budget: optional(privacy),
  /** Unix seconds. */
  retentionUntil: optional(seconds),
  parents: list(datasetVersion, { max: MAX_PARENTS }),
  /** Every budget that a run on it is charged to. */
  charges: list(charge, { max: MAX_CHARGES }),
  state: oneOf('PUBLISHED', 'SUPERSEDED', 'SUSPENDED', 'WITHDRAWN'),
  /** Entry that registered this version. */
  entry: uint(),
  /** Entry that last changed `state`: what a ref `after` must name. */
  changed: uint(),
  changedAt: milliseconds,
  lastStop: optional(lastStop),
  /** While it is SUSPENDED: who may lift that. */
  suspendedBy: optional(oneOf('provider', 'SRO')),
});
export type DatasetRecord = Infer<typeof datasetRecord>;
export const DATASET = recordType<[id: string, version: number], DatasetRecord>('dataset', datasetRecord);

/** Which dataset has a ciphertext, or a data key: neither may serve a second one. */
const ownerRecord = struct({ dataset: urn('dataset') });
export const CIPHERTEXT = recordType<[digest: Uint8Array], Infer<typeof ownerRecord>>(
  'ciphertext',
  ownerRecord,
);
/** The key may be that of a base model: it is released without a charge, so it must not be a dataset's as well. */
const keyedRecord = struct({ dataset: urn('dataset', 'model') });
export const DATA_KEY = recordType<[kms: string, dataKeyId: string], Infer<typeof keyedRecord>>(
  'data-key',
  keyedRecord,
);

/** At every entry: spent + reserved ≤ allocated, for ε and for δ. */
const budgetRecord = struct({
  allocated: privacy,
  spent: privacy,
  reserved: privacy,
});
export type BudgetRecord = Infer<typeof budgetRecord>;
export const BUDGET = recordType<[provider: string, scope: string], BudgetRecord>('budget', budgetRecord);
