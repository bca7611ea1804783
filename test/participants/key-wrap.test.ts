import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { type Bytes, fromHex, toHex } from '../../src/core/bytes.ts';
import { isLedgerError } from '../../src/core/errors.ts';
import { encodeCoseKey } from '../../src/cose/key.ts';
import {
  generateUnwrappingKey,
  hpkeSuite,
  importUnwrappingKey,
  unwrapKey,
  type WrapAlgorithm,
  type WrapPurpose,
  wrapKey,
} from '../../src/participants/key-wrap.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import { mangled } from '../core/mangle.ts';

const PURPOSE: WrapPurpose = {
  ...{ log: 'log.example/1', use: 'data', release: 'release-1' },
  ...{ recipient: 'urn:depa:cleanroom:log.example:1', keyId: 'key-1' },
};
const dataKey = nodeCrypto.sha256(Uint8Array.of(7));
const ALGORITHMS: readonly WrapAlgorithm[] = ['ES256', 'ES384', 'X25519'];
const refused = (error: unknown) => isLedgerError(error, 'WRAPPED_KEY_INVALID');

/**
 * RFC 9180 vectors, base mode, HKDF-SHA256, AES-256-GCM, as accumulated by the Go project: SHAKE128 over 1000 ciphertexts of
 * inputs that SHAKE128 of nothing gives (a length, then so many bytes; first the AAD, then the plaintext).
 */
const VECTORS = [
  {
    algorithm: 'X25519' as const,
    ikmE: '2cd7c601cefb3d42a62b04b7a9041494c06c7843818e0ce28a8f704ae7ab20f9',
    ikmR: 'dac33b0e9db1b59dbbea58d59a14e7b5896e9bdf98fad6891e99d1686492b9ee',
    skRm: '497b4502664cfea5d5af0b39934dac72242a74f8480451e1aee7d6a53320333d',
    pkRm: '430f4b9859665145a6b1ba274024487bd66f03a2dd577d7753c68d7d7d00c00c',
    enc: '6c93e09869df3402d7bf231bf540fadd35cd56be14f97178f0954db94b7fc256',
    accumulated: '1702e73e1e71705faa8241022af1deea',
  },
  {
    algorithm: 'ES256' as const,
    ikmE: 'a90d3417c3da9cb6c6ae19b4b5dd6cc9529a4cc24efb7ae0ace1f31887a8cd6c',
    ikmR: 'a0ce15d49e28bd47a18a97e147582d814b08cbe00109fed5ec27d1b4e9f6f5e3',
    skRm: '317f915db7bc629c48fe765587897e01e282d3e8445f79f27f65d031a88082b2',
    pkRm:
      '04abc7e49a4c6b3566d77d0304addc6ed0e98512ffccf505e6a8e3eb25c685136f' +
      '853148544876de76c0f2ef99cdc3a05ccf5ded7860c7c021238f9e2073d2356c',
    enc:
      '04c06b4f6bebc7bb495cb797ab753f911aff80aefb86fd8b6fcc35525f3ab5f03e' +
      '0b21bd31a86c6048af3cb2d98e0d3bf01da5cc4c39ff5370d331a4f1f7d5a4e0',
    accumulated: '8d3263541fc1695b6e88ff3a1208577c',
  },
];
const INFO = fromHex('4f6465206f6e2061204772656369616e2055726e');
const buffer = (bytes: Bytes) => Uint8Array.from(bytes).buffer as ArrayBuffer;

for (const { algorithm, ikmE, ikmR, skRm, pkRm, enc, accumulated } of VECTORS) {
  test(`RFC 9180 vectors, ${algorithm}`, async () => {
    const hpke = hpkeSuite(algorithm);
    const ekm = await hpke.kem.deriveKeyPair(buffer(fromHex(ikmE)));
    const derived = await hpke.kem.deriveKeyPair(buffer(fromHex(ikmR)));
    const publicKey = new Uint8Array(await hpke.kem.serializePublicKey(derived.publicKey));
    assert.equal(toHex(publicKey), pkRm);
    const info = buffer(INFO);
    const sender = await hpke.createSenderContext({ recipientPublicKey: derived.publicKey, info, ekm });
    assert.equal(toHex(new Uint8Array(sender.enc)), enc);
    const listed = encodeCoseKey({ algorithm, bytes: publicKey } as never);
    const { secret } = await importUnwrappingKey(listed, fromHex(skRm));
    const recipient = await hpke.createRecipientContext({ recipientKey: secret, enc: sender.enc, info });

    const source = createHash('shake128', { outputLength: 600_000 }).digest();
    const sink = createHash('shake128', { outputLength: 16 });
    let at = 0;
    const draw = () => {
      const size = source[at++]!;
      at += size;
      return buffer(source.subarray(at - size, at));
    };
    for (let i = 0; i < 1000; i++) {
      const [aad, text] = [draw(), draw()];
      const sealed = await sender.seal(text, aad);
      sink.update(new Uint8Array(sealed));
      // The first few: they are one thing both ways.
      if (i < 20) assert.deepEqual(await recipient.open(sealed, aad), text);
    }
    assert.equal(sink.digest('hex'), accumulated);
  });
}

test('a key that was wrapped is unwrapped by the key that it was wrapped to, for what it was wrapped for', async () => {
  for (const algorithm of ALGORITHMS) {
    const [mine, other] = await Promise.all([
      generateUnwrappingKey(algorithm),
      generateUnwrappingKey(algorithm),
    ]);
    const wrapped = await wrapKey(nodeCrypto, mine.listed, PURPOSE, dataKey);
    assert.deepEqual(await unwrapKey(nodeCrypto, mine, PURPOSE, wrapped), dataKey);
    assert.notDeepEqual(await wrapKey(nodeCrypto, mine.listed, PURPOSE, dataKey), wrapped);
    await assert.rejects(unwrapKey(nodeCrypto, other, PURPOSE, wrapped), refused);
    // The name of the key without its secret is of no use.
    const thief = { listed: mine.listed, secret: other.secret };
    await assert.rejects(unwrapKey(nodeCrypto, thief, PURPOSE, wrapped), refused);
    for (const [name, value] of Object.entries({
      use: 'model',
      log: 'l',
      release: 'r',
      recipient: 'x',
      keyId: 'k',
    })) {
      const elsewhere = { ...PURPOSE, [name]: value } as WrapPurpose;
      await assert.rejects(unwrapKey(nodeCrypto, mine, elsewhere, wrapped), refused, name);
    }
  }
});

test('a wrapped key that was damaged is noticed', async () => {
  const mine = await generateUnwrappingKey('X25519');
  const damaged = [...mangled(await wrapKey(nodeCrypto, mine.listed, PURPOSE, dataKey))];
  // Each costs a key agreement: one damage in seven, which is about one to each byte.
  for (const bytes of damaged.filter((_, i) => i % 7 === 0)) {
    await assert.rejects(unwrapKey(nodeCrypto, mine, PURPOSE, bytes), refused);
  }
});

test('nothing is wrapped to a key for signatures, or to what is no key', async () => {
  const signs = nodeCrypto.generatePrivateKey('Ed25519').publicKey;
  const malformed = (error: unknown) => isLedgerError(error, 'KEY_MALFORMED');
  await assert.rejects(wrapKey(nodeCrypto, encodeCoseKey(signs), PURPOSE, dataKey), malformed);
  await assert.rejects(wrapKey(nodeCrypto, Uint8Array.of(1), PURPOSE, dataKey), malformed);
  const { listed } = await generateUnwrappingKey('X25519');
  await assert.rejects(importUnwrappingKey(listed, new Uint8Array(31)), malformed);
});
