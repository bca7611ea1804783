/** Records of what the SRO publishes: agreements, anchors, appraisal policies, certified code. */
import { recordType } from '../record.ts';
import { bytes, type Infer, list, oneOf, optional, seconds, struct, text, uint, urn } from '../schema.ts';
import { digest } from '../state.ts';
import { lastStop } from '../stop.ts';

/** Image digests, host data values, measurements, endorsers of one declaration. */
export const MAX_LISTED = 16;

const agreementRecord = struct({
  version: uint({ min: 1 }),
  /** SHA-256 of the text. */
  digest,
  /** Unix seconds: by then participants have to have accepted this version. */
  acceptBy: seconds,
  entry: uint(),
});
export type AgreementRecord = Infer<typeof agreementRecord>;
export const AGREEMENT = recordType<[id: string], AgreementRecord>('agreement', agreementRecord);

export const TEE_TYPES = ['snp', 'snp-aci', 'simulated'] as const;
export const teeType = oneOf(...TEE_TYPES);

/** What appraisal may trust. The certificates themselves are in the entry; here are their digests. */
const anchorsRecord = struct({
  version: uint({ min: 1 }),
  tee: teeType,
  /** SHA-256 of the whole body: what an appraisal names. */
  digest,
  entry: uint(),
});
export type AnchorsRecord = Infer<typeof anchorsRecord>;
export const ANCHORS = recordType<[id: string], AnchorsRecord>('anchors', anchorsRecord);

const appraisalPolicyRecord = struct({
  version: uint({ min: 1 }),
  /** SHA-256 of the policy document: what an appraisal names. */
  digest,
  entry: uint(),
});
export type AppraisalPolicyRecord = Infer<typeof appraisalPolicyRecord>;
export const APPRAISAL_POLICY = recordType<[id: string], AppraisalPolicyRecord>(
  'appraisal-policy',
  appraisalPolicyRecord,
);

/** Host data of a clean room: SHA-256 of its policy. */
export const hostData = bytes(32);
/** Launch measurement of an SEV-SNP machine: SHA-384. */
const measurement = bytes(48);
/** Who endorses measurements, for which product, and from which security version on. */
export const endorser = struct({
  issuer: text({ max: 512 }),
  feed: text({ max: 256 }),
  minSvn: uint(),
});
/** What may have been launched below the containers: a measurement that is listed, or that a listed endorser vouches for. */
export const launch = struct({
  endorsedBy: list(endorser, { max: MAX_LISTED }),
  measurements: list(measurement, { max: MAX_LISTED }),
});
/** The name of a framework or accountant. */
export const toolName = text({ max: 64, pattern: /^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$/ });

const codeRecord = struct({
  state: oneOf('CERTIFIED', 'REVOKED'),
  /** Any of these may be the host data of a clean room that runs the code. */
  hostData: list(hostData, { min: 1, max: MAX_LISTED }),
  /** Left out: whatever the appraisal policy takes. */
  launch: optional(launch),
  /** SHA-256 of the trust file that the code measures into its host data. */
  ledgerTrust: digest,
  /** Whether what its privacy accountant reports as unspent may be given back. */
  accountantTrusted: optional(toolName),
  /** Unix seconds. */
  notAfter: optional(seconds),
  entry: uint(),
  lastStop: optional(lastStop),
});
export type CodeRecord = Infer<typeof codeRecord>;
export const CODE = recordType<[id: string], CodeRecord>('code', codeRecord);

/** The last key that was recovered for a participant: effective unless the participant objects before its time. */
const recoveryRecord = struct({
  kid: digest,
  entry: uint(),
  /** Unix milliseconds: from then on the key can sign. */
  from: uint(),
});
export type RecoveryRecord = Infer<typeof recoveryRecord>;
export const RECOVERY = recordType<[did: string], RecoveryRecord>('recovery', recoveryRecord);

/** Contracts of a participant that may still oblige it. */
const obligationsRecord = struct({ contracts: list(urn('contract'), { max: 1024 }) });
export const OBLIGATIONS = recordType<[did: string], Infer<typeof obligationsRecord>>(
  'obligations',
  obligationsRecord,
);
