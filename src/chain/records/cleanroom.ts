/** Records of clean rooms and of their evidence. */
import { privacy } from '../privacy.ts';
import { recordType } from '../record.ts';
import {
  did,
  type Infer,
  list,
  milliseconds,
  oneOf,
  optional,
  seconds,
  struct,
  uint,
  urn,
} from '../schema.ts';
import { coseKey, digest, kid } from '../state.ts';
import { MAX_DATASETS, MAX_VERIFIERS } from './contract.ts';
import { dataKeyId } from './dataset.ts';
import { teeType } from './governance.ts';

/** Contracts that one room may serve. */
export const MAX_CONTRACTS = 4;
/** Pieces of evidence of one room. */
export const MAX_EVIDENCE = 16;
/** Results of one piece of evidence: one for each verifier of each contract. */
export const MAX_RESULTS = MAX_CONTRACTS * MAX_VERIFIERS;

export const CLEANROOM_STATES = [
  'PROVISIONED',
  'ATTESTED',
  'KEYED',
  'TRAINING',
  'TRAINED',
  'RELEASED',
  'TERMINATED',
  'ABORTED',
  'FAILED',
] as const;

/** Whose word an appraisal is, and what it went by. */
const vouched = {
  /** Thumbprint of the key that signed it, and its time in Unix milliseconds. */
  kid,
  at: milliseconds,
  /** The appraisal policy that it judged by; a later version takes the place of an earlier one. */
  policy: urn('appraisal-policy'),
  version: uint({ min: 1 }),
  anchors: struct({ id: urn('anchors'), version: uint({ min: 1 }) }),
};

/** What a room needs a key for: a dataset, with its version, or its base model. */
export const mount = struct({
  subject: urn('dataset', 'model'),
  version: optional(uint({ min: 1 })),
  kms: did,
  dataKeyId,
  /** Position of the contract in `contracts`. */
  contract: uint({ max: MAX_CONTRACTS - 1 }),
  /** The release that stands for it, once granted. */
  release: optional(urn('release')),
  /** Unix milliseconds until which a granted key has to be received; gone once it was. */
  expires: optional(milliseconds),
  received: optional(oneOf('yes')),
});
export type Mount = Infer<typeof mount>;

const cleanroomRecord = struct({
  contracts: list(urn('contract'), { min: 1, max: MAX_CONTRACTS }),
  deployer: did,
  code: urn('code'),
  /** Commitment to the whole pipeline. */
  pipeline: digest,
  /** ε and δ that a run of the pipeline spends, at most. */
  privacy,
  mounts: list(mount, { min: 1, max: MAX_DATASETS + 1 }),
  baseModel: optional(urn('model')),
  /** Unix seconds. */
  deadline: seconds,
  /** Entry of the deployment, its entry id, and its time in Unix milliseconds. */
  entry: uint(),
  entryId: digest,
  at: milliseconds,
  /** The attested keys, once a quorum of verifiers affirmed one piece of evidence. */
  signKid: optional(kid),
  wrapKid: optional(kid),
  /** Time of the head that the evidence names, Unix milliseconds: the age of an appraisal runs from here. */
  attestedHead: optional(milliseconds),
  /** The first GRANT, cancelled or not: from here on its keys and its place among the contracts’ runs are fixed. */
  granted: optional(struct({ entry: uint(), at: milliseconds })),
  /** An entry that blocks it for good: a contraindicated appraisal after an affirming one, or a late key. */
  blocked: optional(struct({ entry: uint(), at: milliseconds })),
  run: optional(urn('run')),
  state: oneOf(...CLEANROOM_STATES),
  evidence: uint({ max: MAX_EVIDENCE }),
  changed: uint(),
  changedAt: milliseconds,
});
export type CleanroomRecord = Infer<typeof cleanroomRecord>;
export const CLEANROOM = recordType<[id: string], CleanroomRecord>('cleanroom', cleanroomRecord);

/** Beside the room: what hands keys over reads the room, and only the machine that decides reads who vouches for it. */
const affirmationRecord = struct({
  /** What they affirmed: SHA-256 of the evidence. */
  evidence: digest,
  /** The affirming results that gave the room its keys: a quorum of each contract. */
  by: list(struct(vouched), { max: MAX_RESULTS }),
});
export type AffirmationRecord = Infer<typeof affirmationRecord>;
export const AFFIRMATION = recordType<[cleanroom: string], AffirmationRecord>(
  'affirmation',
  affirmationRecord,
);

const evidenceRecord = struct({
  tee: teeType,
  /** The room's keys that the evidence vouches for, as COSE_Keys. */
  signKey: coseKey,
  wrapKey: coseKey,
  entry: uint(),
  /** What each verifier found last, under each appraisal policy. */
  results: list(
    struct({
      verifier: did,
      ...vouched,
      result: oneOf('affirming', 'warning', 'contraindicated'),
      /** Time of the head that the evidence names, Unix milliseconds: its age runs from here. */
      head: milliseconds,
    }),
    { max: MAX_RESULTS },
  ),
  /** Somebody had affirmed it before the last result: what contraindicates it then blocks the room. */
  affirmed: optional(oneOf('yes')),
});
export type EvidenceRecord = Infer<typeof evidenceRecord>;
export const EVIDENCE = recordType<[cleanroom: string, digest: Uint8Array], EvidenceRecord>(
  'evidence',
  evidenceRecord,
);

/** The one room that a piece of evidence is of. */
const evidenceIdRecord = struct({ cleanroom: urn('cleanroom') });
export const EVIDENCE_ID = recordType<[id: Uint8Array], Infer<typeof evidenceIdRecord>>(
  'evidence-id',
  evidenceIdRecord,
);
