/** Certificates that are forged, borrowed, put together wrongly or worn out: each has its own reason. */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { Extension, KeyUsageFlags } from '@peculiar/x509';
import type { Anchors, AttestationCode } from '../../src/attestation/index.ts';
import { type Bytes, concat, utf8 } from '../../src/core/bytes.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import {
  type AmdKeys,
  amdChain,
  amdKeys,
  anchorsFor,
  appraise,
  CHIP,
  type ChainChange,
  codes,
  signedReport,
  vekExtensions,
} from './amd-world.ts';
import * as ca from './authority.ts';
import { amdAnchors, chainOf, folder, readVectors, TIME } from './genuine.ts';

let keys: AmdKeys;
let chain: readonly [Bytes, Bytes, Bytes];
let anchors: Anchors;
let report: Bytes;

before(async () => {
  keys = await amdKeys();
  chain = await amdChain(keys);
  anchors = anchorsFor(chain[2]);
  report = signedReport(keys.chipKey);
});

const judge = (certificates: readonly Bytes[] | Bytes, by: Anchors = anchors) =>
  codes(appraise({ report, certificates, anchors: by }));
/** Appraised by anchors that list whatever root the changed chain has. */
const issued = async (change: ChainChange) => {
  const made = await amdChain(keys, change);
  return judge(made, anchorsFor(made[2]));
};

describe('who vouches', () => {
  it('an authority of one’s own with AMD’s names', () => {
    if (folder === undefined) return;
    assert.deepEqual(judge(chain, amdAnchors('snp')), ['ROOT_NOT_ANCHORED']);
  });

  it('AMD’s own chain, for a report of another key', () => {
    if (folder === undefined) return;
    const genuine = chainOf(readVectors().find(({ id }) => id === 'aci-milan-v3')!);
    assert.deepEqual(judge(genuine, amdAnchors('snp')), ['REPORT_SIGNATURE_INVALID', 'CHIP_ID_MISMATCH']);
  });

  it('another chip’s certificate', async () => {
    const chip = await ca.ecPair();
    const other = { key: chip.publicKey, extensions: vekExtensions({ hwid: ca.hwid(CHIP.slice().fill(3)) }) };
    assert.deepEqual(await issued({ vek: other }), ['REPORT_SIGNATURE_INVALID', 'CHIP_ID_MISMATCH']);
  });

  it('a certificate for the chip by somebody else', async () => {
    const stranger = await ca.rsaPair('stranger');
    assert.deepEqual(await issued({ vek: { by: stranger } }), ['CHAIN_SIGNATURE_INVALID']);
    assert.deepEqual(await issued({ intermediate: { by: stranger } }), ['CHAIN_SIGNATURE_INVALID']);
  });

  it('the root of another product', async () => {
    const genoa = {
      root: { subject: 'ARK-Genoa', issuer: 'ARK-Genoa' },
      intermediate: { issuer: 'ARK-Genoa' },
    };
    assert.deepEqual(await issued(genoa), ['CHAIN_PRODUCT_MISMATCH', 'CHAIN_SIGNER_MISMATCH']);
    const product = { extensions: vekExtensions({ product: ca.product('Genoa') }) };
    assert.deepEqual(await issued({ vek: product }), ['CHAIN_PRODUCT_MISMATCH']);
  });

  it('an intermediate that the anchors do not list', () => {
    const listed = nodeCrypto.sha256(chain[1]);
    assert.deepEqual(judge(chain, anchorsFor(chain[2], 'snp', [listed])), []);
    assert.deepEqual(judge(chain, anchorsFor(chain[2], 'snp', [CHIP.slice(0, 32)])), [
      'INTERMEDIATE_NOT_ANCHORED',
    ]);
  });

  it('anchors of another type of TEE', () => {
    assert.deepEqual(
      codes(appraise({ report, certificates: chain, anchors: anchorsFor(chain[2], 'snp-aci') })),
      ['JSON_MALFORMED'],
    );
  });
});

