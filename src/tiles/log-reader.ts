/**
 * Reading a log over its tiles, under a head that is trusted: leaves with their statements, and proofs. Whatever comes
 * out hashes to that head; what does not is a {@link TileFault}.
 */
import { type Bytes, equal } from '../core/bytes.ts';
import type { Hasher } from '../core/crypto.ts';
import { fail } from '../core/errors.ts';
import type { BundleHasher } from '../merkle/bundle-hash.ts';
import {
  assembleProof,
  CompactRange,
  consistencyNodes,
  inclusionNodes,
  leafHash,
  type NodeGroups,
  type NodeId,
  parseEntryBundle,
  parseStatementBundle,
  rootNodes,
  TILE_HEIGHT,
  TILE_WIDTH,
  tileWidth,
  treeRoot,
} from '../merkle/index.ts';
import { AuthenticatedTiles, hashAt, type TrustedHead } from './authenticated-tiles.ts';
import { type HashedBundle, hashedBundle } from './hashed-bundle.ts';
import { TileFault } from './tile-fault.ts';
import { type FetchedTile, fetchTile } from './tile-fetch.ts';
import type { TileSource } from './tile-source.ts';

/** FORMATS §2: leaf data of a statement is its entry id; that of a state entry is longer. */
const ENTRY_ID = 32;
/** Bundles that are asked for ahead of the one that is looked at, and the bytes that they may come to. */
const AHEAD = 4;
const AHEAD_BYTES = 16 << 20;

export interface LogLeaf {
  readonly index: number;
  /** Leaf data: the entry id of a statement, or a state entry. */
  readonly data: Bytes;
  /** RFC 9162 leaf hash, 32 bytes. */
  readonly hash: Bytes;
  /** Its bytes, which hash to `data`; null for a state entry. */
  readonly statement: Bytes | null;
  /** Hashes of the perfect subtrees that it completes, from the one of two leaves up, none of which begins before the leaves asked for. Undefined: not known. */
  readonly above: readonly Bytes[] | undefined;
}

export class LogReader {
  readonly #hasher: Hasher;
  readonly #source: TileSource;
  readonly #tiles: AuthenticatedTiles;
  readonly #bundles: BundleHasher | undefined;
  readonly head: TrustedHead;

  /**
   * @param head from a checkpoint whose signatures have been verified; it need not be the newest
   * @param bundles with ids and inner nodes: hashes full bundles faster than `hasher`, where there is WebAssembly
   * @throws TILE_INVALID, TILE_MISSING; and what the source throws
   * @example for await (const leaves of (await LogReader.open(hasher, source, head)).leaves(0)) …
   */
  static async open(
    hasher: Hasher,
    source: TileSource,
    head: TrustedHead,
    bundles?: BundleHasher,
  ): Promise<LogReader> {
    return new LogReader(hasher, source, head, await AuthenticatedTiles.open(hasher, source, head), bundles);
  }

  private constructor(
    hasher: Hasher,
    source: TileSource,
    head: TrustedHead,
    tiles: AuthenticatedTiles,
    bundles: BundleHasher | undefined,
  ) {
    this.#bundles = bundles;
    this.#hasher = hasher;
    this.#source = source;
    this.head = head;
    this.#tiles = tiles;
  }

  /**
   * Leaves [from, to) in order, up to 256 at a time: those of one bundle.
   * @throws TILE_INVALID, TILE_MISSING, BODY_MISSING
   */
  async *leaves(from: number, to: number = this.head.size): AsyncGenerator<readonly LogLeaf[]> {
    if (from < 0 || to > this.head.size || from > to) {
      throw fail('ARGUMENT_INVALID', `leaves ${from} to ${to} of a tree of ${this.head.size}`);
    }
    const last = Math.ceil(to / TILE_WIDTH);
    let next = Math.floor(from / TILE_WIDTH);
    let size = AHEAD_BYTES;
    const asked: Promise<readonly LogLeaf[]>[] = [];
    // As many as are likely to stay within the bytes, judging by the one before.
    const ask = () => {
      while (
        next < last &&
        asked.length < AHEAD &&
        (asked.length + 1) * size <= Math.max(size, AHEAD_BYTES)
      ) {
        const bundle = this.#bundle(next++, from);
        bundle.catch(() => undefined); // it is waited for in its turn
        asked.push(bundle);
      }
    };
    for (ask(); asked.length > 0; ask()) {
      const leaves = await asked.shift()!;
      size = leaves.reduce((sum, { data, statement }) => sum + data.length + (statement?.length ?? 0), 1);
      ask();
      const first = leaves[0]!.index;
      yield leaves.slice(Math.max(0, from - first), to - first);
    }
  }

  async leaf(index: number): Promise<LogLeaf> {
    for await (const [leaf] of this.leaves(index, index + 1)) return leaf!;
    throw fail('ARGUMENT_INVALID', `there is no leaf ${index}`);
  }

