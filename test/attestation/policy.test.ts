import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  type Anchors,
  type AppraisalPolicy,
  anchorsDigest,
  policyDigest,
  readAnchors,
  readAppraisalPolicy,
} from '../../src/attestation/index.ts';
import { productOf } from '../../src/attestation/product.ts';
import * as chainAnchors from '../../src/chain/kinds/anchors.ts';
import * as chainPolicy from '../../src/chain/kinds/appraisal-policy.ts';
import { type Cbor, decode, encode } from '../../src/core/cbor.ts';
import { hasFmc } from '../../src/core/turin.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import { objectOf } from '../chain/governed.ts';
import { World } from '../chain/world.ts';
import { mangled, outcome } from '../core/mangle.ts';
import { CHIP, POLICY } from './amd-world.ts';
import { FEED, ISSUER } from './genuine.ts';

const SAMPLE: AppraisalPolicy = {
  ...POLICY,
  platform: [0, 2],
  launch: {
    endorsedBy: [{ issuer: ISSUER, feed: FEED, minSvn: 104 }],
    measurements: POLICY.launch.measurements,
  },
  chips: { allow: 'listed', chips: [CHIP], deny: [CHIP.subarray(0, 8)] },
};
const ANCHORS: Anchors = {
  id: 'urn:depa:anchors:log.example/main:00000000-0000-4000-8000-000000000001',
  version: 1,
  tee: 'snp',
  roots: [Uint8Array.of(0x30, 0)],
  collateral: [new Uint8Array(32)],
  endorsers: SAMPLE.launch.endorsedBy,
};
const cbor = (value: object) => decode(encode(value as Cbor));

type Document = Record<string, unknown>;
const changed = (change: Document): Cbor => cbor({ ...(SAMPLE as unknown as Document), ...change });
const verdict = (document: Cbor) => {
  const found = outcome(() => readAppraisalPolicy(document));
  return 'code' in found ? found.code : 'taken';
};

