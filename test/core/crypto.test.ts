/** The crypto interface, the same tests for both back ends, and each against the other. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ed25519 } from '@noble/curves/ed25519.js';
import { p256, p384 } from '@noble/curves/nist.js';
import fc from 'fast-check';
import { concat, fromHex, toCharacters, toHex, utf8 } from '../../src/core/bytes.ts';
import { hashCharacters, LENGTHS, type SignatureAlgorithm } from '../../src/core/crypto.ts';
import { nobleCrypto } from '../../src/core/crypto-noble.ts';
import { bigEndian, ORDER, signatureInProfile, toLowS } from '../../src/core/signature-profile.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import { outcome } from './mangle.ts';

const BACK_ENDS = [nodeCrypto, nobleCrypto];
const ALGORITHMS: SignatureAlgorithm[] = ['ES256', 'ES384', 'Ed25519'];
const ECDSA = ['ES256', 'ES384'] as const;
const message = utf8('a message');
const curve = (algorithm: 'ES256' | 'ES384') => (algorithm === 'ES256' ? p256 : p384);

/** `value` as a big-endian number of `width` bytes. */
function fixed(value: bigint, width: number): Uint8Array {
  return fromHex(value.toString(16).padStart(width * 2, '0'));
}

describe('hashes', () => {
  // FIPS 180-4 examples: the empty message and "abc".
  const vectors = [
    ['sha256', '', 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
    ['sha256', 'abc', 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
    [
      'sha384',
      'abc',
      'cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7',
    ],
    [
      'sha512',
      'abc',
      'ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f',
    ],
  ] as const;
  for (const crypto of BACK_ENDS) {
    for (const [hash, text, digest] of vectors) {
      it(`${crypto.name}: ${hash}("${text}")`, () => assert.equal(toHex(crypto[hash](utf8(text))), digest));
    }
  }

  it('agree, and are plain Uint8Arrays', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (data) => {
        for (const hash of ['sha256', 'sha384', 'sha512'] as const) {
          const digest = nodeCrypto[hash](data);
          assert.deepEqual(digest, nobleCrypto[hash](data));
          assert.equal(Object.getPrototypeOf(digest), Uint8Array.prototype);
        }
      }),
    );
  });

  for (const crypto of BACK_ENDS) {
    it(`are the same as characters: ${crypto.name}`, () => {
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 300 }), (data) => {
          assert.equal(hashCharacters(crypto, data), toCharacters(nobleCrypto.sha256(data)));
        }),
      );
    });
  }
});

describe('randomBytes', () => {
  for (const crypto of BACK_ENDS) {
    it(crypto.name, () => {
      assert.equal(crypto.randomBytes(32).length, 32);
      assert.notDeepEqual(crypto.randomBytes(32), crypto.randomBytes(32));
    });
  }
});

