/** Endorsements of launch measurements: what is wrong with each has its own reason. */
import assert from 'node:assert/strict';
import { constants, sign } from 'node:crypto';
import { before, describe, it } from 'node:test';
import { ExtendedKeyUsageExtension, KeyUsageFlags } from '@peculiar/x509';
import { verifyUvmEndorsement } from '../../src/attestation/uvm.ts';
import { type Bytes, concat, toBase64url, toHex, utf8 } from '../../src/core/bytes.ts';
import { type Cbor, encode, Tagged } from '../../src/core/cbor.ts';
import { nobleCrypto } from '../../src/core/crypto-noble.ts';
import { isLedgerError } from '../../src/core/errors.ts';
import { sigStructure } from '../../src/cose/sign1.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import { mangled, outcome } from '../core/mangle.ts';
import * as ca from './authority.ts';
import { folder, readVector, TIME } from './genuine.ts';
import type { RsaKeyName } from './rsa-keys.ts';

const PURPOSE = '1.3.6.1.4.1.311.76.59.1.2';
const SHA384 = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-384' };
const SIGNED_AT = Math.floor(TIME / 1000) - 86_400;
const MEASUREMENT = 'ab'.repeat(48);
const PAYLOAD = {
  'x-ms-sevsnpvm-launchmeasurement': MEASUREMENT,
  'x-ms-sevsnpvm-guestsvn': '104',
  'x-ms-sevsnpvm-guestsvn-int': 104,
};

let root: ca.Pair;
let intermediate: ca.Pair;
let leaf: ca.Pair;
let privatePem: string;

before(async () => {
  const pair = (name: RsaKeyName) => ca.rsaPair(name, SHA384.name);
  [root, intermediate, leaf] = await Promise.all([
    pair('uvm root'),
    pair('uvm intermediate'),
    pair('uvm leaf'),
  ]);
  privatePem = await pem(leaf);
});

async function pem({ privateKey }: ca.Pair): Promise<string> {
  const der = await globalThis.crypto.subtle.exportKey('pkcs8', privateKey);
  return `-----BEGIN PRIVATE KEY-----\n${Buffer.from(der).toString('base64')}\n-----END PRIVATE KEY-----`;
}

const signing = (purposes = [PURPOSE]) => [
  ...ca.authority(undefined, false, KeyUsageFlags.digitalSignature),
  new ExtendedKeyUsageExtension(purposes),
];

interface ChainChange {
  readonly leaf?: Partial<ca.Issue>;
  readonly intermediate?: Partial<ca.Issue>;
  readonly root?: Partial<ca.Issue>;
}

async function chain(change: ChainChange = {}): Promise<readonly Bytes[]> {
  const scheme = SHA384;
  return Promise.all([
    ca.issue({
      ...{ subject: 'ContainerPlat', issuer: 'Products', key: leaf.publicKey, by: intermediate, scheme },
      extensions: signing(),
      ...change.leaf,
    }),
    ca.issue({
      ...{ subject: 'Products', issuer: 'Supply Chain', key: intermediate.publicKey, by: root, scheme },
      extensions: ca.authority(),
      ...change.intermediate,
    }),
    ca.issue({
      ...{ subject: 'Supply Chain', issuer: 'Supply Chain', key: root.publicKey, by: root, scheme },
      extensions: ca.authority(),
      ...change.root,
    }),
  ]);
}

const did = (certificate: Bytes, purpose = PURPOSE) =>
  `did:x509:0:sha256:${toBase64url(nodeCrypto.sha256(certificate))}::eku:${purpose}`;

interface Change {
  readonly header?: readonly (readonly [number | string, Cbor])[];
  readonly payload?: Bytes;
  readonly signature?: Bytes;
  readonly salt?: number;
  readonly hash?: string;
}

