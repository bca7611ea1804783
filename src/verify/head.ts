/** Tree heads as a verifier accepts them: the log's signature, then the quorum of its own policy. */
import { type Bytes, equal, toBase64url } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { fail } from '../core/errors.ts';
import {
  type Cosignature,
  evaluateQuorum,
  openCheckpoint,
  openCosigned,
  type TrustPolicy,
} from '../note/index.ts';
import type { Ladder, StepName } from './ladder.ts';
import type { Trust } from './trust.ts';

export interface TreeHead {
  readonly size: number;
  /** 32 bytes. */
  readonly root: Bytes;
}

/** A head under the log's verified signature. */
export interface SignedTreeHead extends TreeHead {
  /** Verified, by witnesses of the trust file's policy. Whether they are enough is the quorum's question. */
  readonly cosignatures: readonly Cosignature[];
}

/**
 * The head in a checkpoint of the trusted log.
 * @throws NOTE_MALFORMED, NOTE_UNSIGNED, SIGNATURE_INVALID (also when a known witness has signed badly),
 * CHECKPOINT_MALFORMED, CONSISTENCY_INVALID, ORIGIN_MISMATCH
 */
export function openHead(crypto: Crypto, trust: Trust, note: string): SignedTreeHead {
  if (!trust.policy) return { ...openCheckpoint(crypto, note, trust.checkpointKey), cosignatures: [] };
  const { checkpoint, cosignatures } = openCosigned(crypto, note, trust.policy, [trust.checkpointKey]);
  return { ...checkpoint, cosignatures };
}

/** {@link openHead} as a step. */
export function climbCheckpoint(
  ladder: Ladder,
  { crypto, trust }: { crypto: Crypto; trust: Trust },
  note: string,
  step: StepName = 'checkpoint',
): SignedTreeHead {
  return ladder.step(step, () => {
    const value = openHead(crypto, trust, note);
    return { value, detail: `signed by ${trust.origin}: ${describeHead(value)}` };
  });
}

/** The policy that asks for cosignatures, if the trust file has one. */
export function witnessPolicy({ policy }: Trust): TrustPolicy | undefined {
  return policy && policy.quorum.kind !== 'none' ? policy : undefined;
}

/**
 * The quorum as a step; skipped where the trust file asks for none.
 * @returns whether the head is witnessed
 * @throws QUORUM_NOT_MET also when there is no checkpoint that could carry cosignatures: a policy cannot be
 * escaped by leaving things out
 */
export function climbQuorum(ladder: Ladder, trust: Trust, head: SignedTreeHead | undefined): boolean {
  const policy = witnessPolicy(trust);
  if (!policy) {
    ladder.skip('quorum', 'the operator’s promise, not witnessed: the trust file has no policy');
    return false;
  }
  return ladder.step('quorum', () => {
    if (!head) throw fail('QUORUM_NOT_MET', 'the policy needs a checkpoint with cosignatures');
    if (!evaluateQuorum(policy, head.cosignatures)) {
      throw fail('QUORUM_NOT_MET', `${head.cosignatures.length} known cosignatures are not enough`);
    }
    const names = head.cosignatures.map(({ key }) => key.name);
    return { value: true, detail: `cosigned by ${names.join(', ')}` };
  });
}

export function sameHead(a: TreeHead, b: TreeHead): boolean {
  return a.size === b.size && equal(a.root, b.root);
}

export function describeHead({ size, root }: TreeHead): string {
  return `tree of ${size}, root ${toBase64url(root)}`;
}
