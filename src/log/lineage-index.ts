/**
 * The lineage index: who did what to which object, and what descends from what, by rows that follow from the leaves.
 * A commit adds its own rows in its own atomic write while the index is level with the tree; an index that is behind
 * (of another version, lost, damaged) catches up in the background, and commits leave it alone until it has. So entries
 * are folded once and in their order, whoever does it, and there is nothing that two writers could disagree about.
 */
import {
  type EdgeClass,
  type Lineage,
  type ListedType,
  lineageOf,
  type Statement,
  type StateReader,
} from '../chain/index.ts';
import { type Bytes, fromUtf8, utf8 } from '../core/bytes.ts';
import type { Hasher } from '../core/crypto.ts';
import { fail } from '../core/errors.ts';
import { extended } from '../core/extended.ts';
import { type Storage, WriteBatch } from '../storage/index.ts';
import {
  actorKey,
  actorRange,
  type Direction,
  decodeEdge,
  decodeMark,
  decodeObject,
  decodeTimeline,
  type EdgeRow,
  edgeIndexIn,
  edgeKey,
  edgeRange,
  encodeEdge,
  encodeMark,
  encodeObject,
  encodeTimeline,
  indexIn,
  LINEAGE_MARK_KEY,
  LINEAGE_RANGE,
  nameOf,
  objectKey,
  objectRange,
  type Span,
  type TimelineRow,
  timelineKey,
  timelineRange,
} from './lineage-layout.ts';
import { type Numbers, Statistics } from './statistics.ts';

/** A statement that was logged with effect. */
export interface IndexedEntry {
  readonly index: number;
  readonly statement: Statement;
  /** Unix milliseconds of the state entry that closes its batch. */
  readonly time: number;
  /** Of a denial. */
  readonly reason: string | null;
}

/** Rows that are deleted at a time when an old index is thrown away. */
const DELETED_AT_ONCE = 1024;
/** Names that are remembered, of 16 bytes and a text each. */
const NAMES = 8192;
/** Ranges that one answer reads at the same time. */
const READS_AT_ONCE = 32;

export type { Direction, Span } from './lineage-layout.ts';
export interface TimelineEntry extends TimelineRow {
  readonly index: number;
  readonly subject: string;
}
export interface IndexedEdge extends EdgeRow {
  /** Entry that states the edge. */
  readonly index: number;
  readonly class: EdgeClass;
}

export class LineageIndex {
  readonly #hasher: Hasher;
  readonly #storage: Storage;
  #statistics: Statistics;
  #next: number;
  /** Rows of an index that cannot be gone on with. */
  #stale: boolean;
  readonly #names = new Map<string, Bytes>();

  private constructor(hasher: Hasher, storage: Storage, next: number | undefined, statistics: Statistics) {
    this.#hasher = hasher;
    this.#storage = storage;
    this.#next = next ?? 0;
    this.#stale = next === undefined;
    this.#statistics = statistics;
  }

  /** Never fails for what is in the index: what cannot be read is built anew. @throws STORAGE_FAILED */
  static async open(hasher: Hasher, storage: Storage, size: number): Promise<LineageIndex> {
    const next = decodeMark(await storage.get(LINEAGE_MARK_KEY));
    const usable = next !== undefined && next <= size;
    const statistics = usable ? await Statistics.load(storage).catch(notOurs) : undefined;
    // An empty log has nothing that could be missing.
    const from = usable && statistics ? next : size === 0 ? 0 : undefined;
    return new LineageIndex(hasher, storage, from, statistics ?? new Statistics());
  }

  /** Leaves before this one are in the index. */
  get next(): number {
    return this.#next;
  }

  /** Whether it has to be thrown away before it is built. */
  get stale(): boolean {
    return this.#stale;
  }

  /** Whether it covers fewer leaves than a tree of `size`. */
  behind(size: number): boolean {
    return this.#stale || this.#next < size;
  }

  get numbers(): Numbers {
    return this.#statistics.numbers;
  }

  /** From here on nothing in it counts. */
  discard(): void {
    this.#next = 0;
    this.#stale = true;
  }

