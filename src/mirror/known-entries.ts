/** What replaying a run has to know of earlier entries, from the copy's own rows and from what is not written yet. */
import { decodeStateEntry, parseStatement } from '../chain/index.ts';
import { type Bytes, toHex } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import {
  decodeVerdicts,
  type LeafIndex,
  type LeafStore,
  type LogTree,
  Lru,
  verdictsKey,
} from '../log/index.ts';
import { leafHash } from '../merkle/index.ts';
import type { KnownEntries, ReplayedEntry, RunLookups } from '../replay/index.ts';
import type { Storage } from '../storage/index.ts';

/** An accepted statement; null: a state entry, or one that was refused. */
type Known = { readonly entryId: Bytes; readonly kind: string | null } | null;

/** Earlier entries that are remembered: what is referred to once is referred to again. */
const REMEMBERED = 1 << 14;

interface Stored {
  readonly crypto: Crypto;
  readonly storage: Storage;
  readonly tree: LogTree;
  readonly leaves: LeafStore;
  readonly index: LeafIndex;
}

export class EarlierEntries {
  readonly #stored: Stored;
  readonly #remembered = new Lru<number, { readonly known: Known }>(REMEMBERED);
  /** Replayed, and not written yet. */
  #byId = new Map<string, number>();
  #byIndex = new Map<number, Known>();

  constructor(stored: Stored) {
    this.#stored = stored;
  }

  /** @throws LOG_CORRUPT, STORAGE_FAILED */
  async answer({ entryIds, refs }: RunLookups): Promise<KnownEntries> {
    const byId = new Map<string, number>();
    const byIndex = new Map<number, NonNullable<Known>>();
    // Asked for at once: runs are short, and going to the storage is what they cost.
    const asked = entryIds.filter((id) => this.#mayHold(id));
    const indexes = await this.#indexes([...asked, ...refs.map(({ entry }) => entry)]);
    for (const [i, entryId] of asked.entries()) {
      const index = indexes[i];
      if (index !== undefined) byId.set(toHex(entryId), index);
    }
    for (const [i, index] of indexes.slice(asked.length).entries()) {
      // A ref that names another entry than the one there does not hold, whatever that one is.
      if (index === undefined || index !== refs[i]!.index) continue;
      const known = await this.#at(index);
      if (known) byIndex.set(index, known);
    }
    return { byId, byIndex };
  }

  /** False is certain. */
  #mayHold(entryId: Bytes): boolean {
    const { crypto, index } = this.#stored;
    return this.#byId.has(toHex(entryId)) || index.mayHold(leafHash(crypto, entryId));
  }

  async #indexes(entryIds: readonly Bytes[]): Promise<(number | undefined)[]> {
    if (entryIds.length === 0) return [];
    const { crypto, index } = this.#stored;
    const found = await index.find(entryIds.map((entryId) => leafHash(crypto, entryId)));
    return entryIds.map((entryId, i) => this.#byId.get(toHex(entryId)) ?? found[i]);
  }

  async #at(index: number): Promise<Known> {
    const waiting = this.#byIndex.get(index);
    if (waiting !== undefined) return waiting;
    const remembered = this.#remembered.get(index);
    if (remembered) return remembered.known;
    const known = await this.#read(index);
    this.#remembered.set(index, { known });
    return known;
  }

  async #read(index: number): Promise<Known> {
    const { crypto, storage, tree, leaves } = this.#stored;
    if (index >= tree.size) return null;
    const record = await leaves.record(index, tree.size);
    if (record.isStateEntry) return null;
    const closing = await leaves.closingStateEntry(index, tree.size);
    const row = await storage.get(verdictsKey(closing));
    if (row) {
      const { previous } = decodeStateEntry((await leaves.record(closing, tree.size)).bytes);
      const first = previous === null ? 0 : previous + 1;
      if (decodeVerdicts(row)[index - first]?.outcome === 'refused') return null;
    }
    const { entryId, chain } = parseStatement(crypto, record.bytes);
    return { entryId, kind: chain?.kind ?? null };
  }

  /** A run that was replayed: it is known from now on, though not written. */
  add(entries: readonly ReplayedEntry[], closing: number): void {
    for (const { index, entryId, verdict, statement } of entries) {
      this.#byId.set(toHex(entryId), index);
      this.#byIndex.set(
        index,
        verdict.outcome === 'ok' ? { entryId, kind: statement?.chain?.kind ?? null } : null,
      );
    }
    this.#byIndex.set(closing, null);
  }

  /** All of it has been written. */
  written(): void {
    for (const [index, known] of this.#byIndex) {
      if (known?.kind == null) continue;
      // Its own: an entry id is a view of the bundle that it came in.
      this.#remembered.set(index, { known: { entryId: known.entryId.slice(), kind: known.kind } });
    }
    this.#byId = new Map();
    this.#byIndex = new Map();
  }
}
