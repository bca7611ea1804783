/**
 * Where the lineage index lies in the storage (see layout.ts), and how its rows are written. All of it follows from the
 * leaves: a row that is lost or wrong costs an answer, never a decision. Foreign statements have no rows.
 *
 * | key | value |
 * |---|---|
 * | `X` | `{version, next}`: leaves before `next` are in the index |
 * | `x` `t` name, index u64 | timeline: `[entry id, kind, issuer, on behalf / nil, time, reason / nil]` of an entry about the name |
 * | `x` `a` name, index u64 | an entry that the name signed, or that was signed on its behalf: its subject |
 * | `x` `f` name, class u8, index u64, n u16 | an edge from the name: `[relation, to, version / nil]` |
 * | `x` `r` name, class u8, index u64, n u16 | the same edge, from its other end: `[relation, from, version / nil]` |
 * | `x` `o` type u8, owner, index u64 | an object that can be listed: `[id, version / nil]`; owner zero for all of a type |
 * | `x` `s` index u64 | a stop that no denial has followed yet: `[subject, kind, time from which it holds]` |
 * | `x` `n` | the numbers of statistics.ts |
 *
 * A name is the first 16 bytes of the SHA-256 of a DID or URN, so that keys are short whatever their length.
 */
import { EDGE_CLASSES, type Edge, type EdgeClass, LISTED_TYPES, type ListedType } from '../chain/index.ts';
import { type Bytes, concat, fromU64be, u64be, utf8, writeU64be } from '../core/bytes.ts';
import { type Cbor, type CborMap, decode, encode } from '../core/cbor.ts';
import type { Hasher } from '../core/crypto.ts';
import { fail } from '../core/errors.ts';
import { Slab } from '../core/slab.ts';
import type { Range } from '../storage/index.ts';

/** Of rows and of what they are made from: another one is thrown away and built anew. */
export const LINEAGE_VERSION = 1;
export const LINEAGE_MARK_KEY = utf8('X');
/** Every row but the mark. */
export const LINEAGE_RANGE = { gte: utf8('x'), lt: utf8('y') };

const TIMELINE = utf8('xt');
const ACTOR = utf8('xa');
const FORWARD = utf8('xf');
const REVERSE = utf8('xr');
const OBJECT = utf8('xo');
const STOP = utf8('xs');
export const NUMBERS_KEY = utf8('xn');
export const STOP_RANGE = { gte: STOP, lt: utf8('xt') };

const NAME = 16;
const ANY_OWNER = new Uint8Array(NAME);

export type Direction = 'up' | 'down';

/** 16 bytes. */
export function nameOf(hasher: Hasher, id: string): Bytes {
  return hasher.sha256(utf8(id)).slice(0, NAME);
}

/** Rows are written, and then gone: an entry has a dozen, each of them short. */
const ROWS = new Slab();

export const timelineKey = (name: Bytes, index: number) => indexed(TIMELINE, name, index);
export const actorKey = (name: Bytes, index: number) => indexed(ACTOR, name, index);
export const stopKey = (index: number) => concat(STOP, u64be(index));

export function edgeKey(direction: Direction, name: Bytes, of: EdgeClass, index: number, n: number): Bytes {
  const key = ROWS.take(2 + NAME + 1 + 8 + 2);
  key.set(direction === 'up' ? FORWARD : REVERSE);
  key.set(name, 2);
  key[2 + NAME] = EDGE_CLASSES.indexOf(of);
  writeU64be(key, 2 + NAME + 1, index);
  key[key.length - 2] = n >> 8;
  key[key.length - 1] = n & 0xff;
  return key;
}

export function objectKey(type: ListedType, owner: Bytes | undefined, index: number): Bytes {
  return concat(objectsOf(type, owner), u64be(index));
}

function indexed(prefix: Bytes, name: Bytes, index: number): Bytes {
  const key = ROWS.take(2 + NAME + 8);
  key.set(prefix);
  key.set(name, 2);
  writeU64be(key, 2 + NAME, index);
  return key;
}

function edgesOf(direction: Direction, name: Bytes, of: EdgeClass): Bytes {
  return concat(direction === 'up' ? FORWARD : REVERSE, name, Uint8Array.of(EDGE_CLASSES.indexOf(of)));
}

function objectsOf(type: ListedType, owner: Bytes | undefined): Bytes {
  return concat(OBJECT, Uint8Array.of(LISTED_TYPES.indexOf(type)), owner ?? ANY_OWNER);
}

