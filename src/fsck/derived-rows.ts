/**
 * Rows that follow from the entries: leaf index, verdicts, records of the state, and keys that belong to nothing. They decide (a
 * statement that the index has lost would be logged twice), so each is compared with what the entries lead to.
 */
import { type Bytes, equal, toHex, utf8 } from '../core/bytes.ts';
import type { Hasher } from '../core/crypto.ts';
import {
  decodeLeafIndexMark,
  decodeMark,
  EDGE_RANGE,
  edgeOf,
  HEAD_KEY,
  LEAF_INDEX_MARK_KEY,
  LEAF_INDEX_RANGE,
  LEAF_INDEX_VERSION,
  LEAVES_RANGE,
  type LeafIndexMark,
  leafIndexKey,
  leafIndexPartOf,
  MARK_KEY,
  RECORD_RANGE,
  stateIndexOf,
  stateKeyOf,
  TILE_RANGE,
  tileKey,
  tileOf,
  VERDICTS_RANGE,
} from '../log/layout.ts';
import { compareLeafIndexPart, LEAF_INDEX_PART } from '../log/leaf-index.ts';
import { MARK_INTERVAL } from '../log/restore.ts';
import { KEY_RANGE, type SigningKey, signingKeyOf } from '../log/signing-keys.ts';
import { HASH_LENGTH, TILE_WIDTH } from '../merkle/index.ts';
import type { StateMap } from '../statemap/index.ts';
import type { Range, ReadableStorage } from '../storage/index.ts';
import type { Findings } from './findings.ts';
import { Peekable } from './peekable.ts';
import { attempt } from './salvage.ts';
import { named } from './stored-bundles.ts';
import type { StoredLevel } from './tree-audit.ts';

/** The stored parts of the leaf index, each beside its tiles once these have been compared with the leaves. */
export class LeafIndexRows {
  readonly #hasher: Hasher;
  readonly #storage: ReadableStorage;
  readonly #findings: Findings;
  readonly #mark: LeafIndexMark;
  /** Of the leaves of one part after the other. */
  readonly #hashes: Bytes;
  #part = 0;

  /** @param size leaves of the log */
  static async open(
    hasher: Hasher,
    storage: ReadableStorage,
    size: number,
    findings: Findings,
  ): Promise<LeafIndexRows | undefined> {
    const stored = await storage.get(LEAF_INDEX_MARK_KEY);
    const none = { version: LEAF_INDEX_VERSION, length: LEAF_INDEX_PART, parts: 0 };
    const mark = stored ? named(stored, decodeLeafIndexMark) : none;
    // The next start throws these rows away.
    if (mark && mark.version < LEAF_INDEX_VERSION) return undefined;
    const isCurrent = mark?.version === LEAF_INDEX_VERSION && mark.parts * mark.length <= size;
    if (isCurrent) return new LeafIndexRows(hasher, storage, findings, mark);
    const found = mark
      ? `${mark.parts} parts of ${mark.length} leaves, version ${mark.version}`
      : 'one that cannot be read';
    findings.add('derived', 'mark of the leaf index', 'whole parts, of leaves that there are', found);
    return undefined;
  }

  private constructor(hasher: Hasher, storage: ReadableStorage, findings: Findings, mark: LeafIndexMark) {
    this.#hasher = hasher;
    this.#storage = storage;
    this.#findings = findings;
    this.#mark = mark;
    this.#hashes = new Uint8Array(mark.parts > 0 ? mark.length * HASH_LENGTH : 0);
  }

