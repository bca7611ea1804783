/** What somebody can do who has a machine, a chip's certificate and a signing key of it: each has its own reason. */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import type { Anchors, AppraisalPolicy, AttestationCode } from '../../src/attestation/index.ts';
import { verifyReport } from '../../src/attestation/report-signature.ts';
import { readReport, reservedFault, SIGNED_SIZE } from '../../src/attestation/snp-report.ts';
import { type Bytes, concat } from '../../src/core/bytes.ts';
import { bigEndian, ORDER } from '../../src/core/signature-profile.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import { outcome } from '../core/mangle.ts';
import {
  type AmdKeys,
  amdChain,
  amdKeys,
  anchorsFor,
  appraise,
  CHIP,
  codes,
  EXPECTED,
  HOST_DATA,
  REPORT_DATA,
  signedReport,
  vekExtensions,
  type Writes,
  withSignature,
} from './amd-world.ts';
import * as ca from './authority.ts';
import { TIME } from './genuine.ts';

let keys: AmdKeys;
let chain: readonly Bytes[];
let anchors: Anchors;
let report: Bytes;

before(async () => {
  keys = await amdKeys();
  chain = await amdChain(keys);
  anchors = anchorsFor(chain[2]!);
  report = signedReport(keys.chipKey);
});

const judge = (bytes: Bytes, policy: Partial<AppraisalPolicy> = {}) =>
  codes(appraise({ report: bytes, certificates: chain, anchors, policy }));
const signed = (writes: Writes, policy: Partial<AppraisalPolicy> = {}) =>
  judge(signedReport(keys.chipKey, writes), policy);
const changed = (at: number, ...bytes: number[]): Bytes => {
  const out = report.slice();
  out.set(bytes, at);
  return out;
};

it('an honest report is affirmed, and again with the same result', () => {
  const found = appraise({ report, certificates: chain, anchors });
  assert.equal(found.tier, 'affirming', JSON.stringify(found.checks));
  assert.equal(found.code, undefined);
  assert.equal(found.simulated, false);
  assert.deepEqual(appraise({ report, certificates: chain, anchors }), found);
});

