/** participant.register and participant.verify. */
import { PARTICIPANT } from '../../../src/chain/state.ts';
import { type Bytes, utf8 } from '../../../src/core/bytes.ts';
import { type Cbor, encode } from '../../../src/core/cbor.ts';
import { type Member, World } from '../world.ts';
import { type Base, become, caseList, delegate } from './base.ts';
import { ONE, rawKey } from './raw-key.ts';

const { cases, refuses } = caseList();

function register(reason: string, what: string, change: (base: Base, member: Member) => object): void {
  refuses('participant.register', reason, what, (b) => {
    const member = b.world.member('new');
    return b.world.sign(
      member,
      'participant.register',
      b.world.registration(member, ['TDP'], change(b, member)),
    );
  });
}
for (const state of ['REQUESTED', 'VERIFIED', 'ACTIVE', 'SUSPENDED'] as const) {
  register('PARTICIPANT_EXISTS', state, ({ world, tdc }, member) => {
    world.put(PARTICIPANT.put({ ...world.participant(tdc)!, did: member.did, state }, member.did));
    return {};
  });
}
for (const state of ['REVOKED', 'WITHDRAWN'] as const) {
  register('PARTICIPANT_BARRED', state, ({ world, tdc }, member) => {
    world.put(PARTICIPANT.put({ ...world.participant(tdc)!, did: member.did, state }, member.did));
    return {};
  });
}
register('SELF_SIGNATURE_REQUIRED', 'the DID of another', () => ({ did: 'did:web:other.example' }));
register('SELF_SIGNATURE_REQUIRED', 'signed by its second key', ({ world }, m) => ({
  keys: [world.listed(m, world.key('x'), 'a'), world.listed(m, m.keys[0], 'b')],
}));
register('SELF_SIGNATURE_REQUIRED', 'signed by its encryption key', ({ world }, m) => ({
  keys: [{ ...world.listed(m, m.keys[0]), use: 'enc' }],
}));
register('ROLE_UNKNOWN', 'a role that does not exist', () => ({ roles: ['TDP', 'ADMIN'] }));
register('KID_TAKEN', 'the key of another participant', ({ world, tdc }, m) => ({
  keys: [world.listed(m, m.keys[0], 'a'), world.listed(m, tdc.keys[0], 'b')],
}));
register('KID_TAKEN', 'a key twice', ({ world }, m) => ({
  keys: [world.listed(m, m.keys[0], 'a'), world.listed(m, m.keys[0], 'b')],
}));
register('KID_TAKEN', 'the checkpoint key', ({ world }, m) => ({
  keys: [world.listed(m, m.keys[0], 'a'), world.listed(m, world.key('checkpoint'), 'b')],
}));
register('KID_TAKEN', 'the receipt key', ({ world }, m) => ({
  keys: [world.listed(m, m.keys[0], 'a'), world.listed(m, world.key('receipt', 'ES256'), 'b')],
}));
register('ID_TAKEN', 'one alias twice', ({ world }, m) => ({
  keys: [world.listed(m, m.keys[0], 'a'), world.listed(m, world.key('x'), 'a')],
}));
for (const [what, pop] of [
  ['no proof', () => undefined],
  ['not COSE', () => utf8('trust me')],
  ['for another owner', ({ world, tdc }: Base) => world.listed(tdc, world.key('x')).pop],
  ['by another key', ({ world }: Base, m: Member) => world.listed(m, world.key('y')).pop],
  [
    'for another log',
    ({ world }: Base, m: Member) =>
      World.empty(world.crypto, 'log.example/other').listed(m, world.key('x')).pop,
  ],
] as const) {
  register('POP_MISSING', what, (b, m) => {
    const second = { ...b.world.listed(m, b.world.key('x'), 'b'), pop: pop(b, m) };
    return { keys: [b.world.listed(m, m.keys[0], 'a'), second] };
  });
}
/** A registration whose second key is this one. */
function second(reason: string, what: string, key: (base: Base) => Bytes, use = 'sig'): void {
  register(reason, what, (b, m) => ({
    keys: [b.world.listed(m, m.keys[0], 'a'), { keyAlias: 'b', use, key: key(b) }],
  }));
}
second('KEY_WEAK', 'Ed25519 point of small order', () => rawKey(1, 6, ONE));
second('KEY_WEAK', 'a point that is not on P-256', () => rawKey(2, 1, ONE, ONE));
second('KEY_WEAK', 'X25519 point of small order', () => rawKey(1, 4, ONE), 'enc');
second('KEY_MALFORMED', 'no key', () => encode(7));
second('KEY_MALFORMED', 'a member too many', ({ world }) => {
  const { bytes } = world.key('x').publicKey;
  return encode(
    new Map<number, Cbor>([
      [1, 1],
      [3, -8],
      [-1, 6],
      [-2, bytes],
    ]),
  );
});
second('KEY_MALFORMED', 'an X25519 key to sign with', () => rawKey(1, 4, new Uint8Array(32).fill(9)));
register('ALG_NOT_ALLOWED', 'a key that the policy does not allow', (b, m) => {
  b.world.accept(b.world.sign(b.world.sro, 'policy.publish', b.world.policy({ algorithms: ['Ed25519'] })));
  return { keys: [b.world.listed(m, m.keys[0], 'a'), b.world.listed(m, b.world.key('x', 'ES256'), 'b')] };
});
register('ID_MALFORMED', 'a DID method that the policy does not allow', ({ world }) => {
  world.accept(world.sign(world.sro, 'policy.publish', world.policy({ didMethods: ['key'] })));
  return {};
});