describe('the form of a chain', () => {
  const garbage = Uint8Array.of(0x30, 0x03, 0x02, 0x01, 0x00);
  const cases: [string, () => readonly Bytes[] | Bytes, AttestationCode[]][] = [
    ['missing', () => [], ['CHAIN_LENGTH_WRONG']],
    ['without the root', () => chain.slice(0, 2), ['CHAIN_LENGTH_WRONG']],
    ['one twice', () => [chain[0], chain[1], chain[1], chain[2]], ['CHAIN_LENGTH_WRONG']],
    [
      'reversed',
      () => [...chain].reverse(),
      [
        'CHAIN_ORDER_WRONG',
        'ROOT_NOT_ANCHORED',
        'CHAIN_NAMES_MISMATCH',
        'TCB_EXTENSION_MISSING',
        'CHAIN_SIGNER_MISMATCH',
        'CHAIN_NOT_CA',
        'CHAIN_ALGORITHM_WRONG',
        'CHAIN_SIGNATURE_INVALID',
        'VEK_CURVE_WRONG',
        'TCB_EXTENSION_MISSING',
      ],
    ],
    ['bytes after it', () => [...chain, Uint8Array.of(0)], ['CERTIFICATE_MALFORMED']],
    ['DER that is no certificate', () => [chain[0], chain[1], garbage], ['CERTIFICATE_MALFORMED']],
    ['a hundred certificates', () => Array.from({ length: 20 }, () => chain[0]), ['CHAIN_LENGTH_WRONG']],
    ['10 MB', () => new Uint8Array(10 << 20).fill(0x30), ['EVIDENCE_TOO_LARGE']],
    ['text that is no PEM', () => utf8('certificates follow'), ['PEM_MALFORMED']],
    ['PEM without its end', () => utf8('-----BEGIN CERTIFICATE-----\nAAAA'), ['PEM_MALFORMED']],
    [
      'PEM that is not base64',
      () => utf8('-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n'),
      ['PEM_MALFORMED'],
    ],
  ];
  for (const [name, make, expected] of cases) {
    it(name, () => assert.deepEqual(judge(make()), expected));
  }

  it('PEM is taken as DER is', () => {
    const block = (der: Bytes) =>
      `-----BEGIN CERTIFICATE-----\n${Buffer.from(der).toString('base64').replace(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`;
    assert.deepEqual(judge(utf8(chain.map(block).join(''))), []);
  });

  it('a byte after the last inside a certificate', () => {
    const [vek] = chain;
    const longer = concat(vek, Uint8Array.of(0));
    const length = vek.length - 4 + 1;
    longer.set([length >> 8, length & 0xff], 2);
    assert.deepEqual(judge([longer, chain[1], chain[2]]), ['CERTIFICATE_MALFORMED']);
  });
});

describe('what certificates say', () => {
  it('signatures of another scheme', async () => {
    const scheme = (name: string, hash: string, saltLength?: number) => ({
      scheme: { name, hash, ...(saltLength !== undefined && { saltLength }) },
    });
    const others = [
      scheme('RSASSA-PKCS1-v1_5', 'SHA-384'),
      scheme('RSA-PSS', 'SHA-256', 32),
      scheme('RSA-PSS', 'SHA-384', 32),
      scheme('RSA-PSS', 'SHA-512', 64),
    ];
    for (const other of others) {
      assert.deepEqual(await issued({ vek: other }), ['CHAIN_ALGORITHM_WRONG'], JSON.stringify(other));
      assert.deepEqual(await issued({ intermediate: other }), ['CHAIN_ALGORITHM_WRONG']);
      assert.deepEqual(await issued({ root: other }), ['CHAIN_ALGORITHM_WRONG']);
    }
  });

  it('an RSA key of 2048 bits', async () => {
    const small = await ca.rsaPair('small');
    const made = await amdChain({ ...keys, intermediate: small });
    assert.deepEqual(judge(made, anchorsFor(made[2])), ['CHAIN_ALGORITHM_WRONG']);
  });

  it('a chip’s key on another curve, or of another kind', async () => {
    const p256 = await ca.ecPair('P-256');
    assert.deepEqual(await issued({ vek: { key: p256.publicKey } }), ['VEK_CURVE_WRONG']);
    const rsa = await ca.rsaPair('small');
    assert.deepEqual(await issued({ vek: { key: rsa.publicKey } }), ['VEK_CURVE_WRONG']);
  });

  const authorities: [string, ChainChange, AttestationCode[]][] = [
    ['an intermediate that is no authority', { intermediate: { extensions: [] } }, ['CHAIN_NOT_CA']],
    [
      'an intermediate that says it is none',
      { intermediate: { extensions: ca.authority(undefined, false) } },
      ['CHAIN_NOT_CA'],
    ],
    [
      'a root that allows no intermediate',
      { root: { extensions: ca.authority(0) } },
      ['CHAIN_PATH_TOO_LONG'],
    ],
    [
      'an intermediate that may not sign certificates',
      { intermediate: { extensions: ca.authority(0, true, KeyUsageFlags.digitalSignature) } },
      ['CHAIN_KEY_USAGE'],
    ],
    [
      'an intermediate by another name',
      { intermediate: { subject: 'SEV-Other' } },
      ['CHAIN_NAMES_MISMATCH', 'CHAIN_SIGNER_MISMATCH'],
    ],
    ['a root that is not self-issued', { root: { issuer: 'ARK-Other' } }, ['CHAIN_ORDER_WRONG']],
    ['a chip’s certificate by another name', { vek: { subject: 'SEV-OTHER' } }, ['CHAIN_SIGNER_MISMATCH']],
    ['one that has expired', { vek: { notAfter: new Date(TIME - 1000) } }, ['CERTIFICATE_EXPIRED']],
    [
      'one that is not valid yet',
      { vek: { notBefore: new Date(TIME + 1000) } },
      ['CERTIFICATE_NOT_YET_VALID'],
    ],
    [
      'an intermediate that has expired',
      { intermediate: { notAfter: new Date(TIME - 1000) } },
      ['CERTIFICATE_EXPIRED'],
    ],
    ['a root that has expired', { root: { notAfter: new Date(TIME - 1000) } }, ['CERTIFICATE_EXPIRED']],
  ];
  for (const [name, change, expected] of authorities) {
    it(name, async () => assert.deepEqual(await issued(change), expected));
  }

  it('the first and the last second of a validity count as a whole', async () => {
    assert.deepEqual(await issued({ vek: { notBefore: new Date(TIME), notAfter: new Date(TIME) } }), []);
  });

  it('a critical extension that is not known', async () => {
    const critical = new Extension('1.2.3.4', true, Uint8Array.of(5, 0).buffer);
    assert.deepEqual(await issued({ vek: { extensions: [...vekExtensions(), critical] } }), [
      'CERTIFICATE_CRITICAL_UNKNOWN',
    ]);
  });
});

