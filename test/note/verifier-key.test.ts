import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { concat, fromHex, toBase64, toHex, utf8 } from '../../src/core/bytes.ts';
import { nobleCrypto } from '../../src/core/crypto-noble.ts';
import {
  formatVerifierKey,
  isKeyName,
  keyId,
  parseVerifierKey,
  type SignatureType,
  verifierKey,
} from '../../src/note/verifier-key.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import { anyText } from '../core/any-text.ts';
import { mangled, outcome } from '../core/mangle.ts';
import { vectors } from '../vectors.ts';

const MALFORMED = { code: 'VKEY_MALFORMED' };
const EXAMPLE = 'example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k';
const ED25519 = fromHex('e932791ae6e7a840a46164c904786426d5e7821dd8b29a00d61cae72afdd4da4');

describe('verifier keys', () => {
  it('parse and format', () => {
    const key = parseVerifierKey(EXAMPLE);
    assert.deepEqual(key, { name: 'example.com/foo', id: fromHex('530d903a'), type: 1, key: ED25519 });
    assert.equal(formatVerifierKey(key), EXAMPLE);
  });

  it('have an id that binds name, type and key', () => {
    for (const crypto of [nodeCrypto, nobleCrypto]) {
      assert.equal(toHex(keyId(crypto, 'example.com/foo', 1, ED25519)), '530d903a');
      assert.equal(
        toHex(keyId(crypto, 'example.com/foo', 4, ED25519)),
        toHex(crypto.sha256(concat(utf8('example.com/foo\n'), Uint8Array.of(4), ED25519))).slice(0, 8),
      );
    }
  });

  it('round-trip', () => {
    const name = anyText({ minLength: 1, maxLength: 20 }).filter(isKeyName);
    const seed = fc.uint8Array({ minLength: 32, maxLength: 32 });
    fc.assert(
      fc.property(name, seed, fc.constantFrom<SignatureType>(1, 4), (keyName, secret, type) => {
        const { bytes } = nodeCrypto.importPrivateKey('Ed25519', secret).publicKey;
        const key = verifierKey(nodeCrypto, keyName, type, bytes);
        assert.deepEqual(parseVerifierKey(formatVerifierKey(key)), key);
      }),
    );
  });

  const bad: [string, string][] = [
    ['nothing', ''],
    ['another id', EXAMPLE.replace('530d903a', '530d903b')],
    ['an upper-case id', EXAMPLE.replace('530d903a', '530D903A')],
    ['a short id', EXAMPLE.replace('530d903a', '530d903')],
    ['another name', EXAMPLE.replace('foo', 'bar')],
    ['no name', EXAMPLE.replace('example.com/foo', '')],
    ['a name with a space', EXAMPLE.replace('/', ' ')],
    ['a name with a no-break space', EXAMPLE.replace('/', '\u00a0')],
    ['a name with a newline', EXAMPLE.replace('/', '\n')],
    ['a trailing newline', `${EXAMPLE}\n`],
    ['a leading space', ` ${EXAMPLE}`],
    ['base64url', EXAMPLE.replace('AekyeRrm', 'Aeky-Rrm')],
    ['padding too many', `${EXAMPLE}==`],
    ['no key', 'example.com/foo+530d903a+'],
    ['a type alone', 'example.com/foo+530d903a+AQ=='],
    ['a key that is short', withKey(1, ED25519.slice(1))],
    ['a key that is long', withKey(1, concat(ED25519, Uint8Array.of(0)))],
    ['an Ed25519 key as ML-DSA-44', withKey(6, ED25519)],
    ['type 0', withKey(0, ED25519)],
    ['type 2, ECDSA', withKey(2, ED25519)],
    ['type 5, RFC 6962', withKey(5, ED25519)],
    ['type 255', withKey(255, ED25519)],
  ];
  for (const [what, text] of bad) {
    it(`refuse ${what}`, () => assert.throws(() => parseVerifierKey(text), MALFORMED));
  }

  it('refuse weak Ed25519 keys, whose signatures fit any message', () => {
    const zero = fromHex(`01${'00'.repeat(31)}`);
    assert.throws(() => parseVerifierKey(withKey(1, zero)), { code: 'KEY_WEAK' });
    assert.throws(() => parseVerifierKey(withKey(4, zero)), { code: 'KEY_WEAK' });
  });

  it('refuse every mangled text', () => {
    for (const bytes of mangled(utf8(EXAMPLE))) {
      const text = new TextDecoder().decode(bytes);
      const result = outcome(() => formatVerifierKey(parseVerifierKey(text)));
      assert.ok('code' in result, text);
      assert.match(result.code, /^(VKEY_MALFORMED|KEY_WEAK)$/);
    }
  });
});

describe('key names', () => {
  for (const name of ['a', 'example.com/log', 'Müller/日本', '-', 'a\ufeff', 'a=b']) {
    it(`${JSON.stringify(name)} is one`, () => assert.equal(isKeyName(name), true));
  }
  // Every character of Unicode's White_Space, and what a note cannot hold.
  const spaces = [
    ...'\u0009\u000a\u000b\u000c\u000d \u0085\u00a0\u1680\u2000\u200a\u2028\u2029\u202f\u205f\u3000',
  ];
  for (const name of ['', 'a+b', 'a\u0000', 'a\u001f', 'a\ud800', ...spaces.map((space) => `a${space}b`)]) {
    it(`${JSON.stringify(name)} is none`, () => assert.equal(isKeyName(name), false));
  }
});

const path = vectors('c2sp/signed-note.json');
describe('C2SP keys', { skip: !path }, () => {
  const data = path ? JSON.parse(readFileSync(path, 'utf8')) : undefined;

  it('good ones are read', () => {
    for (const text of [data.spec_example.vkey, data.xmod.vkey, data.formats_vkeys.ed25519_cosig]) {
      assert.equal(formatVerifierKey(parseVerifierKey(text)), text);
    }
    assert.equal(parseVerifierKey(data.formats_vkeys.ed25519_cosig).type, 4);
  });

  it('bad ones are refused', () => {
    assert.equal(data.xmod.bad_vkeys.length, 2);
    for (const text of data.xmod.bad_vkeys) assert.throws(() => parseVerifierKey(text), MALFORMED);
  });

  it('an ML-DSA-44 key with the wrong id is refused, and read with the right one', () => {
    const { vkey, stated, computed_by_spec } =
      data.formats_vkeys.mldsa44_WRONG_KEY_ID_must_be_rejected_by_strict_parsers;
    assert.throws(() => parseVerifierKey(vkey), MALFORMED);
    assert.equal(parseVerifierKey(vkey.replace(stated, computed_by_spec)).type, 6);
  });
});

/** The text of a key, its id right whatever the key is. */
function withKey(type: number, key: Uint8Array): string {
  const material = concat(Uint8Array.of(type), key);
  const id = nodeCrypto.sha256(concat(utf8('name\n'), material)).subarray(0, 4);
  return `name+${toHex(id)}+${toBase64(material)}`;
}
