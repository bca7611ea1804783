/**
 * What the ledger answers from: a transparency log, or a verified copy of one that signs nothing itself. The reading half
 * is the log's own.
 */
import type { Bytes } from '../core/bytes.ts';
import type { ReceiptHead, SignedHead, Snapshot, TransparencyLog } from '../log/index.ts';

/** A head with the state that belongs to it. */
export type ServedSnapshot = Omit<Snapshot, 'head'> & { readonly head: SignedHead };

type Reading =
  | 'origin'
  | 'publicKeys'
  | 'status'
  | 'submitAll'
  | 'headOf'
  | 'onPublish'
  | 'indexOf'
  | 'inclusionPath'
  | 'inclusionHashes'
  | 'consistencyPath'
  | 'hashTile'
  | 'leafHash'
  | 'bundle'
  | 'run'
  | 'record'
  | 'leafData'
  | 'closingStateEntry'
  | 'verdicts'
  | 'eachRecord'
  | 'lineageStatus'
  | 'lineage';

export interface ServedLog extends Pick<TransparencyLog, Reading> {
  readonly head: SignedHead;
  /** The newest head that a receipt for leaf `index` can be given at. @throws MIRROR_BEHIND a copy has none yet */
  receiptHead(index: number): ReceiptHead;
  readonly snapshot: ServedSnapshot;
  /** COSE receipt that the tree `to` extends the tree of `from` leaves; null: nobody here could sign it. */
  consistencyReceipt(from: number, to: SignedHead, path: readonly Bytes[]): Bytes | null;
}
