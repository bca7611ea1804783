/**
 * Which perfect subtrees a proof is made of. Making a proof has two phases, because tiles are read asynchronously:
 * first the nodes are named, then their hashes are assembled.
 */
import type { Bytes } from '../core/bytes.ts';
import type { Hasher } from '../core/crypto.ts';
import { fail } from '../core/errors.ts';
import { largestPower, nodeHash } from './tree.ts';

/** A perfect subtree: `level` 0 is a leaf; it covers leaves [index · 2^level, (index + 1) · 2^level). */
export interface NodeId {
  readonly level: number;
  readonly index: number;
}

/** For each element of the proof, the perfect subtrees that fold into it, left to right. */
export type NodeGroups = NodeId[][];

/** The perfect subtrees that [from, to) is the sum of, left to right; `from` is a multiple of the largest of them. */
export function perfectNodes(from: number, to: number): NodeId[] {
  const nodes: NodeId[] = [];
  let at = from;
  while (at < to) {
    let level = 0;
    let width = 1;
    while (at % (width * 2) === 0 && at + width * 2 <= to) {
      width *= 2;
      level += 1;
    }
    nodes.push({ level, index: at / width });
    at += width;
  }
  return nodes;
}

/** The perfect subtrees of a tree of `size`; none for the empty tree. */
export function rootNodes(size: number): NodeId[] {
  check(size >= 0, size);
  return perfectNodes(0, size);
}

/** PATH(m, D_n) of RFC 9162 §2.1.3.1. @throws ARGUMENT_INVALID when `index` is not below `size` */
export function inclusionNodes(index: number, size: number): NodeGroups {
  check(size > 0, size);
  check(index >= 0 && index < size, index);
  const path: NodeGroups = [];
  let from = 0;
  let to = size;
  while (to - from > 1) {
    const middle = from + largestPower(to - from);
    if (index < middle) {
      path.push(perfectNodes(middle, to));
      to = middle;
    } else {
      path.push(perfectNodes(from, middle));
      from = middle;
    }
  }
  return path.reverse();
}

/**
 * The level of the lowest node above two leaves, 0 for one and the same. From there up their audit paths in one tree have the same
 * nodes, so that paths of one length differ in no more than their first so many hashes.
 */
export function meetingLevel(a: number, b: number): number {
  let level = 0;
  for (let [left, right] = [a, b]; left !== right; level++) {
    left = Math.floor(left / 2);
    right = Math.floor(right / 2);
  }
  return level;
}

/** PROOF(m, D_n) of RFC 9162 §2.1.4.1. @throws ARGUMENT_INVALID unless 0 < size1 ≤ size2 */
export function consistencyNodes(size1: number, size2: number): NodeGroups {
  check(size1 > 0 && size1 <= size2, size1);
  check(size2 > 0, size2);
  const proof: NodeGroups = [];
  let from = 0;
  let to = size2;
  // SUBPROOF(m, D_n, b): descend to the place where the older tree ends.
  while (size1 !== to) {
    const middle = from + largestPower(to - from);
    if (size1 <= middle) {
      proof.push(perfectNodes(middle, to));
      to = middle;
    } else {
      proof.push(perfectNodes(from, middle));
      from = middle;
    }
  }
  // b is true as long as the subtree begins at 0: then its root is the older root, which the verifier has.
  if (from > 0) proof.push(perfectNodes(from, to));
  return proof.reverse();
}

/** The hash over neighbouring perfect subtrees, left to right: folded from the right. */
export function foldNodes(hasher: Hasher, hashes: readonly Bytes[]): Bytes {
  let folded = hashes.at(-1);
  if (!folded) throw fail('INTERNAL', 'nothing to fold');
  for (let i = hashes.length - 2; i >= 0; i--) folded = nodeHash(hasher, hashes[i]!, folded);
  return folded;
}

/** The proof's hashes, 32 bytes each. */
export function assembleProof(
  hasher: Hasher,
  groups: readonly (readonly NodeId[])[],
  hashOf: (id: NodeId) => Bytes,
): Bytes[] {
  return groups.map((group) => foldNodes(hasher, group.map(hashOf)));
}

function check(holds: boolean, value: number): void {
  if (!holds || !Number.isSafeInteger(value))
    throw fail('ARGUMENT_INVALID', `tree size or index out of range: ${value}`);
}
