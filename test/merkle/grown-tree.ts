/** A tree that remembers every perfect node and every leaf hash: what proofs and tiles are checked against. */
import { type Bytes, concat, utf8 } from '../../src/core/bytes.ts';
import type { Hasher } from '../../src/core/crypto.ts';
import { CompactRange, leafHash, type NodeId, TILE_WIDTH, tileWidth } from '../../src/merkle/index.ts';

export class GrownTree {
  readonly leaves: Bytes[] = [];
  /** Root of the tree of each size, from 0; filled by `grow` when asked to. */
  readonly roots: Bytes[] = [];
  readonly #levels: Bytes[][] = [];
  readonly #hasher: Hasher;

  constructor(hasher: Hasher, size: number, { roots = true } = {}) {
    this.#hasher = hasher;
    const range = CompactRange.empty();
    if (roots) this.roots.push(range.root(hasher));
    for (let i = 0; i < size; i++) {
      const leaf = leafHash(hasher, utf8(`leaf ${i}`));
      this.leaves.push(leaf);
      range.append(hasher, leaf, (level, index, hash) => {
        this.#levels[level] ??= [];
        this.#levels[level]![index] = hash;
      });
      if (roots) this.roots.push(range.root(hasher));
    }
  }

  get hasher(): Hasher {
    return this.#hasher;
  }

  readonly hashOf = ({ level, index }: NodeId): Bytes => {
    const hash = this.#levels[level]?.[index];
    if (!hash) throw new Error(`no perfect node ${level}/${index}`);
    return hash;
  };

  /** Tile (`level`, `index`) as the tree of `size` has it: partial where it must be. */
  tile(level: number, index: number, size: number): Bytes {
    const first = index * TILE_WIDTH;
    return concat(...this.#levels[level * 8]!.slice(first, first + tileWidth(level, index, size)));
  }
}