describe('sign and verify', () => {
  for (const algorithm of ALGORITHMS) {
    for (const signer of BACK_ENDS) {
      it(`${algorithm}: what ${signer.name} signs, both verify`, () => {
        const privateKey = signer.generatePrivateKey(algorithm);
        const { publicKey } = privateKey;
        const signature = privateKey.sign(message);
        const { secret, public: publicLength, signature: signatureLength } = LENGTHS[algorithm];
        assert.deepEqual(
          [privateKey.secret.length, publicKey.bytes.length, signature.length],
          [secret, publicLength, signatureLength],
        );
        assert.equal(Object.getPrototypeOf(signature), Uint8Array.prototype);
        for (const verifier of BACK_ENDS) {
          const key = verifier.importPublicKey(algorithm, publicKey.bytes);
          assert.equal(key.algorithm, algorithm);
          assert.equal(key.verify(message, signature), true);
          assert.equal(key.verify(utf8('another message'), signature), false);
          // The secret gives the same public key everywhere.
          assert.deepEqual(
            verifier.importPrivateKey(algorithm, privateKey.secret).publicKey.bytes,
            publicKey.bytes,
          );
          const stranger = verifier.generatePrivateKey(algorithm).publicKey;
          assert.equal(stranger.verify(message, signature), false);
        }
      });
    }

    it(`${algorithm}: a signature changed, cut or lengthened is false in both, and never throws`, () => {
      const privateKey = nodeCrypto.generatePrivateKey(algorithm);
      const signature = privateKey.sign(message);
      const keys = BACK_ENDS.map((crypto) => crypto.importPublicKey(algorithm, privateKey.publicKey.bytes));
      const wrong = [
        new Uint8Array(),
        signature.slice(1),
        signature.slice(0, -1),
        concat(signature, Uint8Array.of(0)),
        concat(Uint8Array.of(0), signature),
        new Uint8Array(signature.length),
        new Uint8Array(signature.length).fill(0xff),
        ...Array.from(signature, (byte, i) => Uint8Array.from(signature).fill(byte ^ 1, i, i + 1)),
      ];
      for (const bad of wrong) {
        for (const key of keys) {
          assert.equal(key.verify(message, bad), false);
          assert.equal(key.verify(message, bad, { lowS: false }), false);
        }
      }
    });
  }

  it('Ed25519 is RFC 8032: test 2 of §7.1', () => {
    const seed = fromHex('4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb');
    for (const crypto of BACK_ENDS) {
      const key = crypto.importPrivateKey('Ed25519', seed);
      assert.equal(
        toHex(key.publicKey.bytes),
        '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
      );
      assert.equal(
        toHex(key.sign(Uint8Array.of(0x72))),
        '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
      );
    }
  });

  it('a key keeps its own copy of the bytes it was made from', () => {
    for (const crypto of BACK_ENDS) {
      for (const algorithm of ALGORITHMS) {
        const privateKey = crypto.generatePrivateKey(algorithm);
        const signature = privateKey.sign(message);
        const bytes = Uint8Array.from(privateKey.publicKey.bytes);
        const key = crypto.importPublicKey(algorithm, bytes);
        bytes.fill(0);
        assert.equal(key.verify(message, signature), true);
      }
    }
  });
});

describe('ECDSA profile', () => {
  for (const algorithm of ECDSA) {
    const half = LENGTHS[algorithm].signature / 2;
    const n = ORDER[algorithm];
    const privateKey = nodeCrypto.generatePrivateKey(algorithm);
    const keys = BACK_ENDS.map((crypto) => crypto.importPublicKey(algorithm, privateKey.publicKey.bytes));
    const signature = privateKey.sign(message);
    const s = bigEndian(signature.subarray(half));
    const withS = (value: bigint) => concat(signature.subarray(0, half), fixed(value, half));
    const withR = (value: bigint) => concat(fixed(value, half), signature.subarray(half));

    it(`${algorithm}: both back ends sign low-s, always`, () => {
      for (const crypto of BACK_ENDS) {
        const key = crypto.importPrivateKey(algorithm, privateKey.secret);
        for (let i = 0; i < 12; i++) {
          assert.ok(bigEndian(key.sign(Uint8Array.of(i)).subarray(half)) <= n >> 1n);
        }
      }
    });

    it(`${algorithm}: high s is refused, and valid when the caller allows it`, () => {
      const high = withS(n - s);
      for (const key of keys) {
        assert.equal(key.verify(message, high), false);
        assert.equal(key.verify(message, high, { lowS: true }), false);
        assert.equal(key.verify(message, high, { lowS: false }), true);
        assert.equal(key.verify(message, signature, { lowS: false }), true);
      }
      assert.deepEqual(toLowS(algorithm, high), signature);
      assert.deepEqual(toLowS(algorithm, signature), signature);
    });

    it(`${algorithm}: the bound is s ≤ n/2, to the unit`, () => {
      assert.equal(signatureInProfile(algorithm, withS(n >> 1n), true), true);
      assert.equal(signatureInProfile(algorithm, withS((n >> 1n) + 1n), true), false);
      assert.equal(signatureInProfile(algorithm, withS((n >> 1n) + 1n), false), true);
      assert.equal(signatureInProfile(algorithm, withS(n - 1n), false), true);
    });

    it(`${algorithm}: r and s of 0, n and above are refused`, () => {
      const beyond = (1n << BigInt(half * 8)) - 1n;
      for (const value of [0n, n, n + 1n, beyond]) {
        for (const key of keys) {
          for (const lowS of [true, false]) {
            assert.equal(key.verify(message, withS(value), { lowS }), false, `s = ${value}`);
            assert.equal(key.verify(message, withR(value), { lowS }), false, `r = ${value}`);
          }
        }
      }
      for (const key of keys) {
        // s + n is the same number to the group, if it fits at all.
        if (s + n <= beyond) assert.equal(key.verify(message, withS(s + n), { lowS: false }), false);
        // In range, not a signature: must be false and not an error.
        assert.equal(key.verify(message, withR(1n)), false);
        assert.equal(key.verify(message, withS(1n)), false);
        assert.equal(key.verify(message, concat(fixed(1n, half), fixed(1n, half))), false);
        assert.equal(key.verify(message, concat(fixed(n - 1n, half), fixed(n >> 1n, half))), false);
      }
    });

    it(`${algorithm}: DER signatures are refused`, () => {
      const der = curve(algorithm).Signature.fromBytes(signature).toBytes('der');
      for (const key of keys) assert.equal(key.verify(message, der), false);
    });
  }
});

