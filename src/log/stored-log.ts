/** A whole log as it is stored: its rows as one snapshot, for a backup, and their verification from end to end. */
import type { Bytes } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { fail } from '../core/errors.ts';
import { TILE_WIDTH } from '../merkle/index.ts';
import { type Storage, WriteBatch } from '../storage/index.ts';
import {
  decodeHead,
  encodeMark,
  HEAD_KEY,
  isLogRow,
  LOG_RANGE,
  MARK_KEY,
  type StoredHead,
} from './layout.ts';
import { BundleVerifier, MARK_INTERVAL, type Restored, restore } from './restore.ts';

export type Row = readonly [key: Bytes, value: Bytes];

export interface StoredRows {
  readonly head: StoredHead;
  /** All rows that make the log, the head's among them, at the moment of the call; what a start can make anew is left out. */
  readonly rows: AsyncIterable<Row>;
  /** Gives back what the snapshot holds, where the rows are not read. */
  discard(): Promise<void>;
}

/** @throws LOG_CORRUPT there is no head; STORAGE_FAILED */
export async function storedRows(storage: Storage): Promise<StoredRows> {
  // One range is one snapshot: head and rows belong together, whatever is committed meanwhile.
  const all = storage.range(LOG_RANGE)[Symbol.asyncIterator]();
  const first = await all.next();
  if (first.done || !isHead(first.value)) {
    await all.return?.();
    throw fail('LOG_CORRUPT', 'there is no committed head');
  }
  const head = first.value;
  async function* rows(): AsyncIterable<Row> {
    try {
      yield head;
      for (let next = await all.next(); !next.done; next = await all.next()) {
        if (isLogRow(next.value[0])) yield next.value;
      }
    } finally {
      await all.return?.();
    }
  }
  const discard = async () => void (await all.return?.());
  return { head: decodeHead(head[1]), rows: rows(), discard };
}

function isHead([key]: Row): boolean {
  return key.length === HEAD_KEY.length && key[0] === HEAD_KEY[0];
}

/**
 * Verifies a log that nobody has open, every leaf of it: leaves and tiles up to the root of the head, and the
 * records against the newest state root. What a start would make anew is made. Notes what it has verified, so that the next start need not.
 * @throws LOG_CORRUPT, ORIGIN_MISMATCH, RULES_MISMATCH, STORAGE_FAILED
 */
export async function verifyStoredLog(
  crypto: Crypto,
  storage: Storage,
  expected: { origin: string; rules: Bytes },
): Promise<Restored & { readonly head: StoredHead }> {
  const stored = await storage.get(HEAD_KEY);
  if (!stored) throw fail('LOG_CORRUPT', 'there is no committed head');
  const { size } = decodeHead(stored, 'older');
  const mark = size - (size % MARK_INTERVAL);
  await storage.write(new WriteBatch().put(MARK_KEY, encodeMark(mark)));
  // The right edge and what is above the mark, then what is below.
  const restored = await restore(crypto, storage, expected);
  const bundles = new BundleVerifier(crypto);
  const { tree, leaves } = restored;
  for (let n = 0; n < mark / TILE_WIDTH; n++) await bundles.verify(storage, tree, leaves, n, size);
  return { ...restored, head: restored.head! };
}
