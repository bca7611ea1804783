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
// For whoever keeps a log's storage without being the log: a mirror.
export {
  decodeVerdicts,
  encodeHead,
  encodeMark,
  encodeVerdicts,
  HEAD_KEY,
  isIndexRow,
  isLogRow,
  MARK_KEY,
  MIRRORED_HEADS,
  MIRRORED_RECEIPT_KEY,
  mirroredHeadKey,
  recordKey,
  recordTypeRange,
  verdictsKey,
} from './layout.ts';
export type { LeafIndex } from './leaf-index.ts';
export type { LeafRecord } from './leaf-record.ts';
export { leafDataOf } from './leaf-record.ts';
export type { LeafStore } from './leaf-store.ts';
// For whoever replays a log.
export { LeafVerifier } from './leaf-verifier.ts';
export { catchUp } from './lineage-catch-up.ts';
export {
  type Direction,
  forgetLineage,
  type IndexedEdge,
  type IndexedEntry,
  LineageIndex,
  type TimelineEntry,
} from './lineage-index.ts';
export {
  type LogObserver,
  type LogOptions,
  type LogStatus,
  type Sequenced,
  TransparencyLog,
} from './log.ts';
export { Lru } from './lru.ts';
export { type HeldTree, holds, markedHead, type PublishedMark, WAY_OUT } from './published-mark.ts';
export {
  inclusionReceipt,
  type LogKeys,
  type PublishedHead,
  type ReceiptHead,
  type SignedHead,
  signCheckpoint,
} from './publisher.ts';
export { BundleVerifier, MARK_INTERVAL, restore } from './restore.ts';
export type { Numbers } from './statistics.ts';
export { type Row, type StoredRows, storedRows, verifyStoredLog } from './stored-log.ts';
export type { LogTree } from './tree.ts';
export { type MakeVerifier, workerThreads } from './verifier.ts';
export type { WitnessConnection } from './witness-link.ts';
