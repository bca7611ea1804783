/**
 * key.request, .release, .cancel and .receive: how a data key comes to a clean room. REQUESTED → GRANTED → RECEIVED;
 * DENIED | CANCELLED; EXPIRED is derived. The KMS logs before it hands a key over, and hands it over only against a proof.
 */
import { extended } from '../../core/extended.ts';
import { budgetFault, free, reserve, settle } from '../budget.ts';
import { isOwnUrn } from '../identifier.ts';
import { type Context, type Denial, declareKind } from '../kind.ts';
import { NO_PRIVACY } from '../privacy.ts';
import { type Write, withWrites } from '../record.ts';
import { CLEANROOM, type CleanroomRecord } from '../records/cleanroom.ts';
import { dataKeyId } from '../records/dataset.ts';
import { nonce, RELEASE, RELEASED, type ReleaseRecord } from '../records/release.ts';
import { refuse } from '../refusal.ts';
import {
  contractsFault,
  DENIALS,
  hasExpired,
  keptKey,
  mountFor,
  paymentFault,
  releaseFault,
  standingGrant,
} from '../release-fault.ts';
import { roomStateAt } from '../room-end.ts';
import { optional, struct, uint, urn } from '../schema.ts';
import { digest } from '../state.ts';

const RELEASE_NOT_FOUND = 'There is no key release with this id, or it is another’s.';

export const request = declareKind({
  name: 'key.request',
  rule: 'An attested clean room asks for the key of a dataset, or of its base model: → REQUESTED.',
  signer: 'room',
  body: struct({
    id: urn('release'),
    subject: urn('dataset', 'model'),
    /** Of a dataset. */
    version: optional(uint({ min: 1 })),
    contract: urn('contract'),
    dataKeyId,
  }),
  subject: (body) => body.id,
  refusals: { CLEANROOM_NOT_ATTESTED: 'No quorum of verifiers has affirmed evidence of the clean room.' },
  shared: ['ID_MALFORMED', 'ID_TAKEN', 'STATE_WRONG'],

  apply(ctx, { id, ...asked }) {
    if (!isOwnUrn(id, ctx.origin)) return refuse('ID_MALFORMED', 'not an id of this log');
    if (RELEASE.read(ctx.read, id)) return refuse('ID_TAKEN', id);
    const room = CLEANROOM.read(ctx.read, ctx.room);
    if (!room?.wrapKid) return refuse('CLEANROOM_NOT_ATTESTED');
    const state = roomStateAt(room, ctx.time);
    if (state !== 'ATTESTED') return refuse('STATE_WRONG', `the room is ${state}`);
    const kept = keptKey(ctx.read, asked);
    if (!kept) return refuse('STATE_WRONG', `nobody keeps a key for ${asked.subject}`);
    const release: ReleaseRecord = {
      cleanroom: ctx.room,
      ...asked,
      kms: kept.kms,
      wrapKid: room.wrapKid,
      state: 'REQUESTED',
      reserve: NO_PRIVACY,
      charges: kept.charges,
      entry: ctx.index,
      changed: ctx.index,
      changedAt: ctx.time,
    };
    return [RELEASE.put(release, id)];
  },
});

export const release = declareKind({
  name: 'key.release',
  rule:
    'The KMS, for the owner of what the key opens, asks whether it may hand the key over; the log decides. A GRANT ' +
    'reserves what the run may spend, and expires if the room does not confirm the key in time: then it counts as spent, ' +
    'and moves to the grant that replaces it.',
  signer: 'active',
  roles: ['TDP', 'TDC'],
  delegate: 'kms',
  body: struct({ id: urn('release'), nonce }),
  subject: (body) => body.id,
  object: (read, body) => RELEASE.read(read, body.id)?.subject,
  refusals: { RELEASE_NOT_FOUND },
  shared: ['STATE_WRONG'],
  denials: DENIALS,

  apply(ctx, body) {
    const { id } = body;
    const asked = RELEASE.read(ctx.read, id);
    if (!asked) return refuse('RELEASE_NOT_FOUND');
    // One answer for each request: whoever asks again gets no other.
    if (asked.state !== 'REQUESTED') return refuse('STATE_WRONG', asked.state);
    const owner = keptKey(ctx.read, asked)!.owner;
    if (ctx.signer.did !== asked.kms || ctx.principal.did !== owner) {
      // A stranger decides nothing, or it could deny the room its keys for ever.
      return { denied: 'KMS_NOT_FOR_DATASET', writes: [] };
    }
    const room = CLEANROOM.read(ctx.read, asked.cleanroom)!;
    const decided = extended(asked, { nonce: body.nonce, changed: ctx.index, changedAt: ctx.time });
    const fault = releaseFault(ctx, room, asked) ?? spendFault(ctx, room, asked);
    return fault ? deny(fault.refused, decided, id) : grant(ctx, room, decided, id);
  },
});

