/** Does the newer of two checkpoints extend the older one? Two that do not, both signed, convict the log. */
import type { Bytes } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { fail } from '../core/errors.ts';
import { emptyRoot, verifyConsistency } from '../merkle/index.ts';
import {
  climbCheckpoint,
  climbQuorum,
  describeHead,
  type SignedTreeHead,
  sameHead,
  type TreeHead,
} from './head.ts';
import { climb, type Verification } from './ladder.ts';
import type { Trust } from './trust.ts';

export interface ConsistencyEvidence {
  readonly crypto: Crypto;
  readonly trust: Trust;
  /** A signed note, or a head that the verifier verified before and kept. */
  readonly older: string | TreeHead;
  /** A signed note. */
  readonly newer: string;
  /** RFC 9162 §2.1.4.1; empty where the sizes are equal. */
  readonly path: readonly Bytes[];
}

/** The newer head, and whether a quorum has witnessed it. */
export function verifyCheckpoints(
  evidence: ConsistencyEvidence,
): Verification<{ readonly head: SignedTreeHead; readonly witnessed: boolean }> {
  const { crypto, trust, older: before, newer, path } = evidence;
  return climb((ladder) => {
    const older =
      typeof before === 'string' ? climbCheckpoint(ladder, evidence, before, 'older checkpoint') : before;
    const head = climbCheckpoint(ladder, evidence, newer);
    ladder.step('consistency', () => {
      checkExtends(crypto, older, head, path);
      return { value: undefined, detail: `${describeHead(head)} extends ${describeHead(older)}` };
    });
    return { head, witnessed: climbQuorum(ladder, trust, head) };
  });
}

/**
 * @throws STALE `newer` is smaller; FORK the same size has two roots
 * @throws CONSISTENCY_INVALID, PROOF_MALFORMED the path does not connect the heads, which may be the fault of the path
 */
export function checkExtends(crypto: Crypto, older: TreeHead, newer: TreeHead, path: readonly Bytes[]): void {
  if (newer.size < older.size)
    throw fail('STALE', `the tree of ${newer.size} is older than that of ${older.size}`);
  if (newer.size === older.size && !sameHead(newer, older)) {
    throw fail('FORK', `two trees of ${newer.size} leaves`);
  }
  if (older.size === 0) {
    // Every tree extends the empty one, RFC 9162 §2.1.4.1: there is nothing to prove.
    if (path.length > 0) throw fail('PROOF_MALFORMED', 'nothing is to be proven from the empty tree');
    if (!sameHead(older, { size: 0, root: emptyRoot(crypto) })) {
      throw fail('CONSISTENCY_INVALID', 'the root of the empty tree is H("")');
    }
    return;
  }
  verifyConsistency(crypto, {
    ...{ size1: older.size, root1: older.root, size2: newer.size, root2: newer.root },
    proof: path,
  });
}
