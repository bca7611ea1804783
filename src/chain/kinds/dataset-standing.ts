/**
 * dataset.suspend, .reinstate, .withdraw: stops of one version of a dataset, superseded ones too, since contracts name
 * versions. PUBLISHED ⇄ SUSPENDED; any → WITHDRAWN. What a stop means for contracts and clean rooms, their readers derive.
 */
import { after, type Context, declareKind } from '../kind.ts';
import type { Write } from '../record.ts';
import { DATASET, type DatasetRecord } from '../records/dataset.ts';
import { isRefusal, type Refusal, refuse } from '../refusal.ts';
import { type Infer, optional, struct, uint, urn } from '../schema.ts';
import { effectiveFrom, reason, stateAt, stopBy } from '../stop.ts';

const version = { id: urn('dataset'), version: uint({ min: 1 }) };
const stopBody = struct({ ...version, reason, effectiveFrom: optional(effectiveFrom) });

const shape = {
  signer: 'active',
  roles: ['TDP', 'SRO'],
  refs: {
    after: after(
      'dataset.register',
      'dataset.update',
      'dataset.suspend',
      'dataset.reinstate',
      'dataset.withdraw',
    ),
  },
  refusals: { DATASET_NOT_FOUND: 'There is no such version of a dataset.' },
} as const;

export const suspend = declareKind({
  ...shape,
  name: 'dataset.suspend',
  rule:
    'The provider or the SRO stops the use of a version of a dataset, now or from a later time, until it is reinstated. ' +
    'The SRO may take over a suspension by the provider.',
  body: stopBody,
  subject: ({ id }) => id,
  shared: ['ROLE_NOT_HELD', 'REF_STALE', 'STATE_WRONG', 'EFFECTIVE_FROM_PAST'],

  apply(ctx, body) {
    const record = subject(ctx, body);
    if (isRefusal(record)) return record;
    const from = effective(ctx, body);
    if (isRefusal(from)) return from;
    const { at } = from;
    const suspendedBy = authority(ctx);
    if (record.state !== 'SUSPENDED') return stop(ctx, body, { ...record, suspendedBy }, 'SUSPENDED', at);
    // One may come sooner, or become the SRO's; it never comes later, nor passes from the SRO to the provider.
    const known = record.lastStop!;
    const sooner = at < known.at;
    const takenOver = suspendedBy === 'SRO' && record.suspendedBy === 'provider';
    if (!takenOver && !(sooner && suspendedBy === record.suspendedBy)) {
      return refuse('STATE_WRONG', 'suspended already');
    }
    const lastStop = sooner ? { ...known, entry: ctx.index, at } : known;
    return put(ctx, body, { ...record, suspendedBy, lastStop });
  },
});

export const reinstate = declareKind({
  ...shape,
  name: 'dataset.reinstate',
  rule:
    'Whoever suspended a version of a dataset lifts the suspension. Clean rooms that were deployed before it stay ' +
    'blocked.',
  body: struct({ ...version, reason }),
  subject: ({ id }) => id,
  shared: ['ROLE_NOT_HELD', 'REF_STALE', 'STATE_WRONG'],

  apply(ctx, body) {
    const found = subject(ctx, body);
    if (isRefusal(found)) return found;
    const { suspendedBy, ...record } = found;
    const { lastStop } = record;
    if (record.state !== 'SUSPENDED' || !lastStop) return refuse('STATE_WRONG', record.state);
    // A provider does not lift what the SRO imposed, and nobody publishes data against their provider's will.
    if (suspendedBy !== authority(ctx)) return refuse('ROLE_NOT_HELD', `suspended by the ${suspendedBy}`);
    const state = lastStop.before as DatasetRecord['state'];
    // One that had yet to come counts from now: rooms that were deployed before it stay blocked all the same.
    return put(ctx, body, {
      ...record,
      state,
      lastStop: { ...lastStop, at: Math.min(lastStop.at, ctx.time) },
    });
  },
});

export const withdraw = declareKind({
  ...shape,
  name: 'dataset.withdraw',
  rule: 'The provider or the SRO ends the use of a version of a dataset for good, now or from a later time.',
  body: stopBody,
  subject: ({ id }) => id,
  shared: ['ROLE_NOT_HELD', 'REF_STALE', 'STATE_WRONG', 'EFFECTIVE_FROM_PAST'],

  apply(ctx, body) {
    const found = subject(ctx, body);
    if (isRefusal(found)) return found;
    const from = effective(ctx, body);
    if (isRefusal(from)) return from;
    const { at } = from;
    const { suspendedBy: _, ...record } = found;
    return stop(ctx, body, record, 'WITHDRAWN', at);
  },
});

type StandingContext = Context<'active'>;
type Version = Infer<typeof stopBody> | { readonly id: string; readonly version: number };

/** The version, if the signer may stop it and has seen how it stands. */
function subject(
  ctx: StandingContext,
  { id, version }: Version,
): DatasetRecord | Refusal<'DATASET_NOT_FOUND' | 'ROLE_NOT_HELD' | 'REF_STALE'> {
  const record = DATASET.read(ctx.read, id, version);
  if (!record) return refuse('DATASET_NOT_FOUND');
  if (authority(ctx) !== 'SRO' && record.provider !== ctx.principal.did) {
    return refuse('ROLE_NOT_HELD', 'the dataset of another provider');
  }
  return ctx.refs('after')[0]?.index === record.changed ? record : refuse('REF_STALE');
}

function authority({ principal }: StandingContext): 'SRO' | 'provider' {
  return principal.roles.includes('SRO') ? 'SRO' : 'provider';
}

/** Unix milliseconds. */
function effective(ctx: StandingContext, { effectiveFrom: from }: Infer<typeof stopBody>) {
  if (from !== undefined && from * 1000 < ctx.time) return refuse('EFFECTIVE_FROM_PAST');
  return { at: from === undefined ? ctx.time : from * 1000 };
}

/** A stop takes the place of one that is still to come only if it is no weaker and no later. */
function stop(
  ctx: StandingContext,
  of: Version,
  record: DatasetRecord,
  state: 'SUSPENDED' | 'WITHDRAWN',
  at: number,
): readonly Write[] | Refusal<'STATE_WRONG'> {
  const before = stateAt(record, ctx.time);
  const toCome = record.lastStop && record.lastStop.at > ctx.time ? record : undefined;
  if (before === 'WITHDRAWN') return refuse('STATE_WRONG', 'withdrawn');
  if (toCome && (at > toCome.lastStop!.at || (toCome.state === 'WITHDRAWN' && state !== 'WITHDRAWN'))) {
    return refuse('STATE_WRONG', `entry ${toCome.lastStop!.entry} stops it before`);
  }
  const lastStop = stopBy(ctx, record, at === ctx.time ? undefined : at / 1000);
  if (isRefusal(lastStop)) return refuse('STATE_WRONG', lastStop.detail);
  return put(ctx, of, { ...record, state, lastStop });
}

function put(ctx: StandingContext, { id, version }: Version, record: DatasetRecord): readonly Write[] {
  return [DATASET.put({ ...record, changed: ctx.index, changedAt: ctx.time }, id, version)];
}