  /** The tiles of the first `leaves` have been compared. */
  async check(leaves: number): Promise<void> {
    const { length, parts } = this.#mark;
    for (; this.#part < parts && (this.#part + 1) * length <= leaves; this.#part++) {
      // The leaves do not need these rows: what of them cannot be read ends the audit of their part only.
      await attempt(`leaf index, part ${this.#part}`, this.#findings, () => this.#checkPart(this.#part));
    }
  }

  async #checkPart(part: number): Promise<void> {
    // Damaged tiles have been told.
    if (!(await this.#readHashes(part * this.#mark.length))) return;
    const wrong = await compareLeafIndexPart(this.#hasher, this.#storage, part, this.#hashes);
    if (wrong) this.#findings.add('derived', `leaf index, part ${part}`, 'its rows, and no other', wrong);
  }

  /** Those of the part that begins with leaf `first`. False: a tile is missing, or is none. */
  async #readHashes(first: number): Promise<boolean> {
    const from = first / TILE_WIDTH;
    const end = from + this.#mark.length / TILE_WIDTH;
    let next = from;
    for await (const [key, tile] of this.#storage.range({ gte: tileKey(0, from), lt: tileKey(0, end) })) {
      if (named(key, tileOf)?.index !== next || tile.length !== TILE_WIDTH * HASH_LENGTH) return false;
      this.#hashes.set(tile, (next - from) * TILE_WIDTH * HASH_LENGTH);
      next += 1;
    }
    return next === end;
  }

  /** Whatever is left, after the last part. */
  async finish(): Promise<void> {
    const { parts } = this.#mark;
    // A part that was being stored when the log ended is stored anew; rows of format 1, before there is a mark, are thrown away.
    const behind = { ...LEAF_INDEX_RANGE, gte: leafIndexKey(parts, 0, 0) };
    for await (const [key] of this.#storage.range(behind)) {
      const part = named(key, leafIndexPartOf);
      if (part === parts || (part === undefined && parts === 0)) continue;
      this.#findings.add('derived', 'leaf index', `rows of ${parts} parts`, `a row under ${toHex(key)}`);
      return;
    }
  }
}

/** Verdict rows beside the runs that they are of, both in the order of the log. */
export class VerdictRows {
  readonly #rows: Peekable<{ index: number; bytes: Bytes }>;
  readonly #findings: Findings;

  constructor(storage: ReadableStorage, findings: Findings) {
    this.#findings = findings;
    this.#rows = new Peekable(this.#read(storage));
  }

  async *#read(storage: ReadableStorage) {
    for await (const [key, bytes] of storage.range(VERDICTS_RANGE)) {
      const index = named(key, stateIndexOf);
      if (index !== undefined) yield { index, bytes };
      else this.#findings.add('derived', 'verdict row', 'the key of one', 'a malformed key');
    }
  }

  async check(stateIndex: number, expected: Bytes | undefined): Promise<void> {
    const at = `verdict row of state entry ${stateIndex}`;
    await this.#strays(stateIndex);
    const row = await this.#rows.peek();
    const found = row?.index === stateIndex ? row.bytes : undefined;
    if (found) this.#rows.skip();
    if (expected === undefined ? found === undefined : found && equal(found, expected)) return;
    const plain = 'nothing: all verdicts are plain';
    this.#findings.add(
      ...(['derived', at, expected ? toHex(expected) : plain, found ? toHex(found) : 'nothing'] as const),
    );
  }

  /** Whatever is left, after the last run. */
  async finish(): Promise<void> {
    await this.#strays(Number.POSITIVE_INFINITY);
  }

  end(): Promise<void> {
    return this.#rows.end();
  }

  async #strays(before: number): Promise<void> {
    for (let row = await this.#rows.peek(); row && row.index < before; row = await this.#rows.peek()) {
      const at = `verdict row of state entry ${row.index}`;
      this.#findings.add('derived', at, 'nothing: there is no such state entry', 'a row');
      this.#rows.skip();
    }
  }
}

export async function auditRecords(
  storage: ReadableStorage,
  state: StateMap,
  findings: Findings,
): Promise<void> {
  let matched = 0;
  const present = new Set<string>();
  for await (const [key, value] of storage.range(RECORD_RANGE)) {
    const stateKey = stateKeyOf(key);
    const expected = state.get(stateKey);
    const at = `record ${toHex(stateKey)}`;
    if (!expected) findings.add('derived', at, 'nothing: the state has no such record', 'a record');
    else {
      matched += 1;
      if (!equal(expected, value)) findings.add('derived', at, toHex(expected), toHex(value));
    }
  }
  if (matched === state.count) return;
  for await (const [key] of storage.range(RECORD_RANGE)) present.add(toHex(stateKeyOf(key)));
  for (const [key] of state.entries()) {
    if (!present.has(toHex(key))) findings.add('derived', `record ${toHex(key)}`, 'a record', 'nothing');
  }
}

