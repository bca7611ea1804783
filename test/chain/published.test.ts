import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { AGREEMENT, ANCHORS, APPRAISAL_POLICY, CODE } from '../../src/chain/records/governance.ts';
import { codeFault } from '../../src/chain/room-standing.ts';
import { type Cbor, encode } from '../../src/core/cbor.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import {
  acceptance,
  agreementBody,
  anchorsBody,
  appraisalPolicyBody,
  certificate,
  codeBody,
  digestOf,
  publish,
  stop,
} from './governed.ts';
import { World } from './world.ts';

describe('agreements', () => {
  test('who is verified accepts and is ACTIVE, and accepts the next version in its time', () => {
    const world = World.begin(nodeCrypto);
    const tdp = world.join('tdp');
    const { index } = publish(world, 'agreement.publish', agreementBody(world));
    const { id } = agreementBody(world);
    assert.deepEqual(AGREEMENT.read(world.read, id), {
      ...{ version: 1, digest: digestOf(world, 'the terms') },
      ...{ acceptBy: world.now + 86_400, entry: index },
    });
    const first = world.accept(world.sign(tdp, 'agreement.accept', acceptance(world)));
    const active = world.participant(tdp)!;
    assert.deepEqual([active.state, active.changed], ['ACTIVE', first.index]);
    assert.deepEqual(active.agreement, { id, version: 1 });

    publish(world, 'agreement.publish', agreementBody(world, { version: 2 }));
    world.accept(world.sign(tdp, 'agreement.accept', acceptance(world, { version: 2 })));
    const again = world.participant(tdp)!;
    assert.deepEqual([again.state, again.changed, again.agreement?.version], ['ACTIVE', first.index, 2]);
  });

  test('the SRO can be under an agreement too', () => {
    const world = World.begin(nodeCrypto);
    publish(world, 'agreement.publish', agreementBody(world));
    world.accept(world.sign(world.sro, 'agreement.accept', acceptance(world)));
    assert.equal(world.participant(world.sro)!.agreement?.version, 1);
  });

  test('who accepts before a suspension comes is suspended all the same, and ACTIVE when it is lifted', () => {
    const world = World.begin(nodeCrypto);
    const tdp = world.join('tdp');
    publish(world, 'agreement.publish', agreementBody(world));
    world.accept(stop(world, 'participant.suspend', tdp, { effectiveFrom: world.now + 60 }));
    world.accept(world.sign(tdp, 'agreement.accept', acceptance(world)));
    const grant = () => world.sign(tdp, 'delegate.grant', { delegate: world.sro.did, role: 'payment' });
    assert.equal(world.judge(grant()).verdict.outcome, 'ok');
    world.advance(60);
    assert.equal(world.judge(grant()).verdict.reason, 'SIGNER_SUSPENDED');
    world.accept(stop(world, 'participant.reinstate', tdp));
    assert.equal(world.judge(grant()).verdict.outcome, 'ok');
  });
});

test('anchors are known by the digest of what was published, whatever the length of a certificate', () => {
  const world = World.begin(nodeCrypto);
  const body = anchorsBody(world, { roots: [3, 127, 128, 255, 256, 4092].map(certificate) });
  const { index } = publish(world, 'anchors.publish', body);
  const digest = world.crypto.sha256(encode(body as Cbor));
  assert.deepEqual(ANCHORS.read(world.read, body.id), { version: 1, tee: 'snp-aci', digest, entry: index });
  publish(world, 'anchors.publish', anchorsBody(world, { version: 2 }));
  assert.equal(ANCHORS.read(world.read, body.id)?.version, 2);
});

test('a simulated log takes a simulator for a TEE', () => {
  const world = World.begin(nodeCrypto);
  publish(world, 'anchors.publish', anchorsBody(world, { tee: 'simulated' }));
});

test('an appraisal policy is known by the digest of the document alone', () => {
  const world = World.begin(nodeCrypto);
  const body = appraisalPolicyBody(world, {
    launch: { endorsedBy: [], measurements: [new Uint8Array(48)] },
    chips: { allow: 'listed', chips: [new Uint8Array(64)], deny: [new Uint8Array(8)] },
    platform: [0, 3],
  });
  const { index } = publish(world, 'appraisal-policy.publish', body);
  const digest = world.crypto.sha256(encode(body.policy as Cbor));
  assert.deepEqual(APPRAISAL_POLICY.read(world.read, body.id), { version: 1, digest, entry: index });
});

describe('code', () => {
  const certified = (change: object = {}) => {
    const world = World.begin(nodeCrypto);
    const { index } = publish(world, 'code.certify', codeBody(world, change));
    return { world, index, id: codeBody(world).id };
  };

  test('is certified by its content; an accountant is trusted only if the SRO says so', () => {
    const { world, index, id } = certified({ notAfter: 2_000_000_000 });
    assert.deepEqual(CODE.read(world.read, id), {
      ...{ state: 'CERTIFIED', hostData: codeBody(world).hostData, ledgerTrust: codeBody(world).ledgerTrust },
      ...{ accountantTrusted: 'opacus-rdp', notAfter: 2_000_000_000, entry: index },
    });
    for (const accountant of [undefined, { name: 'homemade', trusted: false }]) {
      const other = certified({ accountant });
      assert.equal(CODE.read(other.world.read, other.id)?.accountantTrusted, undefined);
    }
  });

  test('says what may be launched below it, if it says so', () => {
    const launch = { endorsedBy: [], measurements: [new Uint8Array(48).fill(1)] };
    const { world, id } = certified({ launch });
    assert.deepEqual(CODE.read(world.read, id)?.launch, launch);
    const open = certified();
    assert.equal(CODE.read(open.world.read, open.id)?.launch, undefined);
  });

  test('is good until it is revoked, at once or from a time on, which can be brought forward', () => {
    const { world, index, id } = certified();
    const revoke = (after: number, change: object) =>
      publish(world, 'code.revoke', { id, reason: 'a hole', ...change }, [world.ref('after', after)]).index;
    const later = revoke(index, { effectiveFrom: world.now + 60 });
    assert.equal(codeFault(world.read, id, world.time), undefined);
    assert.equal(codeFault(world.read, id, world.time + 60_000)?.refused, 'CODE_REVOKED');
    world.advance(10);
    revoke(later, {});
    assert.equal(codeFault(world.read, id, world.time)?.refused, 'CODE_REVOKED');
  });
});
