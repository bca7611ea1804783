// Verification from bytes alone: a trust file and evidence in, named steps and a verdict out. The same code runs in
// the client, in the command line and in a browser. Pure: no network, no clock (the time is an argument), no state
// between two calls. Whether a code means an exit status or an alert is for whoever calls.
export {
  type Bundle,
  type ClaimedEvidence,
  decodeBundle,
  encodeBundle,
  MAX_BUNDLE,
  withoutConsistency,
} from './bundle.ts';
export {
  type BundleEvidence,
  DEFAULT_FRESHNESS,
  type Question,
  type VerifiedBundle,
  verifyBundle,
} from './bundle-verify.ts';
export { type ConsistencyEvidence, checkExtends, verifyCheckpoints } from './consistency.ts';
export {
  decodeEffectProof,
  type EffectProof,
  encodeEffectProof,
  type VerifiedEffect,
  verifyEffect,
} from './effect.ts';
export { type ClaimedEntry, checkEntry, leftEdge, verifyEntry, verifyRun } from './entries.ts';
export {
  type ClaimedFact,
  type ClaimedTip,
  type FactsEvidence,
  GENESIS_KEY,
  type VerifiedFacts,
  verifyFacts,
  verifyTip,
} from './facts.ts';
export { openHead, type SignedTreeHead, sameHead, type TreeHead, witnessPolicy } from './head.ts';
export { proven, type Step, type StepName, type Verification } from './ladder.ts';
export {
  type ClaimedHead,
  type ClaimedLeaf,
  decodeMisbehaviour,
  encodeMisbehaviour,
  type Misbehaviour,
  type MisbehaviourKind,
} from './misbehaviour.ts';
export { makeMisbehaviour, makeStateMisbehaviour, type RefutedRun } from './misbehaviour-make.ts';
export type { ClaimedEarlier } from './misbehaviour-run.ts';
export { type ProvenMisbehaviour, verifyMisbehaviour } from './misbehaviour-verify.ts';
export { decodeModelEvidence, encodeModelEvidence, type ModelEvidence } from './model-evidence.ts';
export { entriesOf, kindsOf, type Logged, type ModelRecords, modelRecords } from './model-records.ts';
export type { ModelFiles } from './model-steps.ts';
export { type ModelQuestion, type VerifiedModel, verifyModel } from './model-verify.ts';
export { type Placement, verifyReceipt } from './placement.ts';
export {
  type RegistrationEvidence,
  type VerifiedRegistration,
  verifyRegistration,
} from './registration.ts';
export { requiresReplayers } from './replayers.ts';
export { formatTrust, parseTrust, type Trust } from './trust.ts';