describe('the report by itself', () => {
  for (const size of [0, 1183, 1185, 10 << 20]) {
    it(`of ${size} bytes`, () => assert.deepEqual(judge(new Uint8Array(size)), ['REPORT_SIZE_WRONG']));
  }

  const cases: [string, Writes, AttestationCode[]][] = [
    [
      'version 0',
      { 0: 0 },
      ['REPORT_VERSION_UNSUPPORTED', 'REPORT_RESERVED_NOT_ZERO', 'REPORT_WITHOUT_CPUID'],
    ],
    [
      'version 1',
      { 0: 1 },
      ['REPORT_VERSION_UNSUPPORTED', 'REPORT_RESERVED_NOT_ZERO', 'REPORT_WITHOUT_CPUID'],
    ],
    ['version 4', { 0: 4 }, ['REPORT_VERSION_UNSUPPORTED']],
    ['version 6', { 0: 6 }, ['REPORT_VERSION_UNSUPPORTED']],
    [
      'version 2, where the policy takes 3',
      { 0: 2, 392: [0, 0, 0] },
      ['REPORT_VERSION_BELOW_POLICY', 'REPORT_WITHOUT_CPUID'],
    ],
    ['policy bit 17 clear', { 10: 0x01 }, ['GUEST_POLICY_RESERVED']],
    ['policy bit 26', { 11: 0x04 }, ['GUEST_POLICY_RESERVED']],
    ['policy bit 63', { 15: 0x80 }, ['GUEST_POLICY_RESERVED']],
    ['signature algorithm 0', { 52: 0 }, ['REPORT_ALGORITHM_UNKNOWN']],
    ['signature algorithm 2', { 52: 2 }, ['REPORT_ALGORITHM_UNKNOWN']],
    ...[2, 3, 4, 5, 6, 7].map((signer): [string, Writes, AttestationCode[]] => [
      `signer ${signer}`,
      { 72: signer << 2 },
      ['REPORT_SIGNER_UNKNOWN', 'CHAIN_SIGNER_MISMATCH'],
    ]),
    ['a masked chip key', { 72: 2 }, ['CHIP_KEY_MASKED']],
    ['another family', { 392: 23 }, ['PRODUCT_UNKNOWN', 'CHAIN_PRODUCT_MISMATCH']],
    ['Genoa’s CPUID under Milan’s chain', { 393: 0x11 }, ['CHAIN_PRODUCT_MISMATCH', 'PRODUCT_NOT_ALLOWED']],
    ['a stepping that the policy does not list', { 394: 0 }, ['PRODUCT_NOT_ALLOWED']],
    ['debugging', { 10: 0x0b }, ['GUEST_DEBUG']],
    ['migration', { 10: 0x07 }, ['GUEST_MIGRATION']],
    ['VMPL 1', { 48: 1 }, ['VMPL_NOT_ALLOWED']],
    ['VMPL of the host', { 48: [255, 255, 255, 255] }, ['VMPL_HOST']],
    ['another chip', { 416: 9 }, ['CHIP_ID_MISMATCH']],
    ['no chip', { 416: new Uint8Array(64) }, ['CHIP_ID_ZERO']],
    ['a chip with the same first 63 bytes', { 479: 9 }, ['CHIP_ID_MISMATCH']],
    ['host data of all zeros', { 192: new Uint8Array(32) }, ['CONTAINER_POLICY_ALLOWS_ALL']],
    ['other host data', { 223: 1 }, ['HOST_DATA_NOT_ALLOWED']],
    ['another measurement', { 191: 1 }, ['MEASUREMENT_NOT_ALLOWED']],
    ['report data that differs in the first byte', { 80: 1 }, ['REPORT_DATA_MISMATCH']],
    [
      'report data of which only the first half is right',
      { 112: new Uint8Array(32) },
      ['REPORT_DATA_MISMATCH'],
    ],
    ['report data that differs in the last byte', { 143: 1 }, ['REPORT_DATA_MISMATCH']],
    ['reported TCB below the certificate’s', { 390: 23 }, ['TCB_CERTIFICATE_MISMATCH', 'TCB_BELOW_MINIMUM']],
    ['reported TCB above the certificate’s', { 390: 25 }, ['TCB_CERTIFICATE_MISMATCH', 'TCB_ABOVE_CURRENT']],
    ['reported TCB above the current one', { 62: 23 }, ['TCB_ABOVE_CURRENT']],
    [
      'the layout of Turin',
      { 384: [0, 4, 0, 24, 0, 0, 0, 219] },
      ['REPORT_RESERVED_NOT_ZERO', 'TCB_CERTIFICATE_MISMATCH', 'TCB_BELOW_MINIMUM', 'TCB_ABOVE_CURRENT'],
    ],
  ];
  for (const [name, writes, expected] of cases) {
    it(name, () => assert.deepEqual(signed(writes), expected));
  }

  it('a platform feature that is off', () => {
    assert.deepEqual(signed({}, { platform: [0, 2, 5] }), []);
    assert.deepEqual(signed({}, { platform: [0, 1] }), ['PLATFORM_BIT_MISSING']);
    assert.deepEqual(signed({ 71: 0xff }, { platform: [0] }), [], 'bits that nobody knows are no reason');
  });

  it('a chip that is denied, or not listed; a short id denies whatever begins with it, and lists only Turin’s', () => {
    const other = new Uint8Array(64).fill(7);
    assert.deepEqual(signed({}, { chips: { allow: 'any', deny: [CHIP] } }), ['CHIP_DENIED']);
    assert.deepEqual(signed({}, { chips: { allow: 'listed', chips: [other], deny: [] } }), [
      'CHIP_NOT_ALLOWED',
    ]);
    assert.deepEqual(signed({}, { chips: { allow: 'listed', chips: [CHIP], deny: [CHIP] } }), [
      'CHIP_DENIED',
    ]);
    const short = CHIP.subarray(0, 8);
    assert.deepEqual(signed({}, { chips: { allow: 'any', deny: [short] } }), ['CHIP_DENIED']);
    assert.deepEqual(signed({}, { chips: { allow: 'listed', chips: [short], deny: [] } }), [
      'CHIP_NOT_ALLOWED',
    ]);
  });

  it('every byte that is reserved in version 3', () => {
    const ranges = [
      [0x049, 0x050],
      [0x18b, 0x1a0],
      [0x1eb, 0x1ec],
      [0x1ef, 0x1f0],
      [0x1f8, 0x2a0],
      ...[0x038, 0x180, 0x1e0, 0x1f0].map((tcb) => [tcb + 2, tcb + 6]),
    ] as const;
    for (const [from, to] of ranges) {
      for (let at = from!; at < to!; at++) {
        assert.notEqual(reservedFault(readReport(changed(at, 1)), 'milan'), undefined, at.toString(16));
      }
    }
    assert.deepEqual(signed({ 395: 1 }), ['REPORT_RESERVED_NOT_ZERO']);
    for (const bit of [5, 6, 7]) assert.equal(signed({ 72: 1 << bit })[0], 'REPORT_RESERVED_NOT_ZERO');
  });

  it('mitigation vectors: reserved before version 5, and no further than 0x208 in it', () => {
    assert.deepEqual(signed({ 0: 5, 504: 1, 519: 1 }), []);
    assert.deepEqual(signed({ 0: 5, 520: 1 }), ['REPORT_RESERVED_NOT_ZERO']);
  });
});

