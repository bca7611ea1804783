import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { utf8 } from '../../src/core/bytes.ts';
import type { Cbor } from '../../src/core/cbor.ts';
import { nobleCrypto } from '../../src/core/crypto-noble.ts';
import {
  decodeSign1,
  hashEnvelope,
  readHashEnvelope,
  signSign1,
  verifyPreimage,
} from '../../src/cose/index.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import { refusal } from './mangle.ts';

const preimage = utf8('{"spdxVersion": "SPDX-2.3"}');
const key = nodeCrypto.importPrivateKey('Ed25519', new Uint8Array(32).fill(1));
const digest = nodeCrypto.sha256(preimage);
const read = (
  header: [number, Cbor][],
  payload = digest,
  unprotected: [number, Cbor][] = [],
  detached = false,
) =>
  readHashEnvelope(
    decodeSign1(
      signSign1(key, { protected: new Map(header), unprotected: new Map(unprotected), payload, detached }),
    ),
  );

for (const crypto of [nodeCrypto, nobleCrypto]) {
  describe(`hash envelopes, ${crypto.name}`, () => {
    test('round trip', () => {
      const { header, payload } = hashEnvelope(crypto, preimage, {
        contentType: 'application/spdx+json',
        location: 'https://example.com/sbom',
      });
      const bytes = signSign1(key, { protected: new Map(header), payload });
      const envelope = readHashEnvelope(decodeSign1(bytes))!;
      assert.deepEqual(envelope, {
        algorithm: -16,
        contentType: 'application/spdx+json',
        location: 'https://example.com/sbom',
        digest,
      });
      verifyPreimage(crypto, envelope, preimage);
      assert.equal(
        refusal(() => verifyPreimage(crypto, envelope, utf8('other'))),
        'PREIMAGE_MISMATCH',
      );
    });

    test('SHA-384 and SHA-512', () => {
      verifyPreimage(crypto, read([[258, -43]], crypto.sha384(preimage))!, preimage);
      verifyPreimage(crypto, read([[258, -44]], crypto.sha512(preimage))!, preimage);
    });
  });
}

test('another structure is no hash envelope', () => {
  assert.equal(read([[3, 'text/plain']]), undefined);
});

test('RFC 9995 §4: what must not be', () => {
  const refused: [() => unknown, string][] = [
    [() => read([], digest, [[258, -16]]), 'COSE_MALFORMED'],
    [() => read([[258, -16]], digest, [[259, 'text/plain']]), 'COSE_MALFORMED'],
    [() => read([[258, -16]], digest, [[260, 'x']]), 'COSE_MALFORMED'],
    [() => read([[258, -16]], digest, [[3, 0]]), 'COSE_MALFORMED'],
    [
      () =>
        read([
          [258, -16],
          [3, 0],
        ]),
      'COSE_MALFORMED',
    ],
    [() => read([[259, 'text/plain']]), 'HEADER_MISSING'],
    [() => read([[260, 'x']]), 'HEADER_MISSING'],
    [() => read([[258, 'SHA-256']]), 'HEADER_MISSING'],
    [
      () =>
        read([
          [258, -16],
          [259, -1],
        ]),
      'HEADER_MISSING',
    ],
    [
      () =>
        read([
          [258, -16],
          [259, 0x1_0000],
        ]),
      'HEADER_MISSING',
    ],
    [
      () =>
        read([
          [258, -16],
          [259, null],
        ]),
      'HEADER_MISSING',
    ],
    [
      () =>
        read([
          [258, -16],
          [260, 1],
        ]),
      'HEADER_MISSING',
    ],
    [() => read([[258, -16]], digest.subarray(1)), 'COSE_MALFORMED'],
    [() => read([[258, -43]]), 'COSE_MALFORMED'],
  ];
  for (const [act, code] of refused) assert.equal(refusal(act), code, `${act}`);
});

test('what can be read but not checked', () => {
  const shake = read([
    [258, -18],
    [259, 50],
  ])!; // SHAKE128, application/json
  assert.equal(shake.contentType, 50);
  assert.equal(
    refusal(() => verifyPreimage(nodeCrypto, shake, preimage)),
    'ALG_NOT_ALLOWED',
  );
  const detached = read([[258, -16]], digest, [], true)!;
  assert.equal(
    refusal(() => verifyPreimage(nodeCrypto, detached, preimage)),
    'COSE_MALFORMED',
  );
});
