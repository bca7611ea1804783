/**
 * A leaf as it is stored: u32 big-endian head, then the bytes. The head's top bit tells a state entry (its leaf
 * data) from a statement (its canonical bytes, whose hash is the leaf data); the other 31 bits are the length.
 * Rows of records concatenate to rows of records, so that sealing a bundle is joining its rows.
 */

import type { Bytes } from '../core/bytes.ts';
import type { Hasher } from '../core/crypto.ts';
import { fail } from '../core/errors.ts';

const STATE_ENTRY = 0x8000_0000;

export interface LeafRecord {
  readonly isStateEntry: boolean;
  /** State entry: the leaf data. Statement: its canonical bytes. */
  readonly bytes: Bytes;
  /** Of a statement, where it is known without hashing: its entry id, 32 bytes. */
  readonly id?: Bytes;
}

export function encodeRecords(records: readonly LeafRecord[]): Bytes {
  let size = 0;
  for (const { bytes } of records) size += 4 + bytes.length;
  const out = new Uint8Array(size);
  const view = new DataView(out.buffer);
  let at = 0;
  for (const { isStateEntry, bytes } of records) {
    view.setUint32(at, isStateEntry ? (bytes.length | STATE_ENTRY) >>> 0 : bytes.length);
    out.set(bytes, at + 4);
    at += 4 + bytes.length;
  }
  return out;
}

/** @throws LOG_CORRUPT */
export function decodeRecords(row: Bytes): LeafRecord[] {
  const view = new DataView(row.buffer, row.byteOffset, row.byteLength);
  const records: LeafRecord[] = [];
  let at = 0;
  while (at < row.length) {
    if (row.length - at < 4) throw fail('LOG_CORRUPT', 'a leaf record ends in its head');
    const head = view.getUint32(at);
    const length = head & ~STATE_ENTRY;
    if (row.length - at - 4 < length) throw fail('LOG_CORRUPT', 'a leaf record is longer than its row');
    records.push({ isStateEntry: (head & STATE_ENTRY) !== 0, bytes: row.subarray(at + 4, at + 4 + length) });
    at += 4 + length;
  }
  return records;
}

/** Leaf data: the state entry itself, or the 32-byte entry id of a statement (FORMATS §2). */
export function leafDataOf(hasher: Hasher, record: LeafRecord): Bytes {
  return record.isStateEntry ? record.bytes : (record.id ?? hasher.sha256(record.bytes));
}
