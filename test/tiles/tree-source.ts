/** The tiles of a tree that grows, and what a log may do to them. */
import { type Bytes, concat, utf8 } from '../../src/core/bytes.ts';
import { fail } from '../../src/core/errors.ts';
import {
  CompactRange,
  entryBundle,
  leafHash,
  parseTilePath,
  statementBundle,
  TILE_WIDTH,
  tileWidth,
} from '../../src/merkle/index.ts';
import { nodeCrypto as crypto } from '../../src/platform/crypto-node.ts';
import type { TileSource } from '../../src/tiles/index.ts';

export interface TestLeaf {
  readonly data: Bytes;
  readonly statement: Bytes | null;
}

/** Every third leaf is a state entry, as far as tiles can tell. */
export function testLeaf(index: number): TestLeaf {
  if (index % 3 === 2)
    return { data: utf8(`state entry ${index} is longer than thirty-two bytes`), statement: null };
  const statement = utf8(`statement ${index}`);
  return { data: crypto.sha256(statement), statement };
}

export class TreeSource implements TileSource {
  readonly leaves: TestLeaf[] = [];
  readonly range = CompactRange.empty();
  /** Root of every tree that {@link grow} has ended at. */
  readonly roots = new Map<number, Bytes>();
  readonly asked: string[] = [];
  /** What is served instead; null: nothing. */
  lie: (path: string, bytes: Bytes) => Bytes | null = (_path, bytes) => bytes;
  /** Partial tiles go as soon as the full one is there. */
  forgetful = false;
  readonly #levels: Bytes[][] = [];

  constructor(size = 0) {
    this.grow(size);
  }

  grow(size: number): void {
    while (this.leaves.length < size) {
      const leaf = testLeaf(this.leaves.length);
      this.leaves.push(leaf);
      this.range.append(crypto, leafHash(crypto, leaf.data), (level, index, hash) => {
        this.#levels[level] ??= [];
        this.#levels[level]![index] = hash;
      });
    }
    this.roots.set(size, this.range.root(crypto));
  }

  get head() {
    return { size: this.leaves.length, root: this.range.root(crypto) };
  }

  async checkpoint(): Promise<Bytes> {
    throw fail('NOT_FOUND', 'a tree signs nothing');
  }

  async tile(path: string): Promise<Bytes> {
    this.asked.push(path);
    const { kind, index, width } = parseTilePath(path);
    const level = typeof kind === 'number' ? kind : 0;
    const there = tileWidth(level, index, this.leaves.length);
    if (width > there || (this.forgetful && width < TILE_WIDTH && there === TILE_WIDTH)) {
      throw fail('NOT_FOUND', path);
    }
    const first = index * TILE_WIDTH;
    const leaves = this.leaves.slice(first, first + width);
    const honest =
      kind === 'entries'
        ? entryBundle(leaves.map(({ data }) => data))
        : kind === 'statements'
          ? statementBundle(leaves.map(({ statement }) => statement))
          : concat(...this.#levels[level * 8]!.slice(first, first + width));
    const served = this.lie(path, honest);
    if (served === null) throw fail('NOT_FOUND', path);
    return served;
  }
}
