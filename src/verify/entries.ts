/**
 * Entries under a root. A run of entries needs two paths, not one for each: the path of its last entry ties the right
 * end to the root, and the hashes to its left are exactly those that the entries themselves, appended to the left
 * edge of the first, must produce.
 */
import { decodeStateEntry } from '../chain/index.ts';
import { type Bytes, equal } from '../core/bytes.ts';
import type { Hasher } from '../core/crypto.ts';
import { fail } from '../core/errors.ts';
import { CompactRange, leafHash, verifyInclusion } from '../merkle/index.ts';
import type { TreeHead } from './head.ts';

/** One leaf of the log. */
export interface ClaimedEntry {
  readonly index: number;
  /** Statement: its 32-byte entry id. State entry: its CBOR. */
  readonly leafData: Bytes;
  /** Canonical bytes; null for a state entry. */
  readonly statement: Bytes | null;
}

/**
 * That the entry is what its leaf data says. Whether the leaf is in the log is another question.
 * @throws PREIMAGE_MISMATCH a statement that does not hash to its entry id, or is withheld
 * @throws ENTRY_MALFORMED, CBOR_MALFORMED, CBOR_NOT_DETERMINISTIC not a state entry of this index
 */
export function checkEntry(hasher: Hasher, { index, leafData, statement }: ClaimedEntry): void {
  if (statement) {
    if (!equal(hasher.sha256(statement), leafData)) {
      throw fail('PREIMAGE_MISMATCH', `the statement of entry ${index} is not the one that was logged`);
    }
    return;
  }
  // A state entry is longer than any entry id, FORMATS §2.
  if (leafData.length <= 32) throw fail('PREIMAGE_MISMATCH', `the statement of entry ${index} is withheld`);
  const state = decodeStateEntry(leafData);
  if (state.index !== index) throw fail('ENTRY_MALFORMED', `the state entry is that of ${state.index}`);
}

/** One entry under the head, by its own path. @throws as {@link checkEntry}; INCLUSION_INVALID, PROOF_MALFORMED */
export function verifyEntry(
  hasher: Hasher,
  head: TreeHead,
  entry: ClaimedEntry,
  path: readonly Bytes[],
): void {
  checkEntry(hasher, entry);
  const { index, leafData } = entry;
  verifyInclusion(hasher, { ...head, index, leafHash: leafHash(hasher, leafData), proof: path });
}

/**
 * A run of consecutive entries under the head.
 * @param before the left edge at the first entry: of {@link leftEdge}, or the answer of the run before; it need not
 * be verified, since a wrong one cannot end at the verified path
 * @param lastPath inclusion path of the last entry
 * @returns the left edge after the last entry
 * @throws as {@link verifyEntry}; ARGUMENT_INVALID there is no entry
 */
export function verifyRun(
  hasher: Hasher,
  head: TreeHead,
  before: CompactRange,
  entries: readonly ClaimedEntry[],
  lastPath: readonly Bytes[],
): CompactRange {
  const last = entries.at(-1);
  if (!last) throw fail('ARGUMENT_INVALID', 'a run has at least one entry');
  const edge = before.clone();
  entries.forEach(({ index }, i) => {
    if (index !== before.size + i) throw fail('INCLUSION_INVALID', `entry ${index} is out of order`);
  });
  for (const entry of entries.slice(0, -1)) {
    checkEntry(hasher, entry);
    edge.append(hasher, leafHash(hasher, entry.leafData));
  }
  verifyEntry(hasher, head, last, lastPath);
  const proven = leftEdge(last.index, head.size, lastPath).hashes;
  if (edge.hashes.length !== proven.length || !edge.hashes.every((hash, i) => equal(hash, proven[i]!))) {
    throw fail(
      'INCLUSION_INVALID',
      `the entries up to ${last.index} are not those of the tree of ${head.size}`,
    );
  }
  edge.append(hasher, leafHash(hasher, last.leafData));
  return edge;
}

/**
 * The perfect subtrees to the left of a leaf, as its inclusion path has them.
 * The path is not verified: see {@link verifyRun}.
 * @throws PROOF_MALFORMED it has not as many hashes on the left as the index calls for
 */
export function leftEdge(index: number, size: number, path: readonly Bytes[]): CompactRange {
  // The walk of RFC 9162 §2.1.3.2: what is hashed in from the left is a perfect subtree, lowest first.
  const left: Bytes[] = [];
  let fn = BigInt(index);
  let sn = BigInt(size) - 1n;
  for (const hash of path) {
    if (fn % 2n === 1n || fn === sn) {
      left.unshift(hash);
      while (fn % 2n === 0n && fn !== 0n) {
        fn >>= 1n;
        sn >>= 1n;
      }
    }
    fn >>= 1n;
    sn >>= 1n;
  }
  try {
    return CompactRange.of(index, left);
  } catch (cause) {
    throw fail('PROOF_MALFORMED', `not a path of leaf ${index} in a tree of ${size}`, { cause });
  }
}
