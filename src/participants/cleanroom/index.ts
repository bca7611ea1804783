/**
 * The reference clean room: deploys itself under a contract, attests, gets its keys, trains with differential privacy, and gives
 * the model to the consumer, each step allowed by the ledger. On the client SDK only. Nothing in here is trusted by anybody: the
 * certified code is, and that the ledger proves what happened. The consumer's side of the handover is here as well.
 */
export type { EvidenceStore } from './attested.ts';
export { type EvidenceSource, evidenceFromFolder, simulatedEvidence } from './evidence-source.ts';
export type { KmsAddress } from './kms-client.ts';
export { commitmentTo, type PipelineFiles } from './planned.ts';
export { type Received, type Receiving, receiveModel } from './received.ts';
export { type CleanroomOptions, type CleanroomOutcome, runCleanroom } from './run.ts';
export { SealedFolder } from './sealed-folder.ts';
export { createSimulator, openSimulator } from './simulator-file.ts';
export type { Progress } from './site.ts';
