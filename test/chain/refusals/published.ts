/** agreement.publish and .accept, anchors.publish, appraisal-policy.publish, code.certify and .revoke. */

import type { KindName } from '../../../src/chain/kinds/index.ts';
import { fromHex } from '../../../src/core/bytes.ts';
import {
  acceptance,
  agreementBody,
  anchorsBody,
  appraisalPolicyBody,
  certificate,
  codeBody,
  digestOf,
  objectOf,
  publish,
} from '../governed.ts';
import { World } from '../world.ts';
import { type Base, caseList } from './base.ts';

const { cases, refuses } = caseList();
const elsewhere = { origin: 'log.example/other' };

/** What the SRO may not publish. */
function published(
  kind: KindName,
  reason: string,
  what: string,
  body: (world: World, base: Base) => object,
): void {
  refuses(kind, reason, what, (b) => {
    const made = body(b.world, b);
    return b.world.sign(b.world.sro, kind, made);
  });
}

const agreement = published.bind(null, 'agreement.publish');
agreement('ID_MALFORMED', 'an object of another log', (w) =>
  agreementBody(w, { id: objectOf(elsewhere, 'agreement') }),
);
agreement('VERSION_NOT_NEXT', 'version 2 first', (w) => agreementBody(w, { version: 2 }));
agreement('VERSION_NOT_NEXT', 'version 1 again', (w) => {
  publish(w, 'agreement.publish', agreementBody(w));
  return agreementBody(w, { acceptBy: w.now + 5 });
});
agreement('EFFECTIVE_FROM_PAST', 'to be accepted by yesterday', (w) =>
  agreementBody(w, { acceptBy: w.now - 1 }),
);

function accepts(reason: string, what: string, body: (world: World, base: Base) => object): void {
  refuses('agreement.accept', reason, what, (b) => {
    publish(b.world, 'agreement.publish', agreementBody(b.world));
    const made = body(b.world, b);
    return b.world.sign(b.tdc, 'agreement.accept', made);
  });
}
accepts('AGREEMENT_NOT_CURRENT', 'no such agreement', (w) =>
  acceptance(w, { agreement: objectOf(w, 'agreement', 2) }),
);
accepts('AGREEMENT_NOT_CURRENT', 'a version to come', (w) => acceptance(w, { version: 2 }));
accepts('AGREEMENT_NOT_CURRENT', 'the version before', (w) => {
  publish(w, 'agreement.publish', agreementBody(w, { version: 2 }));
  return acceptance(w);
});
accepts('AGREEMENT_DIGEST_MISMATCH', 'another text', (w) =>
  acceptance(w, { digest: digestOf(w, 'other terms') }),
);
accepts('STATE_WRONG', 'a second time', (w, { tdc }) => {
  w.accept(w.sign(tdc, 'agreement.accept', acceptance(w), { issuedAt: w.now - 1 }));
  return acceptance(w);
});
accepts('STATE_WRONG', 'another agreement', (w, { tdc }) => {
  w.accept(w.sign(tdc, 'agreement.accept', acceptance(w)));
  const id = objectOf(w, 'agreement', 2);
  publish(w, 'agreement.publish', agreementBody(w, { id }));
  return acceptance(w, { agreement: id });
});

const anchors = published.bind(null, 'anchors.publish');
anchors('ID_MALFORMED', 'an object of another log', (w) =>
  anchorsBody(w, { id: objectOf(elsewhere, 'anchors') }),
);
for (const [what, root] of [
  ['not a SEQUENCE', Uint8Array.of(0x31, 1, 5)],
  ['one byte', Uint8Array.of(0x30)],
  ['a byte after it', Uint8Array.of(...certificate(3), 0)],
  ['cut off', certificate(200).subarray(0, 100)],
  ['cut off in its length', Uint8Array.of(0x30, 0x82, 1)],
  ['of indefinite length', Uint8Array.of(0x30, 0x80, 0, 0)],
  ['a length that could be shorter', Uint8Array.of(0x30, 0x81, 1, 5)],
  [
    'a length of two octets that could be shorter',
    Uint8Array.from([0x30, 0x82, 0, 200, ...new Array(200).fill(0)]),
  ],
  ['a length of three octets', Uint8Array.of(0x30, 0x83, 0, 0, 1, 5)],
  ['PEM', new TextEncoder().encode('-----BEGIN CERTIFICATE-----')],
] as const) {
  anchors('ANCHOR_MALFORMED', what, (w) => anchorsBody(w, { roots: [certificate(), root] }));
}
refuses('anchors.publish', 'SIMULATOR_NOT_ALLOWED', 'in a log that is not simulated', (b) => {
  b.world = World.empty(b.world.crypto);
  b.world.accept(b.world.genesis({ simulated: false }));
  return b.world.sign(b.world.sro, 'anchors.publish', anchorsBody(b.world, { tee: 'simulated' }));
});
anchors('VERSION_NOT_NEXT', 'version 2 first', (w) => anchorsBody(w, { version: 2 }));

