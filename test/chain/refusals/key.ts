/** key.add and key.revoke. */
import { PARTICIPANT } from '../../../src/chain/state.ts';
import type { Bytes } from '../../../src/core/bytes.ts';
import { encode } from '../../../src/core/cbor.ts';
import { type Base, become, caseList } from './base.ts';
import { ONE, rawKey } from './raw-key.ts';

const { cases, refuses } = caseList();
const id = new Uint8Array(32);

function add(reason: string, what: string, listed: (base: Base) => object): void {
  refuses('key.add', reason, what, (b) => b.world.sign(b.tdc, 'key.add', listed(b)));
}
add('KID_TAKEN', 'its own key again', ({ world, tdc }) => world.listed(tdc, tdc.keys[0]));
add('KID_TAKEN', 'the key of another', ({ world, tdc, icmr }) => world.listed(tdc, icmr.keys[0]));
add('KID_TAKEN', 'the recovery key', ({ world, tdc }) => world.listed(tdc, world.key('recovery')));
add('ID_TAKEN', 'an alias that is in use', ({ world, tdc }) => world.listed(tdc, world.key('x'), 'key-1'));
add('POP_MISSING', 'no proof', ({ world, tdc }) => ({
  ...world.listed(tdc, world.key('x')),
  pop: undefined,
}));
add('KEY_WEAK', 'small order', ({ world, tdc }) => ({
  ...world.listed(tdc, world.key('x')),
  key: rawKey(1, 6, ONE),
}));
add('KEY_MALFORMED', 'no key', ({ world, tdc }) => ({
  ...world.listed(tdc, world.key('x')),
  key: encode(7),
}));
add('ALG_NOT_ALLOWED', 'by the policy', ({ world, tdc }) => {
  world.accept(world.sign(world.sro, 'policy.publish', world.policy({ algorithms: ['Ed25519'] })));
  return world.listed(tdc, world.key('x', 'ES256'));
});
add('STATE_WRONG', 'the 65th key', ({ world, tdc }) => {
  const record = world.participant(tdc)!;
  const keys = Array.from({ length: 64 }, (_, i) => new Uint8Array(32).fill(i));
  world.put(PARTICIPANT.put({ ...record, keys }, tdc.did));
  return world.listed(tdc, world.key('x'));
});

function revoke(
  reason: string,
  what: string,
  by: keyof Omit<Base, 'world'> | 'sro',
  made: (base: Base) => object,
): void {
  refuses('key.revoke', reason, what, (b) => {
    const signer = by === 'sro' ? b.world.sro : b[by];
    const body = made(b);
    return b.world.sign(signer, 'key.revoke', 'kid' in body ? { reason: 'rotation', ...body } : body);
  });
}
const compromise = (kid: Bytes, compromisedSince: number) => ({
  reason: 'compromise',
  kid,
  compromisedSince,
});
revoke('KID_UNKNOWN', 'no such key', 'icmr', () => ({ kid: id }));
revoke('KEY_REVOKED', 'a second time', 'icmr', ({ world, icmr }) => {
  const kid = world.kid(icmr.keys[1]!);
  world.accept(world.sign(icmr, 'key.revoke', { reason: 'rotation', kid }, { issuedAt: world.now - 1 }));
  return { kid };
});
revoke('KEY_REVOKED', 'compromised already', 'sro', ({ world, icmr }) => {
  const kid = world.kid(icmr.keys[1]!);
  world.accept(world.sign(icmr, 'key.revoke', compromise(kid, world.now - 5)));
  return compromise(kid, world.now - 5);
});
revoke('ROLE_NOT_HELD', 'the key of another', 'tdc', ({ world, icmr }) => ({
  kid: world.kid(icmr.keys[1]!),
}));
revoke('SIGNER_NOT_ACTIVE', 'an SRO that is not active', 'tdc', ({ world, icmr, tdc }) => {
  become(world, tdc, { roles: ['SRO'] });
  return { kid: world.kid(icmr.keys[1]!) };
});
revoke('SIGNER_SUSPENDED', 'a suspended SRO', 'sro', ({ world, icmr }) => {
  become(world, world.sro, { state: 'SUSPENDED' });
  return { kid: world.kid(icmr.keys[1]!) };
});
revoke('NUMBER_MALFORMED', 'compromised tomorrow', 'icmr', ({ world, icmr }) =>
  compromise(world.kid(icmr.keys[1]!), world.now + 86_400),
);
revoke('LAST_KEY', 'the only key', 'tdc', ({ world, tdc }) => ({ kid: world.kid(tdc.keys[0]) }));
revoke('LAST_KEY', 'the key that signs', 'icmr', ({ world, icmr }) => ({ kid: world.kid(icmr.keys[0]) }));
refuses('key.revoke', 'LAST_KEY', 'the signing key would be void', ({ world, icmr }) => {
  const key = world.key('added');
  world.accept(world.sign(icmr, 'key.add', world.listed(icmr, key)));
  return world.sign(icmr, 'key.revoke', compromise(world.kid(icmr.keys[0]), world.now), { key });
});
revoke('COMPROMISE_TOO_FAR_BACK', 'before the window', 'icmr', ({ world, icmr }) =>
  compromise(world.kid(icmr.keys[1]!), world.now - 31 * 86_400),
);

export default cases;
