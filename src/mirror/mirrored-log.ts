/**
 * The copy as what the ledger answers from: the log's reading half, at the newest head that the log has signed and the
 * copy has reached. It signs nothing and takes nothing: heads and receipts carry the log's own signatures.
 */
import { decodeStateEntry, type Verdict } from '../chain/index.ts';
import type { Bytes } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { fail, isLedgerError } from '../core/errors.ts';
import {
  decodeVerdicts,
  type LeafRecord,
  type LineageIndex,
  type LogStatus,
  leafDataOf,
  type ReceiptHead,
  recordTypeRange,
  type Sequenced,
  type SignedHead,
  verdictsKey,
} from '../log/index.ts';
import { leafHash } from '../merkle/index.ts';
import type { ServedLog, ServedSnapshot } from '../service/index.ts';
import type { Trust } from '../verify/index.ts';
import type { CopiedHead, Copy } from './copy.ts';

export class MirroredLog implements ServedLog {
  readonly #crypto: Crypto;
  readonly #trust: Trust;
  readonly #copy: Copy;
  readonly #followers = new Set<() => void>();
  /** Why the mirror does not follow its log any more. */
  #stopped: string | undefined;

  constructor(crypto: Crypto, trust: Trust, copy: Copy) {
    this.#crypto = crypto;
    this.#trust = trust;
    this.#copy = copy;
  }

  /** The copy has reached another head. */
  published(): void {
    for (const follower of this.#followers) follower();
  }

  stop(reason: string): void {
    this.#stopped = reason;
  }

  get origin(): string {
    return this.#trust.origin;
  }

  get publicKeys() {
    return { checkpoint: this.#trust.checkpointKey, receipt: this.#trust.receiptKey };
  }

  get status(): LogStatus {
    const reason = this.#stopped ?? 'this is a mirror: statements are registered with the log itself';
    return { accepting: false, reason, queued: 0, following: this.#stopped === undefined };
  }

  async submitAll(): Promise<Sequenced[]> {
    throw fail('MIRROR_READ_ONLY', 'this is a mirror: register the statement with the log itself');
  }

  // --- heads --------------------------------------------------------------------------------------------------------

  get head(): SignedHead {
    return this.#newest.head;
  }

  get snapshot(): ServedSnapshot {
    return this.#newest;
  }

  get #newest(): CopiedHead {
    const { newest } = this.#copy;
    if (newest) return newest;
    throw fail('MIRROR_BEHIND', 'the mirror has not reached a head of its log yet', { retryAfter: 1 });
  }

  async headOf(size: number): Promise<SignedHead> {
    const { head } = this;
    if (size === head.size) return head;
    const held = size < head.size ? await this.#copy.heads.ofSize(size) : undefined;
    if (held) return { ...held, time: decodeStateEntry((await this.record(size - 1)).bytes).time };
    throw fail('SIZE_NOT_AVAILABLE', `the mirror has no signed head of ${size}`);
  }

  receiptHead(index: number): ReceiptHead {
    const { receipt } = this.#copy.heads;
    if (receipt && index < receipt.size) return receipt;
    const message = `the mirror has no receipt signature of its log over a tree with entry ${index} yet`;
    throw fail('MIRROR_BEHIND', message, { retryAfter: 5 });
  }

  consistencyReceipt(): null {
    return null;
  }

  onPublish(callback: () => void): () => void {
    this.#followers.add(callback);
    return () => this.#followers.delete(callback);
  }

  // --- the tree -----------------------------------------------------------------------------------------------------

  async indexOf(entryId: Bytes): Promise<number | undefined> {
    const [index] = await this.#copy.index.find([leafHash(this.#crypto, entryId)]);
    return index === undefined || index >= this.head.size ? undefined : index;
  }

  inclusionPath(index: number, size: number): Promise<Bytes[]> {
    return this.#copy.tree.inclusionPath(index, size);
  }

  inclusionHashes(index: number, size: number): Promise<Bytes> {
    return this.#copy.tree.inclusionHashes(index, size);
  }

  consistencyPath(from: number, to: number): Promise<Bytes[]> {
    return this.#copy.tree.consistencyPath(from, to);
  }

  leafHash(index: number): Promise<Bytes> {
    return this.#copy.tree.leafHash(index);
  }

  hashTile(level: number, index: number, width: number): Promise<Bytes> {
    return this.#copy.tree.tile(level, index, width);
  }

  bundle(n: number, size: number, most?: number): Promise<LeafRecord[]> {
    return this.#copy.leaves.bundle(n, size, most);
  }

  run(index: number): Promise<LeafRecord[]> {
    return this.#copy.leaves.run(index, this.head.size);
  }

  record(index: number): Promise<LeafRecord> {
    return this.#copy.leaves.record(index, this.head.size);
  }

  leafData(record: LeafRecord): Bytes {
    return leafDataOf(this.#crypto, record);
  }

  closingStateEntry(index: number): Promise<number> {
    return this.#copy.leaves.closingStateEntry(index, this.head.size);
  }

  async verdicts(stateIndex: number): Promise<Verdict[] | undefined> {
    const stored = await this.#copy.storage.get(verdictsKey(stateIndex));
    return stored && decodeVerdicts(stored);
  }

  // --- what is told from the state ----------------------------------------------------------------------------------

  async eachRecord(type: string, example: Bytes, callback: (value: Bytes) => void): Promise<void> {
    for await (const [, value] of this.#copy.storage.range(recordTypeRange(type, example))) callback(value);
  }

  get lineageStatus(): { next: number; size: number } {
    const { lineage } = this.#copy;
    return { next: lineage.stale ? 0 : lineage.next, size: this.head.size };
  }

  async lineage<T>(ask: (index: LineageIndex, size: number) => Promise<T>): Promise<T> {
    const { size } = this.head;
    const { lineage } = this.#copy;
    if (lineage.behind(size)) throw this.#behind();
    try {
      return await ask(lineage, size);
    } catch (error) {
      if (!isLedgerError(error, 'LOG_CORRUPT') && !isLedgerError(error, 'BYTES_MALFORMED')) throw error;
      // Built anew before the next head is copied.
      lineage.discard();
      throw this.#behind();
    }
  }

  #behind() {
    const { next, size } = this.lineageStatus;
    return fail('INDEX_BEHIND', `the lineage index is being built: ${next} of ${size} leaves`, {
      retryAfter: 5,
    });
  }
}
