/** Every genuine piece of evidence gives the verdict and the reasons that its vector states, under both crypto back ends. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type Appraisal,
  Appraiser,
  type AttestationCode,
  type CheckName,
  encodeAppraisal,
} from '../../src/attestation/index.ts';
import { fromBase64, fromHex, toHex, utf8 } from '../../src/core/bytes.ts';
import { nobleCrypto } from '../../src/core/crypto-noble.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import {
  amdAnchors,
  baseline,
  chainOf,
  FEED,
  folder,
  ISSUER,
  readVector,
  readVectors,
  TIME,
} from './genuine.ts';

/** The words of vectors.json. */
const CODES: Readonly<Record<string, AttestationCode>> = {
  'policy-debug': 'GUEST_DEBUG',
  'report-signature-invalid': 'REPORT_SIGNATURE_INVALID',
  'reported-tcb!=cert-tcb': 'TCB_CERTIFICATE_MISMATCH',
  'chip-id!=cert-hwid': 'CHIP_ID_MISMATCH',
  'unsupported-version': 'REPORT_VERSION_UNSUPPORTED',
  '(optional) v2-report-has-no-cpuid': 'REPORT_WITHOUT_CPUID',
};
/** No part of the baseline of vectors.json: what the container policies of some of them allow. */
const BEYOND: readonly CheckName[] = ['host-data.listed'];

function codesOf({ checks }: Appraisal, verdict: 'fail' | 'warn'): AttestationCode[] {
  return checks.filter((check) => check.verdict === verdict).map(({ code }) => code!);
}

