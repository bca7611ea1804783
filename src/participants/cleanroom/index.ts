/**
 * The reference clean room: deploys itself under a contract, attests, gets its keys, trains with differential privacy, and gives
 * the model to the consumer, each step allowed by the ledger. On the client SDK only. Nothing in here is trusted by anybody: the
 * certified code is, and that the ledger proves what happened. The consumer's side of the handover is here as well.
 */
export { sealedBase } from './base-model.ts';
export { evidenceFromFolder, simulatedEvidence } from './evidence-source.ts';
export { receiveModel } from './received.ts';
export { type CleanroomOptions, type CleanroomOutcome, runCleanroom } from './run.ts';
export { createSimulator, openSimulator } from './simulator-file.ts';
export type { Progress } from './site.ts';