describe('the TCB', () => {
  it('one component below the minimum, while the whole number is higher', () => {
    const minTcb = { bootLoader: 4, tee: 1, snp: 1, microcode: 1 };
    const products = [{ family: 25, model: 1, stepping: 1, minTcb }];
    assert.deepEqual(signed({}, { products }), ['TCB_BELOW_MINIMUM']);
  });

  it('a component that the processor does not have is never enough', () => {
    const minTcb = { bootLoader: 0, tee: 0, snp: 0, microcode: 0, fmc: 0 };
    assert.deepEqual(signed({}, { products: [{ family: 25, model: 1, stepping: 1, minTcb }] }), [
      'TCB_BELOW_MINIMUM',
    ]);
  });
});

describe('the signature', () => {
  const fault = (bytes: Bytes) => outcome(() => verifyReport(readReport(bytes), keys.chipKey.publicKey));

  it('each byte that it covers', () => {
    for (let at = 0; at < SIGNED_SIZE; at++) {
      assert.deepEqual(
        fault(changed(at, report[at]! ^ 1)),
        { code: 'REPORT_SIGNATURE_INVALID' },
        at.toString(16),
      );
    }
    assert.deepEqual(judge(changed(0x141, 1)), ['REPORT_SIGNATURE_INVALID']);
  });

  it('each byte of it and after it', () => {
    for (let at = SIGNED_SIZE; at < report.length; at++) {
      const within = (at - SIGNED_SIZE) % 72 < 48 && at < SIGNED_SIZE + 144;
      const code = within ? 'REPORT_SIGNATURE_INVALID' : 'REPORT_SIGNATURE_PADDING';
      assert.deepEqual(fault(changed(at, report[at]! ^ 1)), { code }, at.toString(16));
    }
    assert.deepEqual(judge(changed(0x2a0 + 48, 1)), ['REPORT_SIGNATURE_PADDING']);
    assert.deepEqual(judge(changed(0x49f, 1)), ['REPORT_SIGNATURE_PADDING']);
  });

  it('R or S zero, the order, or above it', () => {
    const signature = keys.chipKey.sign(report.subarray(0, SIGNED_SIZE));
    const order = bytesOf(ORDER.ES384);
    for (const number of [
      new Uint8Array(48),
      order,
      bytesOf(ORDER.ES384 + 1n),
      new Uint8Array(48).fill(255),
    ]) {
      for (const forged of [concat(number, signature.slice(48)), concat(signature.slice(0, 48), number)]) {
        assert.deepEqual(judge(withSignature(report, forged)), ['REPORT_SIGNATURE_RANGE']);
      }
    }
  });

  it('(r, n − s) verifies, and is the same evidence: it cannot stand for another room', () => {
    const signature = keys.chipKey.sign(report.subarray(0, SIGNED_SIZE));
    const twin = withSignature(
      report,
      concat(signature.slice(0, 48), bytesOf(ORDER.ES384 - bigEndian(signature.slice(48)))),
    );
    assert.notDeepEqual(twin, report);
    const first = appraise({ report, certificates: chain, anchors });
    const second = appraise({ report: twin, certificates: chain, anchors });
    assert.equal(second.tier, 'affirming');
    assert.notDeepEqual(second.evidence, first.evidence);
    assert.deepEqual(second.evidenceId, first.evidenceId);
    const expected = { ...EXPECTED, seen: [first.evidenceId!] };
    const replayed = appraise({ report: twin, certificates: chain, anchors, expected });
    assert.deepEqual(codes(replayed), ['EVIDENCE_REPLAYED']);
  });

  it('R and S in big-endian', () => {
    const signature = keys.chipKey.sign(report.subarray(0, SIGNED_SIZE));
    const left = withSignature(
      report,
      concat(signature.slice(0, 48).reverse(), signature.slice(48).reverse()),
    );
    assert.deepEqual(judge(left), ['REPORT_SIGNATURE_INVALID']);
    const right = report.slice().fill(0, SIGNED_SIZE);
    right.set(signature.slice(0, 48), SIGNED_SIZE + 24);
    right.set(signature.slice(48), SIGNED_SIZE + 72 + 24);
    assert.deepEqual(judge(right), ['REPORT_SIGNATURE_PADDING']);
  });

  it('by another key', () => {
    const other = nodeCrypto.generatePrivateKey('ES384');
    assert.deepEqual(judge(signedReport(other)), ['REPORT_SIGNATURE_INVALID']);
  });
});