  /** Deletes what an index of another version, or a damaged one, has left. */
  async clear(): Promise<void> {
    // The mark first: a crash in between must not leave a mark over missing rows.
    await this.#storage.write(new WriteBatch().del(LINEAGE_MARK_KEY));
    for (;;) {
      const batch = new WriteBatch();
      for await (const [key] of this.#storage.range({ ...LINEAGE_RANGE, limit: DELETED_AT_ONCE }))
        batch.del(key);
      if (batch.operations.length === 0) break;
      await this.#storage.write(batch);
    }
    this.#statistics = new Statistics();
    this.#next = 0;
    this.#stale = false;
  }

  /**
   * Adds the rows of the leaves from {@link next} up to `end` to the batch.
   * @param read the state after these entries, or any later one
   * @returns to be called when the batch is durable
   */
  add(write: WriteBatch, entries: readonly IndexedEntry[], end: number, read: StateReader): () => void {
    const counted = entries.flatMap((entry) => {
      const lineage = lineageOf(entry.statement);
      if (!lineage) return [];
      this.#addRows(write, entry, lineage);
      return [extended(entry, { subject: lineage.subject })];
    });
    if (counted.length > 0) this.#statistics.fold(write, counted, read);
    write.put(LINEAGE_MARK_KEY, encodeMark(end));
    return () => {
      this.#next = end;
    };
  }

  #addRows(write: WriteBatch, { index, statement, time, reason }: IndexedEntry, lineage: Lineage): void {
    const { kind, subject, issuer, onBehalf = null, edges, object } = lineage;
    const name = this.#name(subject);
    const row = { entryId: statement.entryId, kind, issuer, onBehalf, time, reason };
    write.put(timelineKey(name, index), encodeTimeline(row));
    const about = utf8(subject);
    for (const actor of new Set([issuer, onBehalf ?? issuer])) {
      write.put(actorKey(this.#name(actor), index), about);
    }
    edges.forEach((edge, n) => {
      const end = this.#name(edge.to);
      write.put(edgeKey('up', name, edge.class, index, n), encodeEdge(edge, edge.to));
      write.put(edgeKey('down', end, edge.class, index, n), encodeEdge(edge, subject));
    });
    if (!object) return;
    const value = encodeObject(object.id, object.version);
    write.put(objectKey(object.type, undefined, index), value);
    const owners = [
      onBehalf ?? issuer,
      ...edges.filter((edge) => edge.class === 'party').map(({ to }) => to),
    ];
    for (const owner of new Set(owners)) {
      write.put(objectKey(object.type, this.#name(owner), index), value);
    }
  }

  /** Who signs, and what is spoken of, comes again and again. */
  #name(id: string): Bytes {
    const known = this.#names.get(id);
    if (known) return known;
    const name = nameOf(this.#hasher, id);
    if (this.#names.size >= NAMES) this.#names.clear();
    this.#names.set(id, name);
    return name;
  }

  // --- reading; a row that cannot be read is LOG_CORRUPT ------------------------------------------------------------

  /** Entries about `id`, in the order of the span. */
  async about(id: string, span: Span): Promise<TimelineEntry[]> {
    const rows: TimelineEntry[] = [];
    for await (const [key, value] of this.#storage.range(timelineRange(nameOf(this.#hasher, id), span))) {
      rows.push({ ...decodeTimeline(value), index: indexIn(key), subject: id });
    }
    return rows;
  }

  /** Entries that `id` signed, or that were signed on its behalf, and whom they are about. */
  async by(id: string, span: Span): Promise<{ index: number; subject: string }[]> {
    const rows: { index: number; subject: string }[] = [];
    for await (const [key, value] of this.#storage.range(actorRange(nameOf(this.#hasher, id), span))) {
      rows.push({ index: indexIn(key), subject: fromUtf8(value) });
    }
    return rows;
  }

  /** Entries by their subjects and indexes, in that order. @throws LOG_CORRUPT one that is not in the index */
  async entries(
    of: readonly { readonly subject: string; readonly index: number }[],
  ): Promise<TimelineEntry[]> {
    const keys = of.map(({ subject, index }) => timelineKey(nameOf(this.#hasher, subject), index));
    const rows = await this.#storage.getMany(keys);
    return of.map(({ subject, index }, i) => {
      const row = rows[i];
      if (!row) throw fail('LOG_CORRUPT', `the lineage index lacks entry ${index}`);
      return { ...decodeTimeline(row), index, subject };
    });
  }

  /** The first entry about each, where there is one before `to`. */
  async firstEntries(ids: readonly string[], to: number): Promise<(TimelineEntry | undefined)[]> {
    const found: (TimelineEntry | undefined)[] = [];
    for (let i = 0; i < ids.length; i += READS_AT_ONCE) {
      const some = ids.slice(i, i + READS_AT_ONCE);
      const rows = await Promise.all(some.map((id) => this.about(id, { from: 0, to, limit: 1 })));
      found.push(...rows.map(([row]) => row));
    }
    return found;
  }

  /** `up`: edges from `id`, to what it names; `down`: edges to it, from what names it. */
  async edges(id: string, direction: Direction, of: EdgeClass, span: Span): Promise<IndexedEdge[]> {
    const rows: IndexedEdge[] = [];
    const range = edgeRange(direction, nameOf(this.#hasher, id), of, span);
    for await (const [key, value] of this.#storage.range(range)) {
      rows.push({ ...decodeEdge(value), index: edgeIndexIn(key), class: of });
    }
    return rows;
  }

  async objects(type: ListedType, owner: string | undefined, span: Span) {
    const rows: { id: string; version: number | null; index: number }[] = [];
    const range = objectRange(type, owner === undefined ? undefined : nameOf(this.#hasher, owner), span);
    for await (const [key, value] of this.#storage.range(range)) {
      rows.push({ ...decodeObject(value), index: indexIn(key) });
    }
    return rows;
  }
}

function notOurs(error: unknown): undefined {
  const { code } = error as { code?: string };
  if (code !== 'LOG_CORRUPT' && code !== 'BYTES_MALFORMED') throw error;
}

/** Whoever opens the storage next finds no index, and builds it. */
export async function forgetLineage(storage: Storage): Promise<void> {
  await storage.write(new WriteBatch().del(LINEAGE_MARK_KEY));
}
