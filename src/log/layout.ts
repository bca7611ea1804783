/**
 * Where everything lies in the ordered key space of the storage: the only file that makes or reads storage keys.
 *
 * | key | value |
 * |---|---|
 * | `H` | the committed head (CBOR): the compare-and-swap commit point |
 * | `M` | the verified mark (CBOR): everything before this size was read back and re-hashed |
 * | `t` level u8, tile u64 | a full tile, 8,192 bytes |
 * | `e` level u8, node u64 | a hash of a tile that is not full yet, levels ≥ 1 (level 0 is derived from the leaves) |
 * | `b` start u64 | leaf records from index `start` on, of one bundle: a commit's rows in the tail, joined when it is full unless they are large |
 * | `I` | the mark of the leaf index (CBOR): its version, how long its parts are, and how many are stored |
 * | `i` part u32, bucket u16, row u16 | the leaf index, which can be thrown away and rebuilt: leaf-index-rows.ts |
 * | `r` state key | the record (CBOR): current values of the state map |
 * | `v` state index u64 | verdicts of the batch that this state entry closes, where not all are plain "ok" |
 * | `c` size u64 | in a mirror only: a checkpoint of its log, with the head that it is of (CBOR) |
 * | `d` | in a mirror only: the newest receipt signature of its log (CBOR) |
 * | `X` | the mark of the lineage index (CBOR): its version, and how many leaves it covers |
 * | `x` … | the lineage index, which can be thrown away and rebuilt: lineage-layout.ts |
 */

import { decodeVerdict, type Verdict } from '../chain/index.ts';
import { type Bytes, concat, fromU64be, u64be, utf8 } from '../core/bytes.ts';
import { type CborMap, decode, encode } from '../core/cbor.ts';
import { fail } from '../core/errors.ts';
import { Slab } from '../core/slab.ts';
import { TILE_WIDTH } from '../merkle/index.ts';

/** Format 1 had an index row for each statement: what a start finds in it, it brings to this one. */
export const FORMAT = 2;
const OLDER_FORMAT = 1;

const prefix = (letter: string) => utf8(letter);
const TILE = prefix('t');
const EDGE = prefix('e');
const LEAVES = prefix('b');
const INDEX = prefix('i');
const RECORD = prefix('r');
const VERDICTS = prefix('v');
const MIRRORED = prefix('c');

/** Keys of records, which are written, or read by, and then gone. */
const KEYS = new Slab();

export const HEAD_KEY = prefix('H');
export const MARK_KEY = prefix('M');
export const LEAF_INDEX_MARK_KEY = prefix('I');

export const tileKey = (level: number, index: number) => concat(TILE, Uint8Array.of(level), u64be(index));
export const edgeKey = (level: number, index: number) => concat(EDGE, Uint8Array.of(level), u64be(index));
export const leavesKey = (start: number) => concat(LEAVES, u64be(start));
export const leafIndexKey = (part: number, bucket: number, row: number) => {
  const key = new Uint8Array(INDEX.length + 8);
  const view = new DataView(key.buffer);
  key.set(INDEX);
  view.setUint32(INDEX.length, part);
  view.setUint16(INDEX.length + 4, bucket);
  view.setUint16(INDEX.length + 6, row);
  return key;
};
export const recordKey = (key: Bytes) => KEYS.join(RECORD, key);
export const verdictsKey = (stateIndex: number) => concat(VERDICTS, u64be(stateIndex));

export const mirroredHeadKey = (size: number) => concat(MIRRORED, u64be(size));
export const MIRRORED_HEADS = { gte: MIRRORED, lt: prefix('d') };
export const MIRRORED_RECEIPT_KEY = prefix('d');

