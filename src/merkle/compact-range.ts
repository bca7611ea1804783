/**
 * The right edge of a growing tree: the roots of the perfect subtrees that its size is the sum of. Enough to append
 * and to compute the root, in O(log n) memory.
 */
import type { Bytes } from '../core/bytes.ts';
import type { Hasher } from '../core/crypto.ts';
import { fail } from '../core/errors.ts';
import { emptyRoot, HASH_LENGTH, nodeHash } from './tree.ts';

/** Told of every perfect subtree that an append completes: its level (0 is a leaf), index on that level, hash. */
export type NodeVisitor = (level: number, index: number, hash: Bytes) => void;

export class CompactRange {
  #size: number;
  readonly #hashes: Bytes[];

  private constructor(size: number, hashes: Bytes[]) {
    this.#size = size;
    this.#hashes = hashes;
  }

  static empty(): CompactRange {
    return new CompactRange(0, []);
  }

  /**
   * @param hashes 32 bytes each, left (largest subtree) to right
   * @throws ARGUMENT_INVALID their number or length is wrong
   */
  static of(size: number, hashes: readonly Bytes[]): CompactRange {
    if (!Number.isSafeInteger(size) || size < 0) throw fail('ARGUMENT_INVALID', `no tree size: ${size}`);
    if (hashes.length !== bitsSet(size)) {
      throw fail(
        'ARGUMENT_INVALID',
        `a tree of ${size} has ${bitsSet(size)} perfect subtrees, not ${hashes.length}`,
      );
    }
    hashes.forEach(checkHash);
    return new CompactRange(size, [...hashes]);
  }

  /** Leaves. */
  get size(): number {
    return this.#size;
  }

  /** Roots of the perfect subtrees, left to right: as they are now, untouched by later appends. */
  get hashes(): readonly Bytes[] {
    return [...this.#hashes];
  }

  /**
   * Appends one leaf hash of 32 bytes. `visit` is told of every perfect subtree that this completes, from the leaf up.
   * @param completed hashes of those subtrees above the leaf, as far as the caller has them: they are not computed again
   * @throws ARGUMENT_INVALID for another length
   */
  append(hasher: Hasher, leafHash: Bytes, visit?: NodeVisitor, completed?: readonly Bytes[]): void {
    checkHash(leafHash);
    let index = this.#size;
    let hash = leafHash;
    let level = 0;
    visit?.(level, index, hash);
    // Each one at the low end of the size is a perfect left sibling of what has just been completed.
    while (index % 2 === 1) {
      const left = this.#hashes.pop()!;
      hash = completed?.[level] ?? nodeHash(hasher, left, hash);
      index = (index - 1) / 2;
      level += 1;
      visit?.(level, index, hash);
    }
    this.#hashes.push(hash);
    this.#size += 1;
  }

  /** The root of the tree so far; H("") when it is empty. */
  root(hasher: Hasher): Bytes {
    let root = this.#hashes.at(-1);
    if (!root) return emptyRoot(hasher);
    for (let i = this.#hashes.length - 2; i >= 0; i--) root = nodeHash(hasher, this.#hashes[i]!, root);
    return root;
  }

  clone(): CompactRange {
    return new CompactRange(this.#size, [...this.#hashes]);
  }
}

function checkHash(hash: Bytes): void {
  if (hash.length !== HASH_LENGTH) throw fail('ARGUMENT_INVALID', 'a hash is not 32 bytes');
}

function bitsSet(size: number): number {
  let count = 0;
  for (let rest = size; rest > 0; rest = Math.floor(rest / 2)) count += rest % 2;
  return count;
}