describe('appraisal policies', () => {
  it('are the document that the log publishes: the same type, the same bytes, the same digest', () => {
    const read = readAppraisalPolicy(cbor(SAMPLE));
    assert.deepEqual(read, SAMPLE);
    const body = {
      id: 'urn:depa:appraisal-policy:log.example/main:00000000-0000-4000-8000-000000000001',
      version: 1,
      policy: SAMPLE,
    };
    assert.deepEqual(chainPolicy.publish.body.read(cbor(body), ''), body);
    assert.deepEqual(policyDigest(nodeCrypto, read), nodeCrypto.sha256(encode(SAMPLE as unknown as Cbor)));
  });

  it('have exactly the members that are known', () => {
    for (const name of Object.keys(SAMPLE)) {
      const without: Document = { ...SAMPLE };
      delete without[name];
      const wanted = ['platform', 'containerPolicy'].includes(name) ? 'taken' : 'APPRAISAL_POLICY_MALFORMED';
      assert.equal(verdict(cbor(without)), wanted, name);
    }
    for (const change of [
      { requireSomethingNew: true },
      { guestPolicy: { debug: false, migrate: false, new: 1 } },
      { launch: { ...SAMPLE.launch, new: 1 } },
      { chips: { allow: 'any', deny: [], chips: [] } },
      { products: [{ ...SAMPLE.products[0]!, new: 1 }] },
      { products: [{ ...SAMPLE.products[0]!, minTcb: { ...SAMPLE.products[0]!.minTcb, new: 1 } }] },
    ]) {
      assert.equal(verdict(changed(change)), 'APPRAISAL_POLICY_MALFORMED', JSON.stringify(change));
    }
  });

  it('have members of their types', () => {
    for (const change of [
      { products: SAMPLE.products[0] },
      { products: [{ ...SAMPLE.products[0]!, family: 256 }] },
      { products: [{ ...SAMPLE.products[0]!, minTcb: { bootLoader: 1, tee: 0, snp: 256, microcode: 1 } }] },
      { minReportVersion: '3' },
      { signer: 'vcek' },
      { signer: ['other'] },
      { vmpl: [4] },
      { vmpl: ['0'] },
      { guestPolicy: { debug: 0, migrate: false } },
      { platform: [64] },
      { hostData: [new Uint8Array(31)] },
      { hostData: ['text'] },
      { launch: { endorsedBy: [], measurements: [new Uint8Array(47)] } },
      { launch: { endorsedBy: [{ issuer: ISSUER, feed: FEED, minSvn: '104' }], measurements: [] } },
      { chips: { allow: 'all', deny: [] } },
      ...[7, 9, 63, 65].map((size) => ({ chips: { allow: 'any', deny: [new Uint8Array(size)] } })),
      ...['required', '', true, null].map((containerPolicy) => ({ containerPolicy })),
      { binding: 'other' },
      { freshness: -1 },
    ]) {
      assert.equal(verdict(changed(change)), 'APPRAISAL_POLICY_MALFORMED', JSON.stringify(change));
    }
    for (const other of ['text', 7, null, [], new Uint8Array(3)]) {
      assert.equal(verdict(other as Cbor), 'APPRAISAL_POLICY_MALFORMED');
    }
  });

  it('have a minimum for each component that the processor has', () => {
    const turin = (minTcb: object) => changed({ products: [{ family: 26, model: 2, stepping: 1, minTcb }] });
    const least = { bootLoader: 1, tee: 1, snp: 4, microcode: 81 };
    for (let family = 0; family < 256; family++) {
      for (let model = 0; model < 256; model++) {
        const turin = productOf({ family, model, stepping: 0 })?.layout === 'turin';
        assert.equal(hasFmc({ family, model }), turin);
      }
    }
    assert.equal(verdict(turin(least)), 'APPRAISAL_POLICY_MALFORMED');
    assert.equal(verdict(turin({ ...least, fmc: 0 })), 'taken');
  });

  it('leave nothing open: a list without items allows nothing, so that such a policy is a mistake', () => {
    for (const change of [
      { launch: { endorsedBy: [], measurements: [] } },
      { hostData: [] },
      { hostData: [new Uint8Array(32)] },
      { vmpl: [] },
      { products: [] },
      { signer: [] },
      { guestPolicy: { debug: true, migrate: false } },
      { guestPolicy: { debug: false, migrate: true } },
    ]) {
      assert.equal(verdict(changed(change)), 'APPRAISAL_POLICY_ALLOWS_ALL', JSON.stringify(change));
    }
  });

  it('that the log publishes are all read: else appraisers would stand still', () => {
    const world = World.begin(nodeCrypto);
    const id = objectOf(world, 'appraisal-policy');
    const listed = (...sizes: number[]) => sizes.map((size) => new Uint8Array(size).fill(7));
    const least = { bootLoader: 1, tee: 1, snp: 4, microcode: 81 };
    const product = (family: number, model: number, minTcb: object) => ({
      family,
      model,
      stepping: 1,
      minTcb,
    });
    const endorser = { issuer: ISSUER, feed: FEED, minSvn: Number.MAX_SAFE_INTEGER };
    const edges: Document = {
      products: [
        [product(26, 31, least)],
        [product(26, 32, least)],
        [product(26, 0, { ...least, fmc: 255 })],
        [product(25, 255, { ...least, fmc: 0 })],
        [product(25, 1, { ...least, snp: 256 })],
      ],
      minReportVersion: [0, 2, 255, 256],
      signer: [['vlek'], ['vcek', 'vlek'], ['vcek', 'vcek']],
      vmpl: [[0, 1, 2, 3], [4], [0, 0]],
      guestPolicy: [{ debug: false, migrate: false, more: 1 }],
      platform: [[], [63], [64], undefined],
      launch: [
        { endorsedBy: [endorser], measurements: [] },
        { endorsedBy: [{ ...endorser, feed: '' }], measurements: listed(48) },
        { endorsedBy: [{ ...endorser, issuer: 'x'.repeat(512) }], measurements: [] },
        { endorsedBy: [], measurements: listed(47) },
      ],
      hostData: [listed(32, 32), listed(31), [new Uint8Array(32)]],
      containerPolicy: ['may-be-absent', 'required', undefined],
      chips: [
        { allow: 'any', deny: listed(8, 64) },
        { allow: 'any', deny: listed(9) },
        { allow: 'listed', chips: listed(64), deny: [] },
        { allow: 'listed', chips: [], deny: [] },
      ],
      binding: ['jcs-sha512', 'skr-sha256', 'none'],
      freshness: [0, 253_402_300_799, 253_402_300_800],
    };
    const change = fc
      .dictionary(fc.constantFrom(...Object.keys(edges)), fc.nat(), { maxKeys: 3 })
      .map((picks) =>
        Object.entries(picks).map(([name, n]) => {
          const values = edges[name] as readonly unknown[];
          return [name, values[n % values.length]] as const;
        }),
      );
    let taken = 0;
    fc.assert(
      fc.property(change, (changes) => {
        const members = Object.entries({
          ...(SAMPLE as unknown as Document),
          ...Object.fromEntries(changes),
        });
        const policy = Object.fromEntries(members.filter(([, value]) => value !== undefined));
        const statement = world.sign(world.sro, 'appraisal-policy.publish', { id, version: 1, policy });
        const ok = world.judge(statement).verdict.reason === null;
        if (ok) assert.equal(verdict(cbor(policy)), 'taken');
        taken += Number(ok);
      }),
      { numRuns: 300 },
    );
    assert.ok(taken > 20, String(taken));
  });

  it('any damage is refused, or is another policy', () => {
    const bytes = encode(SAMPLE as unknown as Cbor);
    for (const damaged of mangled(bytes)) {
      const found = outcome(() => readAppraisalPolicy(decode(damaged)));
      if ('value' in found) assert.notDeepEqual(found.value, SAMPLE);
    }
  });
});

describe('anchors', () => {
  it('are the body that the log publishes', () => {
    assert.deepEqual(readAnchors(cbor(ANCHORS)), ANCHORS);
    assert.deepEqual(chainAnchors.publish.body.read(cbor(ANCHORS), ''), ANCHORS);
    assert.deepEqual(
      anchorsDigest(nodeCrypto, ANCHORS),
      nodeCrypto.sha256(encode(ANCHORS as unknown as Cbor)),
    );
  });

  it('have exactly the members that are known, of their types', () => {
    for (const change of [
      { tee: 'sgx' },
      { roots: 'text' },
      { roots: [] },
      { roots: [new Uint8Array(5000)] },
      { roots: Array.from({ length: 9 }, () => Uint8Array.of(0x30, 0)) },
      { collateral: [new Uint8Array(20)] },
      { endorsers: [{ issuer: ISSUER, feed: FEED }] },
      { version: '1' },
      { id: '' },
      { more: 1 },
    ]) {
      const found = outcome(() => readAnchors(cbor({ ...ANCHORS, ...change })));
      assert.deepEqual(found, { code: 'ANCHORS_MALFORMED' }, JSON.stringify(change));
    }
  });
});