function deny<Code extends keyof typeof DENIALS>(
  denied: Code,
  decided: ReleaseRecord,
  id: string,
): Denial<Code> {
  return { denied, writes: [RELEASE.put(extended(decided, { state: 'DENIED', denial: denied }), id)] };
}

function spendFault(ctx: Context, room: CleanroomRecord, asked: ReleaseRecord) {
  // An expired grant holds its reserve still: the one that replaces it takes that over.
  const over = standingGrant(ctx.read, asked)
    ? undefined
    : budgetFault(ctx.read, asked.charges, room.privacy);
  return over ?? paymentFault(ctx.read, asked) ?? contractsFault(ctx.read, room, ctx.time);
}

function grant(ctx: Context, room: CleanroomRecord, decided: ReleaseRecord, id: string): readonly Write[] {
  const { cleanroom, kms, dataKeyId: key, charges } = decided;
  const expired = standingGrant(ctx.read, decided);
  const amount = charges.length > 0 ? room.privacy : NO_PRIVACY;
  const expires = ctx.time + ctx.policy.handoverSeconds * 1000;
  const own = mountFor(room, decided);
  const mounts = room.mounts.map((mount) =>
    mount === own ? extended(mount, { release: id, expires }) : mount,
  );
  const granted = room.granted ?? { entry: ctx.index, at: ctx.time };
  const changed = { changed: ctx.index, changedAt: ctx.time };
  const now: ReleaseRecord = extended(decided, { state: 'GRANTED', expires });
  return [
    CLEANROOM.put(extended(room, { mounts, granted, ...changed }), cleanroom),
    RELEASED.put({ release: id }, cleanroom, kms, key),
    ...(expired
      ? [
          RELEASE.put(extended(now, { reserve: expired.release.reserve, replaces: expired.id }), id),
          RELEASE.put({ ...expired.release, reserve: NO_PRIVACY, ...changed }, expired.id),
        ]
      : [RELEASE.put({ ...now, reserve: amount }, id), ...reserve(ctx.read, charges, amount)]),
  ];
}

export const cancel = declareKind({
  name: 'key.cancel',
  rule:
    'The KMS promises that it handed no key over, and will not: GRANTED → CANCELLED, and what was reserved is free again. ' +
    'Too late once the grant has expired, or its room has ended: then it is spent.',
  signer: 'active',
  delegate: 'kms',
  body: struct({ id: urn('release') }),
  subject: (body) => body.id,
  object: (read, body) => RELEASE.read(read, body.id)?.subject,
  refusals: {
    RELEASE_NOT_FOUND,
    RELEASE_ALREADY_RECEIVED: 'The clean room has confirmed that it has the key.',
  },
  shared: ['ROLE_NOT_HELD', 'STATE_WRONG'],

  apply(ctx, { id }) {
    const known = RELEASE.read(ctx.read, id);
    if (!known) return refuse('RELEASE_NOT_FOUND');
    if (known.kms !== ctx.signer.did) return refuse('ROLE_NOT_HELD', 'another KMS decides on this release');
    if (known.state === 'RECEIVED') return refuse('RELEASE_ALREADY_RECEIVED');
    if (known.state !== 'GRANTED') return refuse('STATE_WRONG', known.state);
    if (hasExpired(known, ctx.time)) return refuse('STATE_WRONG', 'it has expired, and counts as spent');
    const room = CLEANROOM.read(ctx.read, known.cleanroom)!;
    const state = roomStateAt(room, ctx.time);
    if (state !== 'ATTESTED') return refuse('STATE_WRONG', `the room is ${state}`);
    const changed = { changed: ctx.index, changedAt: ctx.time };
    const before = known.replaces === undefined ? undefined : RELEASE.read(ctx.read, known.replaces)!;
    const mounts = room.mounts.map((mount) => {
      const { release: standing, expires, ...rest } = mount;
      if (standing !== id) return mount;
      return before ? { ...rest, release: known.replaces!, expires: before.expires! } : rest;
    });
    return [
      RELEASE.put({ ...known, state: 'CANCELLED', reserve: NO_PRIVACY, ...changed }, id),
      CLEANROOM.put({ ...room, mounts, ...changed }, known.cleanroom),
      // An expired grant stays spent: what this one took over goes back to it, not to the budget.
      ...(before
        ? restore(known, { ...before, reserve: known.reserve, ...changed })
        : [
            RELEASED.remove(known.cleanroom, known.kms, known.dataKeyId),
            ...free(ctx.read, known.charges, known.reserve),
          ]),
    ];
  },
});

