// Signed notes, checkpoints, cosignatures and trust policies of C2SP: parsing, making, verifying and judging them.
// Pure: no clock (the time is an argument), no network, no tree; whoever signs has checked consistency before.
// Nothing here knows what the log's entries mean.
export {
  type AddCheckpoint,
  formatAddCheckpoint,
  formatCosignatures,
  MAX_ADD_CHECKPOINT,
  MAX_COSIGNATURES,
  parseAddCheckpoint,
  parseCosignatures,
  parseTlogSize,
  TLOG_SIZE,
  type WitnessAnswer,
} from './add-checkpoint.ts';
export {
  type Checkpoint,
  checkpointOf,
  formatCheckpoint,
  openCheckpoint,
  parseCheckpoint,
} from './checkpoint.ts';
export {
  type Cosignature,
  type Cosigner,
  cosigner,
  type Subtree,
  subtreeMessage,
  verifyCosignature,
  verifySubtree,
} from './cosignature.ts';
export { formatNote, type Note, type OpenedNote, openNote, parseNote, signNote } from './note.ts';
export {
  type PolicyLog,
  type PolicyWitness,
  parsePolicy,
  policyLines,
  type Quorum,
  type TrustPolicy,
} from './policy.ts';
export {
  CLOCK_TOLERANCE,
  type CosignedCheckpoint,
  evaluateQuorum,
  freshness,
  openCosigned,
} from './quorum.ts';
export { formatSignatureLine, type NoteSignature, parseSignatureLine } from './signature-line.ts';
export {
  formatSignerKey,
  type NoteSigner,
  noteSigner,
  parseSignerKey,
  type SignerKey,
} from './signer-key.ts';
export { formatTlogProof, parseTlogProof, type TlogProof } from './tlog-proof.ts';
export {
  formatVerifierKey,
  keyId,
  parseVerifierKey,
  SIGNATURE_TYPE,
  type SignatureType,
  type VerifierKey,
  verifierKey,
} from './verifier-key.ts';
