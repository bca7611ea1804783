/**
 * key.recover and key.object: a participant that has lost its keys gets a new one from the SRO. The key is listed at
 * once, so that everybody sees it, and signs nothing before the policy's delay is over. Until then any key that the
 * participant still has ends it: who is to be recovered against its will objects.
 */
import { equal } from '../../core/bytes.ts';
import { declareKind } from '../kind.ts';
import { KID_TAKEN, LISTED_KEY_REASONS, listedKey, listKeys, reservedKids } from '../listed-key.ts';
import { RECOVERY } from '../records/governance.ts';
import { isRefusal, refuse } from '../refusal.ts';
import { did, struct } from '../schema.ts';
import { KEY, kid, MAX_KEYS, PARTICIPANT } from '../state.ts';
import { stateAt } from '../stop.ts';
import { keysOf } from './key.ts';

export const recover = declareKind({
  name: 'key.recover',
  rule:
    'The SRO lists a new key of a participant that has lost its own. The key signs from the end of the policy’s recovery ' +
    'delay on, unless the participant objects before; then it is a key like any other.',
  signer: 'active',
  roles: ['SRO'],
  body: struct({ did, key: listedKey }),
  subject: (body) => body.did,
  refusals: {
    RECOVERY_PENDING: 'Another key is being recovered for this participant.',
    KID_TAKEN,
  },
  shared: ['STATE_WRONG', ...LISTED_KEY_REASONS],

  apply(ctx, { did, key }) {
    const owner = PARTICIPANT.read(ctx.read, did);
    const state = owner && stateAt(owner, ctx.time);
    if (state !== 'VERIFIED' && state !== 'ACTIVE' && state !== 'SUSPENDED') {
      return refuse('STATE_WRONG', state ?? 'not registered');
    }
    // The genesis names the one key that may replace those of its SRO; no other SRO takes its place.
    if (did === ctx.genesis?.sro) return refuse('STATE_WRONG', 'the SRO of the genesis has a recovery key');
    const last = RECOVERY.read(ctx.read, did);
    if (last && ctx.time < last.from && !KEY.read(ctx.read, last.kid)?.revoked) {
      return refuse('RECOVERY_PENDING', `until ${last.from}`);
    }
    // What is encrypted to a participant is not for the SRO to read.
    if (key.use !== 'sig') return refuse('KEY_MALFORMED', 'a key to sign with is needed');
    if (owner!.keys.length >= MAX_KEYS) return refuse('STATE_WRONG', `no more than ${MAX_KEYS} keys`);
    const live = keysOf(ctx, owner!).filter(([, record]) => !record.revoked);
    const from = ctx.time + ctx.policy.recoveryDelay * 1000;
    const listed = listKeys(ctx, {
      owner: did,
      keys: [key],
      addedBy: ctx.kid,
      aliases: live.map(([, record]) => record.alias),
      reserved: reservedKids(ctx),
      notBefore: from,
    });
    if (isRefusal(listed)) return listed;
    return [
      PARTICIPANT.put({ ...owner!, keys: [...owner!.keys, ...listed.kids] }, did),
      RECOVERY.put({ kid: listed.kids[0]!, entry: ctx.index, from }, did),
      ...listed.writes,
    ];
  },
});

export const object = declareKind({
  name: 'key.object',
  rule: 'A participant ends the recovery of a key for it, with any key that it has, whatever state it is in.',
  signer: 'any-state',
  /** Thumbprint of the key that is not its own. */
  body: struct({ kid }),
  subject: () => undefined,
  refusals: {},
  shared: ['STATE_WRONG'],

  apply(ctx, body) {
    const { signer } = ctx;
    const recovery = RECOVERY.read(ctx.read, signer.did);
    const pending = recovery && ctx.time < recovery.from && equal(recovery.kid, body.kid);
    // A key that was revoked meanwhile stays known as revoked.
    if (!pending || KEY.read(ctx.read, body.kid)?.revoked) {
      return refuse('STATE_WRONG', 'this key is not being recovered');
    }
    const keys = signer.keys.filter((kid) => !equal(kid, body.kid));
    return [
      PARTICIPANT.put({ ...signer, keys }, signer.did),
      RECOVERY.remove(signer.did),
      KEY.remove(body.kid),
    ];
  },
});
