/**
 * The records of the state map (LIFECYCLE "Records"), one type each. Times in records are Unix milliseconds unless
 * a participant stated them, then they are the seconds that the participant signed.
 */
import { policyRecord } from './policy.ts';
import { Recent, recordType } from './record.ts';
import {
  bool,
  bytes,
  did,
  type Infer,
  list,
  milliseconds,
  nullable,
  oneOf,
  optional,
  seconds,
  struct,
  text,
  uint,
  urn,
} from './schema.ts';
import { lastStop } from './stop.ts';

/** Bytes of a thumbprint, entry id, digest or commitment. */
export const DIGEST = 32;
/** Keys of one participant, revoked ones included: what bounds every loop over them. */
export const MAX_KEYS = 64;
/** A COSE_Key of the largest kind (P-384), with room to spare. */
const MAX_COSE_KEY = 160;

export const ROLES = [
  'SRO',
  'TDP',
  'TDC',
  'CCRP',
  'KMS',
  'CONTRACT_SERVICE',
  'DATA_COLLAB',
  'VERIFIER',
  'AUDITOR',
  'PUBLISHER',
] as const;
export type Role = (typeof ROLES)[number];

export const kid = bytes(DIGEST);
export const digest = bytes(DIGEST);
/** Deterministic COSE_Key with the required members only. */
export const coseKey = bytes({ min: 1, max: MAX_COSE_KEY });
export const keyAlias = text({ max: 64, pattern: /^[A-Za-z0-9][A-Za-z0-9._#-]{0,63}$/ });
export const keyUse = oneOf('sig', 'enc');

/** `["sys", "genesis"]`: what the log is, for ever. */
const genesisRecord = struct({
  /** Entry id of entry 0. */
  entry: digest,
  origin: text({ max: 255 }),
  simulated: bool,
  sro: did,
  recoveryKid: kid,
  checkpointKey: coseKey,
  checkpointKid: kid,
  receiptKey: coseKey,
  receiptKid: kid,
  rules: digest,
});
export type GenesisRecord = Infer<typeof genesisRecord>;
export const GENESIS = recordType<['genesis'], GenesisRecord>('sys', genesisRecord);

export const POLICY = recordType<[], Infer<typeof policyRecord>>('policy', policyRecord);

const PARTICIPANT_STATES = [
  'REQUESTED',
  'VERIFIED',
  'ACTIVE',
  'SUSPENDED',
  'REJECTED',
  'REVOKED',
  'WITHDRAWN',
] as const;

/** Every statement asks for its signer and the key: thousands may take turns. */
const SIGNERS = new Recent(2048);

const participantRecord = struct({
  did,
  state: oneOf(...PARTICIPANT_STATES),
  requested: list(oneOf(...ROLES), { max: ROLES.length }),
  /** Granted roles; none before verification. */
  roles: list(oneOf(...ROLES), { max: ROLES.length }),
  /** In the order in which they were added; keys that were voided are not in it. */
  keys: list(kid, { max: MAX_KEYS }),
  organisation: optional(digest),
  jurisdiction: optional(text({ max: 8 })),
  endpoints: list(text({ max: 512 }), { max: 16 }),
  /** Unix seconds; no end when left out. */
  validUntil: optional(seconds),
  /** Entry that last changed `state`: what a ref `after` must name. */
  changed: uint(),
  changedAt: milliseconds,
  /** The agreement that it has accepted, and which version of it. */
  agreement: optional(struct({ id: urn('agreement'), version: uint({ min: 1 }) })),
  /** The last suspension, revocation or withdrawal: readers derive its effects. */
  lastStop: optional(lastStop),
});
export type ParticipantRecord = Infer<typeof participantRecord>;
export const PARTICIPANT = recordType<[did: string], ParticipantRecord>(
  'participant',
  participantRecord,
  SIGNERS,
);

const keyRecord = struct({
  /** DID of the participant, or URN of the clean room. */
  owner: text({ max: 512 }),
  key: coseKey,
  use: keyUse,
  alias: keyAlias,
  /** Of a recovered key: nobody's until then, so that the participant can object. */
  notBefore: optional(milliseconds),
  /** Unix seconds: good up to this point in time; no end when left out. */
  notAfter: optional(seconds),
  added: uint(),
  addedAt: milliseconds,
  /** The key that vouched for this one (of a recovered key: one of the SRO's); nil: it came with the registration. */
  addedBy: nullable(kid),
  revoked: optional(
    struct({
      entry: uint(),
      at: milliseconds,
      /** `void`: added by a key that had been compromised, so it never was good. */
      reason: oneOf('rotation', 'compromise', 'void'),
      /** Unix seconds from which signatures by the key count for nothing. */
      since: optional(seconds),
    }),
  ),
});
export type KeyRecord = Infer<typeof keyRecord>;
export const KEY = recordType<[kid: Uint8Array], KeyRecord>('key', keyRecord, SIGNERS);

export const DELEGATE_ROLES = ['kms', 'registrar', 'collab', 'auditor', 'payment'] as const;
export type DelegateRole = (typeof DELEGATE_ROLES)[number];
export const delegateRole = oneOf(...DELEGATE_ROLES);
/** Objects that one delegation may be limited to. */
export const MAX_SCOPE = 64;

export const delegationScope = list(urn('dataset', 'contract', 'model'), {
  min: 1,
  max: MAX_SCOPE,
  unique: true,
});

const delegationRecord = struct({
  grantor: did,
  delegate: did,
  role: delegateRole,
  /** Objects that it is limited to; left out: all of the grantor's. */
  scope: optional(delegationScope),
  /** Unix seconds. */
  notAfter: optional(seconds),
  /** The key that granted it: if it was compromised by then, this is void. */
  kid,
  /** Entry that last changed it: what a ref `after` must name. */
  changed: uint(),
  changedAt: milliseconds,
  revoked: bool,
});
export type DelegationRecord = Infer<typeof delegationRecord>;
export const DELEGATION = recordType<[grantor: string, delegate: string, role: string], DelegationRecord>(
  'delegation',
  delegationRecord,
);