function endorsement(certificates: readonly Bytes[], change: Change = {}): Bytes {
  const { payload = utf8(JSON.stringify(PAYLOAD)), salt = 48, hash = 'sha384' } = change;
  const header = new Map<number | string, Cbor>([
    [1, -38],
    [3, 'application/json'],
    [33, certificates],
    [34, [-16, nodeCrypto.sha256(certificates[0]!)]],
    ['iss', did(certificates.at(-1)!)],
    ['feed', 'ContainerPlat-AMD-UVM'],
    ['signingtime', new Tagged(1, SIGNED_AT)],
    ...(change.header ?? []),
  ]);
  for (const [label, value] of header) if (value === null) header.delete(label);
  const protectedBytes = encode(header);
  const key = { key: privatePem, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: salt };
  const { signature = new Uint8Array(sign(hash, sigStructure(protectedBytes, payload), key)) } = change;
  return encode(
    new Tagged(18, [protectedBytes, new Map([['timestamp', Uint8Array.of(1)]]), payload, signature]),
  );
}

function verdict(bytes: Bytes, crypto = nodeCrypto): string {
  const found = outcome(() => verifyUvmEndorsement(crypto, bytes, TIME));
  return 'code' in found ? found.code : 'accepted';
}

it('what is endorsed', async () => {
  const certificates = await chain();
  const { measurement, ...rest } = verifyUvmEndorsement(nodeCrypto, endorsement(certificates), TIME);
  assert.equal(toHex(measurement), MEASUREMENT);
  assert.deepEqual(rest, {
    ...{ issuer: did(certificates[2]!), feed: 'ContainerPlat-AMD-UVM', svn: 104, signedAt: SIGNED_AT * 1000 },
  });
  assert.equal(verdict(endorsement(certificates), nobleCrypto), 'accepted');
});

describe('by whom', () => {
  it('an authority that is not the one that the name stands for', async () => {
    const certificates = await chain();
    const other = did(utf8('another certificate'));
    assert.equal(verdict(endorsement(certificates, { header: [['iss', other]] })), 'UVM_ROOT_MISMATCH');
    const ofLeaf = did(certificates[0]!);
    assert.equal(verdict(endorsement(certificates, { header: [['iss', ofLeaf]] })), 'UVM_ROOT_MISMATCH');
    const ofIntermediate = did(certificates[1]!);
    assert.equal(verdict(endorsement(certificates, { header: [['iss', ofIntermediate]] })), 'accepted');
  });

  it('a certificate for another use', async () => {
    const certificates = await chain({ leaf: { extensions: signing(['1.3.6.1.4.1.311.76.59.1.1']) } });
    assert.equal(verdict(endorsement(certificates)), 'UVM_EKU_MISSING');
    const none = await chain({ leaf: { extensions: signing().slice(0, 2) } });
    assert.equal(verdict(endorsement(none)), 'UVM_EKU_MISSING');
  });

  it('a name that is no did:x509 of the form', async () => {
    const certificates = await chain();
    const iss = did(certificates[2]!);
    for (const other of [
      'did:web:example.com',
      iss.replace('did:x509:0', 'did:x509:1'),
      iss.replace('sha256', 'sha384'),
      iss.replace('::eku:', '::subject:'),
      `${iss}::san:email:a@example.com`,
      ` ${iss}`,
    ]) {
      assert.equal(
        verdict(endorsement(certificates, { header: [['iss', other]] })),
        'UVM_ISSUER_NOT_ALLOWED',
        other,
      );
    }
  });

  const broken: [string, ChainChange][] = [
    ['an intermediate that is no authority', { intermediate: { extensions: [] } }],
    ['an intermediate that allows none below a further one', { root: { extensions: ca.authority(0) } }],
    [
      'an intermediate that may not sign certificates',
      { intermediate: { extensions: ca.authority(0, true, KeyUsageFlags.digitalSignature) } },
    ],
    ['a link that does not name its issuer', { leaf: { issuer: 'Somebody' } }],
    [
      'a signing certificate that is an authority',
      { leaf: { extensions: [...ca.authority(), signing()[2]!] } },
    ],
  ];
  for (const [name, change] of broken) {
    it(name, async () => assert.equal(verdict(endorsement(await chain(change))), 'UVM_CHAIN_INVALID'));
  }

  it('a certificate that somebody else signed', async () => {
    const stranger = await ca.rsaPair('small', SHA384.name);
    assert.equal(verdict(endorsement(await chain({ leaf: { by: stranger } }))), 'UVM_CHAIN_INVALID');
  });

  it('too few certificates, too many, other things', async () => {
    const certificates = await chain();
    const [first] = certificates;
    for (const x5chain of [
      first!,
      [],
      [first!],
      [...certificates, ...certificates],
      [utf8('x'), ...certificates],
      ['text', ...certificates],
    ] as Cbor[]) {
      assert.equal(verdict(endorsement(certificates, { header: [[33, x5chain]] })), 'UVM_CHAIN_INVALID');
    }
    const x5t: Cbor = [-16, nodeCrypto.sha256(certificates[1]!)];
    assert.equal(verdict(endorsement(certificates, { header: [[34, x5t]] })), 'UVM_CHAIN_INVALID');
  });
});

