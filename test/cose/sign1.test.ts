import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { toHex, utf8 } from '../../src/core/bytes.ts';
import { type Cbor, type CborMap, encode, Float, Tagged } from '../../src/core/cbor.ts';
import { nobleCrypto } from '../../src/core/crypto-noble.ts';
import { isLedgerError } from '../../src/core/errors.ts';
import {
  ALG,
  CRIT,
  canonicalSign1,
  decodeProtected,
  decodeSign1,
  encodeProtected,
  encodeSign1,
  KID,
  signSign1,
  sigStructure,
  verifySign1,
} from '../../src/cose/index.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import { assertMangleProof, refusal } from './mangle.ts';

const payload = utf8('payload');
const secret = (size: number) => new Uint8Array(size).fill(7);
const header = (...entries: [number | string, Cbor][]): CborMap => new Map(entries);
const DECODE_CODES = ['CBOR_MALFORMED', 'COSE_MALFORMED', 'COSE_TAG_WRONG'];
const VERIFY_CODES = [
  ...DECODE_CODES,
  'HEADER_MISSING',
  'ALG_NOT_ALLOWED',
  'CRIT_UNKNOWN',
  'SIGNATURE_INVALID',
];

for (const crypto of [nodeCrypto, nobleCrypto]) {
  describe(`signing, ${crypto.name}`, () => {
    for (const algorithm of ['ES256', 'ES384', 'Ed25519'] as const) {
      const key = crypto.importPrivateKey(algorithm, secret(algorithm === 'ES384' ? 48 : 32));

      test(`${algorithm}: what is signed verifies, attached and detached, with and without external data`, () => {
        for (const detached of [false, true]) {
          for (const externalAad of [undefined, utf8('aad')]) {
            const aad = externalAad ? { externalAad } : {};
            const bytes = signSign1(key, { protected: header([KID, payload]), payload, detached, ...aad });
            const sign1 = decodeSign1(bytes);
            assert.equal(sign1.payload === null, detached);
            verifySign1(key.publicKey, sign1, { payload, ...aad });
            assert.equal(
              refusal(() => verifySign1(key.publicKey, sign1, { payload, externalAad: utf8('other') })),
              'SIGNATURE_INVALID',
            );
            assert.equal(
              refusal(() => verifySign1(key.publicKey, sign1, { payload: utf8('other'), ...aad })),
              'SIGNATURE_INVALID',
            );
          }
        }
      });
    }

    test('every id of an algorithm verifies; the header’s algorithm must be the key’s', () => {
      const ids = { ES256: [-7, -9], ES384: [-35, -51], Ed25519: [-8, -19] };
      for (const algorithm of ['ES256', 'ES384', 'Ed25519'] as const) {
        const key = crypto.importPrivateKey(algorithm, secret(algorithm === 'ES384' ? 48 : 32));
        for (const [other, list] of Object.entries(ids)) {
          for (const id of list) {
            const sign = () => signSign1(key, { protected: header([ALG, id]), payload });
            if (other === algorithm) verifySign1(key.publicKey, decodeSign1(sign()));
            else assert.equal(refusal(sign), 'ALG_NOT_ALLOWED');
          }
        }
      }
    });

    test('a high-s signature is refused, unless the caller takes it', () => {
      const key = crypto.importPrivateKey('ES256', secret(32));
      const sign1 = decodeSign1(signSign1(key, { protected: header(), payload }));
      const n = BigInt('0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551');
      const s = n - BigInt(`0x${toHex(sign1.signature.subarray(32))}`);
      const signature = Uint8Array.from(sign1.signature);
      signature.set(Buffer.from(s.toString(16).padStart(64, '0'), 'hex'), 32);
      const high = { ...sign1, signature };
      assert.equal(
        refusal(() => verifySign1(key.publicKey, high)),
        'SIGNATURE_INVALID',
      );
      verifySign1(key.publicKey, high, { lowS: false });
    });
  });
}

