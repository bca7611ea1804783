/**
 * Other people's COSE libraries as oracles, unmodified: @transmute/cose must verify our receipts, @auth0/cose our
 * COSE_Sign1 and COSE_Sign, and we what they make.
 */
import assert from 'node:assert/strict';
import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { describe, test } from 'node:test';
import * as auth0 from '@auth0/cose';
import * as transmute from '@transmute/cose';
import { type Bytes, toBase64url, utf8 } from '../../src/core/bytes.ts';
import { encode, Tagged } from '../../src/core/cbor.ts';
import type { PrivateKey, PublicKey, SignatureAlgorithm } from '../../src/core/crypto.ts';
import {
  decodeReceipt,
  decodeSign,
  decodeSign1,
  encodeConsistencyReceipt,
  encodeCoseKey,
  encodeInclusionReceipt,
  KID,
  receiptProtected,
  signSign,
  signSign1,
  signTreeHead,
  thumbprint,
  verifyConsistencyReceipt,
  verifyInclusionReceipt,
  verifySign,
  verifySign1,
} from '../../src/cose/index.ts';
import { nodeCrypto as crypto } from '../../src/platform/crypto-node.ts';
import { consistencyPath, inclusionPath, root } from '../cose/tree.ts';

const payload = utf8('payload');
const aad = utf8('external');

const keyOf = (algorithm: SignatureAlgorithm) =>
  crypto.importPrivateKey(algorithm, new Uint8Array(algorithm === 'ES384' ? 48 : 32).fill(0x21));

function publicJwk({ algorithm, bytes }: PublicKey) {
  if (algorithm === 'Ed25519') return { kty: 'OKP', crv: 'Ed25519', x: toBase64url(bytes) };
  const width = (bytes.length - 1) / 2;
  return {
    kty: 'EC',
    alg: algorithm,
    crv: algorithm === 'ES256' ? 'P-256' : 'P-384',
    x: toBase64url(bytes.subarray(1, 1 + width)),
    y: toBase64url(bytes.subarray(1 + width)),
  };
}
const publicObject = (key: PublicKey): KeyObject =>
  createPublicKey({ key: publicJwk(key), format: 'jwk' } as never);
const bytesOf = (bytes: Bytes | undefined): Bytes => Uint8Array.from(bytes!);
const privateObject = (key: PrivateKey): KeyObject =>
  createPrivateKey({
    key: { ...publicJwk(key.publicKey), d: toBase64url(key.secret) },
    format: 'jwk',
  } as never);

describe('@auth0/cose', () => {
  for (const algorithm of ['ES256', 'ES384', 'Ed25519'] as const) {
    const key = keyOf(algorithm);
    const header = new Map([[KID, thumbprint(crypto, key.publicKey)]]);

    test(`${algorithm}: it verifies our COSE_Sign1`, async () => {
      const bytes = signSign1(key, { protected: header, payload });
      await auth0.Sign1.decode(bytes).verify(publicObject(key.publicKey));
      const withAad = signSign1(key, { protected: header, payload, externalAad: aad });
      await auth0.Sign1.decode(withAad).verify(publicObject(key.publicKey), { externalAAD: aad });
      await assert.rejects(auth0.Sign1.decode(withAad).verify(publicObject(key.publicKey)));
      const detached = signSign1(key, { protected: header, payload, detached: true });
      await auth0.Sign1.decode(detached).verify(publicObject(key.publicKey), { detachedPayload: payload });
    });

    test(`${algorithm}: we verify its COSE_Sign1`, async () => {
      const alg = { ES256: -7, ES384: -35, Ed25519: -8 }[algorithm];
      const theirs = await auth0.Sign1.sign(
        [[1, alg]] as never,
        undefined,
        payload,
        privateObject(key) as never,
      );
      const sign1 = decodeSign1(Uint8Array.from(theirs.encode()), { requireTag: false });
      verifySign1(key.publicKey, sign1, { lowS: false });
    });
  }

  test('it verifies our COSE_Sign, each signer under its key', async () => {
    const keys = [keyOf('ES256'), keyOf('ES384')];
    const bytes = signSign({
      protected: new Map([[3, 'application/json']]),
      payload,
      signers: keys.map((key, i) => ({
        key,
        protected: new Map(),
        unprotected: new Map([[KID, Uint8Array.of(i)]]),
      })),
    });
    const sign = auth0.Sign.decode(bytes);
    for (const [i, signature] of sign.signatures.entries()) {
      const body = decodeSign(bytes).protectedBytes;
      await signature.verify(publicObject(keys[i]!.publicKey), body, payload);
    }
  });

  test('we verify its COSE_Sign', async () => {
    const key = keyOf('ES256');
    const signers = [{ key: privateObject(key), protectedHeaders: auth0.ProtectedHeaders.from([[1, -7]]) }];
    const theirs = await auth0.Sign.sign([[3, 0]] as never, undefined, payload, signers as never);
    // Its encoder writes a signer's protected header as a map, where RFC 9052 §4.1 has bytes; we refuse that, and
    // verify the same signature in the right place.
    assert.throws(() => decodeSign(Uint8Array.from(theirs.encode())), { code: 'COSE_MALFORMED' });
    type Encoded = { encodedProtectedHeaders: Bytes };
    const [one] = theirs.signatures;
    const signer = [
      bytesOf((one as unknown as Encoded).encodedProtectedHeaders),
      new Map(),
      bytesOf(one!.signature),
    ];
    const members = [
      bytesOf((theirs as unknown as Encoded).encodedProtectedHeaders),
      new Map(),
      payload,
      [signer],
    ];
    const sign = decodeSign(encode(new Tagged(98, members)));
    verifySign(sign, () => key.publicKey, { lowS: false });
  });
});