const policy = published.bind(null, 'appraisal-policy.publish');
policy('ID_MALFORMED', 'an object of another log', (w) => ({
  ...appraisalPolicyBody(w),
  id: objectOf(elsewhere, 'appraisal-policy'),
}));
policy('VERSION_NOT_NEXT', 'version 2 first', (w) => appraisalPolicyBody(w, {}, 2));
policy('VERSION_NOT_NEXT', 'a version changed', (w) => {
  publish(w, 'appraisal-policy.publish', appraisalPolicyBody(w));
  return appraisalPolicyBody(w, { freshness: 601 });
});
/** Azure's allow-all policy, as it is measured. */
const OPEN = fromHex('73973b78d70cc68353426de188db5dfc57e5b766e399935fb73a61127ea26d20');
for (const [what, change] of [
  ['any launch', { launch: { endorsedBy: [], measurements: [] } }],
  ['any host data', { hostData: [] }],
  ['host data of an allow-all policy', { hostData: [OPEN] }],
  ['any VMPL', { vmpl: [] }],
  ['any processor', { products: [] }],
  ['debugging', { guestPolicy: { debug: true, migrate: false } }],
  ['migration', { guestPolicy: { debug: false, migrate: true } }],
] as const) {
  policy('POLICY_ALLOWS_ALL', what, (w) => appraisalPolicyBody(w, change));
}

const turin = { family: 26, model: 2, stepping: 1 };
policy('SCHEMA_INVALID', 'a Turin without a minimum for fmc', (w) =>
  appraisalPolicyBody(w, {
    products: [{ ...turin, minTcb: { bootLoader: 1, tee: 1, snp: 4, microcode: 81 } }],
  }),
);

const code = published.bind(null, 'code.certify');
code('ID_MALFORMED', 'an object of another log', (w) => codeBody(w, { id: objectOf(elsewhere, 'code') }));
code('ID_TAKEN', 'certified already', (w) => {
  publish(w, 'code.certify', codeBody(w));
  return codeBody(w, { frameworks: [] });
});
code('ID_TAKEN', 'certified again after it was revoked', (w) => {
  const { index } = publish(w, 'code.certify', codeBody(w));
  publish(w, 'code.revoke', { id: codeBody(w).id, reason: 'a hole' }, [w.ref('after', index)]);
  return codeBody(w, { frameworks: [] });
});
code('CODE_DEBUG_MODE', 'debug', (w) => codeBody(w, { debug: true }));
for (const [what, image] of [
  ['a tag', 'registry.example/depa-training:latest'],
  ['no tag', 'depa-training'],
  ['a digest too short', `depa-training@sha256:${'ab'.repeat(31)}`],
  ['another hash', `depa-training@sha512:${'ab'.repeat(32)}`],
  ['something after it', `depa-training@sha256:${'ab'.repeat(32)} `],
  ['a digest alone', `@sha256:${'ab'.repeat(32)}`],
] as const) {
  code('CODE_IMAGE_NOT_PINNED', what, (w) => codeBody(w, { images: [...codeBody(w).images, image] }));
}
code('CODE_ALLOW_ALL', 'the certifier says so', (w) => codeBody(w, { allowAll: true }));
for (const [what, hostData] of [
  ['a well-known policy', OPEN],
  ['no host data', new Uint8Array(32)],
] as const) {
  code('CODE_ALLOW_ALL', what, (w) => codeBody(w, { hostData: [...codeBody(w).hostData, hostData] }));
}

function revoked(
  reason: string,
  what: string,
  made: (world: World, certified: number) => [object, number?],
): void {
  refuses('code.revoke', reason, what, ({ world }) => {
    const { index } = publish(world, 'code.certify', codeBody(world));
    const [change, after = index] = made(world, index);
    const body = { id: codeBody(world).id, reason: 'a hole', ...change };
    return world.sign(world.sro, 'code.revoke', body, { refs: [world.ref('after', after)] });
  });
}
const revoke = (world: World, after: number, change: object = {}) =>
  publish(world, 'code.revoke', { id: codeBody(world).id, reason: 'a bug', ...change }, [
    world.ref('after', after),
  ]);
revoked('CODE_NOT_FOUND', 'never certified', (w) => [{ id: objectOf(w, 'code', 2) }]);
revoked('STATE_WRONG', 'revoked already', (w, certified) => [{}, revoke(w, certified).index]);
revoked('STATE_WRONG', 'put off', (w, certified) => {
  const { index } = revoke(w, certified, { effectiveFrom: w.now + 60 });
  return [{ effectiveFrom: w.now + 61 }, index];
});
revoked('REF_STALE', 'after the certification of other code', (w) => [
  {},
  publish(w, 'code.certify', codeBody(w, { id: objectOf(w, 'code', 2) })).index,
]);
revoked('EFFECTIVE_FROM_PAST', 'from yesterday on', (w) => [{ effectiveFrom: w.now - 1 }]);

export default cases;
