/**
 * The copy of a log, in the log's own storage layout. Leaves come in as runs that are known to be in a signed tree; each
 * is replayed, and what it did is written with it, so that every row of the copy is one that the log itself would have
 * written. One atomic write takes some thousand leaves and always ends after a state entry.
 */
import { encodeVerdict, type StateEntry } from '../chain/index.ts';
import type { Bytes } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { fail, LedgerError } from '../core/errors.ts';
import {
  BundleVerifier,
  catchUp,
  encodeHead,
  encodeMark,
  encodeVerdicts,
  HEAD_KEY,
  type IndexedEntry,
  type LeafIndex,
  type LeafRecord,
  type LeafStore,
  LineageIndex,
  type LogTree,
  MARK_INTERVAL,
  MARK_KEY,
  type ReceiptHead,
  recordKey,
  restore,
  type SignedHead,
  verdictsKey,
} from '../log/index.ts';
import { TILE_WIDTH } from '../merkle/index.ts';
import { prepareRun, type Refuted, Replay, type ReplayedRun, type Run } from '../replay/index.ts';
import type { StateMap } from '../statemap/index.ts';
import { type Storage, WriteBatch } from '../storage/index.ts';
import { type HeldHead, HeldHeads } from './held-heads.ts';
import { EarlierEntries } from './known-entries.ts';

export interface CopyOptions {
  readonly crypto: Crypto;
  readonly origin: string;
  /** Id of the rules of this software, 32 bytes. */
  readonly rules: Bytes;
  /** Entry id of entry 0, 32 bytes. */
  readonly genesis: Bytes;
  readonly storage: Storage;
}

/** A head of the log that the copy holds whole, with its state. */
export interface CopiedHead {
  readonly head: SignedHead;
  readonly state: StateMap;
  readonly tip: StateEntry;
}

/** What one write takes at least, unless it is the last. */
const LEAVES_A_WRITE = 4096;
const BYTES_A_WRITE = 4 << 20;

/** Replayed, and not written yet. */
interface Pending {
  readonly records: LeafRecord[];
  readonly leafHashes: Bytes[];
  readonly lineage: IndexedEntry[];
  readonly rows: WriteBatch;
  bytes: number;
}

export class Copy {
  readonly #options: CopyOptions;
  readonly #earlier: EarlierEntries;
  readonly #replay: Replay;
  readonly #bundles: BundleVerifier;
  readonly tree: LogTree;
  readonly leaves: LeafStore;
  readonly index: LeafIndex;
  readonly lineage: LineageIndex;
  readonly heads: HeldHeads;
  #mark: number;
  #headBytes: Bytes | undefined;
  #pending = nothing();
  #newest: CopiedHead | undefined;
  /** To be written with the first leaves. */
  #announced: HeldHead | undefined;

  /** @throws LOG_CORRUPT, ORIGIN_MISMATCH, RULES_MISMATCH, STORAGE_FAILED */
  static async open(options: CopyOptions): Promise<Copy> {
    const { crypto, storage, origin, rules } = options;
    const { head, tree, leaves, index, state, tip, mark } = await restore(crypto, storage, { origin, rules });
    const heads = await HeldHeads.open(storage);
    const lineage = await LineageIndex.open(crypto, storage, head?.size ?? 0);
    const replay = new Replay(options, { state, tip, range: tree.range });
    const copy = new Copy(options, { tree, leaves, index, heads, lineage, replay, mark });
    copy.#headBytes = head && encodeHead(head);
    const held = head && (await heads.ofSize(head.size));
    // The state of an older head is gone: it has to be copied on to the next one.
    if (held && tip) copy.#newest = { head: { ...held, time: tip.time }, state, tip };
    return copy;
  }

  private constructor(
    options: CopyOptions,
    parts: Pick<Copy, 'tree' | 'leaves' | 'index' | 'heads' | 'lineage'> & { replay: Replay; mark: number },
  ) {
    this.#options = options;
    this.#replay = parts.replay;
    this.#bundles = new BundleVerifier(options.crypto);
    this.#mark = parts.mark;
    this.tree = parts.tree;
    this.leaves = parts.leaves;
    this.index = parts.index;
    this.heads = parts.heads;
    this.lineage = parts.lineage;
    this.#earlier = new EarlierEntries({ ...options, ...parts });
  }

  get storage(): Storage {
    return this.#options.storage;
  }

  /** Leaves replayed: the written ones, and those that the next write takes. */
  get size(): number {
    return this.#replay.size;
  }

  /** Root of the tree of them. */
  get root(): Bytes {
    return this.#replay.root;
  }

  /** Of the newest leaves. */
  get state(): StateMap {
    return this.#replay.point.state;
  }

  /** The newest head of the log that the copy holds with its state; undefined: none yet. */
  get newest(): CopiedHead | undefined {
    return this.#newest;
  }

