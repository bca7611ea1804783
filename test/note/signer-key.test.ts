import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { utf8 } from '../../src/core/bytes.ts';
import { nobleCrypto } from '../../src/core/crypto-noble.ts';
import {
  cosigner,
  formatSignerKey,
  formatVerifierKey,
  noteSigner,
  openNote,
  parseSignerKey,
  parseVerifierKey,
  signNote,
} from '../../src/note/index.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import { mangled, outcome } from '../core/mangle.ts';
import { vectors } from '../vectors.ts';

for (const crypto of [nodeCrypto, nobleCrypto]) {
  describe(`signer keys (${crypto.name})`, () => {
    const privateKey = crypto.importPrivateKey('Ed25519', new Uint8Array(32).fill(7));

    it('round-trip, as note signer and as cosigner', () => {
      for (const type of [1, 4] as const) {
        const text = formatSignerKey(crypto, { name: 'example.com/log', type, privateKey });
        assert.match(text, /^PRIVATE\+KEY\+example\.com\/log\+[0-9a-f]{8}\+/);
        const key = parseSignerKey(crypto, text);
        assert.deepEqual(
          [key.name, key.type, key.privateKey.secret],
          ['example.com/log', type, privateKey.secret],
        );
        assert.equal(formatSignerKey(crypto, key), text);
      }
    });

    it('carry the id of their verifier key', () => {
      const { name, id } = noteSigner(crypto, 'n', privateKey).sign('text\n');
      const { verifierKey } = noteSigner(crypto, 'n', privateKey);
      assert.deepEqual([name, id], [verifierKey.name, verifierKey.id]);
      assert.deepEqual(parseVerifierKey(formatVerifierKey(verifierKey)), verifierKey);
      assert.equal(cosigner(crypto, 'n', privateKey).verifierKey.type, 4);
    });

    it('are Ed25519 only, and have key names', () => {
      const p256 = crypto.generatePrivateKey('ES256');
      assert.throws(() => noteSigner(crypto, 'n', p256), { code: 'ARGUMENT_INVALID' });
      assert.throws(() => cosigner(crypto, 'n', p256), { code: 'ARGUMENT_INVALID' });
      assert.throws(() => noteSigner(crypto, 'a b', privateKey), { code: 'VKEY_MALFORMED' });
      assert.throws(() => cosigner(crypto, '', privateKey), { code: 'VKEY_MALFORMED' });
    });

    it('refuse every mangled text, and never quote it', () => {
      const text = formatSignerKey(crypto, { name: 'n', type: 1, privateKey });
      for (const bytes of mangled(utf8(text))) {
        const candidate = new TextDecoder().decode(bytes);
        const result = outcome(() => parseSignerKey(crypto, candidate));
        assert.ok('code' in result, candidate);
        assert.match(result.code, /^(VKEY_MALFORMED|KEY_MALFORMED)$/);
      }
      const secret = text.split('+').at(-1)!;
      assert.throws(
        () => parseSignerKey(crypto, text.replace('+n+', '+m+')),
        (error: Error) => !`${error.stack}${error.cause}`.includes(secret),
      );
    });

    it('are not verifier keys, nor the other way round', () => {
      const text = formatSignerKey(crypto, { name: 'n', type: 1, privateKey });
      assert.throws(() => parseVerifierKey(text), { code: 'VKEY_MALFORMED' });
      const { verifierKey } = noteSigner(crypto, 'n', privateKey);
      assert.throws(() => parseSignerKey(crypto, formatVerifierKey(verifierKey)), { code: 'VKEY_MALFORMED' });
    });
  });
}

const path = vectors('c2sp/signed-note.json');
describe('the key pair of golang.org/x/mod', { skip: !path }, () => {
  const { xmod } = path ? JSON.parse(readFileSync(path, 'utf8')) : { xmod: undefined };
  for (const crypto of [nodeCrypto, nobleCrypto]) {
    it(`signs and verifies (${crypto.name})`, () => {
      const key = parseSignerKey(crypto, xmod.skey);
      assert.equal(formatSignerKey(crypto, key), xmod.skey);
      const signer = noteSigner(crypto, key.name, key.privateKey);
      assert.equal(formatVerifierKey(signer.verifierKey), xmod.vkey);
      const text = 'this is text\n';
      assert.equal(openNote(crypto, signNote(text, [signer]), [parseVerifierKey(xmod.vkey)]).text, text);
    });
  }
});
