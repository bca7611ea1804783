/**
 * The tree over the bundles: tiles of every level, the hashes at the open edge, the root. Where two things do not agree, what
 * a signed root vouches for tells which one is wrong; so this goes from the leaves up, and then from the root down.
 */
import { type Bytes, equal, toHex } from '../core/bytes.ts';
import type { Hasher } from '../core/crypto.ts';
import { CompactRange, nodeHash, TILE_HEIGHT, TILE_WIDTH, treeRoot } from '../merkle/index.ts';
import type { BundleAudit, Disagreement } from './audit-bundle.ts';
import type { Findings } from './findings.ts';

/** Hashes of a level of tiles: those that the leaves lead to, and those that are stored. */
export interface StoredLevel {
  /** Full tiles by index. */
  readonly tiles: ReadonlyMap<number, Bytes>;
  /** Bottom hashes of the open tile, by index in the level. */
  readonly edge: ReadonlyMap<number, Bytes>;
}

/** Bundles with a disagreement whose bytes are held; of more, only the number is told. */
const HELD = 256;

export class TreeAudit {
  readonly #hasher: Hasher;
  readonly #size: number;
  readonly #findings: Findings;
  /** Roots over the bundles' leaves. */
  readonly #roots: (Bytes | undefined)[] = [];
  readonly #disagreements = new Map<number, Disagreement>();
  #more = 0;
  #open: readonly (Bytes | undefined)[] = [];

  constructor(hasher: Hasher, size: number, findings: Findings) {
    this.#hasher = hasher;
    this.#size = size;
    this.#findings = findings;
  }

