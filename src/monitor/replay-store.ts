/**
 * What a monitor has to remember, in one storage that it has for itself. The one file that makes or reads its keys.
 *
 * | key | value |
 * |---|---|
 * | `P` | progress (CBOR with its digest): how far, the right edge of the tree, the last state entry |
 * | `S` | the greatest signed head that was found consistent: the note as it came |
 * | `C` | text: why the log is convicted, where a new replay would not find it again |
 * | `H` | u64: the first entry whose time was not that of the own clock; nothing above it is cosigned |
 * | `r` state key | the record: current values of the state map |
 * | `i` entry id (32) | u64 index of the first entry with this id, u8 what it is, its kind |
 * | `z` size u64 | the root of the tree of this size, for every size that ends in a state entry |
 * | `w` … | rows of the watcher |
 *
 * What was replayed is written in one atomic batch: progress is never ahead of, nor behind, the state.
 */
import { encodeStateEntry } from '../chain/index.ts';
import { type Bytes, concat, equal, fromU64be, fromUtf8, toHex, u64be, utf8 } from '../core/bytes.ts';
import type { Hasher } from '../core/crypto.ts';
import { fail, isLedgerError } from '../core/errors.ts';
import { HashFilter } from '../core/hash-filter.ts';
import type { KnownEntries, ReplayedEntry, ReplayedRun, ReplayPoint, RunLookups } from '../replay/index.ts';
import { StateMap } from '../statemap/index.ts';
import { type Range, type Storage, WriteBatch } from '../storage/index.ts';
import { decodeProgress, encodeProgress, type LogIdentity } from './progress.ts';

const PROGRESS = utf8('P');
const SEEN = utf8('S');
const CONVICTED = utf8('C');
const HELD = utf8('H');
const RECORDS = rangeOf('r');
const INDEXES = rangeOf('i');
const WATCHER = rangeOf('w');

const REFUSED = 0;
const FOREIGN = 1;
const CHAIN = 2;

const INDEX = 'i'.charCodeAt(0);
/** The prefix and an entry id; an index and what the entry is. */
const INDEX_KEY = 33;
const INDEX_ROW = 9;

/** What was known when the monitor stopped. */
export interface Remembered {
  /** Undefined: nothing was replayed. */
  readonly point: ReplayPoint | undefined;
  /** Signed note. */
  readonly seen: Bytes | undefined;
  readonly held: number | undefined;
  readonly convicted: string | undefined;
}

interface IndexRow {
  readonly index: number;
  readonly accepted: boolean;
  readonly kind: string | null;
}

export class ReplayStore {
  readonly #hasher: Hasher;
  readonly #storage: Storage;
  readonly #log: LogIdentity;
  /** Entry ids that there are rows of: all of them once it is whole. */
  readonly #ids = new HashFilter();
  #whole = false;

  /**
   * @throws CONFIG_INVALID it is that of another log; LOG_CORRUPT what is stored does not fit together: begin anew with an
   * empty folder
   */
  static async open(
    hasher: Hasher,
    storage: Storage,
    log: LogIdentity,
  ): Promise<{ store: ReplayStore; remembered: Remembered }> {
    const store = new ReplayStore(hasher, storage, log);
    const remembered = await store.#remembered();
    void store.#learn();
    return { store, remembered };
  }

  private constructor(hasher: Hasher, storage: Storage, log: LogIdentity) {
    this.#hasher = hasher;
    this.#storage = storage;
    this.#log = log;
  }

