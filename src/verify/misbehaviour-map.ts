/**
 * The part of a state map that a proof needs: nodes by their hashes, under one root. Every node speaks for itself, since
 * it hashes to the name that its parent has for it; one that is asked for and is not there ends the proof.
 */
import { type Bytes, concat, toCharacters } from '../core/bytes.ts';
import type { Hasher } from '../core/crypto.ts';
import { fail } from '../core/errors.ts';
import {
  bitAt,
  bytesOfHash,
  EMPTY,
  HASH_LENGTH,
  type Hash,
  innerHash,
  keyHash,
  leafHash,
  MAX_DEPTH,
  valueHash,
} from '../statemap/hash.ts';
import { decodeProof } from '../statemap/index.ts';

// The first bytes of what is hashed, FORMATS §3.
const LEAF = 2;
const INNER = 3;
const NODE_LENGTH = 1 + 2 * HASH_LENGTH;

/** A leaf's K and V, or an inner node's L and R. */
interface Node {
  readonly leaf: boolean;
  readonly a: Hash;
  readonly b: Hash;
}

/** Somebody asked for the node at `depth` on the way of `k`. */
export class MissingNode extends Error {
  readonly k: Hash;
  readonly depth: number;
  constructor(k: Hash, depth: number) {
    super('a node of the state map is not in the proof');
    this.k = k;
    this.depth = depth;
  }
}

export class PartialMap {
  readonly #hasher: Hasher;
  readonly #nodes = new Map<Hash, Node>();
  #root: Hash;
  #count: number;

  /**
   * @param root 32 bytes; all zero: empty @param nodes 65 bytes each
   * @throws MISBEHAVIOUR_MALFORMED
   */
  constructor(hasher: Hasher, root: Bytes, count: number, nodes: readonly Bytes[]) {
    this.#hasher = hasher;
    this.#root = toCharacters(root);
    this.#count = count;
    for (const bytes of nodes) this.#learn(bytes);
  }

  #learn(bytes: Bytes): void {
    const [first] = bytes;
    if (bytes.length !== NODE_LENGTH || (first !== LEAF && first !== INNER)) {
      throw fail('MISBEHAVIOUR_MALFORMED', 'not a node of the state map');
    }
    const a = toCharacters(bytes.subarray(1, 1 + HASH_LENGTH));
    this.#make(first === LEAF, a, toCharacters(bytes.subarray(1 + HASH_LENGTH)));
  }

  get root(): Bytes {
    return bytesOfHash(this.#root);
  }

  get count(): number {
    return this.#count;
  }

  /** V of the record under `key`, 32 bytes; undefined: there is none. @throws MissingNode */
  valueHash(key: Bytes): Bytes | undefined {
    const k = keyHash(this.#hasher, key);
    let at = this.#root;
    for (let depth = 0; at !== EMPTY; depth++) {
      const node = this.#node(at, k, depth);
      if (node.leaf) return node.a === k ? bytesOfHash(node.b) : undefined;
      at = bitAt(k, depth) === 1 ? node.b : node.a;
    }
    return undefined;
  }

  /** Puts a record, or removes it. @throws MissingNode */
  put(key: Bytes, value: Bytes | null): void {
    const k = keyHash(this.#hasher, key);
    const before = this.valueHash(key) !== undefined;
    this.#root = this.#set(this.#root, 0, k, value && valueHash(this.#hasher, value));
    this.#count += (value ? 1 : 0) - (before ? 1 : 0);
  }

  #set(at: Hash, depth: number, k: Hash, v: Hash | null): Hash {
    if (at === EMPTY) return v === null ? EMPTY : this.#make(true, k, v);
    const node = this.#node(at, k, depth);
    if (node.leaf) {
      if (node.a === k) return v === null ? EMPTY : this.#make(true, k, v);
      return v === null ? at : this.#part(depth, { k: node.a, at }, { k, at: this.#make(true, k, v) });
    }
    const right = bitAt(k, depth) === 1;
    const below = right ? node.b : node.a;
    const changed = this.#set(below, depth + 1, k, v);
    const other = right ? node.a : node.b;
    // A subtree that is left with a single leaf is that leaf (FORMATS §3), so the other side has to be known.
    if (changed === EMPTY && (other === EMPTY || this.#node(other, flipped(k, depth), depth + 1).leaf))
      return other;
    if (other === EMPTY && changed !== EMPTY && this.#node(changed, k, depth + 1).leaf) return changed;
    return right ? this.#make(false, other, changed) : this.#make(false, changed, other);
  }

  /** Two leaves below one place: as many inner nodes as their paths have bits in common. */
  #part(depth: number, one: { k: Hash; at: Hash }, two: { k: Hash; at: Hash }): Hash {
    const [left, right] = bitAt(one.k, depth) === 0 ? [one, two] : [two, one];
    if (bitAt(left.k, depth) !== bitAt(right.k, depth)) return this.#make(false, left.at, right.at);
    if (depth + 1 >= MAX_DEPTH) throw fail('INTERNAL', 'two keys have one path');
    const below = this.#part(depth + 1, one, two);
    return bitAt(one.k, depth) === 0 ? this.#make(false, below, EMPTY) : this.#make(false, EMPTY, below);
  }

  #node(hash: Hash, k: Hash, depth: number): Node {
    const node = depth > MAX_DEPTH ? undefined : this.#nodes.get(hash);
    if (!node) throw new MissingNode(k, depth);
    return node;
  }

  #make(leaf: boolean, a: Hash, b: Hash): Hash {
    const hash = (leaf ? leafHash : innerHash)(this.#hasher, a, b);
    this.#nodes.set(hash, { leaf, a, b });
    return hash;
  }
}

/** A path that has the first bits of `k`, and at `depth` the other one. */
function flipped(k: Hash, depth: number): Hash {
  const at = depth >> 3;
  const byte = k.charCodeAt(at) ^ (0x80 >> (depth & 7));
  return k.slice(0, at) + String.fromCharCode(byte) + k.slice(at + 1);
}

/** Whether both begin with the same `bits` bits. */
export function samePrefix(a: Hash, b: Hash, bits: number): boolean {
  for (let i = 0; i < bits; i++) if (bitAt(a, i) !== bitAt(b, i)) return false;
  return true;
}

/** The nodes on the way of `key`, as a map proof of it has them: 65 bytes each. @param value null: it is absent */
export function nodesOnWay(hasher: Hasher, key: Bytes, value: Bytes | null, mapProof: Bytes): Bytes[] {
  const proof = decodeProof(mapProof);
  const k = keyHash(hasher, key);
  const end =
    proof.found && value
      ? { k, v: valueHash(hasher, value) }
      : !proof.found && proof.other
        ? { k: toCharacters(proof.other.k), v: toCharacters(proof.other.v) }
        : undefined;
  const nodes = end ? [nodeBytes(LEAF, end.k, end.v)] : [];
  let hash = end ? leafHash(hasher, end.k, end.v) : EMPTY;
  for (let depth = proof.depth - 1; depth >= 0; depth--) {
    const sibling = toCharacters(proof.siblings[depth]!);
    const [left, right] = bitAt(k, depth) === 1 ? [sibling, hash] : [hash, sibling];
    nodes.push(nodeBytes(INNER, left, right));
    hash = innerHash(hasher, left, right);
  }
  return nodes;
}

function nodeBytes(first: number, a: Hash, b: Hash): Bytes {
  return concat(Uint8Array.of(first), bytesOfHash(a), bytesOfHash(b));
}
