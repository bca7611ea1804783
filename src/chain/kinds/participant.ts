/** participant.*: who takes part. REQUESTED → VERIFIED → ACTIVE ⇄ SUSPENDED → REVOKED | WITHDRAWN; REQUESTED → REJECTED. */
import { equal } from '../../core/bytes.ts';
import { didMethod } from '../identifier.ts';
import { after, type Context, declareKind } from '../kind.ts';
import { KID_TAKEN, LISTED_KEY_REASONS, listedKey, listKeys, reservedKids } from '../listed-key.ts';
import { kidOf } from '../public-key.ts';
import type { Write } from '../record.ts';
import { isRefusal, type Refusal, refuse } from '../refusal.ts';
import { did, list, optional, seconds, struct, text, variants } from '../schema.ts';
import { digest, KEY, PARTICIPANT, type ParticipantRecord, ROLES, type Role } from '../state.ts';
import { stateAt } from '../stop.ts';
import { STANDING_CHANGES } from './participant-standing.ts';

const MAX_LISTED_KEYS = 16;
const MAX_ENDPOINTS = 16;
const roleName = text({ max: 32, pattern: /^[A-Z][A-Z_]{0,31}$/ });
const roleNames = list(roleName, { min: 1, max: ROLES.length, unique: true });

function isRole(name: string): name is Role {
  return (ROLES as readonly string[]).includes(name);
}

export const register = declareKind({
  name: 'participant.register',
  rule: 'A participant asks to take part, signed by the first key that it lists: → REQUESTED.',
  signer: 'self',
  body: struct({
    did,
    roles: roleNames,
    keys: list(listedKey, { min: 1, max: MAX_LISTED_KEYS }),
    /** Salted commitment to who the organisation is. */
    organisation: digest,
    /** ISO 3166-1 alpha-2, or a subdivision of ISO 3166-2. */
    jurisdiction: text({ max: 8, pattern: /^[A-Z]{2}(?:-[A-Z0-9]{1,3})?$/ }),
    endpoints: list(text({ max: 512, pattern: /^https?:\/\/[!-~]+$/ }), { max: MAX_ENDPOINTS, unique: true }),
  }),
  subject: (body) => body.did,
  refusals: {
    PARTICIPANT_EXISTS: 'A participant with this DID has asked to take part, or takes part.',
    PARTICIPANT_BARRED: 'The participant with this DID was revoked, or has withdrawn.',
    SELF_SIGNATURE_REQUIRED:
      'A registration is signed by the first key that it lists, and issued by its DID.',
    ROLE_UNKNOWN: 'A role that does not exist.',
    KID_TAKEN,
  },
  shared: [...LISTED_KEY_REASONS, 'ID_MALFORMED'],

  self(hasher, body, { issuer, kid }) {
    const first = body.keys[0]!;
    const own = issuer === body.did && first.use === 'sig' && equal(kidOf(hasher, first.key), kid);
    return own ? first.key : refuse('SELF_SIGNATURE_REQUIRED');
  },

  apply(ctx, body) {
    const known = PARTICIPANT.read(ctx.read, body.did);
    const state = known && stateAt(known, ctx.time);
    if (state === 'REVOKED' || state === 'WITHDRAWN') return refuse('PARTICIPANT_BARRED');
    // Who was rejected may ask again; or whoever asks first in another's name would keep it for ever.
    if (known && state !== 'REJECTED') return refuse('PARTICIPANT_EXISTS');
    const requested: Role[] = [];
    for (const role of body.roles) {
      if (!isRole(role)) return refuse('ROLE_UNKNOWN', role);
      requested.push(role);
    }
    const { didMethods } = ctx.policy;
    if (didMethods && !didMethods.includes(didMethod(body.did))) {
      return refuse('ID_MALFORMED', 'the policy does not allow this DID method');
    }
    const reserved = reservedKids(ctx);
    const listed = listKeys(ctx, { owner: body.did, keys: body.keys, addedBy: null, reserved });
    if (isRefusal(listed)) return listed;
    const record: ParticipantRecord = {
      did: body.did,
      state: 'REQUESTED',
      requested,
      roles: [],
      keys: listed.kids,
      organisation: body.organisation,
      jurisdiction: body.jurisdiction,
      endpoints: body.endpoints,
      changed: ctx.index,
      changedAt: ctx.time,
    };
    return [PARTICIPANT.put(record, body.did), ...listed.writes];
  },
});

