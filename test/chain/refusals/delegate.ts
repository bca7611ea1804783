/** delegate.grant and delegate.revoke, and statements beyond what was delegated. */

import { DATASET } from '../../../src/chain/records/dataset.ts';
import { MODEL } from '../../../src/chain/records/model.ts';
import { DELEGATION } from '../../../src/chain/state.ts';
import { grantBody, objectOf, oblige } from '../governed.ts';
import type { Member, World } from '../world.ts';
import { type Base, become, caseList, delegate } from './base.ts';

const { cases, refuses } = caseList();

interface WithKms extends Base {
  kms: Member;
}
const withKms = (base: Base): WithKms => ({ ...base, kms: base.world.join('kms', ['KMS']) });

function grant(reason: string, what: string, body: (base: WithKms) => object): void {
  refuses('delegate.grant', reason, what, (base) => {
    const b = withKms(base);
    const made = body(b);
    return b.world.sign(b.icmr, 'delegate.grant', made);
  });
}
grant('DELEGATE_UNKNOWN', 'nobody', ({ world }) => grantBody(world.member('nobody')));
grant('DELEGATE_UNKNOWN', 'who has only asked to take part', ({ cowin }) =>
  grantBody(cowin, { role: 'auditor' }),
);
grant('DELEGATE_UNKNOWN', 'itself', ({ icmr }) => grantBody(icmr, { role: 'collab' }));
grant('DELEGATE_UNKNOWN', 'a participant that is no KMS', ({ tdc }) => grantBody(tdc));
grant('DELEGATE_UNKNOWN', 'a suspended KMS', ({ world, kms }) => {
  become(world, kms, { state: 'SUSPENDED' });
  return grantBody(kms);
});
grant('SCOPE_EXCEEDS_GRANTOR', 'a TDP makes a registrar', ({ tdc }) => grantBody(tdc, { role: 'registrar' }));
grant('SCOPE_EXCEEDS_GRANTOR', 'the dataset of another', ({ world, kms, tdc }) => {
  const id = objectOf(world, 'dataset');
  world.put(DATASET.put(dataset(world, tdc.did), id, 1));
  return grantBody(kms, { scope: [objectOf(world, 'dataset', 2), id] });
});
grant('SCOPE_EXCEEDS_GRANTOR', 'the model of another', ({ world, kms, tdc }) => {
  const id = objectOf(world, 'model');
  const digest = new Uint8Array(32);
  const model = { owner: tdc.did, digest, format: 'onnx', parents: [], contracts: [], entry: 1 };
  world.put(MODEL.put({ ...model, state: 'BASE', changed: 1, changedAt: world.time }, id));
  return grantBody(kms, { scope: [id] });
});
grant('SCOPE_EXCEEDS_GRANTOR', 'a contract of others', ({ world, kms, tdc }) => {
  return grantBody(kms, { scope: [oblige(world, tdc)] });
});
const granted = ({ world, icmr, kms }: WithKms, change: object = {}, after?: number) => {
  const refs = after === undefined ? [] : [world.ref('after', after)];
  return world.accept(world.sign(icmr, 'delegate.grant', grantBody(kms, change), { refs })).index;
};
grant('REF_STALE', 'again, and not after the first', (b) => {
  granted(b);
  return grantBody(b.kms, { notAfter: b.world.now + 60 });
});
refuses('delegate.grant', 'REF_STALE', 'signed before the revocation, logged after it', (base) => {
  const b = withKms(base);
  const first = granted(b);
  const refs = [b.world.ref('after', first)];
  const kept = b.world.sign(b.icmr, 'delegate.grant', grantBody(b.kms, { notAfter: 2 ** 33 }), { refs });
  b.world.accept(b.world.sign(b.icmr, 'delegate.revoke', grantBody(b.kms), { refs }));
  return kept;
});

function revoke(reason: string, what: string, made: (base: WithKms) => [body: object, after: number]): void {
  refuses('delegate.revoke', reason, what, (base) => {
    const b = withKms(base);
    const [body, after] = made(b);
    return b.world.sign(b.icmr, 'delegate.revoke', body, { refs: [b.world.ref('after', after)] });
  });
}
revoke('DELEGATION_MISSING', 'never granted', (b) => [grantBody(b.kms, { role: 'payment' }), granted(b)]);
revoke('DELEGATION_MISSING', 'taken back already', (b) => {
  const first = granted(b);
  const refs = [b.world.ref('after', first)];
  b.world.accept(
    b.world.sign(b.icmr, 'delegate.revoke', grantBody(b.kms), { refs, issuedAt: b.world.now - 1 }),
  );
  return [grantBody(b.kms), first];
});
revoke('REF_STALE', 'granted again meanwhile', (b) => {
  const first = granted(b);
  granted(b, { notAfter: b.world.now + 60 }, first);
  return [grantBody(b.kms), first];
});

refuses('frame', 'DELEGATION_MISSING', 'limited to other objects', (b) => {
  delegate(b);
  const known = DELEGATION.read(b.world.read, b.world.sro.did, b.icmr.did, 'registrar')!;
  const limited = { ...known, scope: [objectOf(b.world, 'dataset')] };
  b.world.put(DELEGATION.put(limited, b.world.sro.did, b.icmr.did, 'registrar'));
  return b.world.verification(b.cowin, {}, { onBehalf: b.world.sro.did }, b.icmr);
});
refuses('frame', 'DELEGATION_MISSING', 'granted by a key that was compromised by then', (b) => {
  const { world, icmr, cowin } = b;
  delegate(b);
  const known = DELEGATION.read(world.read, world.sro.did, icmr.did, 'registrar')!;
  const key = world.key('sro/next');
  world.accept(world.sign(world.sro, 'key.add', world.listed(world.sro, key)));
  const stolen = { reason: 'compromise', kid: world.kid(key), compromisedSince: world.now };
  world.put(DELEGATION.put({ ...known, kid: stolen.kid }, world.sro.did, icmr.did, 'registrar'));
  world.accept(world.sign(world.sro, 'key.revoke', stolen));
  return world.verification(cowin, {}, { onBehalf: world.sro.did }, icmr);
});

function dataset(world: World, provider: string) {
  const digest = new Uint8Array(32);
  return {
    ...{ provider, name: 'x-rays', ciphertext: digest, format: 'parquet', kms: provider, dataKeyId: 'k' },
    ...{ sensitivity: 0, personal: false, purposes: ['research'], joinKeys: [], targets: [], parents: [] },
    ...{ charges: [], state: 'PUBLISHED' as const, entry: 1, changed: 1, changedAt: world.time },
  };
}

export default cases;