function restore(
  { cleanroom, kms, dataKeyId: key, replaces }: ReleaseRecord,
  before: ReleaseRecord,
): readonly Write[] {
  return [RELEASE.put(before, replaces!), RELEASED.put({ release: replaces! }, cleanroom, kms, key)];
}

export const receive = declareKind({
  name: 'key.receive',
  rule:
    'The clean room confirms that it has the key: GRANTED → RECEIVED; with the last one, ATTESTED → KEYED. A key that came ' +
    'after its grant had expired or was cancelled is logged too: it is charged again if budget is left, and blocks the room.',
  signer: 'room',
  body: struct({
    id: urn('release'),
    /** SHA-256 of the wrapped key, as it was handed over. */
    wrapped: digest,
  }),
  subject: (body) => body.id,
  refusals: { RELEASE_NOT_FOUND },
  shared: ['STATE_WRONG'],

  apply(ctx, { id, wrapped }) {
    const known = RELEASE.read(ctx.read, id);
    if (known?.cleanroom !== ctx.room) return refuse('RELEASE_NOT_FOUND');
    if (known.state !== 'GRANTED' && known.state !== 'CANCELLED') return refuse('STATE_WRONG', known.state);
    const room = CLEANROOM.read(ctx.read, ctx.room)!;
    const changed = { changed: ctx.index, changedAt: ctx.time };
    const received = RELEASE.put(extended(known, { state: 'RECEIVED', wrapped, ...changed }), id);
    const late = known.state === 'CANCELLED' || hasExpired(known, ctx.time) || room.state !== 'ATTESTED';
    if (late) return [received, ...lateKey(ctx, room, known, id)];
    const mounts = room.mounts.map((mount) => {
      const { expires, ...rest } = mount;
      return mount.release === id ? extended(rest, { received: 'yes' as const }) : mount;
    });
    const state = mounts.every((mount) => mount.received) ? 'KEYED' : room.state;
    return [received, CLEANROOM.put({ ...room, mounts, state, ...changed }, ctx.room)];
  },
});

/**
 * The room has a key that nobody was to hand over any more. The grant that stands for its mount is charged already; of any
 * other the charge was given back or passed on, so it is spent once more, as far as there is a budget.
 */
function lateKey(
  { read, index, time, room: urn }: Context<'room'>,
  room: CleanroomRecord,
  known: ReleaseRecord,
  id: string,
): readonly Write[] {
  const blocked = room.blocked ?? { entry: index, at: time };
  const put = CLEANROOM.put({ ...room, blocked, changed: index, changedAt: time }, urn);
  const { charges } = known;
  const { privacy } = room;
  const charged = room.mounts.some((mount) => mount.release === id);
  if (charged || budgetFault(read, charges, privacy)) return [put];
  const reserved = reserve(read, charges, privacy);
  return [put, ...settle(withWrites(read, reserved), charges, privacy, privacy)];
}
