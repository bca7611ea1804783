/**
 * The log: admission in worker threads, one sequencer with group commit, publication, recovery. It owns every
 * ordering that durability depends on. It knows storage and the pure core; it knows no protocol and no client.
 */
export type { Snapshot } from './cosigned-head.ts';
export {
  type CheckpointKeeper,
  Cosigning,
  type CosigningStatus,
} from './cosigning.ts';
export { DiskFloor } from './disk-floor.ts';
export type { LeafRecord } from './leaf-record.ts';
export {
  type Direction,
  forgetLineage,
  type IndexedEdge,
  type LineageIndex,
  type TimelineEntry,
} from './lineage-index.ts';
export {
  type LogObserver,
  type LogOptions,
  type LogStatus,
  type Sequenced,
  TransparencyLog,
} from './log.ts';
export { assertHoldsMark, type HeldTree, holds, type PublishedMark, WAY_OUT } from './published-mark.ts';
export { inclusionReceipt, type LogKeys, type PublishedHead, type SignedHead } from './publisher.ts';
export type { Numbers } from './statistics.ts';
export { type Row, type StoredRows, storedRows, verifyStoredLog } from './stored-log.ts';
export { type MakeVerifier, workerThreads } from './verifier.ts';
export type { WitnessConnection } from './witness-link.ts';
