/** key.*: the keys of participants. */
import { type Bytes, equal } from '../../core/bytes.ts';
import { type Context, declareKind } from '../kind.ts';
import { KID_TAKEN, LISTED_KEY_REASONS, listedKey, listKeys, reservedKids } from '../listed-key.ts';
import { isRefusal, refuse } from '../refusal.ts';
import { seconds, variants } from '../schema.ts';
import { standingFault } from '../standing.ts';
import { KEY, type KeyRecord, kid, MAX_KEYS, PARTICIPANT, type ParticipantRecord } from '../state.ts';

type OwnedKey = readonly [kid: Bytes, record: KeyRecord];

export function keysOf(ctx: Context, participant: ParticipantRecord): OwnedKey[] {
  return participant.keys.map((kid) => [kid, KEY.read(ctx.read, kid)!]);
}

export const add = declareKind({
  name: 'key.add',
  rule: 'A participant lists one more key of its own, signed by a key that it has. The SRO never adds keys to others.',
  signer: 'verified',
  body: listedKey,
  // A listed key has no name but its thumbprint, and belongs to who signs.
  subject: () => undefined,
  refusals: { KID_TAKEN },
  shared: [...LISTED_KEY_REASONS, 'STATE_WRONG'],

  apply(ctx, body) {
    const { signer } = ctx;
    if (signer.keys.length >= MAX_KEYS) return refuse('STATE_WRONG', `no more than ${MAX_KEYS} keys`);
    const live = keysOf(ctx, signer).filter(([, record]) => !record.revoked);
    const aliases = live.map(([, record]) => record.alias);
    const reserved = reservedKids(ctx);
    const listed = listKeys(ctx, { owner: signer.did, keys: [body], addedBy: ctx.kid, aliases, reserved });
    if (isRefusal(listed)) return listed;
    const keys = [...signer.keys, ...listed.kids];
    return [PARTICIPANT.put({ ...signer, keys }, signer.did), ...listed.writes];
  },
});

export const revoke = declareKind({
  name: 'key.revoke',
  rule:
    'Ends a key. A participant ends its own with another of its keys; the SRO can end any, but an SRO no key of the ' +
    'genesis’s. Rotation voids nothing; ' +
    'a compromise voids the keys that the key has added since, and those that they added. A compromise can be ' +
    'stated of a key that was rotated, and dated further back.',
  signer: 'any-state',
  body: variants('reason', {
    rotation: { kid },
    compromise: { kid, compromisedSince: seconds },
  }),
  subject: () => undefined,
  refusals: {
    LAST_KEY: 'A participant ends a key with another of its own, which has to be good afterwards as well.',
    COMPROMISE_TOO_FAR_BACK: 'Only the SRO may date a compromise further back than the policy’s window.',
  },
  shared: [
    'KID_UNKNOWN',
    'KEY_REVOKED',
    'ROLE_NOT_HELD',
    'SIGNER_NOT_ACTIVE',
    'SIGNER_SUSPENDED',
    'NUMBER_MALFORMED',
  ],

  apply(ctx, body) {
    const key = KEY.read(ctx.read, body.kid);
    if (!key) return refuse('KID_UNKNOWN');
    const own = key.owner === ctx.signer.did;
    if (!own) {
      if (!ctx.signer.roles.includes('SRO')) return refuse('ROLE_NOT_HELD', 'the key of another participant');
      // Else an SRO that another made could leave the log to itself.
      if (key.owner === ctx.genesis?.sro) return refuse('ROLE_NOT_HELD', 'a key of the SRO of the genesis');
      const fault = standingFault(ctx.signer, 'active', ctx.time);
      if (fault) return fault;
    }
    const since = body.reason === 'compromise' ? body.compromisedSince : undefined;
    if (key.revoked && !reaches(key.revoked, since)) {
      return refuse('KEY_REVOKED', `by entry ${key.revoked.entry}`);
    }
    if (since !== undefined && since * 1000 > ctx.time) return refuse('NUMBER_MALFORMED', 'a time to come');

    const owner = PARTICIPANT.read(ctx.read, key.owner);
    const keys = owner ? keysOf(ctx, owner) : [];
    const voided = since === undefined ? [] : addedSince(keys, body.kid, since);
    if (own) {
      // The signing key is good until here; it has to be good afterwards as well.
      if ([body.kid, ...voided.map(([kid]) => kid)].some((kid) => equal(kid, ctx.kid)))
        return refuse('LAST_KEY');
      const earliest = ctx.time - ctx.policy.compromiseWindow * 1000;
      const sro = ctx.signer.roles.includes('SRO');
      if (since !== undefined && since * 1000 < earliest && !sro) return refuse('COMPROMISE_TOO_FAR_BACK');
    }

    const ended = { entry: ctx.index, at: ctx.time };
    const revoked = { ...ended, reason: body.reason, ...(since !== undefined && { since }) };
    const writes = [KEY.put({ ...key, revoked }, body.kid)];
    for (const [kid, record] of voided) {
      writes.push(KEY.put({ ...record, revoked: { ...ended, reason: 'void' } }, kid));
    }
    if (owner && voided.length > 0) {
      const left = owner.keys.filter((kid) => !voided.some(([other]) => equal(other, kid)));
      writes.push(PARTICIPANT.put({ ...owner, keys: left }, owner.did));
    }
    return writes;
  },
});

/**
 * Whether a compromise since then says more than the revocation that stands: a key that was only rotated out may turn
 * out to have been compromised, and a compromise to be older. Else a thief could settle the date, with a key of its own.
 */
function reaches(revoked: NonNullable<KeyRecord['revoked']>, since: number | undefined): boolean {
  if (since === undefined || revoked.reason === 'void') return false;
  return revoked.since === undefined || since < revoked.since;
}

/**
 * The keys that `compromised` has added since then, and those that these added: whoever had the key could have made
 * them. Keys are in the order in which they were added, so one pass finds every generation.
 */
function addedSince(keys: readonly OwnedKey[], compromised: Bytes, since: number): OwnedKey[] {
  const found: OwnedKey[] = [];
  for (const [kid, record] of keys) {
    const { addedBy, addedAt } = record;
    if (addedBy === null || addedAt < since * 1000) continue;
    if (equal(addedBy, compromised) || found.some(([other]) => equal(other, addedBy)))
      found.push([kid, record]);
  }
  return found;
}