refuses('participant.verify', 'STATE_WRONG', 'verified already', ({ world, tdc }) => {
  const refs = [world.ref('after', 3)];
  return world.verification(tdc, {}, { refs, issuedAt: world.now - 1 });
});
/** What prolongs the verification of `tdc`, which ends in a while, and began with entry 4. */
const prolongs =
  (change: object, options: object = {}) =>
  ({ world, tdc }: Base): Bytes => {
    become(world, tdc, { validUntil: world.now + 1000 });
    const body = { decision: 'verified', roles: ['TDC'], validUntil: world.now + 2000, ...change };
    return world.verification(tdc, body, options);
  };
refuses('participant.verify', 'STATE_WRONG', 'verified without an end', ({ world, tdc }) =>
  world.verification(tdc, { decision: 'verified', roles: ['TDC'], validUntil: world.now + 1000 }),
);
refuses('participant.verify', 'STATE_WRONG', 'an end that is no later', (b) =>
  prolongs({ validUntil: b.world.now + 1000 })(b),
);
refuses('participant.verify', 'STATE_WRONG', 'another role than before', prolongs({ roles: ['TDC', 'TDP'] }));
refuses('participant.verify', 'STATE_WRONG', 'one role less than before', (b) => {
  become(b.world, b.tdc, { roles: ['TDC', 'TDP'] });
  return prolongs({})(b);
});
refuses('participant.verify', 'STATE_WRONG', 'a rejection of who is verified', (b) => {
  become(b.world, b.tdc, { validUntil: b.world.now + 1000 });
  return b.world.verification(b.tdc, { decision: 'rejected' });
});
refuses('participant.verify', 'STATE_WRONG', 'prolonged after its end for good', (b) => {
  become(b.world, b.tdc, { state: 'REVOKED' });
  return prolongs({})(b);
});
refuses('participant.verify', 'REF_STALE', 'prolonged after another change than the last', (b) =>
  prolongs({}, { refs: [b.world.ref('after', 3)] })(b),
);
refuses('participant.verify', 'ROLE_NOT_HELD', 'a registrar prolongs an SRO', (b) => {
  delegate(b);
  become(b.world, b.tdc, { roles: ['SRO'], validUntil: b.world.now + 1000 });
  return b.world.verification(
    b.tdc,
    { decision: 'verified', roles: ['SRO'] },
    { onBehalf: b.world.sro.did },
    b.icmr,
  );
});
refuses('participant.verify', 'ROLE_NOT_HELD', 'a registrar prolongs itself', (b) => {
  delegate(b);
  become(b.world, b.icmr, { validUntil: b.world.now + 1000 });
  const { roles } = b.world.participant(b.icmr)!;
  return b.world.verification(b.icmr, { decision: 'verified', roles }, { onBehalf: b.world.sro.did }, b.icmr);
});
refuses('participant.verify', 'STATE_WRONG', 'never asked', ({ world }) =>
  world.verification(world.member('nobody'), {}, { refs: [world.ref('after', 5)] }),
);
refuses('participant.verify', 'REF_STALE', 'the request of another', ({ world, cowin }) =>
  world.verification(cowin, {}, { refs: [world.ref('after', 3)] }),
);
refuses('participant.verify', 'REF_STALE', 'a request before the last one', ({ world, cowin }) => {
  const late = world.verification(cowin);
  world.accept(world.verification(cowin, { decision: 'rejected' }));
  world.accept(world.sign(cowin, 'participant.register', world.registration(cowin, ['AUDITOR'])));
  return late;
});
refuses('participant.verify', 'ROLE_NOT_REQUESTED', 'a role too many', ({ world, cowin }) =>
  world.verification(cowin, { roles: ['TDP', 'KMS'], decision: 'verified' }),
);
refuses('participant.verify', 'ROLE_NOT_HELD', 'a registrar makes an SRO', (b) => {
  delegate(b);
  const rival = b.world.member('rival');
  b.world.register(rival, ['SRO']);
  return b.world.verification(rival, {}, { onBehalf: b.world.sro.did }, b.icmr);
});

export default cases;
