/**
 * The state map: a binary sparse Merkle tree in which a subtree with a single key is that key's leaf (FORMATS §3).
 * A map is immutable, and an update shares all that it does not change with the map it came from: to hold on to a
 * version is to hold a reference, and the versions in use are all that memory is spent on.
 */
import { type Bytes, fromCharacters, toCharacters } from '../core/bytes.ts';
import type { Hasher } from '../core/crypto.ts';
import { fail } from '../core/errors.ts';
import {
  bitAt,
  bytesOfHash,
  EMPTY,
  type Hash,
  innerHash,
  keyHash,
  leafHash,
  MAX_DEPTH,
  valueHash,
} from './hash.ts';
import { encodeProof } from './proof.ts';

interface Leaf {
  readonly hash: Hash;
  readonly k: Hash;
  /** Characters of the key: an array of bytes takes more than twice as much, and the index has the same text. */
  name: string;
  readonly value: Bytes;
}

interface Inner {
  readonly hash: Hash;
  readonly left: Node;
  readonly right: Node;
}

/** null: no key below. */
type Node = Leaf | Inner | null;

/** With the key's bytes as characters, where the caller has them. */
type RecordChange = readonly [key: Bytes, value: Bytes | null, name?: string | undefined];

interface Fact {
  readonly key: Bytes;
  /** The map's own. */
  readonly value: Bytes | null;
  /** CBOR, FORMATS §3. */
  readonly proof: Bytes;
}

interface Change {
  readonly k: Hash;
  /** Characters of the key. */
  readonly name: string;
  /** null removes the key; the leaf that was there, where it is the same. */
  leaf: Leaf | null;
}

/** A map of millions of names is copied for as long as a second when it grows, and ends at 2^24 of them: these grow one by one. */
const SHARDS = 64;

/**
 * What one version says, by the characters of its keys: a look-up in place of a path through the tree, most of whose nodes no
 * cache of the processor holds. There is one for a line of versions, the newest has it, and the others walk.
 */
class Index {
  owner: StateMap;
  readonly #shards = Array.from({ length: SHARDS }, () => new Map<string, Bytes>());

  constructor(owner: StateMap) {
    this.owner = owner;
  }

  /** Names begin alike, and mostly end in a part of an id. */
  #shard(name: string): Map<string, Bytes> {
    const end = name.length - 1;
    // Of a name that is too short for it, NaN, which is 0 here.
    const spread = (31 * name.charCodeAt(end) + name.charCodeAt(end - 1)) | 0;
    return this.#shards[spread % SHARDS]!;
  }

  get(name: string): Bytes | undefined {
    return this.#shard(name).get(name);
  }

  set(name: string, value: Bytes | null): void {
    if (value) this.#shard(name).set(name, value);
    else this.#shard(name).delete(name);
  }
}

export class StateMap {
  static readonly empty = new StateMap(undefined, null, 0);

  readonly #hasher: Hasher | undefined;
  readonly #top: Node;
  #index: Index | undefined;
  /** 32 bytes; all zero when the map is empty. */
  readonly root: Bytes;
  /** Records. */
  readonly count: number;

  private constructor(hasher: Hasher | undefined, top: Node, count: number) {
    this.#hasher = hasher;
    this.#top = top;
    this.root = bytesOfHash(hashOf(top));
    this.count = count;
  }

  /** @param records full encoded keys and values, in any order; of two with one key the later counts */
  static of(hasher: Hasher, records: Iterable<readonly [key: Bytes, value: Bytes]>): StateMap {
    return StateMap.empty.update(hasher, records);
  }