const key = nodeCrypto.importPrivateKey('ES256', secret(32));
const structure = (...members: Cbor[]) => encode(new Tagged(18, members));
const empty = new Uint8Array(0);

describe('decoding', () => {
  const good = [encodeProtected(header([ALG, -7])), header(), payload, new Uint8Array(64)] as const;

  test('shape', () => {
    const refused: [Uint8Array, string][] = [
      [encode([...good]), 'COSE_TAG_WRONG'],
      [encode(new Tagged(98, [...good])), 'COSE_TAG_WRONG'],
      [encode(new Tagged(18, new Tagged(18, [...good]))), 'COSE_MALFORMED'],
      [structure(...good, null), 'COSE_MALFORMED'],
      [structure(...good.slice(0, 3)), 'COSE_MALFORMED'],
      [structure(header(), ...good.slice(1)), 'COSE_MALFORMED'],
      [structure(good[0], empty, good[2], good[3]), 'COSE_MALFORMED'],
      [structure(good[0], good[1], 'text', good[3]), 'COSE_MALFORMED'],
      [structure(good[0], good[1], good[2], null), 'COSE_MALFORMED'],
      [structure(encode([1]), ...good.slice(1)), 'COSE_MALFORMED'],
      [structure(Uint8Array.of(0xff), ...good.slice(1)), 'CBOR_MALFORMED'],
      // indefinite-length map inside the protected header
      [structure(Uint8Array.of(0xbf, 0x01, 0x26, 0xff), ...good.slice(1)), 'CBOR_MALFORMED'],
      // label 1 in both buckets, also when spelled with another width
      [structure(good[0], header([ALG, -7]), good[2], good[3]), 'COSE_MALFORMED'],
      [structure(Uint8Array.of(0xa1, 0x18, 1, 0x26), header([ALG, -7]), good[2], good[3]), 'COSE_MALFORMED'],
      [structure(good[0], header([CRIT, [4]]), good[2], good[3]), 'COSE_MALFORMED'],
    ];
    for (const [bytes, code] of refused) {
      assert.equal(
        refusal(() => decodeSign1(bytes)),
        code,
        toHex(bytes),
      );
    }
  });

  test('untagged only where the caller allows it', () => {
    assert.equal(decodeSign1(encode([...good]), { requireTag: false }).tagged, false);
    assert.equal(decodeSign1(structure(...good), { requireTag: false }).tagged, true);
  });

  test('headers of others: any order, any width, floats and tags', () => {
    // {4: h'', 1: -7, "x": 1.5, 16: 1(2)} with a two-byte label 4
    const bytes = Buffer.from('a419000440012661 78f93e0010c102'.replaceAll(' ', ''), 'hex');
    const map = decodeProtected(Uint8Array.from(bytes));
    assert.deepEqual([...map.keys()], [4, 1, 'x', 16]);
    assert.deepEqual(map.get('x'), new Float(1.5));
  });

  test('canonical bytes drop what is unprotected, and the received header stays as it was', () => {
    const spelled = Uint8Array.of(0xa1, 0x18, 1, 0x26);
    const sign1 = decodeSign1(structure(spelled, header([33, payload]), payload, empty));
    assert.deepEqual(canonicalSign1(sign1), structure(spelled, header(), payload, empty));
    assert.deepEqual(encodeSign1(sign1), structure(spelled, header([33, payload]), payload, empty));
  });
});

