/**
 * The AI Chain: statements, kinds, and the transition function that gives each logged statement its verdict and its
 * effect on the state. Pure: no clock (time is the state entry's), no I/O, no randomness; any replayer gets the same.
 * Trees, storage and the network are elsewhere; a new kind touches its file in kinds/ and the list there.
 */

export { resultFault, wasAffirmed } from './affirmation.ts';
export { isPickle } from './format.ts';
export {
  type Decision,
  decide,
  decideProven,
  GATES,
  type Gate,
  type GateReason,
  type GateStep,
  gateNamed,
  type ProvenFact,
  type RequestOf,
  readRequest,
} from './gates/index.ts';
export {
  type GenesisParts,
  genesisBody,
  listSigningKeys,
  readGenesis,
  type SigningKeys,
  signGenesis,
} from './genesis.ts';
export { didMethod, isDid, isOrigin, isUrn } from './identifier.ts';
export type { Kind, SignerMode } from './kind.ts';
export { KINDS, type KindName, kindNamed } from './kinds/index.ts';
export {
  EDGE_CLASSES,
  type Edge,
  type EdgeClass,
  isNodeId,
  LISTED_TYPES,
  type Lineage,
  type ListedObject,
  type ListedType,
  lineageOf,
  typeOfId,
} from './lineage.ts';
export type { ListedKey } from './listed-key.ts';
export { ancestry, recalledAmong } from './model-ancestry.ts';
export { type ObjectStatus, objectStatus } from './object-status.ts';
export { DEFAULT_POLICY, type Policy, type PolicyBody, type PolicyRecord, policyAt } from './policy.ts';
export { type Possession, possessionProven, provePossession } from './possession.ts';
export { signatureKey } from './public-key.ts';
export { describeReason, type KindReason, type Reason } from './reason.ts';
export { type StateReader, stateKey, type Write } from './record.ts';
export {
  AFFIRMATION,
  type AffirmationRecord,
  CLEANROOM,
  type CleanroomRecord,
  EVIDENCE,
  EVIDENCE_ID,
  type EvidenceRecord,
} from './records/cleanroom.ts';
export { CONTRACT, type ContractRecord } from './records/contract.ts';
export { BUDGET, DATASET, type DatasetRecord } from './records/dataset.ts';
export {
  ANCHORS,
  type AnchorsRecord,
  APPRAISAL_POLICY,
  CODE,
  type CodeRecord,
} from './records/governance.ts';
export { MODEL, type ModelRecord } from './records/model.ts';
export { RELEASE, type ReleaseRecord } from './records/release.ts';
export { RUN, type RunRecord } from './records/run.ts';
export { isRefusal, type Refusal } from './refusal.ts';
export { RELEASE_STOPS, releaseUpstream } from './release-upstream.ts';
export { roomStateAt } from './room-end.ts';
export { rulesDocument, rulesId } from './rules.ts';
export { signatureFault, type VerificationKey, type Verified, verificationKey } from './signing-key.ts';
export {
  DELEGATION,
  GENESIS,
  type GenesisRecord,
  KEY,
  type KeyRecord,
  PARTICIPANT,
  type ParticipantRecord,
  POLICY,
  ROLES,
  type Role,
} from './state.ts';
export {
  decodeStateEntry,
  decodeVerdict,
  effectsRoot,
  encodeStateEntry,
  encodeVerdict,
  type StateEntry,
  type Verdict,
  verdictPath,
} from './state-entry.ts';
export {
  type ChainHeader,
  canonicalStatement,
  type ForeignParts,
  MAX_STATEMENT,
  parseStatement,
  type Ref,
  STATEMENT_TYPE,
  type Statement,
  type StatementParts,
  signForeign,
  signStatement,
  toBeSigned,
} from './statement.ts';
export { type TextFault, textFault } from './text-guard.ts';
export {
  type LoggedEntry,
  lookupsFor,
  type Transition,
  type TransitionInput,
  transition,
} from './transition.ts';
export { WrittenState } from './written-state.ts';