describe('VLEK and VCEK', () => {
  const VLEK = 1 << 2;

  it('a provider’s key is taken where the policy takes it', async () => {
    const vlek = await amdChain(keys, {
      vek: {
        ...{ subject: 'SEV-VLEK', issuer: 'SEV-VLEK-Milan' },
        extensions: vekExtensions({ hwid: ca.cspId('cloud'), product: ca.product('Milan') }),
      },
      intermediate: { subject: 'SEV-VLEK-Milan' },
    });
    const attempt = { report: signedReport(keys.chipKey, { 72: VLEK }), certificates: vlek, anchors };
    const other = { ...attempt, anchors: anchorsFor(vlek[2]) };
    assert.deepEqual(codes(appraise({ ...other, policy: { signer: ['vlek'] } })), []);
    assert.deepEqual(codes(appraise(other)), ['REPORT_SIGNER_NOT_ALLOWED']);
    const swapped = { ...other, report: signedReport(keys.chipKey), policy: { signer: ['vcek'] as const } };
    assert.deepEqual(codes(appraise(swapped)), ['CHAIN_SIGNER_MISMATCH', 'TCB_EXTENSION_MISSING']);
  });

  it('a report of a VLEK under the certificate of a chip', () => {
    assert.deepEqual(signed({ 72: VLEK }, { signer: ['vcek', 'vlek'] }), [
      'CHAIN_SIGNER_MISMATCH',
      'TCB_EXTENSION_INVALID',
    ]);
  });
});

describe('time', () => {
  const at = (headTime: number, seen?: readonly Bytes[]) =>
    codes(
      appraise({
        ...{ report, certificates: chain, anchors },
        expected: { type: 'report-data', reportData: REPORT_DATA, headTime, ...(seen && { seen }) },
      }),
    );

  it('a head that is too old, or to come', () => {
    assert.deepEqual(at(TIME - 600_000), []);
    assert.deepEqual(at(TIME - 600_001), ['HEAD_STALE']);
    assert.deepEqual(at(TIME + 30_000), []);
    assert.deepEqual(at(TIME + 30_001), ['HEAD_IN_FUTURE']);
  });

  it('evidence that stands for another room', () => {
    const id = nodeCrypto.sha256(report.subarray(0, SIGNED_SIZE));
    assert.deepEqual(at(TIME, [HOST_DATA]), []);
    assert.deepEqual(at(TIME, [HOST_DATA, id]), ['EVIDENCE_REPLAYED']);
  });

  it('nothing that was asked for: a warning, which opens nothing', () => {
    const found = appraise({ report, certificates: chain, anchors, expected: { type: 'none' } });
    assert.equal(found.tier, 'warning');
    assert.equal(found.code, 'BINDING_NOT_ASKED');
  });
});

function bytesOf(value: bigint): Bytes {
  return Uint8Array.from(Buffer.from(value.toString(16).padStart(96, '0'), 'hex'));
}
