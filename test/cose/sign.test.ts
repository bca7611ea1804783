import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { toHex, utf8 } from '../../src/core/bytes.ts';
import { type Cbor, encode, Tagged } from '../../src/core/cbor.ts';
import { nobleCrypto } from '../../src/core/crypto-noble.ts';
import {
  CONTENT_TYPE,
  decodeSign,
  KID,
  MAX_SIGNERS,
  signSign,
  verifySign,
  verifySigner,
} from '../../src/cose/index.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import { assertMangleProof, refusal } from './mangle.ts';

const payload = utf8('contract');
const header = (...entries: [number, Cbor][]) => new Map(entries);
const CODES = [
  'CBOR_MALFORMED',
  'COSE_MALFORMED',
  'COSE_TAG_WRONG',
  'HEADER_MISSING',
  'ALG_NOT_ALLOWED',
  'CRIT_UNKNOWN',
  'SIGNATURE_INVALID',
];

for (const crypto of [nodeCrypto, nobleCrypto]) {
  describe(`COSE_Sign, ${crypto.name}`, () => {
    const keys = [
      crypto.importPrivateKey('ES256', new Uint8Array(32).fill(1)),
      crypto.importPrivateKey('Ed25519', new Uint8Array(32).fill(2)),
      crypto.importPrivateKey('ES384', new Uint8Array(48).fill(3)),
    ];
    const bytes = signSign({
      protected: header([CONTENT_TYPE, 'application/json']),
      payload,
      signers: keys.map((key, i) => ({ key, protected: header([KID, Uint8Array.of(i)]) })),
    });
    const sign = decodeSign(bytes);

    test('every signer verifies under its own key', () => {
      verifySign(sign, (_, i) => keys[i]!.publicKey);
      assert.deepEqual(
        sign.signers.map((signer) => signer.protected.get(KID)),
        [0, 1, 2].map((i) => Uint8Array.of(i)),
      );
    });

    test('one wrong key refuses the whole', () => {
      const other = crypto.importPrivateKey('Ed25519', new Uint8Array(32).fill(9)).publicKey;
      assert.equal(
        refusal(() => verifySign(sign, (_, i) => (i === 1 ? other : keys[i]!.publicKey))),
        'SIGNATURE_INVALID',
      );
      assert.equal(
        refusal(() => verifySign(sign, () => other)),
        'ALG_NOT_ALLOWED',
      );
    });

    test('a signature covers body header, signer header and payload', () => {
      const one = sign.signers[0]!;
      const key = keys[0]!.publicKey;
      const changed = encode(header([CONTENT_TYPE, 'text/plain']));
      for (const act of [
        () => verifySigner(key, { ...sign, protectedBytes: changed }, one),
        () => verifySigner(key, { ...sign, payload: utf8('other') }, one),
        () => verifySigner(key, sign, { ...one, protectedBytes: encode(header([1, -7])) }),
      ]) {
        assert.equal(refusal(act), 'SIGNATURE_INVALID');
      }
    });
  });
}

const key = nodeCrypto.importPrivateKey('ES256', new Uint8Array(32).fill(1));
const bytes = signSign({ payload, signers: [{ key, protected: header([KID, Uint8Array.of(1)]) }] });

test('shape', () => {
  const empty = new Uint8Array(0);
  const signer = [empty, header(), empty];
  const sign = (...members: Cbor[]) => encode(new Tagged(98, members));
  const refused: [Uint8Array, string][] = [
    [encode(new Tagged(18, [empty, header(), payload, [signer]])), 'COSE_TAG_WRONG'],
    [encode([empty, header(), payload, [signer]]), 'COSE_TAG_WRONG'],
    [sign(empty, header(), payload), 'COSE_MALFORMED'],
    [sign(empty, header(), payload, []), 'COSE_MALFORMED'],
    [sign(empty, header(), payload, signer), 'COSE_MALFORMED'],
    [sign(empty, header(), 'payload', [signer]), 'COSE_MALFORMED'],
    [sign(empty, empty, payload, [signer]), 'COSE_MALFORMED'],
    [sign(empty, header(), payload, [[empty, header()]]), 'COSE_MALFORMED'],
    [sign(empty, header(), payload, [[empty, header(), null]]), 'COSE_MALFORMED'],
    [sign(empty, header(), payload, [[encode(header([1, -7])), header([1, -7]), empty]]), 'COSE_MALFORMED'],
    [sign(empty, header(), payload, new Array(MAX_SIGNERS + 1).fill(signer)), 'COSE_MALFORMED'],
  ];
  for (const [input, code] of refused) {
    assert.equal(
      refusal(() => decodeSign(input)),
      code,
      toHex(input),
    );
  }
  assert.equal(decodeSign(sign(empty, header(), null, new Array(MAX_SIGNERS).fill(signer))).payload, null);
});

test('any bytes are refused or decode, and never crash', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (tail) => {
      for (const start of [[], [0xd8, 98], [0xd8, 98, 0x84, 0x40, 0xa0, 0x40, 0x81, 0x83]]) {
        const code = refusal(() => decodeSign(Uint8Array.of(...start, ...tail)));
        assert(code === 'accepted' || CODES.includes(code), code);
      }
    }),
  );
});

test('mangled: refused, or the same content', () => {
  assertMangleProof(
    bytes,
    (damaged) => {
      const sign = decodeSign(damaged);
      verifySign(sign, () => key.publicKey);
      return [sign.protectedBytes, sign.payload, sign.signers.map((signer) => signer.protectedBytes)];
    },
    CODES,
  );
});
