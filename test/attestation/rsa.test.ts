/** RSA verification against OpenSSL, for keys, schemes and damages of every kind. */
import assert from 'node:assert/strict';
import { constants, type KeyObject, sign, verify } from 'node:crypto';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type RsaPublicKey, rsaPublicKey, verifyPkcs1, verifyPss } from '../../src/attestation/rsa.ts';
import { type Bytes, fromBase64url, utf8 } from '../../src/core/bytes.ts';
import { nobleCrypto } from '../../src/core/crypto-noble.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import { rsaKey } from './rsa-keys.ts';

const HASHES = ['sha256', 'sha384', 'sha512'] as const;
const MESSAGE = utf8('what is signed');

interface Made {
  readonly bits: number;
  readonly key: RsaPublicKey;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

/** Sizes that are no multiple of 8 move the bits that PSS leaves out. */
const KEYS: readonly Made[] = (['small', 2049, 2055, 3072] as const).map((name) => {
  const { privateKey, publicKey } = rsaKey(name);
  const bits = publicKey.asymmetricKeyDetails!.modulusLength!;
  const { n, e } = publicKey.export({ format: 'jwk' });
  return { bits, key: rsaPublicKey(fromBase64url(n!), fromBase64url(e!))!, privateKey, publicKey };
});

describe('RSASSA-PSS', () => {
  for (const made of KEYS) {
    it(`${made.bits} bits: what OpenSSL signs verifies under both back ends, and nothing else`, () => {
      for (const hash of HASHES) {
        for (const saltLength of [0, 20, 32, 48, 64]) {
          const signature = pss(made.privateKey, hash, saltLength);
          for (const crypto of [nodeCrypto, nobleCrypto]) {
            assert.equal(verifyPss(crypto, made.key, hash, saltLength, MESSAGE, signature), true);
            assert.equal(verifyPss(crypto, made.key, hash, saltLength + 1, MESSAGE, signature), false);
          }
          for (const other of HASHES) {
            assert.equal(
              verifyPss(nodeCrypto, made.key, other, saltLength, MESSAGE, signature),
              other === hash,
            );
          }
          assert.equal(verifyPss(nodeCrypto, made.key, hash, saltLength, utf8('another'), signature), false);
        }
      }
    });
  }

  it('says what OpenSSL says of damaged signatures', () => {
    const { key, privateKey, publicKey } = KEYS[0]!;
    const signature = pss(privateKey, 'sha384', 48);
    fc.assert(
      fc.property(fc.nat(signature.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const damaged = signature.slice();
        damaged[at]! ^= flip;
        const options = { key: publicKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 48 };
        assert.equal(
          verifyPss(nodeCrypto, key, 'sha384', 48, MESSAGE, damaged),
          verify('sha384', MESSAGE, options, damaged),
        );
      }),
      { numRuns: 300 },
    );
  });

  it('no signature of another length, and none that is not below the modulus', () => {
    const { key, privateKey } = KEYS[0]!;
    const signature = pss(privateKey, 'sha384', 48);
    const long = Uint8Array.of(0, ...signature);
    const above = bytesOf(bigEndian(signature) + bigEndian(key.modulus), 257);
    for (const bad of [
      new Uint8Array(0),
      signature.subarray(1),
      long,
      above,
      above.subarray(1),
      new Uint8Array(256),
      new Uint8Array(256).fill(255),
    ]) {
      assert.equal(verifyPss(nodeCrypto, key, 'sha384', 48, MESSAGE, bad), false);
    }
  });
});

describe('RSASSA-PKCS1-v1_5', () => {
  for (const { bits, key, privateKey } of KEYS) {
    it(`${bits} bits: what OpenSSL signs verifies, and nothing else`, () => {
      for (const hash of HASHES) {
        const signature = new Uint8Array(sign(hash, MESSAGE, privateKey));
        for (const other of HASHES) {
          assert.equal(verifyPkcs1(nodeCrypto, key, other, MESSAGE, signature), other === hash);
        }
        assert.equal(verifyPss(nodeCrypto, key, hash, 48, MESSAGE, signature), false);
        assert.equal(verifyPkcs1(nodeCrypto, key, hash, MESSAGE, pss(privateKey, hash, 48)), false);
        for (const at of [0, 1, 100, signature.length - 1]) {
          const damaged = signature.slice();
          damaged[at]! ^= 1;
          assert.equal(verifyPkcs1(nodeCrypto, key, hash, MESSAGE, damaged), false);
        }
      }
    });
  }
});

describe('RSAVP1', () => {
  it('is the same number for both back ends, of any odd modulus, be it no product of two primes', () => {
    const size = fc.constantFrom(256, 257, 300, 512);
    const filled = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
    const made = size.chain((length) =>
      fc.tuple(filled(length), filled(length), fc.constantFrom(1, 2, 0x80, 0xff)),
    );
    fc.assert(
      fc.property(made, fc.constantFrom('any', '0', '1', 'n-1'), ([noise, other, first], which) => {
        const modulus = noise.with(0, first).with(-1, noise.at(-1)! | 1);
        const n = bigEndian(modulus);
        const s = { any: bigEndian(other) % n, 0: 0n, 1: 1n, 'n-1': n - 1n }[which];
        const signature = bytesOf(s, modulus.length);
        const node = nodeCrypto.rsavp1(modulus, signature);
        assert.deepEqual(node, nobleCrypto.rsavp1(modulus, signature));
        if (which !== 'any') assert.equal(bigEndian(node), s);
        assert.equal(node.length, modulus.length);
      }),
      { numRuns: 100 },
    );
  });
});

describe('keys', () => {
  it('of 2048 to 4096 bits, odd, with the exponent 65537', () => {
    const modulus = new Uint8Array(256).fill(0xff);
    const exponent = Uint8Array.of(1, 0, 1);
    assert.equal(rsaPublicKey(modulus, exponent)?.bits, 2048);
    assert.equal(rsaPublicKey(new Uint8Array(512).fill(0xff), exponent)?.bits, 4096);
    for (const size of [255, 513, 100_000])
      assert.equal(rsaPublicKey(new Uint8Array(size).fill(0xff), exponent), undefined);
    assert.equal(rsaPublicKey(Uint8Array.of(0, ...modulus), exponent), undefined);
    assert.equal(rsaPublicKey(modulus, Uint8Array.of(3)), undefined);
    assert.equal(rsaPublicKey(modulus, Uint8Array.of(1, 0, 1, 1)), undefined);
    assert.equal(rsaPublicKey(modulus.with(255, 0xfe), exponent), undefined);
  });
});

function pss(key: KeyObject, hash: string, saltLength: number): Bytes {
  return new Uint8Array(sign(hash, MESSAGE, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength }));
}

function bigEndian(bytes: Bytes): bigint {
  return BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
}

function bytesOf(value: bigint, size: number): Bytes {
  return new Uint8Array(Buffer.from(value.toString(16).padStart(size * 2, '0'), 'hex'));
}