describe('verification', () => {
  const signed = (map: CborMap) => {
    const protectedBytes = encodeProtected(map);
    const signature = key.sign(sigStructure(protectedBytes, payload));
    return decodeSign1(encodeSign1({ protectedBytes, payload, signature }));
  };

  test('Sig_structure of RFC 9052 §4.4', () => {
    assert.equal(
      toHex(sigStructure(encodeProtected(header([ALG, -7])), utf8('This is the content.'), empty)),
      '846a5369676e61747572653143a101264054546869732069732074686520636f6e74656e742e',
    );
  });

  test('alg must be protected', () => {
    assert.equal(
      refusal(() => verifySign1(key.publicKey, signed(header([KID, payload])))),
      'HEADER_MISSING',
    );
    for (const alg of [-36, 'ES256', null, [-7]]) {
      assert.equal(
        refusal(() => verifySign1(key.publicKey, signed(header([ALG, alg])))),
        'ALG_NOT_ALLOWED',
      );
    }
  });

  test('crit', () => {
    const critical = (crit: Cbor) => signed(header([ALG, -7], [CRIT, crit], ['x', 1]));
    const verdict = (crit: Cbor, understood: string[] = []) =>
      refusal(() => verifySign1(key.publicKey, critical(crit), { understood }));
    assert.equal(verdict(['x']), 'CRIT_UNKNOWN');
    assert.equal(verdict(['x'], ['x']), 'accepted');
    assert.equal(verdict(['x', 1], ['x']), 'CRIT_UNKNOWN');
    for (const crit of [[], 'x', ['y'], [null], [[1]]])
      assert.equal(verdict(crit, ['x', 'y']), 'COSE_MALFORMED');
  });

  test('a detached payload must be given', () => {
    const bytes = signSign1(key, { protected: header(), payload, detached: true });
    assert.equal(
      refusal(() => verifySign1(key.publicKey, decodeSign1(bytes))),
      'COSE_MALFORMED',
    );
  });

  test('an empty header, however it is spelled, is signed as the empty string', () => {
    for (const spelled of [[], [0xa0], [0xb8, 0]]) {
      const sign1 = decodeSign1(structure(Uint8Array.from(spelled), header(), payload, empty));
      assert.equal(sign1.protected.size, 0);
    }
    assert.deepEqual(sigStructure(Uint8Array.of(0xa0), payload), sigStructure(empty, payload));
  });
});

describe('hostile bytes', () => {
  test('any bytes are refused or decode, and never crash', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        for (const start of [[], [0xd2], [0xd2, 0x84], [0xd2, 0x84, 0x43, 0xa1, 0x01, 0x26, 0xa0]]) {
          const code = refusal(() => decodeSign1(Uint8Array.of(...start, ...bytes)));
          assert(code === 'accepted' || DECODE_CODES.includes(code), code);
        }
      }),
    );
  });

  test('what is encoded decodes to the same', () => {
    const label = fc.oneof(fc.integer(), fc.string({ unit: 'grapheme' }));
    const map = fc.uniqueArray(fc.tuple(label, fc.oneof(fc.integer(), fc.uint8Array(), fc.boolean())), {
      selector: ([key]) => key,
    });
    fc.assert(
      fc.property(map, map, fc.option(fc.uint8Array()), fc.uint8Array(), (one, two, body, signature) => {
        const unprotected = new Map(two);
        const protectedMap = new Map(one);
        const parts = {
          protectedBytes: encodeProtected(protectedMap),
          unprotected,
          payload: body,
          signature,
        };
        try {
          const sign1 = decodeSign1(encodeSign1(parts));
          assert.deepEqual(encodeSign1(sign1), encodeSign1(parts));
          assert.deepEqual(new Map([...sign1.protected].sort()), new Map(one.sort()));
        } catch (error) {
          assert(isLedgerError(error, 'COSE_MALFORMED'));
          assert(two.some(([label]) => protectedMap.has(label) || label === CRIT));
        }
      }),
    );
  });

  test('mangled: refused, or the same statement', () => {
    const bytes = signSign1(key, {
      protected: header([KID, payload]),
      unprotected: header([33, payload]),
      payload,
    });
    assertMangleProof(
      bytes,
      (damaged) => {
        const sign1 = decodeSign1(damaged);
        verifySign1(key.publicKey, sign1);
        return canonicalSign1(sign1);
      },
      VERIFY_CODES,
    );
  });
});