describe('genuine evidence', { skip: folder === undefined }, () => {
  for (const crypto of [nodeCrypto, nobleCrypto]) {
    for (const vector of folder === undefined ? [] : readVectors()) {
      const { id, facts, expect } = vector;
      it(`${id}, ${crypto.name}`, () => {
        const found = new Appraiser(crypto, amdAnchors('snp')).appraise(
          { tee: 'snp', bytes: readVector(vector.report) },
          { certificates: chainOf(vector) },
          baseline(facts),
          { type: 'report-data', reportData: fromHex(facts.reportData), headTime: TIME },
          TIME,
        );
        const within = { ...found, checks: found.checks.filter(({ name }) => !BEYOND.includes(name)) };
        const optional = (reason: string) => reason.startsWith('(optional)');
        const reasons = (keep: (reason: string) => boolean) =>
          expect.reasons.filter(keep).map((reason) => CODES[reason]!);
        assert.deepEqual(codesOf(within, 'fail').sort(), reasons((reason) => !optional(reason)).sort());
        // Version 0 has no CPUID either, but the vector names its version as the reason.
        if (!expect.reasons.includes('unsupported-version')) {
          assert.deepEqual(codesOf(within, 'warn'), reasons(optional));
        }
        assert.equal(codesOf(within, 'fail').length === 0, expect.acceptUnderStrictBaselineAt20261121);
        const allowsAll = ['gsg-milan-v2-debug', 'aci-milan-v2-allowall', 'aci-milan-v3', 'aci-genoa-v3'];
        assert.equal(codesOf(found, 'fail').includes('CONTAINER_POLICY_ALLOWS_ALL'), allowsAll.includes(id));
      });
    }
  }

  it('reads what the vectors state', () => {
    for (const vector of readVectors()) {
      const { facts, expect } = vector;
      const { checks, hostData } = new Appraiser(nodeCrypto, amdAnchors('snp')).appraise(
        { tee: 'snp', bytes: readVector(vector.report) },
        { certificates: chainOf(vector) },
        baseline(facts),
        { type: 'none' },
        TIME,
      );
      const seen = (name: CheckName) => checks.find((check) => check.name === name)?.seen;
      assert.equal(toHex(hostData!), facts.hostData);
      assert.equal(seen('binding.report-data'), facts.reportData);
      assert.equal(seen('report.version'), String(facts.version));
      assert.equal(seen('report.guest-policy'), facts.policy);
      assert.equal(seen('platform.features'), facts.platformInfo);
      const { fmc, bl, tee, snp, ucode } = facts.reportedTcb as Record<string, number>;
      const text = `bootLoader ${bl}, tee ${tee}, snp ${snp}, microcode ${ucode}`;
      assert.ok(seen('tcb.minimum')?.startsWith(fmc === undefined ? text : `fmc ${fmc}, ${text}`), vector.id);
      assert.equal(seen('chain.signature'), 'they do', vector.id);
      assert.equal(expect.reasons.includes('policy-debug'), seen('guest.debug') === 'on');
    }
  });

  it('the sample of DEPA’s KMS: valid; refused when the machine has to be of version 104, accepted at 103', () => {
    const bytes = readVector('azure-depa-inferencing-kms/snp.json');
    const facts = readVectors().find(({ id }) => id === 'depa-aci-milan-v3')!.facts;
    const appraise = (minSvn: number, anchoredSvn = 0) =>
      new Appraiser(
        nodeCrypto,
        amdAnchors('snp-aci', [{ issuer: ISSUER, feed: FEED, minSvn: anchoredSvn }]),
      ).appraise(
        { tee: 'snp-aci', bytes },
        {},
        baseline(facts, {
          launch: { endorsedBy: [{ issuer: ISSUER, feed: FEED, minSvn }], measurements: [] },
        }),
        { type: 'report-data', reportData: fromHex(facts.reportData), headTime: TIME },
        TIME,
      );
    const accepted = appraise(103);
    assert.equal(accepted.tier, 'affirming', JSON.stringify(accepted.checks));
    assert.deepEqual(appraise(103), accepted);
    assert.deepEqual(encodeAppraisal(appraise(103)), encodeAppraisal(accepted));
    for (const refused of [appraise(104), appraise(103, 104)]) {
      assert.equal(refused.tier, 'contraindicated');
      assert.deepEqual(codesOf(refused, 'fail'), ['UVM_SVN_BELOW_MINIMUM']);
    }
    assert.equal(refusedSeen(appraise(104)), 'svn 103, where at least 104 is needed');
  });

  it('an endorsement by somebody else, of something else, or that the anchors do not name', () => {
    const { facts, report, ...chain } = readVectors().find(({ id }) => id === 'depa-aci-milan-v3')!;
    const named = [{ issuer: ISSUER, feed: FEED, minSvn: 0 }];
    const judge = (
      endorsedBy: typeof named,
      endorsers = named,
      document = 'azure-depa-inferencing-kms/uvm_endorsements.cose',
    ) =>
      codesOf(
        new Appraiser(nodeCrypto, amdAnchors('snp', endorsers)).appraise(
          { tee: 'snp', bytes: readVector(report) },
          { certificates: chainOf(chain), uvmEndorsement: readVector(document) },
          baseline(facts, { launch: { endorsedBy, measurements: [] } }),
          { type: 'report-data', reportData: fromHex(facts.reportData), headTime: TIME },
          TIME,
        ),
        'fail',
      );
    assert.deepEqual(judge(named), []);
    const feed = [{ issuer: ISSUER, feed: 'ContainerPlat-AMD-Other', minSvn: 0 }];
    const issuer = [{ issuer: ISSUER.replace('.1.2', '.1.3'), feed: FEED, minSvn: 0 }];
    assert.deepEqual(judge(feed), ['UVM_FEED_NOT_ALLOWED']);
    assert.deepEqual(judge(named, feed), ['UVM_FEED_NOT_ALLOWED']);
    assert.deepEqual(judge(issuer), ['UVM_ISSUER_NOT_ALLOWED']);
    assert.deepEqual(judge(named, issuer), ['UVM_ISSUER_NOT_ALLOWED']);
    assert.deepEqual(judge(named, []), ['UVM_ISSUER_NOT_ALLOWED']);
    const older = 'azure-skr/security-context-reference-info.cose';
    assert.deepEqual(judge(named, named, older), ['UVM_MEASUREMENT_MISMATCH']);
  });

  it('the complete bundle of SKR: everything verifies, and the policy in it allows everything', () => {
    const facts = readVectors().find(({ id }) => id === 'aci-milan-v2-allowall')!.facts;
    const launch = { endorsedBy: [{ issuer: ISSUER, feed: FEED, minSvn: 0 }], measurements: [] };
    const found = new Appraiser(nodeCrypto, amdAnchors('snp')).appraise(
      { tee: 'snp', bytes: readVector('azure-skr/snp_report.bin') },
      {
        certificates: readVector('azure-skr/uvm_host_amd_certificate.pem'),
        uvmEndorsement: readVector('azure-skr/body.uvm_reference_info.bin'),
        containerPolicy: fromBase64(
          new TextDecoder().decode(readVector('azure-skr/uvm_security_policy.base64')).trim(),
        ),
      },
      baseline(facts, { launch }),
      { type: 'report-data', reportData: fromHex(facts.reportData), headTime: TIME },
      TIME,
    );
    const allowsAll = ['CONTAINER_POLICY_ALLOWS_ALL', 'CONTAINER_POLICY_ALLOWS_ALL'];
    assert.deepEqual(codesOf(found, 'fail'), allowsAll);
    assert.equal(found.code, 'CONTAINER_POLICY_ALLOWS_ALL');
    assert.equal(found.checks.find(({ name }) => name === 'launch.measurement')?.verdict, 'pass');
  });

  it('host data of the base64 text of a policy is not host data of the policy', () => {
    const vector = readVectors().find(({ id }) => id === 'depa-aci-milan-v3')!;
    const found = new Appraiser(nodeCrypto, amdAnchors('snp')).appraise(
      { tee: 'snp', bytes: readVector(vector.report) },
      { certificates: chainOf(vector), containerPolicy: utf8('cGFja2FnZSBwb2xpY3k=') },
      baseline(vector.facts),
      { type: 'report-data', reportData: fromHex(vector.facts.reportData), headTime: TIME },
      TIME,
    );
    assert.deepEqual(codesOf(found, 'fail'), ['HOST_DATA_MISMATCH']);
  });
});

function refusedSeen({ checks }: Appraisal): string | undefined {
  return checks.find(({ verdict }) => verdict === 'fail')?.seen;
}