/** From the head on to where the lineage index begins. */
export const LOG_RANGE = { gte: HEAD_KEY, lt: prefix('x') };
const LOG_ROWS = new Set([HEAD_KEY, TILE, EDGE, LEAVES, RECORD, VERDICTS].map(([letter]) => letter));
/** A row that makes the log: not a mark, nor one of an index, which can be made anew. */
export const isLogRow = (key: Bytes) => LOG_ROWS.has(key[0]);
/** A row of the leaf index, or an index row of format 1. */
export const isIndexRow = (key: Bytes) => key[0] === INDEX[0];

export const LEAVES_RANGE = { gte: LEAVES, lt: prefix('c') };
export const EDGE_RANGE = { gte: EDGE, lt: prefix('f') };
export const LEAF_INDEX_RANGE = { gte: INDEX, lt: prefix('j') };
/** The rows of one part of the leaf index. */
export const leafIndexRange = (part: number) => ({
  gte: leafIndexKey(part, 0, 0),
  lt: leafIndexKey(part + 1, 0, 0),
});
export const RECORD_RANGE = { gte: RECORD, lt: prefix('s') };
export const TILE_RANGE = { gte: TILE, lt: prefix('u') };
export const VERDICTS_RANGE = { gte: VERDICTS, lt: prefix('w') };
export const leavesRange = (from: number, to: number) => ({ gte: leavesKey(from), lt: leavesKey(to) });

/** All records of a type: their keys begin with the CBOR head of the list and the name of the type, like `example`. */
export function recordTypeRange(type: string, example: Bytes) {
  // Kept for as long as the process lives by some.
  const gte = concat(RECORD, example.subarray(0, 1 + encode(type).length));
  const lt = gte.slice();
  lt[lt.length - 1]! += 1; // the name ends in a letter
  return { gte, lt };
}

/** The start index that a leaves key names. @throws LOG_CORRUPT */
export const startOf = (leaves: Bytes) => numberIn(leaves, LEAVES.length, 'key of leaves');
/** The size that the key of a mirrored head names. @throws LOG_CORRUPT */
export const mirroredSizeOf = (key: Bytes) => numberIn(key, MIRRORED.length, 'key of a mirrored head');
/** Level and node index that an edge key names. @throws LOG_CORRUPT */
export const edgeOf = (key: Bytes) => ({ level: key[1]!, index: numberIn(key, 2, 'key of an edge hash') });
/** Level and index that a tile key names. @throws LOG_CORRUPT */
export const tileOf = (key: Bytes) => ({ level: key[1]!, index: numberIn(key, 2, 'key of a tile') });
/** The index of the state entry that a key of verdicts names. @throws LOG_CORRUPT */
export const stateIndexOf = (key: Bytes) => numberIn(key, VERDICTS.length, 'key of verdicts');
/** The part of the leaf index that a key of its rows names. @throws LOG_CORRUPT */
export const leafIndexPartOf = (key: Bytes) => {
  if (key.length !== INDEX.length + 8) throw fail('LOG_CORRUPT', 'a key of the leaf index is malformed');
  return new DataView(key.buffer, key.byteOffset).getUint32(INDEX.length);
};
/** The state key inside a record key. */
export const stateKeyOf = (key: Bytes) => key.subarray(RECORD.length);

/** The u64 that ends a stored key or value. */
function numberIn(bytes: Bytes, at: number, what: string): number {
  if (bytes.length !== at + 8 || bytes[at]! > 0 || bytes[at + 1]! > 0x1f) {
    throw fail('LOG_CORRUPT', `a stored ${what} is malformed`);
  }
  return fromU64be(bytes, at);
}

/** What one commit made true. */
export interface StoredHead {
  /** Leaves in the tree; the last one is a state entry. */
  readonly size: number;
  /** 32 bytes. */
  readonly root: Bytes;
  readonly origin: string;
}

export function encodeHead(head: StoredHead): Bytes {
  return encode({ format: FORMAT, size: head.size, root: head.root, origin: head.origin });
}

