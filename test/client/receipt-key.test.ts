import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { rememberingKey } from '../../src/client/receipt-key.ts';
import { utf8 } from '../../src/core/bytes.ts';
import type { PublicKey } from '../../src/core/crypto.ts';
import { nodeCrypto as crypto } from '../../src/platform/crypto-node.ts';

describe('a key that remembers', () => {
  const secret = crypto.generatePrivateKey('ES256');
  let asked = 0;
  const counted: PublicKey = {
    ...secret.publicKey,
    verify: (...parts) => {
      asked++;
      return secret.publicKey.verify(...parts);
    },
  };
  const key = rememberingKey(counted);
  const message = utf8('a head');
  const signature = secret.sign(message);

  test('verifies the same bytes once', () => {
    for (let i = 0; i < 5; i++) assert.equal(key.verify(message, signature), true);
    assert.equal(asked, 1);
  });

  test('says no to anything else, each time anew', () => {
    const forged = Uint8Array.from(signature).fill(signature[0]! ^ 1, 0, 1);
    asked = 0;
    for (let i = 0; i < 3; i++) {
      assert.equal(key.verify(message, forged), false);
      assert.equal(key.verify(utf8('a root'), signature), false);
    }
    assert.equal(asked, 6);
  });

  test('keeps its own copy of what it has verified', () => {
    const shared = utf8('another');
    const own = secret.sign(shared);
    assert.equal(key.verify(shared, own), true);
    shared[0]! ^= 1;
    assert.equal(key.verify(shared, own), false);
  });

  test('forgets, and then verifies again', () => {
    const signatures = Array.from(
      { length: 40 },
      (_, i) => [utf8(`head ${i}`), secret.sign(utf8(`head ${i}`))] as const,
    );
    for (const [text, signed] of signatures) assert.equal(key.verify(text, signed), true);
    asked = 0;
    assert.equal(key.verify(...signatures[0]!), true);
    assert.equal(asked, 1);
  });

  test('remembers for which profile', () => {
    asked = 0;
    const text = utf8('profile');
    const signed = secret.sign(text);
    assert.equal(key.verify(text, signed, { lowS: false }), true);
    assert.equal(key.verify(text, signed), true);
    assert.equal(asked, 2);
  });
});