  /**
   * Takes the run that comes next.
   * @returns what is wrong with its state entry: nothing was taken
   * @throws DUPLICATE the log holds a statement twice, which its layout has no place for; LOG_CORRUPT, STORAGE_FAILED
   */
  async take(run: Run): Promise<ReplayedRun | Refuted> {
    const prepared = prepareRun(this.#options.crypto, run);
    const known = await this.#earlier.answer(prepared.lookups);
    const replayed = this.#replay.apply(prepared, known);
    if (replayed.type === 'refuted') return replayed;
    this.#add(run, replayed);
    this.#earlier.add(replayed.entries, run.closing.index);
    const { records, bytes } = this.#pending;
    if (records.length >= LEAVES_A_WRITE || bytes >= BYTES_A_WRITE) await this.#write(new WriteBatch());
    return replayed;
  }

  #add(run: Run, { entries, writes, tip }: ReplayedRun): void {
    const pending = this.#pending;
    const twice = entries.find(({ verdict }) => verdict.reason === 'DUPLICATE');
    if (twice) throw fail('DUPLICATE', `entry ${twice.index} is a statement that the log has already`);
    for (const { index, bytes, verdict, statement } of entries) {
      pending.records.push({ isStateEntry: false, bytes });
      pending.bytes += bytes.length;
      if (!statement?.chain || verdict.outcome === 'refused') continue;
      pending.lineage.push({ index, statement, time: tip.time, reason: verdict.reason });
    }
    pending.records.push({ isStateEntry: true, bytes: run.closing.data });
    pending.leafHashes.push(...run.statements.map(({ hash }) => hash), run.closing.hash);
    for (const [key, value] of writes) {
      if (value) pending.rows.put(recordKey(key), value);
      else pending.rows.del(recordKey(key));
    }
    const verdicts = entries.map(({ verdict }) => verdict);
    if (!verdicts.every(({ outcome, reason }) => outcome === 'ok' && reason === null)) {
      pending.rows.put(verdictsKey(tip.index), encodeVerdicts(verdicts.map(encodeVerdict)));
    }
  }

  /** Notes a head that the log has signed, before the copy goes on to it: from now on the copy is known to be behind. */
  async announce(head: HeldHead): Promise<void> {
    // An empty storage stays empty until there are leaves: rows without a head are damage.
    if (this.tree.size === 0) {
      this.#announced = head;
      return;
    }
    const batch = new WriteBatch();
    const announced = this.heads.add(batch, head);
    await this.storage.write(batch);
    announced();
  }

  /** The copy has reached `head`, or has the same head with other cosignatures: it is what is answered from now on. */
  async reach(head: HeldHead): Promise<void> {
    const batch = new WriteBatch();
    const reached = this.heads.add(batch, head);
    await this.#write(batch);
    reached();
    const { state, tip } = this.#replay.point;
    if (!tip || tip.index !== head.size - 1)
      throw fail('INTERNAL', 'the copy is not at the head that it has reached');
    this.#newest = { head: { ...head, time: tip.time }, state, tip };
  }

  async keepReceipt(receipt: ReceiptHead): Promise<void> {
    const batch = new WriteBatch();
    const kept = this.heads.addReceipt(batch, receipt);
    await this.storage.write(batch);
    kept();
  }

  /** Everything that is pending, and `more`, in one write. After a failure only a new start knows what is there. */
  async #write(more: WriteBatch): Promise<void> {
    const { records, leafHashes, lineage, rows } = this.#pending;
    if (records.length === 0) {
      if (more.operations.length > 0) await this.storage.write(more);
      return;
    }
    const start = this.tree.size;
    for (const hash of leafHashes) {
      this.tree.append(hash);
      this.index.add(hash);
    }
    const size = this.tree.size;
    const headBytes = encodeHead({ size, root: this.tree.root(), origin: this.#options.origin });
    const batch = new WriteBatch();
    this.leaves.append(batch, start, records);
    this.tree.addWrites(batch);
    batch.append(rows);
    const indexed = this.#addLineage(batch, lineage, start, size);
    const announced = this.#announced && this.heads.add(batch, this.#announced);
    batch.append(more);
    batch.put(HEAD_KEY, headBytes);
    await this.storage.write(batch, { key: HEAD_KEY, value: this.#headBytes });
    this.#headBytes = headBytes;
    this.#pending = nothing();
    this.#announced = undefined;
    announced?.();
    this.#earlier.written();
    indexed?.();
    while (this.index.due) await this.index.store();
    while (this.#mark + MARK_INTERVAL <= size) await this.#raiseMark();
  }

  /** The index decides nothing: what goes wrong with it has it built anew. */
  #addLineage(
    batch: WriteBatch,
    entries: readonly IndexedEntry[],
    start: number,
    size: number,
  ): (() => void) | undefined {
    if (this.lineage.stale || this.lineage.next !== start) return undefined;
    try {
      const rows = new WriteBatch();
      const { state } = this;
      const indexed = this.lineage.add(rows, entries, size, (key, name) => state.get(key, name));
      batch.append(rows);
      return indexed;
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error;
      this.lineage.discard();
      return undefined;
    }
  }

  /** Once after a start: what is not there is not looked up from then on. @throws LOG_CORRUPT, STORAGE_FAILED */
  async learnLeaves(signal: AbortSignal): Promise<void> {
    if (!this.index.learned) await this.index.learn(() => signal.aborted);
  }

  /** Builds what is missing of the lineage index. Not while leaves are taken: both would write it. */
  async levelLineage(signal: AbortSignal): Promise<void> {
    const { crypto, storage } = this.#options;
    const size = this.tree.size;
    if (!this.lineage.behind(size)) return;
    const { state } = this;
    await catchUp({
      ...{ crypto, storage, signal, leaves: this.leaves, index: this.lineage },
      size: () => size,
      read: (key, name) => state.get(key, name),
    });
  }

  /** Reads back and hashes what a start would otherwise have to. @throws LOG_CORRUPT */
  async #raiseMark(): Promise<void> {
    const { storage } = this.#options;
    const next = this.#mark + MARK_INTERVAL;
    for (let n = this.#mark / TILE_WIDTH; n < next / TILE_WIDTH; n++) {
      await this.#bundles.verify(storage, this.tree, this.leaves, n, this.tree.size);
    }
    await storage.write(new WriteBatch().put(MARK_KEY, encodeMark(next)));
    this.#mark = next;
  }
}

function nothing(): Pending {
  return { records: [], leafHashes: [], lineage: [], rows: new WriteBatch(), bytes: 0 };
}