  /**
   * The value of the full encoded `key`; it is the map's own and must not be changed.
   * @param name the key's bytes as characters, where the caller has them
   */
  get(key: Bytes, name: string = toCharacters(key)): Bytes | undefined {
    if (this.#index?.owner === this) return this.#index.get(name);
    if (!this.#hasher) return undefined;
    const k = keyHash(this.#hasher, key, name);
    let node = this.#top;
    for (let depth = 0; node !== null && !isLeaf(node); depth++) {
      node = bitAt(k, depth) === 1 ? node.right : node.left;
    }
    return node?.k === k ? node.value : undefined;
  }

  /**
   * The map with all changes made; null removes, and the last change of a key counts. The root depends only on the
   * records that remain, not on the order or batching of the changes. What is kept of them is copied.
   */
  update(hasher: Hasher, changes: Iterable<RecordChange>): StateMap {
    return this.adopt(hasher, copies(changes));
  }

  /** {@link update} with values that are the map's from now on: nobody changes them any more. */
  adopt(hasher: Hasher, changes: Iterable<RecordChange>): StateMap {
    const byPath = new Map<Hash, Change>();
    for (const [key, value, name = toCharacters(key)] of changes) {
      const k = keyHash(hasher, key, name);
      byPath.set(k, { k, name, leaf: value && makeLeaf(hasher, k, name, value) });
    }
    const sorted = [...byPath.values()].sort((a, b) => (a.k < b.k ? -1 : 1));
    const tally = { count: this.count };
    const top = apply(hasher, this.#top, sorted, 0, sorted.length, 0, tally);
    if (top === this.#top) return this;
    const next = new StateMap(hasher, top, tally.count);
    this.#handOn(next, sorted);
    return next;
  }

  /** The index, to a version that differs in these changes. One that comes after another of this has none. */
  #handOn(next: StateMap, changes: readonly Change[]): void {
    const index = this.#top === null ? new Index(this) : this.#index;
    if (index?.owner !== this) return;
    // Before anything in it is changed: whatever goes wrong then, nobody is answered from a half of it.
    this.#index = undefined;
    index.owner = next;
    for (const { name, leaf } of changes) index.set(name, leaf?.value ?? null);
    next.#index = index;
  }

  /** Proof (CBOR, FORMATS §3) that `key` has the value it has here, or that it is absent. */
  prove(key: Bytes): Bytes {
    return this.fact(key).proof;
  }

  /** The value of the full encoded `key`, null where it is absent, with the {@link prove proof} of it. */
  fact(key: Bytes): Fact {
    if (!this.#hasher) return { key, value: null, proof: encodeProof([], { other: null }) };
    const k = keyHash(this.#hasher, key);
    const { end, siblings } = walk(this.#top, k);
    if (end?.k === k) return { key, value: end.value, proof: encodeProof(siblings) };
    const other = end && { k: end.k, v: valueHash(this.#hasher, end.value) };
    return { key, value: null, proof: encodeProof(siblings, { other }) };
  }

  /** All records, in the order of their paths. */
  *entries(): IterableIterator<readonly [key: Bytes, value: Bytes]> {
    const stack: Node[] = [this.#top];
    while (stack.length > 0) {
      const node = stack.pop()!;
      if (node === null) continue;
      if (isLeaf(node)) yield [fromCharacters(node.name), node.value];
      else stack.push(node.right, node.left);
    }
  }
}

function isLeaf(node: Leaf | Inner): node is Leaf {
  return 'k' in node;
}

function hashOf(node: Node): Hash {
  return node === null ? EMPTY : node.hash;
}

/** The caller's arrays may be views of buffers that are far larger, or that change. */
function* copies(changes: Iterable<RecordChange>): Iterable<RecordChange> {
  for (const [key, value, name] of changes) yield [key, value === null ? null : value.slice(), name];
}

function makeLeaf(hasher: Hasher, k: Hash, name: string, value: Bytes): Leaf {
  return { hash: leafHash(hasher, k, valueHash(hasher, value)), k, name, value };
}

/** Follows a path to where it ends, in a leaf (its own or another's) or in an empty subtree; siblings from the root. */
function walk(top: Node, k: Hash): { end: Leaf | null; siblings: Hash[] } {
  const siblings: Hash[] = [];
  let node = top;
  while (node !== null && !isLeaf(node)) {
    const right = bitAt(k, siblings.length) === 1;
    siblings.push(hashOf(right ? node.left : node.right));
    node = right ? node.right : node.left;
  }
  return { end: node, siblings };
}

/** Applies changes [from, to), sorted by path and all below `node` at `depth`: each inner node is hashed once. */
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
  if (node === null || isLeaf(node)) {
    const leaves = merge(node, changes, from, to, tally);
    return build(hasher, leaves, 0, leaves.length, depth);
  }
  const middle = split(changes, from, to, depth);
  const left = apply(hasher, node.left, changes, from, middle, depth + 1, tally);
  const right = apply(hasher, node.right, changes, middle, to, depth + 1, tally);
  if (left === node.left && right === node.right) return node;
  return join(hasher, left, right);
}

/** The leaves that remain of a subtree with at most one, sorted by path. */
function merge(
  old: Leaf | null,
  changes: readonly Change[],
  from: number,
  to: number,
  tally: { count: number },
): Leaf[] {
  const leaves: Leaf[] = [];
  let rest = old;
  for (let i = from; i < to; i++) {
    const change = changes[i]!;
    const { k, leaf } = change;
    if (rest && rest.k < k) {
      leaves.push(rest);
      rest = null;
    }
    let kept = leaf;
    if (rest?.k === k) {
      // The same record again is no change: the old node stays, and with it every node above.
      if (leaf?.hash === rest.hash) {
        kept = rest;
        change.leaf = rest;
      } else if (leaf) leaf.name = rest.name; // The very text that is held already.
      rest = null;
      tally.count -= 1;
    }
    if (!kept) continue;
    leaves.push(kept);
    tally.count += 1;
  }
  if (rest) leaves.push(rest);
  return leaves;
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
  return { hash: innerHash(hasher, hashOf(left), hashOf(right)), left, right };
}

/** A subtree that is left with a single leaf is that leaf. */
function join(hasher: Hasher, left: Node, right: Node): Node {
  if (left === null && (right === null || isLeaf(right))) return right;
  if (right === null && (left === null || isLeaf(left))) return left;
  return { hash: innerHash(hasher, hashOf(left), hashOf(right)), left, right };
}

/** Where the next bit turns from 0 to 1. */
function split(sorted: readonly { readonly k: Hash }[], from: number, to: number, depth: number): number {
  let low = from;
  let high = to;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (bitAt(sorted[middle]!.k, depth) === 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
