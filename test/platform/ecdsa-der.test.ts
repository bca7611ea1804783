import assert from 'node:assert/strict';
import { createPublicKey, verify } from 'node:crypto';
import { test } from 'node:test';
import { p256 } from '@noble/curves/nist.js';
import fc from 'fast-check';
import { concat } from '../../src/core/bytes.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import { derOfSignature } from '../../src/platform/ecdsa-der.ts';

test('it is the encoding that noble writes', () => {
  const number = fc.oneof(
    fc.bigInt({ min: 1n, max: p256.Point.Fn.ORDER - 1n }),
    fc.constantFrom(1n, 0x7fn, 0x80n, 0xffn, 0x100n, 0x7fffn, 0x8000n, p256.Point.Fn.ORDER - 1n),
    fc.bigInt({ min: 1n, max: 1n << 128n }),
  );
  fc.assert(
    fc.property(number, number, (r, s) => {
      const signature = new p256.Signature(r, s);
      assert.deepEqual(Uint8Array.from(derOfSignature(signature.toBytes())), signature.toBytes('der'));
    }),
    { numRuns: 500 },
  );
});

test('what node makes of r and s by itself, it makes of this', () => {
  for (const algorithm of ['ES256', 'ES384'] as const) {
    const hash = algorithm === 'ES256' ? 'sha256' : 'sha384';
    const key = nodeCrypto.generatePrivateKey(algorithm);
    const message = Uint8Array.of(1, 2, 3);
    const good = key.sign(message);
    const half = good.length / 2;
    const zero = new Uint8Array(half);
    const bad = [
      concat(zero, good.subarray(half)),
      concat(good.subarray(0, half), zero),
      concat(zero, zero),
      new Uint8Array(good.length).fill(0xff),
      concat(good.subarray(half), good.subarray(0, half)),
    ];
    for (let bit = 0; bit < 8 * good.length; bit += 7) {
      const changed = good.slice();
      changed[bit >> 3]! ^= 1 << (bit & 7);
      bad.push(changed);
    }
    const { x, y } = jwkOf(key.publicKey.bytes);
    const crv = algorithm === 'ES256' ? 'P-256' : 'P-384';
    const openSsl = createPublicKey({ key: { kty: 'EC', crv, x, y }, format: 'jwk' });
    for (const [signature, verifies] of [
      [good, true] as const,
      ...bad.map((each) => [each, false] as const),
    ]) {
      const own = verify(hash, message, openSsl, derOfSignature(signature));
      assert.equal(own, verify(hash, message, { key: openSsl, dsaEncoding: 'ieee-p1363' }, signature));
      assert.equal(own, verifies);
    }
  }
});

function jwkOf(point: Uint8Array): { x: string; y: string } {
  const half = (point.length - 1) / 2;
  const text = (from: number) => Buffer.from(point.subarray(from, from + half)).toString('base64url');
  return { x: text(1), y: text(1 + half) };
}
