import assert from 'node:assert/strict';
import { test } from 'node:test';
import { POSSESSION_TYPE, possessionProven, provePossession } from '../../src/chain/possession.ts';
import { concat, equal } from '../../src/core/bytes.ts';
import { encode } from '../../src/core/cbor.ts';
import { nobleCrypto } from '../../src/core/crypto-noble.ts';
import { TYP } from '../../src/cose/header.ts';
import { thumbprint } from '../../src/cose/key.ts';
import { signSign1 } from '../../src/cose/sign1.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';

for (const crypto of [nodeCrypto, nobleCrypto]) {
  const key = crypto.generatePrivateKey('ES256');
  const claim = { log: 'log.example/a', owner: 'did:web:a.example', kid: thumbprint(crypto, key.publicKey) };
  const payload = encode(['aichain/pop/v1', claim.log, claim.owner, claim.kid]);
  const signed = (typ: string, over: Uint8Array, detached = false) =>
    signSign1(key, { protected: new Map([[TYP, typ]]), payload: over, detached });

  test(`a key proves that it is one of this owner in this log, with ${crypto.name}`, () => {
    const proof = provePossession(key, claim);
    assert.ok(possessionProven(key.publicKey, proof, claim));
    assert.ok(possessionProven(key.publicKey, signed(POSSESSION_TYPE, payload), claim));
    for (const change of [
      { log: 'log.example/b' },
      { owner: 'did:web:b.example' },
      { kid: new Uint8Array(32) },
    ]) {
      assert.equal(possessionProven(key.publicKey, proof, { ...claim, ...change }), false);
    }
    const other = crypto.generatePrivateKey('ES256');
    assert.equal(possessionProven(other.publicKey, proof, claim), false);
    assert.equal(possessionProven(key.publicKey, signed('application/other', payload), claim), false);
    assert.equal(possessionProven(key.publicKey, signed(POSSESSION_TYPE, encode(['x'])), claim), false);
  });
}

test('no byte of a proof can be changed', () => {
  const key = nodeCrypto.generatePrivateKey('Ed25519');
  const claim = { log: 'a', owner: 'did:web:a.example', kid: thumbprint(nodeCrypto, key.publicKey) };
  const proof = provePossession(key, claim);
  for (let i = 0; i < proof.length; i++) {
    for (const change of [1, 0x80]) {
      const other = proof.map((byte, at) => (at === i ? byte ^ change : byte));
      assert.equal(possessionProven(key.publicKey, other, claim), equal(other, proof));
    }
    assert.equal(possessionProven(key.publicKey, proof.slice(0, i), claim), false);
  }
  assert.equal(possessionProven(key.publicKey, concat(proof, Uint8Array.of(0)), claim), false);
});

test('a room’s key proves the room, its deployment, the evidence and the wrapping key, and nothing else', () => {
  const key = nodeCrypto.generatePrivateKey('ES256');
  const bytes = (n: number) => new Uint8Array(32).fill(n);
  const claim = {
    ...{ log: 'log.example/a', cleanroom: 'urn:depa:cleanroom:log.example/a:1' },
    ...{ deploy: bytes(1), evidence: bytes(2), wrapKid: bytes(3) },
  };
  const proof = provePossession(key, claim);
  assert.ok(possessionProven(key.publicKey, proof, claim));
  const members = [claim.log, claim.cleanroom, claim.deploy, claim.evidence, claim.wrapKid];
  const payload = encode(['aichain/pop/v1', ...members]);
  const inline = signSign1(key, { protected: new Map([[TYP, POSSESSION_TYPE]]), payload });
  assert.ok(possessionProven(key.publicKey, inline, claim));
  for (const change of [
    { log: 'log.example/b' },
    { cleanroom: 'urn:depa:cleanroom:log.example/a:2' },
    { deploy: bytes(4) },
    { evidence: bytes(4) },
    { wrapKid: bytes(4) },
  ]) {
    assert.equal(possessionProven(key.publicKey, proof, { ...claim, ...change }), false);
  }
  const kid = thumbprint(nodeCrypto, key.publicKey);
  const owner = { log: claim.log, owner: claim.cleanroom, kid };
  assert.equal(possessionProven(key.publicKey, proof, owner), false);
  assert.equal(possessionProven(key.publicKey, provePossession(key, owner), claim), false);
});