describe('AMD’s extensions', () => {
  const cases: [string, Parameters<typeof vekExtensions>[0], AttestationCode[]][] = [
    ...['1', '2', '3', '8', 'hwid', 'version'].map(
      (name): [string, Parameters<typeof vekExtensions>[0], AttestationCode[]] => [
        `without ${name}`,
        { [name]: undefined },
        ['TCB_EXTENSION_MISSING'],
      ],
    ),
    ['without the product', { product: undefined }, ['TCB_EXTENSION_MISSING', 'TCB_EXTENSION_MISSING']],
    ['a component of 256', { 3: ca.level(3, 256) }, ['TCB_EXTENSION_INVALID']],
    [
      'a negative component',
      { 3: ca.raw(`${ca.AMD}.3.3`, Uint8Array.of(2, 1, 0x98)) },
      ['TCB_EXTENSION_INVALID'],
    ],
    [
      'a component with a leading zero',
      { 3: ca.raw(`${ca.AMD}.3.3`, Uint8Array.of(2, 2, 0, 24)) },
      ['TCB_EXTENSION_INVALID'],
    ],
    [
      'a component with bytes after it',
      { 3: ca.raw(`${ca.AMD}.3.3`, Uint8Array.of(2, 1, 24, 0)) },
      ['TCB_EXTENSION_INVALID'],
    ],
    [
      'a component as text',
      { 3: ca.raw(`${ca.AMD}.3.3`, Uint8Array.of(0x16, 1, 24)) },
      ['TCB_EXTENSION_INVALID'],
    ],
    ['a reserved component', { spl4: ca.level(4, 1) }, ['TCB_EXTENSION_INVALID']],
    ['the component of Turin', { fmc: ca.level(9, 1) }, ['TCB_EXTENSION_INVALID']],
    ['a chip id of 8 bytes', { hwid: ca.hwid(CHIP.subarray(0, 8)) }, ['TCB_EXTENSION_INVALID']],
    ['another component than the report’s', { 3: ca.level(3, 25) }, ['TCB_CERTIFICATE_MISMATCH']],
    ['a component twice', { again: ca.level(3, 24) }, ['CERTIFICATE_EXTENSION_DUPLICATE']],
  ];
  for (const [name, change, expected] of cases) {
    it(name, async () => {
      assert.deepEqual(await issued({ vek: { extensions: vekExtensions(change) } }), expected);
    });
  }
});

describe('the simulator’s names', () => {
  it('are refused by anchors that are not a simulator’s, even if they list the root', async () => {
    const simulated = {
      root: { subject: 'ARK-Simulated', issuer: 'ARK-Simulated' },
      intermediate: { subject: 'SEV-Simulated', issuer: 'ARK-Simulated' },
      vek: { issuer: 'SEV-Simulated', extensions: vekExtensions({ product: ca.product('Simulated') }) },
    };
    assert.deepEqual(await issued(simulated), ['SIMULATED_EVIDENCE', 'CHAIN_PRODUCT_MISMATCH']);
  });

  it('are the only ones that a simulator’s anchors take', () => {
    assert.deepEqual(judge(chain, anchorsFor(chain[2], 'simulated')), ['CHAIN_PRODUCT_MISMATCH']);
  });
});
