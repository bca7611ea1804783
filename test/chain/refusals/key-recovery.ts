/** key.recover and key.object, and what a key that is being recovered cannot do. */
import { PARTICIPANT } from '../../../src/chain/state.ts';
import { encode } from '../../../src/core/cbor.ts';
import type { Member } from '../world.ts';
import { type Base, become, caseList } from './base.ts';
import { ONE, rawKey } from './raw-key.ts';

const { cases, refuses } = caseList();
const WEEK = 7 * 86_400;

function recovery({ world, tdc }: Base, change: object = {}, of: Pick<Member, 'did'> = tdc) {
  return { did: of.did, key: { ...world.listed(of, world.key('recovered'), 'recovered'), ...change } };
}
function recover(reason: string, what: string, body: (base: Base) => object): void {
  refuses('key.recover', reason, what, (b) => {
    const made = body(b);
    return b.world.sign(b.world.sro, 'key.recover', made);
  });
}
recover('STATE_WRONG', 'nobody', (b) => recovery(b, {}, b.world.member('nobody')));
recover('STATE_WRONG', 'who has only asked to take part', (b) => recovery(b, {}, b.cowin));
recover('STATE_WRONG', 'the SRO of the genesis', (b) => recovery(b, {}, b.world.sro));
for (const state of ['REVOKED', 'WITHDRAWN', 'REJECTED']) {
  recover('STATE_WRONG', state, (b) => {
    become(b.world, b.tdc, { state });
    return recovery(b);
  });
}
recover('STATE_WRONG', 'the 65th key', (b) => {
  const keys = Array.from({ length: 64 }, (_, i) => new Uint8Array(32).fill(i));
  b.world.put(PARTICIPANT.put({ ...b.world.participant(b.tdc)!, keys }, b.tdc.did));
  return recovery(b);
});
recover('RECOVERY_PENDING', 'a second key', (b) => {
  b.world.accept(b.world.sign(b.world.sro, 'key.recover', recovery(b)));
  b.world.advance(WEEK - 1);
  return { did: b.tdc.did, key: b.world.listed(b.tdc, b.world.key('other'), 'other') };
});
recover('KEY_MALFORMED', 'a key for encryption', (b) => recovery(b, { use: 'enc' }));
recover('KEY_MALFORMED', 'no key', (b) => recovery(b, { key: encode(7) }));
recover('KEY_WEAK', 'small order', (b) => recovery(b, { key: rawKey(1, 6, ONE) }));
recover('KID_TAKEN', 'a key of another', (b) => ({
  did: b.tdc.did,
  key: b.world.listed(b.tdc, b.icmr.keys[0], 'recovered'),
}));
recover('KID_TAKEN', 'the SRO’s own key', (b) => ({
  did: b.tdc.did,
  key: b.world.listed(b.tdc, b.world.sro.keys[0], 'recovered'),
}));
recover('ID_TAKEN', 'an alias that is in use', (b) => recovery(b, { keyAlias: 'key-1' }));
recover('POP_MISSING', 'no proof', (b) => recovery(b, { pop: undefined }));
recover('POP_MISSING', 'a proof for the SRO', (b) =>
  recovery(b, { pop: b.world.listed(b.world.sro, b.world.key('recovered')).pop }),
);
recover('ALG_NOT_ALLOWED', 'by the policy', (b) => {
  b.world.accept(b.world.sign(b.world.sro, 'policy.publish', b.world.policy({ algorithms: ['Ed25519'] })));
  return { did: b.tdc.did, key: b.world.listed(b.tdc, b.world.key('x', 'ES256'), 'recovered') };
});

const pending = (b: Base) => {
  b.world.accept(b.world.sign(b.world.sro, 'key.recover', recovery(b)));
  return b.world.kid(b.world.key('recovered'));
};
function objects(reason: string, what: string, made: (base: Base) => object): void {
  refuses('key.object', reason, what, (b) => {
    const body = made(b);
    return b.world.sign(b.tdc, 'key.object', body);
  });
}
objects('STATE_WRONG', 'nothing is being recovered', ({ world, tdc }) => ({ kid: world.kid(tdc.keys[0]) }));
objects('STATE_WRONG', 'to another key', (b) => {
  pending(b);
  return { kid: b.world.kid(b.tdc.keys[0]) };
});
objects('STATE_WRONG', 'too late', (b) => {
  const kid = pending(b);
  b.world.advance(WEEK);
  return { kid };
});
objects('STATE_WRONG', 'to a key that was revoked', (b) => {
  const kid = pending(b);
  b.world.accept(b.world.sign(b.world.sro, 'key.revoke', { reason: 'rotation', kid }));
  return { kid };
});
refuses('key.object', 'STATE_WRONG', 'to the key of another', (b) => {
  const kid = pending(b);
  return b.world.sign(b.icmr, 'key.object', { kid });
});

for (const [what, seconds] of [
  ['at once', 0],
  ['a second too early', WEEK - 1],
] as const) {
  refuses('frame', 'KID_UNKNOWN', `by a key that is being recovered, ${what}`, (b) => {
    pending(b);
    b.world.advance(seconds);
    return b.world.sign(b.tdc, 'key.add', b.world.listed(b.tdc, b.world.key('more'), 'more'), {
      key: b.world.key('recovered'),
    });
  });
}
refuses('frame', 'KID_UNKNOWN', 'by a key whose recovery was objected to', (b) => {
  const kid = pending(b);
  b.world.accept(b.world.sign(b.tdc, 'key.object', { kid }));
  b.world.advance(WEEK + 1);
  return b.world.sign(b.tdc, 'key.add', b.world.listed(b.tdc, b.world.key('more'), 'more'), {
    key: b.world.key('recovered'),
  });
});
refuses('frame', 'KEY_REVOKED', 'by a key that a stolen key of the SRO recovered', (b) => {
  const { world, tdc } = b;
  const stolen = world.key('sro/stolen');
  world.accept(world.sign(world.sro, 'key.add', world.listed(world.sro, stolen, 'stolen')));
  world.accept(world.sign(world.sro, 'key.recover', recovery(b), { key: stolen }));
  const since = world.now;
  world.advance(WEEK);
  const body = { reason: 'compromise', kid: world.kid(stolen), compromisedSince: since };
  world.accept(world.sign(world.sro, 'key.revoke', body));
  return world.sign(tdc, 'key.add', world.listed(tdc, world.key('more'), 'more'), {
    key: world.key('recovered'),
  });
});
refuses('key.revoke', 'ROLE_NOT_HELD', 'an SRO that was made later, of the first', ({ world }) => {
  const rival = world.join('rival', ['SRO']);
  world.activate(rival);
  return world.sign(rival, 'key.revoke', { reason: 'rotation', kid: world.kid(world.sro.keys[0]) });
});

export default cases;