describe('when', () => {
  it('judges the certificates at the time of signing, not at that of the appraisal', async () => {
    const at = (seconds: number) => new Date(seconds * 1000);
    const expired = await chain({ leaf: { notAfter: at(SIGNED_AT) } });
    assert.equal(verdict(endorsement(expired)), 'accepted');
    const late = await chain({ leaf: { notAfter: at(SIGNED_AT - 1) } });
    assert.equal(verdict(endorsement(late)), 'UVM_SIGNING_TIME');
    const early = await chain({ leaf: { notBefore: at(SIGNED_AT + 1) } });
    assert.equal(verdict(endorsement(early)), 'UVM_SIGNING_TIME');
  });

  it('no time, one to come, one that is none', async () => {
    const certificates = await chain();
    for (const signingtime of [
      null,
      SIGNED_AT,
      new Tagged(1, TIME / 1000 + 60),
      new Tagged(0, 'now'),
      new Tagged(1, -1),
    ]) {
      assert.equal(
        verdict(endorsement(certificates, { header: [['signingtime', signingtime]] })),
        'UVM_SIGNING_TIME',
      );
    }
  });
});

describe('what is signed', () => {
  it('a signature of another scheme, or changed', async () => {
    const certificates = await chain();
    const es384 = { header: [[1, -35]] as const };
    assert.equal(verdict(endorsement(certificates, es384)), 'UVM_ALGORITHM_WRONG');
    assert.equal(verdict(endorsement(certificates, { header: [[1, null]] })), 'UVM_ALGORITHM_WRONG');
    assert.equal(verdict(endorsement(certificates, { salt: 32 })), 'UVM_SIGNATURE_INVALID');
    assert.equal(verdict(endorsement(certificates, { hash: 'sha256' })), 'UVM_SIGNATURE_INVALID');
    const zero = { signature: new Uint8Array(256) };
    assert.equal(verdict(endorsement(certificates, zero)), 'UVM_SIGNATURE_INVALID');
  });

  it('a version that is no whole number', async () => {
    const certificates = await chain();
    for (const svn of ['1e3', '0104', '-1', '', ' 104', '104.0', '99999999999']) {
      const payload = utf8(JSON.stringify({ ...PAYLOAD, 'x-ms-sevsnpvm-guestsvn': svn }));
      assert.equal(verdict(endorsement(certificates, { payload })), 'UVM_SVN_MALFORMED', svn);
    }
    for (const text of ['104', 'null', '{}']) {
      const payload = utf8(
        `{"x-ms-sevsnpvm-launchmeasurement":"${MEASUREMENT}","x-ms-sevsnpvm-guestsvn":${text}}`,
      );
      assert.equal(verdict(endorsement(certificates, { payload })), 'UVM_SVN_MALFORMED', text);
    }
    for (const number of ['103', '1e3', '104.5', '9007199254740993', '"104"']) {
      const payload = utf8(JSON.stringify(PAYLOAD).replace(':104', `:${number}`));
      assert.equal(verdict(endorsement(certificates, { payload })), 'UVM_SVN_MALFORMED', number);
    }
  });

  it('a payload that is not the document', async () => {
    const certificates = await chain();
    const twice = JSON.stringify(PAYLOAD).replace('{', '{"x-ms-sevsnpvm-guestsvn":"999",');
    for (const payload of [
      '',
      '[]',
      '"104"',
      twice,
      `${JSON.stringify(PAYLOAD)} {}`,
      JSON.stringify({ ...PAYLOAD, 'x-ms-sevsnpvm-launchmeasurement': MEASUREMENT.toUpperCase() }),
      JSON.stringify({ ...PAYLOAD, 'x-ms-sevsnpvm-launchmeasurement': 'ab' }),
      ' '.repeat(5000),
    ]) {
      assert.equal(
        verdict(endorsement(certificates, { payload: utf8(payload) })),
        'UVM_MALFORMED',
        payload.slice(0, 40),
      );
    }
    for (const header of [
      [[3, 'text/plain']],
      [['feed', null]],
      [['feed', 7]],
      [
        [2, ['x']],
        ['x', 1],
      ],
    ] as const) {
      assert.equal(verdict(endorsement(certificates, { header })), 'UVM_MALFORMED');
    }
  });

  it('bytes after it, other structures, 10 MB', async () => {
    const bytes = endorsement(await chain());
    assert.equal(verdict(concat(bytes, Uint8Array.of(0))), 'UVM_MALFORMED');
    assert.equal(verdict(bytes.subarray(1)), 'UVM_MALFORMED', 'no tag');
    assert.equal(verdict(new Uint8Array(0)), 'UVM_MALFORMED');
    assert.equal(verdict(utf8('{}')), 'UVM_MALFORMED');
    assert.equal(verdict(new Uint8Array(10 << 20)), 'EVIDENCE_TOO_LARGE');
  });
});