describe('@transmute/cose', () => {
  const key = keyOf('ES256');
  const entries = Array.from({ length: 13 }, (_, i) => crypto.sha256(Uint8Array.of(i)));
  const kid = thumbprint(crypto, key.publicKey);
  const verifier = transmute.detached.verifier({
    resolver: { resolve: async () => publicJwk(key.publicKey) as never },
  });
  const plain = (bytes: Bytes): ArrayBuffer => transmute.cbor.toArrayBuffer(bytes);
  function head(size: number, proof: 'inclusion' | 'consistency') {
    const protectedBytes = receiptProtected({
      kid,
      service: 'https://log.example.com',
      origin: 'log.example.com',
      time: 1_790_000_000_000,
      size,
      proof,
    });
    return { protectedBytes, signature: signTreeHead(key, protectedBytes, root(entries.slice(0, size))) };
  }

  test('it verifies our inclusion receipts, given the entry id', async () => {
    for (const size of [2, 5, 8, 13]) {
      for (let index = 0; index < size; index++) {
        const path = inclusionPath(index, entries.slice(0, size));
        const receipt = encodeInclusionReceipt({ ...head(size, 'inclusion'), size, index, path });
        const verify = async (entry: Bytes) =>
          transmute.receipt.inclusion.verify({
            entry: await transmute.receipt.leaf(entry),
            receipt: plain(receipt),
            verifier,
          });
        assert.deepEqual(new Uint8Array(await verify(entries[index]!)), root(entries.slice(0, size)));
        await assert.rejects(verify(crypto.sha256(utf8('another'))));
      }
    }
  });

  test('it verifies our consistency receipts', async () => {
    // Its verifier leaves out step 2 of RFC 9162 §2.1.4.2, so that an older size that is a power of two fails there.
    for (const [size1, size2] of [
      [3, 5],
      [6, 8],
      [7, 13],
    ] as const) {
      const path = consistencyPath(size1, entries.slice(0, size2));
      const receipt = encodeConsistencyReceipt({ ...head(size2, 'consistency'), size1, size2, path });
      const verify = (oldRoot: Bytes) =>
        transmute.receipt.consistency.verify({
          oldRoot: plain(oldRoot),
          newRoot: plain(root(entries.slice(0, size2))),
          receipt: plain(receipt),
          verifier,
        });
      assert.equal(await verify(root(entries.slice(0, size1))), true);
      assert.equal(await verify(root(entries.slice(0, size1 + 1))), false);
    }
  });

  test('we verify its receipts', async () => {
    const detached = transmute.detached.signer({
      remote: transmute.crypto.signer({
        privateKeyJwk: { ...publicJwk(key.publicKey), d: toBase64url(key.secret) } as never,
      }),
    });
    // Declared to give an ArrayBuffer, gives a Buffer.
    const signer = detached as never;
    const leaves = await Promise.all(entries.map((entry) => transmute.receipt.leaf(entry)));
    const protectedHeader = transmute.ProtectedHeader([
      [1, -7],
      [395, 1],
    ]);
    const issued = await transmute.receipt.inclusion.issue({
      protectedHeader,
      entry: 4,
      entries: leaves.slice(0, 7),
      signer,
    });
    const receipt = decodeReceipt(new Uint8Array(issued));
    const older = verifyInclusionReceipt(crypto, key.publicKey, receipt, entries[4]!);
    assert.deepEqual(older.root, root(entries.slice(0, 7)));
    const grown = await transmute.receipt.consistency.issue({
      protectedHeader,
      receipt: issued,
      entries: leaves,
      signer,
    });
    const newer = decodeReceipt(new Uint8Array(grown.receipt));
    const { root: newRoot } = verifyConsistencyReceipt(crypto, key.publicKey, newer, older);
    assert.deepEqual(newRoot, root(entries));
  });

  test('the same thumbprint for the same key', async () => {
    const map = transmute.cbor.decode(encodeCoseKey(key.publicKey));
    const theirs = await transmute.key.thumbprint.calculateCoseKeyThumbprint(map);
    assert.deepEqual(new Uint8Array(theirs), kid);
  });
});
