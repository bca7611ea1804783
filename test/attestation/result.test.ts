/** Results as CBOR and as EAR; and that nothing that a stranger sends makes an appraisal throw, or take long. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { codeOf, Findings, tierOf } from '../../src/attestation/check.ts';
import {
  Appraiser,
  type Evidence,
  encodeAppraisal,
  readContainerPolicy,
  toEar,
} from '../../src/attestation/index.ts';
import { fromHex, toBase64url, utf8 } from '../../src/core/bytes.ts';
import { decode } from '../../src/core/cbor.ts';
import { isLedgerError } from '../../src/core/errors.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import { codes, POLICY } from './amd-world.ts';
import { amdAnchors, baseline, chainOf, folder, readVector, readVectors, TIME } from './genuine.ts';

const skip = folder === undefined;
const vector = () => readVectors().find(({ id }) => id === 'depa-aci-milan-v3')!;

function appraise(change: { debug?: boolean; bytes?: Uint8Array } = {}) {
  const { facts, report, ...chain } = vector();
  const policy = baseline(facts, change.debug ? { vmpl: [1] } : {});
  return new Appraiser(nodeCrypto, amdAnchors('snp')).appraise(
    { tee: 'snp', bytes: change.bytes ?? readVector(report) },
    { certificates: chainOf(chain) },
    policy,
    { type: 'report-data', reportData: fromHex(facts.reportData), headTime: TIME },
    TIME,
  );
}

describe('a result', { skip }, () => {
  it('is deterministic CBOR', () => {
    const found = appraise();
    const bytes = encodeAppraisal(found);
    assert.deepEqual(encodeAppraisal(appraise()), bytes);
    const map = decode(bytes) as ReadonlyMap<string, unknown>;
    assert.equal(map.get('tier'), 'affirming');
    assert.equal(map.has('code'), false);
    assert.deepEqual(map.get('evidenceId'), found.evidenceId);
    assert.equal((map.get('checks') as unknown[]).length, found.checks.length);
    assert.equal(
      (decode(encodeAppraisal(appraise({ debug: true }))) as typeof map).get('code'),
      'VMPL_NOT_ALLOWED',
    );
  });

  it('is an EAT attestation result', () => {
    const ear = toEar(appraise(), 'aichain 0.1.0');
    assert.equal(ear.iat, TIME / 1000);
    assert.deepEqual(Object.keys(ear.submods), ['snp']);
    const affirming = ear.submods.snp!;
    assert.equal(affirming['ear.status'], 'affirming');
    assert.deepEqual(new Set(Object.values(affirming['ear.trustworthiness-vector'])), new Set([2]));
    const refused = toEar(appraise({ debug: true }), 'aichain 0.1.0').submods.snp!;
    assert.equal(refused['ear.status'], 'contraindicated');
    assert.equal(refused['ear.trustworthiness-vector'].configuration, 96);
    assert.equal(refused['ear.trustworthiness-vector'].hardware, 2);
    assert.equal(refused['ear.aichain'].code, 'VMPL_NOT_ALLOWED');
    assert.equal(affirming['ear.appraisal-policy-id'], toBase64url(appraise().policy));
    assert.deepEqual(JSON.parse(JSON.stringify(ear)), ear);
  });

  it('says nothing that identifies the machine', () => {
    const { facts } = vector();
    const text =
      JSON.stringify(toEar(appraise(), 'x')) + Buffer.from(encodeAppraisal(appraise())).toString('latin1');
    assert.ok(!text.includes(facts.chipId as string));
    assert.ok(!text.includes(Buffer.from(facts.chipId as string, 'hex').toString('latin1')));
  });

  it('is of the same evidence whatever comes after what is signed', () => {
    const bytes = readVector(vector().report);
    bytes[0x4a0 - 1] = 1;
    const [changed, genuine] = [appraise({ bytes }), appraise()];
    assert.deepEqual(codes(changed), ['REPORT_SIGNATURE_PADDING']);
    assert.deepEqual(changed.evidenceId, genuine.evidenceId);
    assert.notDeepEqual(changed.evidence, genuine.evidence);
  });
});

describe('tiers', () => {
  it('a check that was not made denies', () => {
    const find = new Findings();
    assert.equal(tierOf(find.checks()), 'contraindicated');
    assert.equal(codeOf(find.checks()), undefined);
  });

  it('a check is made once; what is no denial is a defect', () => {
    const find = new Findings();
    find.judge('report.version', undefined, '3', '3');
    assert.throws(
      () => find.skip('report.version', 'again'),
      (error) => isLedgerError(error, 'INTERNAL'),
    );
    const defect = new Error('defect');
    assert.throws(
      () =>
        find.attempt('chain.form', 'x', () => {
          throw defect;
        }),
      (error) => error === defect,
    );
  });

  it('what strangers wrote is cut, printable, and never empty', () => {
    const find = new Findings();
    find.judge('report.version', undefined, '', `\u001b[2J${'€'.repeat(1000)}`);
    const [, check] = find.checks();
    assert.equal(check?.expected, 'nothing');
    assert.match(check?.seen ?? '', /^[ -~]{1,240}$/);
  });
});

describe('hostile input', { skip }, () => {
  const anchors = (tee: Evidence['tee']) => new Appraiser(nodeCrypto, amdAnchors(tee));
  const judge = (tee: Evidence['tee'], bytes: Uint8Array, collateral = {}) =>
    anchors(tee).appraise({ tee, bytes }, collateral, POLICY, { type: 'none' }, TIME);

  it('any bytes give a result', () => {
    const genuine = readVector(vector().report);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), fc.uint8Array({ maxLength: 500 }), (bytes, other) => {
        for (const tee of ['snp', 'snp-aci', 'simulated'] as const) {
          assert.equal(judge(tee, bytes).tier, 'contraindicated');
        }
        const collateral = {
          certificates: other,
          uvmEndorsement: other,
          runtimeData: other,
          containerPolicy: other,
        };
        assert.equal(judge('snp', genuine, collateral).tier, 'contraindicated');
      }),
      { numRuns: 300 },
    );
  });

  it('a report of any bytes under a genuine chain gives a result', () => {
    const certificates = chainOf(vector());
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 0x4a0, maxLength: 0x4a0 }), (bytes) => {
        assert.equal(judge('snp', bytes, { certificates }).tier, 'contraindicated');
      }),
      { numRuns: 100 },
    );
  });

  const megabytes = 10 << 20;
  const bombs: [string, Evidence['tee'], () => Uint8Array][] = [
    ['10 MB of zeros', 'snp', () => new Uint8Array(megabytes)],
    ['10 MB of zeros in place of an envelope', 'snp-aci', () => new Uint8Array(megabytes)],
    ['10 MB of brackets', 'snp-aci', () => new Uint8Array(megabytes).fill(0x5b)],
    ['an envelope of brackets', 'snp-aci', () => new Uint8Array(380_000).fill(0x5b)],
    ['an envelope of one text', 'snp-aci', () => utf8(`{"policy":"${'\\"'.repeat(180_000)}"}`)],
    [
      'an envelope of members',
      'snp-aci',
      () => utf8(`{${Array.from({ length: 30_000 }, (_, i) => `"a${i}":1`).join()}}`),
    ],
    ['an envelope of white space', 'snp-aci', () => new Uint8Array(380_000).fill(0x20)],
    ['a number of 380,000 digits', 'snp-aci', () => new Uint8Array(380_000).fill(0x31)],
    ['a policy of half a MB in base64', 'snp-aci', () => utf8(`{"evidence":"${'A'.repeat(370_000)}"}`)],
  ];
  /** Milliseconds of the processor, the best of five: other processes are at work too. */
  const quickest = (act: () => void): number => {
    const times = Array.from({ length: 5 }, () => {
      const before = process.cpuUsage();
      act();
      const { user, system } = process.cpuUsage(before);
      return (user + system) / 1000;
    });
    return Math.min(...times);
  };
  for (const [name, tee, make] of bombs) {
    it(`${name}: refused in under 50 ms`, () => {
      const bytes = make();
      const time = quickest(() => assert.equal(judge(tee, bytes).tier, 'contraindicated'));
      assert.ok(time < 50, `${time} ms`);
    });
  }

  const rules = (make: (i: number) => string) => Array.from({ length: 16_000 }, (_, i) => make(i)).join('');
  const policies: [string, string][] = [
    ['rules', rules((i) => `a${i} := 1\n`)],
    ['items', `a := [${'1,'.repeat(90_000)}`],
    ['members', `a := {${rules((i) => `"a${i}":1,`)}`],
    ['brackets', 'a := ['.repeat(30_000)],
    ['comments', '#\n'.repeat(90_000)],
    ['escapes', `a := "${'\\"'.repeat(90_000)}`],
  ];
  for (const [name, text] of policies) {
    it(`a container policy of ${name}: not understood in under 50 ms`, () => {
      const policy = utf8(`package policy\n${text}`);
      const time = quickest(() => {
        assert.equal(readContainerPolicy(nodeCrypto, policy).openness, 'unknown');
      });
      assert.ok(time < 50, `${time} ms`);
    });
  }
});