export const verify = declareKind({
  name: 'participant.verify',
  rule:
    'The SRO, or a registrar for it, answers a request: REQUESTED → VERIFIED with some of the roles, or REJECTED. Of a ' +
    'participant that is verified, with the same roles, it puts the end of that off, never its own; it never brings it ' +
    'forward.',
  signer: 'active',
  roles: ['SRO'],
  delegate: 'registrar',
  refs: { after: after('participant.register', ...STANDING_CHANGES) },
  body: variants('decision', {
    verified: {
      did,
      roles: roleNames,
      /** Salted commitment to what was looked at. */
      evidence: digest,
      validUntil: optional(seconds),
    },
    rejected: { did, evidence: digest },
  }),
  subject: (body) => body.did,
  refusals: { ROLE_NOT_REQUESTED: 'A role is granted that the participant did not ask for.' },
  shared: ['STATE_WRONG', 'REF_STALE', 'ROLE_NOT_HELD'],

  apply(ctx, body) {
    const record = PARTICIPANT.read(ctx.read, body.did);
    const state = record && stateAt(record, ctx.time);
    if (record && body.decision === 'verified' && isVerified(state)) return prolonged(ctx, record, body);
    if (!record || state !== 'REQUESTED') return refuse('STATE_WRONG', record?.state ?? 'not registered');
    // The answer is to one request: after a rejection, another may have asked in the same name.
    if (ctx.refs('after')[0]?.index !== record.changed) return refuse('REF_STALE');
    const changed = { changed: ctx.index, changedAt: ctx.time };
    if (body.decision === 'rejected') {
      // The keys never spoke for anybody; without them the same name, or the same key, can be registered again.
      const freed = record.keys.map((kid) => KEY.remove(kid));
      return [PARTICIPANT.put({ ...record, state: 'REJECTED', keys: [], ...changed }, body.did), ...freed];
    }
    const roles = record.requested.filter((role) => body.roles.includes(role));
    if (roles.length !== body.roles.length) return refuse('ROLE_NOT_REQUESTED');
    // A delegate never makes another principal of its own rank.
    if (roles.includes('SRO') && ctx.principal.did !== ctx.signer.did) return refuse('ROLE_NOT_HELD');
    const until = body.validUntil === undefined ? {} : { validUntil: body.validUntil };
    return [PARTICIPANT.put({ ...record, state: 'VERIFIED', roles, ...until, ...changed }, body.did)];
  },
});

function isVerified(state: ParticipantRecord['state'] | undefined): boolean {
  return state === 'VERIFIED' || state === 'ACTIVE' || state === 'SUSPENDED';
}

/**
 * A later end, or none any more; an earlier one would be a stop by the back door, and one that a registrar may not make. How
 * the participant stands is as it was, so its last change keeps its place: what lifts a suspension names that.
 */
function prolonged(
  ctx: Context<'active'>,
  record: ParticipantRecord,
  { roles, validUntil: until }: { readonly roles: readonly string[]; readonly validUntil?: number },
): readonly Write[] | Refusal<'STATE_WRONG' | 'REF_STALE' | 'ROLE_NOT_HELD'> {
  const { validUntil: ends, ...rest } = record;
  const same = roles.length === record.roles.length && record.roles.every((role) => roles.includes(role));
  if (!same) return refuse('STATE_WRONG', 'verified already, with other roles');
  if (ends === undefined) return refuse('STATE_WRONG', 'its verification has no end');
  if (until !== undefined && until <= ends) return refuse('STATE_WRONG', `it is verified until ${ends}`);
  if (ctx.refs('after')[0]?.index !== record.changed) return refuse('REF_STALE');
  if (record.roles.includes('SRO') && ctx.principal.did !== ctx.signer.did) return refuse('ROLE_NOT_HELD');
  // Whose part was to end would else go on by its own word: a registrar's, or that of an SRO beside the first.
  if (record.did === ctx.signer.did) return refuse('ROLE_NOT_HELD', 'nobody prolongs its own');
  return [PARTICIPANT.put({ ...rest, ...(until !== undefined && { validUntil: until }) }, record.did)];
}
