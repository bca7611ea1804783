/**
 * Whether a trust policy asks for the two kinds of cosigner that an answer about the state needs (FORMATS §5). Witnesses
 * vouch for one history, and say nothing about the state root in it; replayers have computed every state root
 * themselves. A quorum that can do without either is not enough.
 */
import { fail } from '../core/errors.ts';
import { evaluateQuorum, type PolicyWitness, type TrustPolicy } from '../note/index.ts';
import { climbQuorum, type SignedTreeHead, witnessPolicy } from './head.ts';
import type { Ladder } from './ladder.ts';
import type { Trust } from './trust.ts';

/** Whether the cosigners alone could meet the quorum. */
function enough(policy: TrustPolicy, cosigners: readonly PolicyWitness[]): boolean {
  return evaluateQuorum(
    policy,
    cosigners.map(({ key }) => ({ key, timestamp: 0 })),
  );
}

/** Whether every quorum of the policy has a replayer and a witness in it. @param replayers names in the policy */
export function requiresReplayers(policy: TrustPolicy, replayers: readonly string[]): boolean {
  const is = ({ name }: PolicyWitness) => replayers.includes(name);
  return (
    !enough(
      policy,
      policy.witnesses.filter((witness) => !is(witness)),
    ) && !enough(policy, policy.witnesses.filter(is))
  );
}

/**
 * Quorum and replay as steps, for what rests on the state.
 * @param operatorTrusted the verifier has been told to believe the operator's state roots
 * @returns whether the head is witnessed
 * @throws QUORUM_NOT_MET also when there is no policy, or one that can do without replayers
 */
export function climbReplay(
  ladder: Ladder,
  trust: Trust,
  head: SignedTreeHead,
  operatorTrusted: boolean,
): boolean {
  const policy = witnessPolicy(trust);
  if (!policy && !operatorTrusted) {
    return ladder.step('quorum', () => {
      throw fail('QUORUM_NOT_MET', 'the trust file asks for no cosigners, and the operator is not trusted');
    });
  }
  const witnessed = climbQuorum(ladder, trust, head);
  if (operatorTrusted) {
    ladder.skip('replay', 'the operator is trusted for the state: nobody else has computed it');
    return witnessed;
  }
  const replayers = trust.replayers ?? [];
  return ladder.step('replay', () => {
    if (!requiresReplayers(policy!, replayers)) {
      throw fail(
        'QUORUM_NOT_MET',
        'the policy can be met without a replayer, or without a witness: nobody need have computed the state',
      );
    }
    return { value: witnessed, detail: `the quorum needs one of the replayers ${replayers.join(', ')}` };
  });
}
