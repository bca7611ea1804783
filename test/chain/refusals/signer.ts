/** Signers who may not: key, signature, role, standing, delegation. */
import { PARTICIPANT } from '../../../src/chain/state.ts';
import { concat } from '../../../src/core/bytes.ts';
import { type Base, become, caseList, delegate } from './base.ts';
import { addition } from './forged.ts';

const { cases, refuses } = caseList();

refuses('frame', 'KID_UNKNOWN', 'an unknown key', ({ world, tdc }) =>
  world.sign(tdc, 'key.add', world.listed(tdc, world.key('a')), { key: world.key('b') }),
);
refuses('frame', 'KID_UNKNOWN', 'a key for encryption only', ({ world, icmr }) => {
  const listed = { ...world.listed(icmr, world.key('enc', 'ES256'), 'wrap'), use: 'enc' };
  world.accept(world.sign(icmr, 'key.add', listed));
  return world.sign(icmr, 'key.add', world.listed(icmr, world.key('a')), { key: world.key('enc', 'ES256') });
});
refuses('frame', 'SIGNER_UNKNOWN', 'the key of another', ({ world, tdc, icmr }) =>
  world.sign(tdc, 'key.add', world.listed(tdc, world.key('a')), { key: icmr.keys[0] }),
);
refuses('frame', 'SIGNER_UNKNOWN', 'a key whose owner is no participant', ({ world, tdc }) => {
  world.put(PARTICIPANT.remove(tdc.did));
  return world.foreign(tdc);
});
refuses('frame', 'KEY_REVOKED', 'a revoked key', ({ world, icmr }) => {
  const kid = world.kid(icmr.keys[1]!);
  world.accept(world.sign(icmr, 'key.revoke', { reason: 'rotation', kid }));
  return world.sign(icmr, 'key.add', world.listed(icmr, world.key('a')), { key: icmr.keys[1]! });
});
refuses('frame', 'KEY_EXPIRED', 'a key past its time', ({ world, tdc }) => {
  const key = world.key('short');
  world.accept(world.sign(tdc, 'key.add', { ...world.listed(tdc, key), notAfter: world.now + 60 }));
  world.advance(61);
  return world.sign(tdc, 'key.add', world.listed(tdc, world.key('a')), { key });
});
refuses('frame', 'SIGNATURE_INVALID', 'one bit off', (b) => {
  const statement = addition(b);
  return statement.map((byte, i) => (i === statement.length - 40 ? byte ^ 1 : byte));
});
refuses('frame', 'SIGNATURE_INVALID', 'another payload under the signature', (b) => {
  const [first, other] = [
    addition(b),
    b.world.sign(b.tdc, 'key.add', b.world.listed(b.tdc, b.world.key('tdc/2'))),
  ];
  return concat(first.slice(0, -64), other.slice(-64));
});
refuses('frame', 'SIGNATURE_INVALID', 'empty signature', (b) =>
  concat(addition(b).slice(0, -66), Uint8Array.of(0x40)),
);
refuses('frame', 'ROLE_NOT_HELD', 'a policy by a TDP', ({ world, icmr }) =>
  world.sign(icmr, 'policy.publish', world.policy()),
);
refuses('frame', 'SIGNER_SUSPENDED', 'suspended', ({ world, icmr }) => {
  become(world, icmr, { state: 'SUSPENDED' });
  return world.foreign(icmr);
});
refuses('frame', 'SIGNER_NOT_ACTIVE', 'asked, not verified', ({ world, cowin }) =>
  world.sign(cowin, 'key.add', world.listed(cowin, world.key('a'))),
);
refuses('frame', 'SIGNER_NOT_ACTIVE', 'validity has ended', ({ world, tdc }) => {
  become(world, tdc, { validUntil: world.now - 1 });
  return world.foreign(tdc);
});
refuses('frame', 'SIGNER_NOT_ACTIVE', 'verified is not enough', ({ world, tdc, cowin }) => {
  become(world, tdc, { roles: ['SRO'] });
  return world.verification(cowin, {}, {}, tdc);
});
const registrar = ({ world, icmr, cowin }: Base, onBehalf: string) =>
  world.verification(cowin, {}, { onBehalf }, icmr);
refuses('frame', 'DELEGATION_MISSING', 'no delegation', (b) => registrar(b, b.world.sro.did));
refuses('frame', 'DELEGATION_MISSING', 'a delegation that was taken back', (b) => {
  delegate(b, { revoked: true });
  return registrar(b, b.world.sro.did);
});
refuses('frame', 'DELEGATION_MISSING', 'a principal that is nobody', (b) =>
  registrar(b, 'did:web:nobody.example'),
);
refuses('frame', 'DELEGATION_MISSING', 'a kind that nobody may sign for another', ({ world, tdc, icmr }) =>
  world.sign(tdc, 'key.add', world.listed(tdc, world.key('a')), { onBehalf: icmr.did }),
);
refuses('frame', 'DELEGATION_MISSING', 'a registration for another', ({ world, tdc }) => {
  const member = world.member('new');
  return world.sign(member, 'participant.register', world.registration(member), { onBehalf: tdc.did });
});
refuses('frame', 'DELEGATION_EXPIRED', 'delegation has ended', (b) => {
  delegate(b, { notAfter: b.world.now - 1 });
  return registrar(b, b.world.sro.did);
});
refuses('frame', 'ROLE_NOT_HELD', 'the principal does not hold the role', (b) => registrar(b, b.tdc.did));

export default cases;