/** Indexes from `from` (inclusive) to `to` (exclusive). */
export interface Span {
  readonly from: number;
  readonly to: number;
  readonly limit: number;
  readonly newestFirst?: boolean;
}

function spanned(prefix: Bytes, { from, to, limit, newestFirst = false }: Span): Range {
  return {
    gte: concat(prefix, u64be(from)),
    lt: concat(prefix, u64be(to)),
    limit,
    reverse: newestFirst,
  };
}

export const timelineRange = (name: Bytes, span: Span) => spanned(concat(TIMELINE, name), span);
export const actorRange = (name: Bytes, span: Span) => spanned(concat(ACTOR, name), span);
export const edgeRange = (direction: Direction, name: Bytes, of: EdgeClass, span: Span) =>
  spanned(edgesOf(direction, name, of), span);
export const objectRange = (type: ListedType, owner: Bytes | undefined, span: Span) =>
  spanned(objectsOf(type, owner), span);

/** The index that ends the key of a row of a timeline, actor, object or stop. */
export const indexIn = (key: Bytes) => fromU64be(key, key.length - 8);
/** The index in the key of an edge. */
export const edgeIndexIn = (key: Bytes) => fromU64be(key, key.length - 10);

export interface TimelineRow {
  /** 32 bytes. */
  readonly entryId: Bytes;
  readonly kind: string;
  readonly issuer: string;
  readonly onBehalf: string | null;
  /** Unix milliseconds: of the state entry that closed the batch. */
  readonly time: number;
  /** Of a denial. */
  readonly reason: string | null;
}

export function encodeTimeline({ entryId, kind, issuer, onBehalf, time, reason }: TimelineRow): Bytes {
  return encode([entryId, kind, issuer, onBehalf, time, reason], ROWS);
}

/** @throws LOG_CORRUPT */
export function decodeTimeline(bytes: Bytes): TimelineRow {
  const [entryId, kind, issuer, onBehalf, time, reason] = members(bytes, 6);
  return {
    entryId: entryId instanceof Uint8Array && entryId.length === 32 ? entryId : damaged(),
    kind: textOf(kind),
    issuer: textOf(issuer),
    onBehalf: onBehalf === null ? null : textOf(onBehalf),
    time: numberOf(time),
    reason: reason === null ? null : textOf(reason),
  };
}

/** @param end the identifier at the end of the edge that the key does not name */
export function encodeEdge({ relation, version }: Pick<Edge, 'relation' | 'version'>, end: string): Bytes {
  return encode([relation, end, version ?? null], ROWS);
}

export interface EdgeRow {
  readonly relation: string;
  /** The other end. */
  readonly id: string;
  readonly version: number | null;
}

/** @throws LOG_CORRUPT */
export function decodeEdge(bytes: Bytes): EdgeRow {
  const [relation, id, version] = members(bytes, 3);
  return {
    relation: textOf(relation),
    id: textOf(id),
    version: version === null ? null : numberOf(version),
  };
}

export function encodeObject(id: string, version: number | undefined): Bytes {
  return encode([id, version ?? null], ROWS);
}

/** @throws LOG_CORRUPT */
export function decodeObject(bytes: Bytes): { id: string; version: number | null } {
  const [id, version] = members(bytes, 2);
  return { id: textOf(id), version: version === null ? null : numberOf(version) };
}

export function encodeMark(next: number): Bytes {
  return encode({ version: LINEAGE_VERSION, next });
}

/** Leaves that are in the index; undefined when there is none of this version, or the mark cannot be read. */
export function decodeMark(bytes: Bytes | undefined): number | undefined {
  if (!bytes) return undefined;
  try {
    const map = decode(bytes) as CborMap;
    const next = map instanceof Map && map.get('version') === LINEAGE_VERSION ? map.get('next') : undefined;
    return typeof next === 'number' && next >= 0 ? next : undefined;
  } catch {
    return undefined;
  }
}

export function members(bytes: Bytes, count: number): readonly Cbor[] {
  let value: Cbor;
  try {
    value = decode(bytes);
  } catch {
    return damaged();
  }
  return Array.isArray(value) && value.length === count ? (value as readonly Cbor[]) : damaged();
}

export function textOf(value: Cbor | undefined): string {
  return typeof value === 'string' ? value : damaged();
}

export function numberOf(value: Cbor | undefined): number {
  return typeof value === 'number' && value >= 0 ? value : damaged();
}

function damaged(): never {
  throw fail('LOG_CORRUPT', 'a row of the lineage index is damaged: `aichain reindex` builds it anew');
}