/** Keys that stored records name: threads can verify with them before the replay gets there. */
export async function storedKeys(storage: ReadableStorage): Promise<SigningKey[]> {
  const keys: SigningKey[] = [];
  for await (const [key, value] of storage.range(KEY_RANGE)) {
    try {
      const found = signingKeyOf(stateKeyOf(key), value);
      if (found) keys.push(found);
    } catch {
      // A damaged record: it is found when records are compared.
    }
  }
  return keys;
}

/** Tiles and open hashes of the levels above the leaves, level 1 first. */
export async function storedLevels(
  storage: ReadableStorage,
  size: number,
  findings: Findings,
): Promise<StoredLevel[]> {
  const levels: { tiles: Map<number, Bytes>; edge: Map<number, Bytes> }[] = [];
  for (let width = Math.floor(size / 256); width > 0; width = Math.floor(width / 256)) {
    levels.push({ tiles: new Map(), edge: new Map() });
  }
  const misplaced = (what: string, at: { level: number; index: number } | undefined) => {
    const name = at ? `${what} ${at.level}/${at.index}` : what;
    findings.add('tree', name, at ? 'nothing: no tree of this size has it' : 'the key of one', 'a row');
  };
  for await (const [key, bytes] of storage.range({ ...TILE_RANGE, gte: tileKey(1, 0).slice(0, 2) })) {
    const at = named(key, tileOf);
    const level = at && levels[at.level - 1];
    if (level) level.tiles.set(at.index, bytes);
    else misplaced('tile', at);
  }
  for await (const [key, bytes] of storage.range(EDGE_RANGE)) {
    const at = named(key, edgeOf);
    const level = at && levels[at.level - 1];
    if (level) level.edge.set(at.index, bytes);
    else misplaced('edge hash', at);
  }
  return levels;
}

/** Rows under keys that this software gives no meaning, and a mark where none can be. */
export async function auditStrays(storage: ReadableStorage, size: number, findings: Findings): Promise<void> {
  const mark = await storage.get(MARK_KEY);
  const marked = named(mark, decodeMark);
  if (marked === undefined || marked % MARK_INTERVAL !== 0 || marked > size) {
    const found = marked === undefined ? 'one that cannot be read' : String(marked);
    findings.add('derived', 'verified mark', `a multiple of ${MARK_INTERVAL}, up to ${size}`, found);
  }
  for (const range of gaps()) {
    for await (const [key] of storage.range({ ...range, limit: 100 })) {
      findings.add(
        'derived',
        'a row',
        'rows of a log only',
        `one under the key ${toHex(key.subarray(0, 64))}`,
      );
    }
  }
}

/** What lies between the rows of a log. */
function gaps(): Range[] {
  const after = (key: Bytes) => Uint8Array.of(...key, 0);
  const used: readonly { gte: Bytes; lt: Bytes }[] = [
    { gte: HEAD_KEY, lt: after(HEAD_KEY) },
    { gte: LEAF_INDEX_MARK_KEY, lt: after(LEAF_INDEX_MARK_KEY) },
    { gte: MARK_KEY, lt: after(MARK_KEY) },
    { gte: utf8('X'), lt: after(utf8('X')) },
    ...[LEAVES_RANGE, { gte: utf8('c'), lt: after(utf8('d')) }, EDGE_RANGE, LEAF_INDEX_RANGE],
    ...[RECORD_RANGE, TILE_RANGE, VERDICTS_RANGE, { gte: utf8('x'), lt: utf8('y') }],
  ];
  return [
    ...used.map(({ lt }, i) => ({ gte: lt, ...(used[i + 1] && { lt: used[i + 1]!.gte }) })),
    { lt: HEAD_KEY },
  ];
}