/** @throws LOG_CORRUPT also where it is of an older format, unless that is `allowed` */
export function decodeHead(bytes: Bytes, allowed: 'current' | 'older' = 'current'): StoredHead {
  const map = mapOf(bytes, 'head');
  const format = map.get('format');
  if (format === OLDER_FORMAT && allowed === 'current') {
    throw fail(
      'LOG_CORRUPT',
      `storage format ${OLDER_FORMAT} is older than this software: a start of the log brings it to format ${FORMAT}`,
    );
  }
  if (format !== FORMAT && format !== OLDER_FORMAT) {
    throw fail(
      'LOG_CORRUPT',
      `storage format ${String(format)} is not the format ${FORMAT} of this software`,
    );
  }
  const [size, root, origin] = [map.get('size'), map.get('root'), map.get('origin')];
  if (
    typeof size !== 'number' ||
    size < 1 ||
    !(root instanceof Uint8Array) ||
    root.length !== 32 ||
    typeof origin !== 'string'
  ) {
    throw fail('LOG_CORRUPT', 'the stored head is malformed');
  }
  return { size, root, origin };
}

export function encodeMark(size: number): Bytes {
  return encode({ size });
}

/** @throws LOG_CORRUPT */
export function decodeMark(bytes: Bytes | undefined): number {
  if (!bytes) return 0;
  const size = mapOf(bytes, 'verified mark').get('size');
  if (typeof size !== 'number' || size < 0) throw fail('LOG_CORRUPT', 'the verified mark is malformed');
  return size;
}

/** Of the rows of the leaf index; those of another are made anew. Those of version 1, whose mark names none, are four times as long. */
export const LEAF_INDEX_VERSION = 2;

/** Which parts of the leaf index are stored, whole and compared. */
export interface LeafIndexMark {
  readonly version: number;
  /** Leaves of a part: a power of two, from 256 to 2^20. */
  readonly length: number;
  readonly parts: number;
}

const LONGEST_PART = 2 ** 20;

export function encodeLeafIndexMark({ length, parts }: Omit<LeafIndexMark, 'version'>): Bytes {
  return encode({ version: LEAF_INDEX_VERSION, length, parts });
}

/** @throws LOG_CORRUPT */
export function decodeLeafIndexMark(bytes: Bytes): LeafIndexMark {
  const map = mapOf(bytes, 'mark of the leaf index');
  // Version 1 is known by its two members alone: a mark whose third is damaged would pass for one of it.
  const version = map.size === 2 ? 1 : map.get('version');
  const [length, parts] = [map.get('length'), map.get('parts')];
  if (
    map.size > 3 ||
    typeof version !== 'number' ||
    (map.size === 3 && version < 2) ||
    typeof length !== 'number' ||
    !Number.isInteger(Math.log2(length)) ||
    length < TILE_WIDTH ||
    length > LONGEST_PART ||
    typeof parts !== 'number' ||
    parts < 1
  ) {
    throw fail('LOG_CORRUPT', 'the stored mark of the leaf index is malformed');
  }
  return { version, length, parts };
}

function mapOf(bytes: Bytes, what: string): CborMap {
  try {
    const value = decode(bytes);
    if (value instanceof Map) return value as CborMap;
  } catch (cause) {
    throw fail('LOG_CORRUPT', `the stored ${what} is malformed`, { cause });
  }
  throw fail('LOG_CORRUPT', `the stored ${what} is malformed`);
}

/** Encoded verdicts, in order. */
export function encodeVerdicts(verdicts: readonly Bytes[]): Bytes {
  return encode(verdicts);
}

/** @throws LOG_CORRUPT */
export function decodeVerdicts(bytes: Bytes): Verdict[] {
  try {
    const list = decode(bytes);
    if (Array.isArray(list)) return list.map((verdict) => decodeVerdict(verdict as Bytes));
  } catch (cause) {
    throw fail('LOG_CORRUPT', 'stored verdicts are malformed', { cause });
  }
  throw fail('LOG_CORRUPT', 'stored verdicts are malformed');
}