  /** @param from the first leaf asked for */
  async #bundle(n: number, from: number): Promise<readonly LogLeaf[]> {
    const width = tileWidth(0, n, this.head.size);
    const [entries, statements] = await Promise.all([
      fetchTile(this.#source, 'entries', n, width),
      fetchTile(this.#source, 'statements', n, width),
    ]);
    const data = parsed(entries, width, parseEntryBundle);
    const fast = await this.#fast(n, width, data, statements);
    if (fast) return leavesOf(fast, n * TILE_WIDTH, from);
    const hashes = data.map((leaf) => leafHash(this.#hasher, leaf));
    await this.#check(n, width, hashes, entries);
    const bodies = parsed(statements, width, parseStatementBundle);
    return data.map((leaf, i) => {
      const [index, statement] = [n * TILE_WIDTH + i, bodies[i]!];
      const fits =
        leaf.length === ENTRY_ID
          ? statement !== null && equal(this.#hasher.sha256(statement), leaf)
          : statement === null;
      if (!fits) throw withheld(index, statement, statements);
      return { index, data: leaf, hash: hashes[i]!, statement, above: undefined };
    });
  }

  /** A full bundle in which everything fits. Undefined: what does not, is found one by one. */
  async #fast(
    n: number,
    width: number,
    data: readonly Bytes[],
    statements: FetchedTile,
  ): Promise<HashedBundle | undefined> {
    if (width < TILE_WIDTH || !this.#bundles) return undefined;
    const hashed = hashedBundle(this.#bundles, data, statements.bytes);
    if (!hashed) return undefined;
    const inTree = await this.#tiles.node({ level: TILE_HEIGHT, index: n });
    return equal(hashed.root, inTree) ? hashed : undefined;
  }

  /** Leaf data is in the tree: a full bundle by its root, the last one by its hashes, which the edge has. */
  async #check(n: number, width: number, hashes: readonly Bytes[], { path, bytes }: FetchedTile) {
    const about = { path, served: bytes };
    if (width === TILE_WIDTH) {
      await this.#tiles.checkRoot(treeRoot(this.#hasher, hashes), 0, n, about);
      return;
    }
    const edge = await this.#tiles.tile(0, n);
    const differs = hashes.findIndex((hash, i) => !equal(hash, hashAt(edge, i)));
    if (differs >= 0) {
      const index = n * TILE_WIDTH + differs;
      throw new TileFault('TILE_INVALID', `leaf ${index} is not the one in the tree`, { ...about, index });
    }
  }

  /** The right edge of the first `size` leaves: whoever has kept the same can go on from there. */
  async range(size: number): Promise<CompactRange> {
    const ids = rootNodes(size);
    return CompactRange.of(size, await Promise.all(ids.map((id) => this.#tiles.node(id))));
  }

  /** RFC 9162 §2.1.3.1, in the tree of `size` leaves. */
  inclusionPath(index: number, size: number = this.head.size): Promise<Bytes[]> {
    return this.#proof(inclusionNodes(index, size), size);
  }

  /** RFC 9162 §2.1.4.1 */
  consistencyPath(from: number, to: number = this.head.size): Promise<Bytes[]> {
    return this.#proof(consistencyNodes(from, to), to);
  }

  async #proof(groups: NodeGroups, size: number): Promise<Bytes[]> {
    if (size > this.head.size) throw fail('ARGUMENT_INVALID', `no tree of ${size} is trusted`);
    const named = new Map<string, NodeId>();
    for (const id of groups.flat()) named.set(`${id.level}/${id.index}`, id);
    const hashes = new Map(
      await Promise.all(
        [...named].map(async ([name, id]): Promise<[string, Bytes]> => [name, await this.#tiles.node(id)]),
      ),
    );
    return assembleProof(this.#hasher, groups, ({ level, index }) => hashes.get(`${level}/${index}`)!);
  }
}

/** @param from the first leaf asked for: what was there before it is not a part of what is given for those after it */
function leavesOf({ leaves, above }: HashedBundle, first: number, from: number): LogLeaf[] {
  return leaves.map(({ data, hash, statement }, i) => {
    return { index: first + i, data, hash, statement, above: first < from ? undefined : above[i]! };
  });
}

/** The first `width` of a bundle, which may have been served longer. */
function parsed<T>({ path, bytes }: FetchedTile, width: number, parse: (bytes: Bytes) => T[]): T[] {
  const about = { path, served: bytes };
  let items: T[];
  try {
    items = parse(bytes);
  } catch (cause) {
    throw new TileFault('TILE_INVALID', `${path} is no bundle`, { ...about, cause });
  }
  if (items.length < width) {
    throw new TileFault('TILE_INVALID', `${path} has ${items.length} entries, not ${width}`, about);
  }
  return items.slice(0, width);
}

function withheld(index: number, statement: Bytes | null, { path, bytes }: FetchedTile): TileFault {
  const what = statement === null ? 'is not served' : 'does not hash to its entry id';
  return new TileFault('BODY_MISSING', `the statement of entry ${index} ${what}`, {
    path,
    served: bytes,
    index,
  });
}