it('genuine endorsements verify under both back ends; every damaged one is refused with a code of its own', {
  skip: folder === undefined,
}, () => {
  for (const name of [
    'azure-depa-inferencing-kms/uvm_endorsements.cose',
    'azure-skr/body.uvm_reference_info.bin',
    'azure-skr/security-context-reference-info.cose',
  ]) {
    const bytes = readVector(name);
    for (const crypto of [nodeCrypto, nobleCrypto]) assert.equal(verdict(bytes, crypto), 'accepted', name);
  }
  const bytes = readVector('azure-depa-inferencing-kms/uvm_endorsements.cose');
  // What is unprotected is not covered: the time stamp in it is not believed either.
  const [from, to] = unprotectedRange(bytes);
  let at = 0;
  for (const damaged of mangled(bytes)) {
    at += 1;
    // Every 1,597th of 80,000: each costs up to four RSA verifications.
    if (at % 1597 !== 0) continue;
    let accepted = false;
    try {
      verifyUvmEndorsement(nodeCrypto, damaged, TIME);
      accepted = true;
    } catch (error) {
      assert.ok(isLedgerError(error) && error.code.startsWith('UVM_'), String(error));
    }
    if (accepted) assert.ok(differsOnlyIn(bytes, damaged, from, to), `damage ${at}`);
  }
});

/** Where the unprotected header lies: from after the protected bytes to before the payload. */
function unprotectedRange(bytes: Bytes): readonly [number, number] {
  const text = Buffer.from(bytes);
  return [text.indexOf('timestamp') - 2, text.indexOf('{\n  "x-ms') - 2];
}

function differsOnlyIn(a: Bytes, b: Bytes, from: number, to: number): boolean {
  let first = 0;
  while (first < a.length && a[first] === b[first]) first += 1;
  let last = 1;
  while (last <= a.length && a.at(-last) === b.at(-last)) last += 1;
  return first >= from && a.length - last < to;
}