describe('public keys', () => {
  for (const crypto of BACK_ENDS) {
    for (const algorithm of ECDSA) {
      const point = crypto.generatePrivateKey(algorithm).publicKey.bytes;
      const width = (point.length - 1) / 2;
      const refuse = (bytes: Uint8Array, code: string) =>
        assert.throws(() => crypto.importPublicKey(algorithm, bytes), { code });

      it(`${crypto.name} ${algorithm}: only uncompressed points of the right length`, () => {
        refuse(curve(algorithm).Point.fromBytes(point).toBytes(true), 'KEY_MALFORMED');
        refuse(point.slice(1), 'KEY_MALFORMED');
        refuse(concat(point, Uint8Array.of(0)), 'KEY_MALFORMED');
        refuse(new Uint8Array(), 'KEY_MALFORMED');
        refuse(Uint8Array.of(0), 'KEY_MALFORMED');
        // The hybrid forms of SEC1, 06 and 07, and a first byte that means nothing.
        for (const first of [0, 2, 3, 5, 6, 7])
          refuse(concat(Uint8Array.of(first), point.slice(1)), 'KEY_MALFORMED');
      });

      it(`${crypto.name} ${algorithm}: only points of the curve, in canonical form`, () => {
        refuse(Uint8Array.from(point).fill(point.at(-1)! ^ 1, -1), 'KEY_WEAK');
        refuse(concat(Uint8Array.of(4), new Uint8Array(2 * width)), 'KEY_WEAK');
        refuse(concat(Uint8Array.of(4), new Uint8Array(2 * width).fill(0xff)), 'KEY_WEAK');
        // A small x has a second spelling, x + p, that still fits the width.
        const { Point } = curve(algorithm);
        const p = Point.Fp.ORDER;
        const small = smallX(algorithm);
        const { x, y } = small.toAffine();
        assert.ok(crypto.importPublicKey(algorithm, small.toBytes(false)));
        refuse(concat(Uint8Array.of(4), fixed(x + p, width), fixed(y, width)), 'KEY_WEAK');
      });
    }

    it(`${crypto.name} Ed25519: only canonical points, not of small order`, () => {
      const refuse = (hex: string, code: string) =>
        assert.throws(() => crypto.importPublicKey('Ed25519', fromHex(hex)), { code });
      const zeros = '00'.repeat(30);
      // The eight points of small order: 0, orders 2, 4, 4 and 8 four times.
      refuse(`01${zeros}00`, 'KEY_WEAK');
      refuse(`ec${'ff'.repeat(30)}7f`, 'KEY_WEAK');
      refuse(`00${zeros}00`, 'KEY_WEAK');
      refuse(`00${zeros}80`, 'KEY_WEAK');
      for (const y of [
        'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
        'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa',
        '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
        '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85',
      ]) {
        refuse(y, 'KEY_WEAK');
      }
      // Not canonical: x = 0 with the sign bit, and y = p, p + 1, 2^255 − 1.
      refuse(`01${zeros}80`, 'KEY_WEAK');
      refuse(`ed${'ff'.repeat(30)}7f`, 'KEY_WEAK');
      refuse(`ee${'ff'.repeat(30)}7f`, 'KEY_WEAK');
      refuse(`ff${'ff'.repeat(30)}7f`, 'KEY_WEAK');
      // y = 2 is on no point.
      refuse(`02${zeros}00`, 'KEY_WEAK');
      refuse('00'.repeat(31), 'KEY_MALFORMED');
      refuse('00'.repeat(33), 'KEY_MALFORMED');
    });
  }

  it('both back ends give the same answer to any bytes', () => {
    const candidate = fc.oneof(
      fc.tuple(fc.constant<SignatureAlgorithm>('Ed25519'), fc.uint8Array({ minLength: 32, maxLength: 32 })),
      fc.tuple(
        fc.constant<SignatureAlgorithm>('ES256'),
        fc.uint8Array({ minLength: 64, maxLength: 64 }).map((rest) => concat(Uint8Array.of(4), rest)),
      ),
    );
    fc.assert(
      fc.property(candidate, ([algorithm, bytes]) => {
        const [node, noble] = BACK_ENDS.map((crypto) =>
          outcome(() => toHex(crypto.importPublicKey(algorithm, bytes).bytes)),
        );
        assert.deepEqual(node, noble);
      }),
    );
  });
});

