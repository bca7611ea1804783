import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { ed25519 } from '@noble/curves/ed25519.js';
import fc from 'fast-check';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import { ed25519BySodium } from '../../src/platform/ed25519.ts';

suite('Ed25519 by libsodium', () => {
  test('is there on the platforms that this is tested on', () => {
    assert.ok(ed25519BySodium());
  });

  test('accepts what a key has signed, and nothing that was changed', () => {
    const verify = ed25519BySodium()!;
    const bytes = fc.uint8Array({ minLength: 32, maxLength: 32 });
    fc.assert(
      fc.property(bytes, fc.uint8Array({ maxLength: 600 }), fc.nat(), (seed, message, at) => {
        const key = nodeCrypto.importPrivateKey('Ed25519', seed);
        const signature = key.sign(message);
        assert.deepEqual(signature, ed25519.sign(message, seed), 'as a second implementation signs');
        assert.equal(verify(signature, message, key.publicKey.bytes), true);
        const [changed, other] = [Uint8Array.from(signature), Uint8Array.from([...message, 0])];
        changed[at % 64]! ^= 1 << (at % 8);
        assert.equal(verify(changed, message, key.publicKey.bytes), false);
        assert.equal(verify(signature, other, key.publicKey.bytes), false);
      }),
    );
  });

  test('does not decide about an R of small order: the rule accepts it, and so does the interface (OpenSSL too, but since node 24)', () => {
    const { Fn, BASE, ZERO } = ed25519.Point;
    const { scalar, pointBytes } = ed25519.utils.getExtendedPublicKey(new Uint8Array(32).fill(7));
    const message = new Uint8Array([1, 2, 3]);
    // The nonce is zero, so that R is the neutral element, and S is k times the secret.
    const R = ZERO.toBytes();
    const digest = Uint8Array.from(nodeCrypto.sha512(Uint8Array.from([...R, ...pointBytes, ...message])));
    const k = Fn.create(BigInt(`0x${Buffer.from(digest.reverse()).toString('hex')}`));
    const S = Buffer.from(
      Fn.create(k * scalar)
        .toString(16)
        .padStart(64, '0'),
      'hex',
    ).reverse();
    const signature = Uint8Array.from([...R, ...S]);
    assert.ok(BASE.multiply(Fn.create(k * scalar)).equals(ed25519.Point.fromBytes(pointBytes).multiply(k)));
    assert.equal(ed25519BySodium()!(signature, message, pointBytes), false);
    assert.equal(nodeCrypto.importPublicKey('Ed25519', pointBytes).verify(message, signature), true);
  });

  test('is not asked about what it would count in 32 bits', () => {
    // A whole message of 4 GiB would be an empty one to it. It is not written to, so it takes no memory.
    const key = nodeCrypto.importPrivateKey('Ed25519', new Uint8Array(32).fill(3));
    const signature = key.sign(new Uint8Array(0));
    const large = new Uint8Array(2 ** 32);
    assert.equal(ed25519BySodium()!(signature, large, key.publicKey.bytes), false);
    assert.equal(ed25519BySodium()!(signature, large.subarray(2 ** 32 - 1), key.publicKey.bytes), false);
    assert.equal(ed25519BySodium()!(signature, large.subarray(0, 0), key.publicKey.bytes), true);
  });

  test('is left out where there is none, or one that says too much or too little', () => {
    const all = { crypto_sign_verify_detached: () => true };
    const none = { crypto_sign_verify_detached: () => false };
    const broken = {
      crypto_sign_verify_detached: () => {
        throw new Error('no');
      },
    };
    // The cofactored equation of RFC 8032 §5.1.7, which noble's own verification uses.
    const cofactored = {
      crypto_sign_verify_detached: (signature: Uint8Array, message: Uint8Array, key: Uint8Array) =>
        ed25519.verify(signature, message, key),
    };
    for (const library of [all, none, broken, cofactored, {}, undefined]) {
      assert.equal(
        ed25519BySodium(() => library),
        undefined,
      );
    }
    assert.equal(
      ed25519BySodium(() => {
        throw new Error('no addon for this platform');
      }),
      undefined,
    );
  });
});
