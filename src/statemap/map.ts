/**
 * The state map: a binary sparse Merkle tree in which a subtree with a single key is that key's leaf (FORMATS §3).
 * A map is immutable, and an update shares all that it does not change with the map it came from: to hold on to a
 * version is to hold a reference, and the versions in use are all that memory is spent on.
 */
import { type Bytes, compare, equal } from '../core/bytes.ts';
import type { Hasher } from '../core/crypto.ts';
import { fail } from '../core/errors.ts';
import { bitAt, EMPTY, innerNode, keyHash, leafNode, MAX_DEPTH, valueHash } from './hash.ts';
import { encodeProof, type MapProof } from './proof.ts';

interface Leaf {
  readonly hash: Bytes;
  readonly k: Bytes;
  readonly v: Bytes;
  readonly key: Bytes;
  readonly value: Bytes;
}

interface Inner {
  readonly hash: Bytes;
  readonly left: Node;
  readonly right: Node;
}

/** null: no key below. */
type Node = Leaf | Inner | null;

interface Change {
  readonly k: Bytes;
  /** null removes the key. */
  readonly leaf: Leaf | null;
}

export class StateMap {
  readonly #hasher: Hasher | undefined;
  readonly #top: Node;
  readonly count: number;

  static readonly empty = new StateMap(undefined, null, 0);

  private constructor(hasher: Hasher | undefined, top: Node, count: number) {
    this.#hasher = hasher;
    this.#top = top;
    this.count = count;
  }

  /** @param records full encoded keys and values, in any order; of two with one key the later counts */
  static of(hasher: Hasher, records: Iterable<readonly [key: Bytes, value: Bytes]>): StateMap {
    return StateMap.empty.update(hasher, records);
  }

  /** 32 bytes; all zero when the map is empty. */
  get root(): Bytes {
    return hashOf(this.#top);
  }

  get(key: Bytes): Bytes | undefined {
    if (!this.#hasher) return undefined;
    const k = keyHash(this.#hasher, key);
    const { end } = walk(this.#top, k);
    return end && equal(end.k, k) ? end.value : undefined;
  }

  /**
   * The map with all changes made; null removes. The root depends only on the records that remain, not on the order or
   * batching of the changes.
   */
  update(hasher: Hasher, changes: Iterable<readonly [key: Bytes, value: Bytes | null]>): StateMap {
    const byPath = new Map<string, Change>();
    for (const [key, value] of changes) {
      const k = keyHash(hasher, key);
      // The last change of a key counts.
      byPath.set(String.fromCharCode(...k), {
        k,
        leaf: value === null ? null : makeLeaf(hasher, k, key, value),
      });
    }
    const sorted = [...byPath.values()].sort((a, b) => compare(a.k, b.k));
    const tally = { count: this.count };
    const top = apply(hasher, this.#top, sorted, 0, sorted.length, 0, tally);
    return new StateMap(hasher, top, tally.count);
  }

  /** Encoded proof that `key` has the value it has here, or is absent. */
  prove(key: Bytes): Bytes {
    return encodeProof(this.#proof(key));
  }

  #proof(key: Bytes): MapProof {
    if (!this.#hasher) return { depth: 0, siblings: [], found: false, other: null };
    const k = keyHash(this.#hasher, key);
    const { end, siblings } = walk(this.#top, k);
    const proof = { depth: siblings.length, siblings };
    if (end && equal(end.k, k)) return { ...proof, found: true };
    return { ...proof, found: false, other: end && { k: end.k, v: end.v } };
  }

  /** All records, in the order of their paths. */
  *entries(): IterableIterator<readonly [key: Bytes, value: Bytes]> {
    const stack: Node[] = [this.#top];
    while (stack.length > 0) {
      const node = stack.pop()!;
      if (node === null) continue;
      if (isLeaf(node)) yield [node.key, node.value];
      else stack.push(node.right, node.left);
    }
  }
}

function isLeaf(node: Leaf | Inner): node is Leaf {
  return 'k' in node;
}

function hashOf(node: Node): Bytes {
  return node === null ? EMPTY : node.hash;
}

function makeLeaf(hasher: Hasher, k: Bytes, key: Bytes, value: Bytes): Leaf {
  const v = valueHash(hasher, value);
  // Copies: the caller's arrays may be views of buffers that are far larger, or that change.
  return { hash: leafNode(hasher, k, v), k, v, key: key.slice(), value: value.slice() };
}

/** Follows a path to where it ends: in a leaf (its own or another's) or in an empty subtree. */
function walk(top: Node, k: Bytes): { end: Leaf | null; siblings: Bytes[] } {
  const siblings: Bytes[] = [];
  let node = top;
  while (node !== null && !isLeaf(node)) {
    const right = bitAt(k, siblings.length) === 1;
    siblings.push(hashOf(right ? node.left : node.right));
    node = right ? node.right : node.left;
  }
  return { end: node, siblings };
}

/** Applies changes [from, to), sorted by path and all below `node` at `depth`. */
function apply(
  hasher: Hasher,
  node: Node,
  changes: readonly Change[],
  from: number,
  to: number,
  depth: number,
  tally: { count: number },
): Node {
  if (from === to) return node;
  if (node === null || isLeaf(node)) return rebuild(hasher, node, changes, from, to, depth, tally);
  const middle = split(changes, from, to, depth);
  const left = apply(hasher, node.left, changes, from, middle, depth + 1, tally);
  const right = apply(hasher, node.right, changes, middle, to, depth + 1, tally);
  if (left === node.left && right === node.right) return node;
  return join(hasher, left, right);
}

/** A subtree of at most one leaf, changed: built anew from the leaves that remain. */
function rebuild(
  hasher: Hasher,
  old: Leaf | null,
  changes: readonly Change[],
  from: number,
  to: number,
  depth: number,
  tally: { count: number },
): Node {
  const leaves: Leaf[] = [];
  let place = old;
  for (let i = from; i < to; i++) {
    const { k, leaf } = changes[i]!;
    const order = place ? compare(place.k, k) : 1;
    if (place && order <= 0) {
      if (order < 0) leaves.push(place);
      else tally.count -= 1;
      place = null;
    }
    if (leaf) {
      leaves.push(leaf);
      tally.count += 1;
    }
  }
  if (place) leaves.push(place);
  return build(hasher, leaves, 0, leaves.length, depth);
}

/** root(S) of FORMATS §3 over leaves sorted by path. */
function build(hasher: Hasher, leaves: readonly Leaf[], from: number, to: number, depth: number): Node {
  if (from === to) return null;
  if (to - from === 1) return leaves[from]!;
  // Two paths are equal over all 256 bits only if SHA-256 has collided.
  if (depth === MAX_DEPTH) throw fail('INTERNAL', 'two keys have one path');
  const middle = split(leaves, from, to, depth);
  const left = build(hasher, leaves, from, middle, depth + 1);
  const right = build(hasher, leaves, middle, to, depth + 1);
  return { hash: innerNode(hasher, hashOf(left), hashOf(right)), left, right };
}

/** A subtree that is left with a single leaf is that leaf. */
function join(hasher: Hasher, left: Node, right: Node): Node {
  if (left === null && (right === null || isLeaf(right))) return right;
  if (right === null && (left === null || isLeaf(left))) return left;
  return { hash: innerNode(hasher, hashOf(left), hashOf(right)), left, right };
}

/** Where the next bit turns from 0 to 1. */
function split(sorted: readonly { readonly k: Bytes }[], from: number, to: number, depth: number): number {
  let low = from;
  let high = to;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (bitAt(sorted[middle]!.k, depth) === 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