describe('private keys', () => {
  for (const crypto of BACK_ENDS) {
    it(`${crypto.name}: a length that is wrong, a scalar of 0, n or above`, () => {
      for (const algorithm of ALGORITHMS) {
        const { secret } = LENGTHS[algorithm];
        for (const length of [0, secret - 1, secret + 1]) {
          assert.throws(() => crypto.importPrivateKey(algorithm, new Uint8Array(length).fill(1)), {
            code: 'KEY_MALFORMED',
          });
        }
      }
      for (const algorithm of ECDSA) {
        const width = LENGTHS[algorithm].secret;
        const n = ORDER[algorithm];
        for (const scalar of [0n, n, n + 1n]) {
          assert.throws(() => crypto.importPrivateKey(algorithm, fixed(scalar, width)), { code: 'KEY_WEAK' });
        }
        for (const scalar of [1n, n - 1n]) {
          const key = crypto.importPrivateKey(algorithm, fixed(scalar, width));
          assert.equal(key.publicKey.verify(message, key.sign(message)), true);
        }
      }
      // Any 32 bytes are an Ed25519 seed.
      const key = crypto.importPrivateKey('Ed25519', new Uint8Array(32));
      assert.equal(key.publicKey.verify(message, key.sign(message)), true);
    });
  }
});

describe('Ed25519 is cofactorless', () => {
  const { Point } = ed25519;
  const { Fn } = Point;
  const seed = new Uint8Array(32).fill(42);
  const { scalar, point: A } = ed25519.utils.getExtendedPublicKey(seed);
  /** A point of order 8. */
  const torsion = Point.fromHex('c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a');
  const littleEndian = (bytes: Uint8Array) => bigEndian(Uint8Array.from(bytes).reverse());
  const littleEndianBytes = (value: bigint) => fixed(value, 32).reverse();

  /** A signature by the holder of `seed` whose R has `added` to it: S fits R − added. */
  function signWithR(added: typeof torsion): Uint8Array {
    const nonce = 123456789n;
    const R = Point.BASE.multiply(nonce).add(added).toBytes();
    const k = Fn.create(littleEndian(nobleCrypto.sha512(concat(R, A.toBytes(), message))));
    return concat(R, littleEndianBytes(Fn.create(nonce + k * scalar)));
  }

  for (const crypto of BACK_ENDS) {
    const key = crypto.importPublicKey('Ed25519', A.toBytes());

    it(`${crypto.name}: a torsioned R is refused, which the cofactored equation accepts`, () => {
      assert.equal(key.verify(message, signWithR(Point.ZERO)), true);
      for (let order = torsion, i = 1; i < 8; i++, order = order.add(torsion)) {
        const signature = signWithR(order);
        assert.equal(key.verify(message, signature), false, `torsion ${i}`);
        // What makes it a test: the library's own verify multiplies by 8.
        assert.equal(ed25519.verify(signature, message, A.toBytes()), true);
      }
    });

    it(`${crypto.name}: S + L is refused`, () => {
      const signature = signWithR(Point.ZERO);
      const s = littleEndian(signature.subarray(32));
      for (const value of [s + Fn.ORDER, Fn.ORDER, (1n << 256n) - 1n]) {
        const malleable = concat(signature.subarray(0, 32), littleEndianBytes(value));
        assert.equal(key.verify(message, malleable), false);
      }
    });
  }
});

/** The first point with a small x coordinate. */
function smallX(algorithm: 'ES256' | 'ES384') {
  const { Point } = curve(algorithm);
  for (let x = 0n; ; x++) {
    try {
      return Point.fromBytes(concat(Uint8Array.of(2), fixed(x, LENGTHS[algorithm].secret)));
    } catch {
      // No point there: try the next.
    }
  }
}
