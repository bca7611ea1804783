/**
 * participant.suspend, .reinstate, .revoke, .withdraw: stops of participants. They write the participant's record alone;
 * what they mean for contracts and clean rooms is derived from `lastStop` by who reads.
 */
import { after, type Context, declareKind } from '../kind.ts';
import { obliges } from '../obligations.ts';
import { OBLIGATIONS } from '../records/governance.ts';
import { isRefusal, refuse } from '../refusal.ts';
import { did, optional, struct } from '../schema.ts';
import { PARTICIPANT, type ParticipantRecord } from '../state.ts';
import { effectiveFrom, lifted, reason, stateAt, stopBy } from '../stop.ts';

/** Entries that may have changed the state of a verified participant last. */
export const STANDING_CHANGES = [
  'participant.verify',
  'agreement.accept',
  'participant.suspend',
  'participant.reinstate',
  'participant.revoke',
  'participant.withdraw',
] as const;
const afterChange = after(...STANDING_CHANGES);
const STOP_REASONS = ['STATE_WRONG', 'REF_STALE', 'EFFECTIVE_FROM_PAST'] as const;
const stopBody = struct({ did, reason, effectiveFrom: optional(effectiveFrom) });

interface Stop {
  readonly did: string;
  readonly state: 'SUSPENDED' | 'REVOKED' | 'WITHDRAWN';
  readonly effectiveFrom: number | undefined;
}

export const suspend = declareKind({
  name: 'participant.suspend',
  rule: 'The SRO suspends a participant until it reinstates it.',
  signer: 'active',
  roles: ['SRO'],
  refs: { after: afterChange },
  body: stopBody,
  subject: (body) => body.did,
  refusals: {},
  shared: STOP_REASONS,
  apply: (ctx, { did, effectiveFrom }) => stopped(ctx, { did, state: 'SUSPENDED', effectiveFrom }),
});

export const reinstate = declareKind({
  name: 'participant.reinstate',
  rule: 'The SRO lifts a suspension, or calls off one that is still to come. Clean rooms stay BLOCKED by it.',
  signer: 'active',
  roles: ['SRO'],
  refs: { after: after('participant.suspend') },
  body: struct({ did, reason }),
  subject: (body) => body.did,
  refusals: {},
  shared: ['STATE_WRONG', 'REF_STALE'],

  apply(ctx, { did }) {
    const record = PARTICIPANT.read(ctx.read, did);
    const stop = record?.lastStop;
    if (record?.state !== 'SUSPENDED' || !stop)
      return refuse('STATE_WRONG', record?.state ?? 'not registered');
    if (isEnd(stop.before)) return refuse('STATE_WRONG', `it was to be ${stop.before}`);
    if (ctx.refs('after')[0]?.index !== record.changed) return refuse('REF_STALE');
    const changed = { changed: ctx.index, changedAt: ctx.time };
    const as = lifted<ParticipantRecord['state']>(stop, ctx.time);
    return [PARTICIPANT.put({ ...record, ...as, ...changed }, did)];
  },
});

export const revoke = declareKind({
  name: 'participant.revoke',
  rule: 'The SRO ends a participant’s part, for good.',
  signer: 'active',
  roles: ['SRO'],
  refs: { after: afterChange },
  body: stopBody,
  subject: (body) => body.did,
  refusals: {},
  shared: STOP_REASONS,
  apply: (ctx, { did, effectiveFrom }) => stopped(ctx, { did, state: 'REVOKED', effectiveFrom }),
});

export const withdraw = declareKind({
  name: 'participant.withdraw',
  rule: 'A participant ends its own part, for good, once no contract obliges it any more.',
  signer: 'any-state',
  refs: { after: afterChange },
  body: struct({ reason, effectiveFrom: optional(effectiveFrom) }),
  subject: () => undefined,
  refusals: {
    OPEN_OBLIGATIONS:
      'A contract that the participant has signed is still running, or has rooms or payments open.',
  },
  shared: STOP_REASONS,

  apply(ctx, { effectiveFrom }) {
    const { did } = ctx.signer;
    const stop = stopped(ctx, { did, state: 'WITHDRAWN', effectiveFrom });
    if (isRefusal(stop)) return stop;
    const signed = OBLIGATIONS.read(ctx.read, did)?.contracts;
    const contract = signed?.find((id) => obliges(ctx.read, id, ctx.time));
    return contract === undefined ? stop : refuse('OPEN_OBLIGATIONS', contract);
  },
});

function stopped(ctx: Context, { did, state, effectiveFrom }: Stop) {
  const record = PARTICIPANT.read(ctx.read, did);
  if (!record) return refuse('STATE_WRONG', 'not registered');
  const now = stateAt(record, ctx.time);
  // A request is answered by participant.verify. If it could be stopped, whoever asks first in another's name would bar it.
  const stoppable = now === 'VERIFIED' || now === 'ACTIVE' || (now === 'SUSPENDED' && state !== 'SUSPENDED');
  if (!stoppable) return refuse('STATE_WRONG', now);
  // Neither a mistake nor a rival of its own making may leave the log without an SRO.
  if (did === ctx.genesis?.sro) return refuse('STATE_WRONG', 'the SRO of the genesis stays');
  if (ctx.refs('after')[0]?.index !== record.changed) return refuse('REF_STALE');
  const lastStop = stopBy(ctx, record, effectiveFrom);
  if (isRefusal(lastStop)) return lastStop;
  if (lastStop.at > ctx.time && now === 'SUSPENDED') {
    return refuse('STATE_WRONG', 'it is suspended, so it can end at once only');
  }
  // A suspension does not put off an end that is to come: there is no way back from it.
  const ending = state === 'SUSPENDED' && isEnd(record.state);
  if (ending && lastStop.at > ctx.time) return refuse('STATE_WRONG', `it is to be ${record.state}`);
  const stop = ending ? { ...lastStop, before: record.state } : lastStop;
  const changed = { changed: ctx.index, changedAt: ctx.time };
  return [PARTICIPANT.put({ ...record, state, lastStop: stop, ...changed }, did)];
}

function isEnd(state: string): boolean {
  return state === 'REVOKED' || state === 'WITHDRAWN';
}
