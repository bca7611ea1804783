/** policy.*: the limits in force. */
import { declareKind } from '../kind.ts';
import { policyAt, policyBody } from '../policy.ts';
import { refuse } from '../refusal.ts';
import { POLICY } from '../state.ts';

export const publish = declareKind({
  name: 'policy.publish',
  rule: 'Sets the next version of the policy, from its entry on or from a later time.',
  signer: 'active',
  roles: ['SRO'],
  body: policyBody,
  subject: () => 'urn:depa:policy',
  refusals: {
    POLICY_VERSION_NOT_NEXT: 'The version is not one more than that of the last published policy.',
    POLICY_RETROACTIVE: 'The policy would take effect before its entry.',
  },
  shared: ['ALG_NOT_ALLOWED'],

  apply(ctx, { effectiveFrom, ...policy }) {
    const record = POLICY.read(ctx.read);
    const last = record?.next ?? record?.current;
    if (policy.version !== (last?.version ?? 0) + 1) return refuse('POLICY_VERSION_NOT_NEXT');
    if (effectiveFrom !== undefined && effectiveFrom * 1000 < ctx.time) return refuse('POLICY_RETROACTIVE');
    // Else one mistake of the SRO's would lock it out of its own log.
    if (!policy.algorithms.includes(ctx.algorithm)) {
      return refuse('ALG_NOT_ALLOWED', `the policy is signed with ${ctx.algorithm} and does not allow it`);
    }
    // A policy that was to come and is overtaken never takes effect.
    const current = effectiveFrom === undefined ? policy : policyAt(record, ctx.time);
    const pending = effectiveFrom === undefined ? {} : { next: policy, effectiveFrom };
    return [POLICY.put({ current, ...pending, entry: ctx.index })];
  },
});