  /** Bundles in their order. */
  add({ root, open, disagreement, findings }: BundleAudit): void {
    this.#findings.include(findings);
    if (open) this.#open = open;
    else this.#roots.push(root);
    if (!disagreement) return;
    if (this.#disagreements.size < HELD) this.#disagreements.set(this.#roots.length - 1, disagreement);
    else this.#more += 1;
  }

  /**
   * The root of the first `size` leaves, as the leaves lead to it; undefined where some are missing, or not known.
   * @param tile the one that `size` ends in, where
   */
  rootAt(size: number, tile?: Bytes): Bytes | undefined {
    const n = Math.floor(size / TILE_WIDTH);
    const open = this.#openAt(n, size - n * TILE_WIDTH, tile);
    const range = CompactRange.empty();
    for (const hash of this.#roots.slice(0, n)) {
      if (!hash) return undefined;
      range.append(this.#hasher, hash);
    }
    if (open?.length === 0) return range.root(this.#hasher);
    if (!open) return undefined;
    const last = treeRoot(this.#hasher, open);
    return range.hashes.reduceRight((right, left) => nodeHash(this.#hasher, left, right), last);
  }

  /** The first `width` leaf hashes of bundle `n`. */
  #openAt(n: number, width: number, tile: Bytes | undefined): Bytes[] | undefined {
    if (width === 0) return [];
    let hashes: readonly (Bytes | undefined)[];
    if (n === this.#roots.length) hashes = this.#open;
    else if (tile?.length !== TILE_WIDTH * 32) return undefined;
    else hashes = Array.from({ length: TILE_WIDTH }, (_, i) => hashAt(tile, i));
    const root = this.#roots[n];
    if (n < this.#roots.length && !(root && equal(root, treeRoot(this.#hasher, hashes as Bytes[])))) {
      return undefined;
    }
    const open = hashes.slice(0, width).filter((hash) => hash !== undefined);
    return open.length === width ? open : undefined;
  }

  /** A tile of level 0 that is not full, as a log serves it, against the last leaves. */
  compareOpenTile(tile: Bytes): void {
    const n = this.#roots.length;
    this.#open.forEach((hash, i) => {
      const served = hashAt(tile, i);
      if (hash && !equal(hash, served)) this.#say(`tile 0/${n}, hash ${i}`, toHex(hash), toHex(served));
    });
  }

  /** @param levels level 1 first @param root what the log has committed, or signed */
  finish(levels: readonly StoredLevel[], root: Bytes): void {
    const computed = this.rootAt(this.#size);
    if (computed && equal(computed, root)) this.#leavesAreRight(levels);
    else this.#fromTheRoot(levels, root, computed);
    this.#findings.count('tree', this.#more);
  }

  /** The leaves hash to the root: whatever does not fit them is wrong. */
  #leavesAreRight(levels: readonly StoredLevel[]): void {
    for (const [n, { leafHashes, tile }] of this.#disagreements) this.#tileIsWrong(0, n, leafHashes, tile);
    let hashes: readonly Bytes[] = this.#roots as Bytes[];
    levels.forEach(({ tiles, edge }, i) => {
      const level = i + 1;
      const full = Math.floor(hashes.length / TILE_WIDTH);
      const roots: Bytes[] = [];
      for (let n = 0; n < full; n++) {
        const content = hashes.slice(n * TILE_WIDTH, (n + 1) * TILE_WIDTH);
        const tile = tiles.get(n);
        if (!tile || !same(content, tile)) this.#tileIsWrong(level, n, content, tile);
        roots.push(treeRoot(this.#hasher, content));
      }
      for (const n of tiles.keys()) {
        if (n >= full) this.#say(`tile ${level}/${n}`, `nothing: ${full} tiles are full`, 'a tile');
      }
      for (let n = full * TILE_WIDTH; n < hashes.length; n++) {
        const stored = edge.get(n);
        if (!stored || !equal(stored, hashes[n]!)) {
          this.#say(`edge hash ${level}/${n}`, toHex(hashes[n]!), stored ? toHex(stored) : 'nothing');
        }
      }
      for (const n of edge.keys()) {
        if (n < full * TILE_WIDTH || n >= hashes.length) {
          this.#say(`edge hash ${level}/${n}`, 'nothing: it is not in an open tile', 'a hash');
        }
      }
      hashes = roots;
    });
  }

  #tileIsWrong(
    level: number,
    n: number,
    content: readonly (Bytes | undefined)[],
    tile: Bytes | undefined,
  ): void {
    const at = `tile ${level}/${n}`;
    if (!tile) this.#say(at, 'a full tile', 'nothing');
    else if (tile.length !== TILE_WIDTH * 32) {
      this.#say(at, `${TILE_WIDTH * 32} bytes`, `${tile.length} bytes`);
    } else {
      content.forEach((hash, i) => {
        const stored = hashAt(tile, i);
        if (hash && !equal(hash, stored)) this.#say(`${at}, hash ${i}`, toHex(hash), toHex(stored));
      });
    }
  }

  /** Some leaf, or the root itself, is wrong: what the root vouches for is followed down as far as it goes. */
  #fromTheRoot(levels: readonly StoredLevel[], root: Bytes, computed: Bytes | undefined): void {
    const stored = this.#storedRoot(levels);
    const anchored = stored !== undefined && equal(stored, root);
    if (!anchored) {
      const found = computed ? toHex(computed) : 'leaves that do not make a tree';
      this.#say(`root of ${this.#size}`, toHex(root), found);
    }
    // By level, from the top: hashes that are known to be under the root.
    let known = new Map<number, Bytes>();
    for (let level = levels.length; level >= 1; level--) {
      const { tiles, edge } = levels[level - 1]!;
      const below = new Map<number, Bytes>(anchored ? edge : []);
      for (let n = 0; n < Math.floor(this.#width(level) / TILE_WIDTH); n++) {
        const tile = tiles.get(n);
        const above = known.get(n);
        const fits = tile && above && equal(rootOf(this.#hasher, tile), above);
        if (fits) for (let i = 0; i < TILE_WIDTH; i++) below.set(n * TILE_WIDTH + i, hashAt(tile, i));
        else if (above || !tile) {
          const expected = above ? `hashes to ${toHex(above)}` : 'a full tile';
          this.#say(`tile ${level}/${n}`, expected, tile ? `hashes to ${this.#shown(tile)}` : 'nothing');
        }
      }
      known = below;
    }
    this.#bottom(known);
  }

  #bottom(known: ReadonlyMap<number, Bytes>): void {
    this.#roots.forEach((root, n) => {
      const above = known.get(n);
      const disagreement = this.#disagreements.get(n);
      if (!disagreement) {
        if (above && root && !equal(above, root)) {
          this.#say(`tile 0/${n}`, `hashes to ${toHex(above)}`, `it and its leaves hash to ${toHex(root)}`);
        }
        return;
      }
      const { leafHashes, tile } = disagreement;
      if (above && root && equal(above, root)) this.#tileIsWrong(0, n, leafHashes, tile);
      else this.#leavesAreWrong(n, leafHashes, tile, above);
    });
  }

  #leavesAreWrong(
    n: number,
    leafHashes: readonly (Bytes | undefined)[],
    tile: Bytes | undefined,
    above: Bytes | undefined,
  ): void {
    if (tile?.length !== TILE_WIDTH * 32) {
      this.#tileIsWrong(0, n, [], tile);
      return;
    }
    if (above && !equal(rootOf(this.#hasher, tile), above)) {
      this.#say(`tile 0/${n}`, `hashes to ${toHex(above)}`, `hashes to ${this.#shown(tile)}`);
    }
    leafHashes.forEach((hash, i) => {
      const wanted = hashAt(tile, i);
      // A leaf that is missing has been reported as that.
      if (hash && !equal(hash, wanted)) this.#say(`leaf ${n * TILE_WIDTH + i}`, toHex(wanted), toHex(hash));
    });
  }

  /** The root over the stored open edge; the edge of level 0 is the last leaves. */
  #storedRoot(levels: readonly StoredLevel[]): Bytes | undefined {
    let root: Bytes | undefined;
    const fold = (hashes: readonly Bytes[]) => {
      const range = CompactRange.empty();
      for (const hash of hashes) range.append(this.#hasher, hash);
      for (const left of range.hashes.toReversed()) root = root ? nodeHash(this.#hasher, left, root) : left;
    };
    if (this.#open.some((hash) => !hash)) return undefined;
    fold(this.#open as readonly Bytes[]);
    for (const [i, { edge }] of levels.entries()) {
      const width = this.#width(i + 1);
      const open: Bytes[] = [];
      for (let n = width - (width % TILE_WIDTH); n < width; n++) {
        const hash = edge.get(n);
        if (!hash) return undefined;
        open.push(hash);
      }
      fold(open);
    }
    return root;
  }

  /** Bottom hashes of a level. */
  #width(level: number): number {
    return Math.floor(this.#size / 2 ** (TILE_HEIGHT * level));
  }

  #shown(tile: Bytes): string {
    return tile.length === TILE_WIDTH * 32 ? toHex(rootOf(this.#hasher, tile)) : `${tile.length} bytes`;
  }

  #say(at: string, expected: string, found: string): void {
    this.#findings.add('tree', at, expected, found);
  }
}

function same(hashes: readonly Bytes[], tile: Bytes): boolean {
  return tile.length === hashes.length * 32 && hashes.every((hash, i) => equal(hash, hashAt(tile, i)));
}

function rootOf(hasher: Hasher, tile: Bytes): Bytes {
  if (tile.length !== TILE_WIDTH * 32) return tile;
  return treeRoot(
    hasher,
    Array.from({ length: TILE_WIDTH }, (_, i) => hashAt(tile, i)),
  );
}

function hashAt(tile: Bytes, i: number): Bytes {
  return tile.subarray(i * 32, i * 32 + 32);
}
