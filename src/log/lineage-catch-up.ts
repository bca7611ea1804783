/** Bringing a lineage index that is behind level with the tree: from the leaves, batch by batch, in the background. */
import { setImmediate as breathe } from 'node:timers/promises';
import { decodeStateEntry, parseStatement, type StateReader, type Verdict } from '../chain/index.ts';
import type { Crypto } from '../core/crypto.ts';
import { TILE_WIDTH } from '../merkle/index.ts';
import { type Storage, WriteBatch } from '../storage/index.ts';
import { decodeVerdicts, verdictsKey } from './layout.ts';
import type { LeafRecord } from './leaf-record.ts';
import type { LeafStore } from './leaf-store.ts';
import type { IndexedEntry, LineageIndex } from './lineage-index.ts';

/** Leaves that one write covers, at least: of foreign statements nothing is written but the mark. */
const LEAVES_A_WRITE = 4096;
/** Bytes of statements that are held for one write, at least one batch. */
const BYTES_A_WRITE = 4 * 1024 * 1024;

export interface CatchUp {
  readonly crypto: Crypto;
  readonly storage: Storage;
  readonly leaves: LeafStore;
  readonly index: LineageIndex;
  /** Size of the published tree: it grows meanwhile. */
  size(): number;
  readonly read: StateReader;
  readonly signal: AbortSignal;
}

/** Returns when the index is level with the tree, or the signal is aborted. @throws STORAGE_FAILED, LOG_CORRUPT */
export async function catchUp(task: CatchUp): Promise<void> {
  const { index, storage, signal, read } = task;
  if (index.stale) await index.clear();
  const cursor = new Cursor(task.leaves);
  while (index.next < task.size() && !signal.aborted) {
    const size = task.size();
    let at = index.next;
    let bytes = 0;
    const entries: IndexedEntry[] = [];
    while (at < size && at - index.next < LEAVES_A_WRITE && bytes < BYTES_A_WRITE && !signal.aborted) {
      const batch = await nextBatch(task, cursor, at, size);
      entries.push(...batch.entries);
      for (const { statement } of batch.entries) bytes += statement.bytes.length;
      at = batch.end;
      await breathe();
    }
    const write = new WriteBatch();
    const written = index.add(write, entries, at, read);
    await storage.write(write);
    written();
  }
}

/** Reads on through the leaves. What it has read it alone keeps: a cache of all that goes by would be of use to nobody. */
class Cursor {
  readonly #leaves: LeafStore;
  #first = 0;
  #records: readonly LeafRecord[] = [];

  constructor(leaves: LeafStore) {
    this.#leaves = leaves;
  }

  /** Leaf `index` of a log of `size`, and those that lie behind it in what was read with it. */
  async from(index: number, size: number): Promise<readonly LeafRecord[]> {
    if (index < this.#first || index >= this.#first + this.#records.length) {
      const n = Math.floor(index / TILE_WIDTH);
      // Of a bundle of large statements, which are not read at once, the rest comes row by row: never what lies before it again.
      this.#records =
        index % TILE_WIDTH === 0
          ? await this.#leaves.bundle(n, size, BYTES_A_WRITE)
          : await this.#leaves.run(index, size);
      this.#first = index;
    }
    return this.#records.slice(index - this.#first);
  }
}

/** The statements of the batch that begins at `start`, foreign ones left out, and where the next one begins. */
async function nextBatch(
  { crypto, storage }: CatchUp,
  cursor: Cursor,
  start: number,
  size: number,
): Promise<{ entries: IndexedEntry[]; end: number }> {
  const statements: Omit<IndexedEntry, 'time' | 'reason'>[] = [];
  let closing: LeafRecord | undefined;
  let at = start;
  while (!closing) {
    for (const record of await cursor.from(at, size)) {
      at += 1;
      if (record.isStateEntry) {
        closing = record;
        break;
      }
      const statement = parseStatement(crypto, record.bytes);
      if (statement.chain) statements.push({ index: at - 1, statement });
    }
  }
  const { time, index: stateIndex } = decodeStateEntry(closing.bytes);
  const stored = statements.length > 0 ? await storage.get(verdictsKey(stateIndex)) : undefined;
  const verdicts: readonly Verdict[] = stored ? decodeVerdicts(stored) : [];
  const entries = statements.flatMap(({ index, statement }) => {
    const verdict = verdicts[index - start];
    if (verdict?.outcome === 'refused') return [];
    return [{ index, statement, time, reason: verdict?.reason ?? null }];
  });
  return { entries, end: at };
}
