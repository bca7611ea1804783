/** delegate.*: who may sign what for whom. The delegate signs with its own key and names its principal in `onBehalf`. */
import { after, declareKind } from '../kind.ts';
import type { StateReader } from '../record.ts';
import { CONTRACT } from '../records/contract.ts';
import { DATASET } from '../records/dataset.ts';
import { MODEL } from '../records/model.ts';
import { refuse } from '../refusal.ts';
import { did, optional, seconds, struct } from '../schema.ts';
import {
  DELEGATION,
  type DelegateRole,
  type DelegationRecord,
  delegateRole,
  delegationScope,
  PARTICIPANT,
  type Role,
} from '../state.ts';
import { stateAt } from '../stop.ts';

/** One of these roles of the grantor is what the delegate acts under; undefined: whatever the grantor has. */
const GRANTORS: Readonly<Record<DelegateRole, readonly Role[] | undefined>> = {
  kms: ['TDP', 'TDC'],
  registrar: ['SRO'],
  collab: ['TDP', 'TDC'],
  auditor: undefined,
  payment: ['TDC', 'TDP', 'CONTRACT_SERVICE'],
};
/** What the delegate itself has to be, where the SRO verifies participants for just that. */
const DELEGATES: Readonly<Partial<Record<DelegateRole, Role>>> = {
  kms: 'KMS',
  collab: 'DATA_COLLAB',
  auditor: 'AUDITOR',
};

export const grant = declareKind({
  name: 'delegate.grant',
  rule:
    'A participant lets another sign for it, in one role, for all of its objects or some. A delegation that was granted ' +
    'before, in force or not, is replaced: the statement names the entry that last changed it.',
  signer: 'active',
  refs: { after: { kinds: ['delegate.grant', 'delegate.revoke'], count: { min: 0, max: 1 } } },
  body: struct({
    delegate: did,
    role: delegateRole,
    /** Objects that it is limited to, registered or to come; left out: all of the grantor's. */
    scope: optional(delegationScope),
    /** Unix seconds: good up to this point in time. */
    notAfter: optional(seconds),
  }),
  subject: ({ delegate }) => delegate,
  refusals: {
    DELEGATE_UNKNOWN: 'Nobody else with this DID has been verified for what is delegated.',
    SCOPE_EXCEEDS_GRANTOR: 'More is delegated than the grantor may do itself.',
  },
  shared: ['REF_STALE'],

  apply(ctx, { delegate, role, scope, notAfter }) {
    const { signer } = ctx;
    const to = delegate === signer.did ? undefined : PARTICIPANT.read(ctx.read, delegate);
    const state = to && stateAt(to, ctx.time);
    if (!to || (state !== 'VERIFIED' && state !== 'ACTIVE')) return refuse('DELEGATE_UNKNOWN', delegate);
    const needed = DELEGATES[role];
    if (needed && !to.roles.includes(needed)) return refuse('DELEGATE_UNKNOWN', `it is no ${needed}`);
    const under = GRANTORS[role];
    if (under && !under.some((role) => signer.roles.includes(role))) {
      return refuse('SCOPE_EXCEEDS_GRANTOR', `${role} is for ${under.join(' or ')} to give`);
    }
    const foreign = scope?.find((object) => isOfOthers(ctx.read, object, signer.did));
    if (foreign !== undefined) return refuse('SCOPE_EXCEEDS_GRANTOR', foreign);
    const known = DELEGATION.read(ctx.read, signer.did, delegate, role);
    // Else a grant that was signed before a revocation could be logged after it.
    if (ctx.refs('after')[0]?.index !== known?.changed) return refuse('REF_STALE');
    const record: DelegationRecord = {
      grantor: signer.did,
      delegate,
      role,
      kid: ctx.kid,
      changed: ctx.index,
      changedAt: ctx.time,
      revoked: false,
      ...(scope && { scope }),
      ...(notAfter !== undefined && { notAfter }),
    };
    return [DELEGATION.put(record, signer.did, delegate, role)];
  },
});

export const revoke = declareKind({
  name: 'delegate.revoke',
  rule: 'A participant takes a delegation back. What the delegate has signed stands.',
  signer: 'active',
  refs: { after: after('delegate.grant') },
  body: struct({ delegate: did, role: delegateRole }),
  subject: ({ delegate }) => delegate,
  refusals: {},
  shared: ['DELEGATION_MISSING', 'REF_STALE'],

  apply(ctx, { delegate, role }) {
    const { did } = ctx.signer;
    const known = DELEGATION.read(ctx.read, did, delegate, role);
    if (!known || known.revoked) return refuse('DELEGATION_MISSING', `${role} of ${did}`);
    if (ctx.refs('after')[0]?.index !== known.changed) return refuse('REF_STALE');
    const changed = { changed: ctx.index, changedAt: ctx.time };
    return [DELEGATION.put({ ...known, ...changed, revoked: true }, did, delegate, role)];
  },
});

/** Whether the object is known, and not for `grantor` to act on. The first version of a dataset is kept for ever. */
function isOfOthers(read: StateReader, object: string, grantor: string): boolean {
  const dataset = DATASET.read(read, object, 1);
  if (dataset) return dataset.provider !== grantor;
  const model = MODEL.read(read, object);
  if (model) return model.owner !== grantor;
  const contract = CONTRACT.read(read, object);
  return contract !== undefined && ![...contract.signatories, contract.paymentService].includes(grantor);
}