  async #remembered(): Promise<Remembered> {
    const [row, seen, held, why] = await this.#storage.getMany([PROGRESS, SEEN, HELD, CONVICTED]);
    const rest = { seen, held: held && fromU64be(held), convicted: why && fromUtf8(why) };
    if (!row) return { point: undefined, ...rest };
    const { range, tip } = decodeProgress(this.#hasher, row, this.#log);
    const records: [Bytes, Bytes][] = [];
    for await (const [key, value] of this.#storage.range(RECORDS)) records.push([key.slice(1), value]);
    const state = StateMap.of(this.#hasher, records);
    if (state.count !== tip.mapCount || !equal(state.root, tip.mapRoot)) {
      throw fail(
        'LOG_CORRUPT',
        `the ${state.count} stored records do not hash to the state root at ${tip.index}`,
      );
    }
    return { point: { state, tip, range }, ...rest };
  }

  /** Reads which entry ids there are, in the background. Until then the storage is asked about every one. */
  async #learn(): Promise<void> {
    try {
      for await (const [key] of this.#storage.range(INDEXES)) this.#ids.add(key.subarray(1));
      this.#whole = true;
    } catch (error) {
      // It is closed; or it could not be read just now, and every id is looked up until the next start.
      if (!isLedgerError(error, 'STORAGE_FAILED')) throw error;
    }
  }

  /** Among the entries that are committed. */
  async lookUp({ entryIds, refs }: RunLookups): Promise<{
    byId: Map<string, number>;
    byIndex: Map<number, { entryId: Bytes; kind: string | null }>;
  }> {
    const byId = new Map<string, number>();
    const byIndex = new Map<number, { entryId: Bytes; kind: string | null }>();
    const asked = this.#whole ? entryIds.filter((id) => this.#ids.mayHold(id)) : entryIds;
    if (asked.length + refs.length === 0) return { byId, byIndex };
    const rows = await this.#storage.getMany(indexKeys([...asked, ...refs.map(({ entry }) => entry)]));
    asked.forEach((id, i) => {
      const row = rows[i];
      if (row) byId.set(toHex(id), readIndex(row).index);
    });
    refs.forEach(({ index, entry }, i) => {
      const row = rows[asked.length + i];
      const found = row && readIndex(row);
      if (found?.accepted && found.index === index) byIndex.set(index, { entryId: entry, kind: found.kind });
    });
    return { byId, byIndex };
  }

  /** The root of the tree of `size`, if that many leaves were replayed and the last of them is a state entry. */
  async rootAt(size: number): Promise<Bytes | undefined> {
    return this.#storage.get(keyOf('z', u64be(size)));
  }

  /**
   * Durable when it resolves.
   * @param roots of the tree after each run
   * @param known with all of the runs added: it says which entry is the first with its id
   */
  async commit(
    runs: readonly ReplayedRun[],
    roots: readonly Bytes[],
    known: KnownEntries,
    point: ReplayPoint,
    watched: readonly (readonly [key: Bytes, value: Bytes | null])[],
  ): Promise<void> {
    const batch = new WriteBatch();
    for (const [i, run] of runs.entries()) {
      for (const { entryId } of run.entries) this.#ids.add(entryId);
      putIndexes(
        batch,
        run.entries.filter((entry) => known.byId.get(entry.hex) === entry.index),
      );
      for (const [key, value] of run.writes) put(batch, keyOf('r', key), value);
      batch.put(keyOf('z', u64be(run.tip.index + 1)), roots[i]!);
    }
    for (const [key, value] of watched) put(batch, keyOf('w', key), value);
    const { range, tip } = point;
    if (tip) {
      batch.put(
        PROGRESS,
        encodeProgress(this.#hasher, this.#log, { range, stateEntry: encodeStateEntry(tip) }),
      );
    }
    await this.#storage.write(batch);
  }

  /** Durable when it resolves. */
  async see(note: Bytes): Promise<void> {
    await this.#storage.write(new WriteBatch().put(SEEN, note));
  }

  /** Durable when it resolves, and never undone. */
  async convict(why: string): Promise<void> {
    await this.#storage.write(new WriteBatch().put(CONVICTED, utf8(why)));
  }

  /** Durable when it resolves. @param index undefined: nothing is held back any more */
  async hold(index: number | undefined): Promise<void> {
    const batch = new WriteBatch();
    await this.#storage.write(index === undefined ? batch.del(HELD) : batch.put(HELD, u64be(index)));
  }

  /** Rows of the watcher, under the keys that it gave them. */
  async *watched(): AsyncIterable<readonly [key: Bytes, value: Bytes]> {
    for await (const [key, value] of this.#storage.range(WATCHER)) yield [key.slice(1), value];
  }
}

/** Answers for several runs in a row: what the ones before have added is told to the ones after. */
export class GroupEntries implements KnownEntries {
  readonly byId: Map<string, number>;
  readonly byIndex: Map<number, { entryId: Bytes; kind: string | null }>;

  constructor(found: {
    byId: Map<string, number>;
    byIndex: Map<number, { entryId: Bytes; kind: string | null }>;
  }) {
    this.byId = found.byId;
    this.byIndex = found.byIndex;
  }

  add(run: ReplayedRun): void {
    for (const { entryId, hex, index, verdict, statement } of run.entries) {
      if (!this.byId.has(hex)) this.byId.set(hex, index);
      if (verdict.outcome === 'ok')
        this.byIndex.set(index, { entryId, kind: statement?.chain?.kind ?? null });
    }
  }
}

function putIndexes(batch: WriteBatch, entries: readonly ReplayedEntry[]): void {
  const keys = indexKeys(entries.map(({ entryId }) => entryId));
  const kinds = entries.map(({ statement }) => statement?.chain?.kind);
  // Most are foreign: nine bytes each, in one buffer like their keys.
  const short = new Uint8Array(entries.length * INDEX_ROW);
  const view = new DataView(short.buffer);
  entries.forEach(({ verdict, index }, i) => {
    const kind = kinds[i];
    const row = short.subarray(i * INDEX_ROW, (i + 1) * INDEX_ROW);
    view.setBigUint64(i * INDEX_ROW, BigInt(index));
    row[8] = verdict.outcome === 'refused' ? REFUSED : kind === undefined ? FOREIGN : CHAIN;
    batch.put(keys[i]!, row[8] === CHAIN ? concat(row, utf8(kind!)) : row);
  });
}

/** All in one buffer: what goes to native code otherwise gets one for each. */
function indexKeys(ids: readonly Bytes[]): Bytes[] {
  const keys = new Uint8Array(ids.length * INDEX_KEY);
  return ids.map((id, i) => {
    const key = keys.subarray(i * INDEX_KEY, (i + 1) * INDEX_KEY);
    key[0] = INDEX;
    key.set(id, 1);
    return key;
  });
}

function readIndex(row: Bytes): IndexRow {
  const flag = row[8];
  if (row.length < 9 || flag === undefined || flag > CHAIN)
    throw fail('LOG_CORRUPT', 'an index row is malformed');
  return {
    index: fromU64be(row),
    accepted: flag !== REFUSED,
    kind: flag === CHAIN ? fromUtf8(row.subarray(9)) : null,
  };
}

function put(batch: WriteBatch, key: Bytes, value: Bytes | null): void {
  if (value === null) batch.del(key);
  else batch.put(key, value);
}

function keyOf(prefix: string, rest: Bytes): Bytes {
  const key = new Uint8Array(1 + rest.length);
  key[0] = prefix.charCodeAt(0);
  key.set(rest, 1);
  return key;
}

function rangeOf(prefix: string): Range {
  return { gte: utf8(prefix), lt: Uint8Array.of(prefix.charCodeAt(0) + 1) };
}
