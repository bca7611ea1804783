import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { concat, toBase64, toHex, utf8 } from '../../src/core/bytes.ts';
import { nobleCrypto } from '../../src/core/crypto-noble.ts';
import {
  cosigner,
  formatNote,
  formatSignatureLine,
  type NoteSignature,
  noteSigner,
  openNote,
  parseNote,
  parseSignatureLine,
  parseVerifierKey,
  signNote,
  type VerifierKey,
} from '../../src/note/index.ts';
import { isKeyName } from '../../src/note/verifier-key.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import { anyText } from '../core/any-text.ts';
import { mangled, outcome } from '../core/mangle.ts';
import { processorTimer } from '../core/processor-time.ts';
import { vectors } from '../vectors.ts';

const MALFORMED = { code: 'NOTE_MALFORMED' };
const INVALID = { code: 'SIGNATURE_INVALID' };
const UNSIGNED = { code: 'NOTE_UNSIGNED' };

const signer = (name: string, byte: number) =>
  noteSigner(nodeCrypto, name, nodeCrypto.importPrivateKey('Ed25519', new Uint8Array(32).fill(byte)));
const alice = signer('example.com/alice', 1);
const bob = signer('example.com/bob', 2);
const text = 'first line\n\nthird line\n';
const note = signNote(text, [alice, bob]);
const names = (keys: readonly VerifierKey[]) => keys.map((key) => key.name);

describe('the form of a note', () => {
  it('is split at the last empty line', () => {
    const parsed = parseNote(note);
    assert.equal(parsed.text, text);
    assert.deepEqual(
      parsed.signatures.map((s) => s.name),
      ['example.com/alice', 'example.com/bob'],
    );
    assert.equal(formatNote(parsed), note);
    assert.deepEqual(parseNote(utf8(note)), parsed);
  });

  it('lets a text contain what looks like signatures', () => {
    const inner = signNote(`${note}`, [bob]);
    assert.equal(parseNote(inner).text, note);
    assert.deepEqual(names(openNote(nodeCrypto, inner, [alice.verifierKey, bob.verifierKey]).verified), [
      'example.com/bob',
    ]);
  });

  const line = formatSignatureLine(alice.sign(text));
  const bad: [string, string | Uint8Array][] = [
    ['nothing', ''],
    ['text alone', 'text\n'],
    ['no empty line', `text\n${line}\n`],
    ['no signature', 'text\n\n'],
    ['no final newline', `text\n\n${line}`],
    ['an empty line at the end', `text\n\n${line}\n\n`],
    ['text after the signatures', `text\n\n${line}\nmore\n`],
    ['CRLF', note.replaceAll('\n', '\r\n')],
    ['a carriage return in the text', `te\rxt\n\n${line}\n`],
    ['a tab', `te\txt\n\n${line}\n`],
    ['a NUL', `te\0xt\n\n${line}\n`],
    ['U+001F', `te\u001fxt\n\n${line}\n`],
    ['a lone surrogate', `te\ud800xt\n\n${line}\n`],
    ['bytes that are not UTF-8', concat(utf8('te'), Uint8Array.of(0xc3), utf8(`xt\n\n${line}\n`))],
    ['a hyphen for the dash', `text\n\n${line.replace('\u2014', '-')}\n`],
    ['an en dash', `text\n\n${line.replace('\u2014', '\u2013')}\n`],
    ['two spaces', `text\n\n${line.replace(' ', '  ')}\n`],
    ['a space at the end', `text\n\n${line} \n`],
    ['a no-break space', `text\n\n${line.replace(' ', '\u00a0')}\n`],
    ['a name with a plus', `text\n\n${line.replace('/alice', '+alice')}\n`],
    ['no name', `text\n\n\u2014  ${toBase64(new Uint8Array(68))}\n`],
    ['no signature bytes', 'text\n\n\u2014 name \n'],
    ['an id and no signature', 'text\n\n\u2014 name AAAAAA==\n'],
    ['base64 without padding', `text\n\n\u2014 name ${toBase64(new Uint8Array(5)).replace('=', '')}\n`],
    ['base64 with unused bits set', 'text\n\n\u2014 name AAAAAAB=\n'],
    ['base64url', `text\n\n\u2014 name ${toBase64(new Uint8Array(6).fill(0xff)).replaceAll('/', '_')}\n`],
    ['a malformed line beside a good one', `text\n\n${line}\n\u2014 name !!!!\n`],
  ];
  for (const [what, input] of bad) {
    it(`refuses ${what}`, () => {
      assert.throws(() => parseNote(input), MALFORMED);
      assert.throws(() => openNote(nodeCrypto, input, [alice.verifierKey]), MALFORMED);
    });
  }

  it('keeps an empty text line, and characters that are not ASCII', () => {
    for (const odd of ['\n', '\n\n\n', '\ufeffBOM\n', '\u0085\u2028\n', 'ed è subito sera.\n', '\u007f\n']) {
      const { text: read, verified } = openNote(nodeCrypto, utf8(signNote(odd, [alice])), [
        alice.verifierKey,
      ]);
      assert.equal(read, odd);
      assert.equal(verified.length, 1);
    }
  });

  it('is not written when it could not be read', () => {
    for (const wrong of ['', 'no newline', 'a\tb\n', 'a\r\n', '\ud800\n']) {
      assert.throws(() => signNote(wrong, [alice]), MALFORMED);
    }
    assert.throws(() => signNote(text, []), MALFORMED);
    const part = { name: 'name', id: new Uint8Array(4), signature: Uint8Array.of(1) };
    for (const wrong of [
      { ...part, name: 'a b' },
      { ...part, id: new Uint8Array(3) },
      { ...part, signature: new Uint8Array() },
    ]) {
      assert.throws(() => formatNote({ text, signatures: [wrong] }), MALFORMED);
    }
  });

  it('round-trips any text and signatures', () => {
    const signature: fc.Arbitrary<NoteSignature> = fc.record(
      {
        name: anyText({ minLength: 1, maxLength: 12 }).filter(isKeyName),
        id: fc.uint8Array({ minLength: 4, maxLength: 4 }),
        signature: fc.uint8Array({ minLength: 1, maxLength: 80 }),
      },
      { noNullPrototype: true },
    );
    const line = fc.string({ unit: fc.constantFrom(...'ab \u2014\u00e9\u{1f600}\n') });
    fc.assert(
      fc.property(line, fc.array(signature, { minLength: 1, maxLength: 5 }), (body, signatures) => {
        const value = { text: `${body}\n`, signatures };
        const written = formatNote(value);
        assert.deepEqual(parseNote(written), value);
        assert.deepEqual(parseNote(utf8(written)), value);
        for (const s of signatures) assert.deepEqual(parseSignatureLine(formatSignatureLine(s)), s);
      }),
    );
  });

  it('never crashes on text that looks like a note', () => {
    const piece = fc.constantFrom(
      '\n',
      '\n\n',
      '\u2014 ',
      'a',
      ' ',
      'AAAAAAA=',
      'AAAAAA',
      '+',
      line,
      '\r',
      '\0',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const result = outcome(() => parseNote(pieces.join('')));
        if ('code' in result) assert.equal(result.code, 'NOTE_MALFORMED');
        else assert.equal(formatNote(result.value), pieces.join(''));
      }),
      { numRuns: 2000 },
    );
  });
});

describe('limits', () => {
  const unknown = (i: number): NoteSignature => ({
    name: `w${i}`,
    id: new Uint8Array(4),
    signature: new Uint8Array(2428),
  });
  const many = (count: number) => [
    ...Array.from({ length: count - 1 }, (_, i) => unknown(i)),
    alice.sign(text),
  ];

  for (const count of [16, 100]) {
    it(`${count} signatures of ML-DSA-44 length are accepted`, () => {
      const opened = openNote(nodeCrypto, formatNote({ text, signatures: many(count) }), [alice.verifierKey]);
      assert.deepEqual(names(opened.verified), ['example.com/alice']);
    });
  }

  it('101 are not', () => {
    assert.throws(() => formatNote({ text, signatures: many(101) }), MALFORMED);
    const lines = many(101).map((s) => `${formatSignatureLine(s)}\n`);
    assert.throws(() => parseNote(`${text}\n${lines.join('')}`), MALFORMED);
  });

  it('1 MiB is enough', () => {
    const taken = processorTimer();
    assert.throws(() => parseNote('\n'.repeat((1 << 20) + 1)), MALFORMED);
    assert.throws(() => parseNote('\n'.repeat(1 << 20)), MALFORMED);
    assert.throws(() => parseNote(new Uint8Array(1 << 20).fill(0x41)), MALFORMED);
    assert.throws(() => parseNote(`a\n\n\u2014${' '.repeat(1 << 19)}\n`), MALFORMED);
    assert.ok(taken() < 1000, `${taken()} ms`);
  });
});

for (const crypto of [nodeCrypto, nobleCrypto]) {
  describe(`opening a note (${crypto.name})`, () => {
    it('gives the text and the keys that verify', () => {
      const opened = openNote(crypto, note, [bob.verifierKey, alice.verifierKey]);
      assert.equal(opened.text, text);
      assert.deepEqual(names(opened.verified), ['example.com/alice', 'example.com/bob']);
      assert.deepEqual(opened.cosignatures, []);
      assert.deepEqual(openNote(crypto, parseNote(note), [alice.verifierKey]).verified, [alice.verifierKey]);
    });

    it('ignores keys that are not known', () => {
      assert.deepEqual(names(openNote(crypto, note, [bob.verifierKey]).verified), ['example.com/bob']);
    });

    it('is refused without a known signature', () => {
      assert.throws(() => openNote(crypto, note, [signer('example.com/carol', 3).verifierKey]), UNSIGNED);
      assert.throws(() => openNote(crypto, note, []), UNSIGNED);
    });

    it('ignores a line that shares only the name, or only the id, with a known key', () => {
      const good = alice.sign(text);
      const junk = new Uint8Array(64);
      const otherId = { ...good, id: bob.verifierKey.id, signature: junk };
      const otherName = { ...good, name: 'example.com/mallory', signature: junk };
      const both = formatNote({ text, signatures: [otherId, otherName, good] });
      assert.deepEqual(openNote(crypto, both, [alice.verifierKey]).verified, [alice.verifierKey]);
      const neither = formatNote({ text, signatures: [otherId, otherName] });
      assert.throws(() => openNote(crypto, neither, [alice.verifierKey]), UNSIGNED);
      // The key of another name: same bytes, another id.
      const renamed = signer('example.com/mallory', 1);
      assert.throws(() => openNote(crypto, note, [renamed.verifierKey]), UNSIGNED);
    });

    it('is refused as a whole when a known key fails, whatever else verifies', () => {
      const [a, b] = [alice.sign(text), bob.sign(text)];
      const bad = { ...a, signature: b.signature };
      const keys = [alice.verifierKey, bob.verifierKey];
      for (const signatures of [[b, bad], [bad, b], [a, bad], [bad, a], [bad]]) {
        assert.throws(() => openNote(crypto, formatNote({ text, signatures }), keys), INVALID);
      }
      // Not known, not checked.
      assert.ok(openNote(crypto, formatNote({ text, signatures: [b, bad] }), [bob.verifierKey]));
      for (const length of [1, 63, 65]) {
        const cut = { ...a, signature: new Uint8Array(length) };
        assert.throws(() => openNote(crypto, formatNote({ text, signatures: [cut, b] }), keys), INVALID);
      }
    });

    it('verifies a line once, however often it is repeated', () => {
      let checks = 0;
      const importPublicKey: typeof crypto.importPublicKey = (algorithm, bytes) => {
        checks++;
        return crypto.importPublicKey(algorithm, bytes);
      };
      const line = alice.sign(text);
      const repeated = formatNote({ text, signatures: new Array(100).fill(line) });
      openNote({ ...crypto, importPublicKey }, repeated, [alice.verifierKey]);
      assert.equal(checks, 1);
      const spoilt = { ...line, signature: line.signature.map((byte) => byte ^ 1) };
      const last = formatNote({ text, signatures: [line, line, spoilt] });
      assert.throws(() => openNote(crypto, last, [alice.verifierKey]), INVALID);
    });

    it('lists a key once that signed twice', () => {
      const twice = formatNote({ text, signatures: [alice.sign(text), alice.sign(text)] });
      assert.deepEqual(openNote(crypto, twice, [alice.verifierKey, alice.verifierKey]).verified, [
        alice.verifierKey,
      ]);
    });

    it('refuses known keys that cannot be told apart', () => {
      const clash = { ...bob.verifierKey, name: alice.verifierKey.name, id: alice.verifierKey.id };
      assert.throws(() => openNote(crypto, note, [alice.verifierKey, clash]), { code: 'ARGUMENT_INVALID' });
    });

    it('verifies over the exact text', () => {
      for (const other of [`${text}\n`, text.slice(1), text.replace('third', 'Third'), `\ufeff${text}`]) {
        const moved = formatNote({ text: other, signatures: [alice.sign(text)] });
        assert.throws(() => openNote(crypto, moved, [alice.verifierKey]), INVALID);
      }
    });
  });
}

describe('every byte mangled', () => {
  const w = cosigner(nodeCrypto, 'w', nodeCrypto.importPrivateKey('Ed25519', new Uint8Array(32).fill(9)));
  const head = 'o\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n';
  const whole = formatNote({ text: head, signatures: [alice.sign(head), w.cosign(head, 1000)] });
  const keys = [alice.verifierKey, w.verifierKey];
  const view = (opened: ReturnType<typeof openNote>) => [
    opened.text,
    names(opened.verified),
    opened.cosignatures.map(({ key, timestamp }) => [toHex(key.id), timestamp]),
  ];

  it('gives a code, or the same text with no more signers', () => {
    const [, allNames] = view(openNote(nodeCrypto, whole, keys)) as [string, string[]];
    for (const bytes of mangled(utf8(whole))) {
      const result = outcome(() => openNote(nodeCrypto, bytes, keys));
      if ('code' in result) {
        assert.match(result.code, /^(NOTE_MALFORMED|SIGNATURE_INVALID|NOTE_UNSIGNED)$/);
        continue;
      }
      // A damaged name or id makes a line unknown; the text itself cannot have changed.
      assert.equal(result.value.text, head);
      for (const name of names(result.value.verified)) assert.ok(allNames.includes(name));
      for (const { timestamp } of result.value.cosignatures) assert.equal(timestamp, 1000);
    }
  });
});

describe('a key that has verified before', () => {
  it('is the same key with the same bytes only', () => {
    for (const crypto of [nodeCrypto, nobleCrypto]) {
      const key = { ...alice.verifierKey, key: alice.verifierKey.key.slice() };
      openNote(crypto, note, [key]);
      key.key.set(bob.verifierKey.key);
      assert.throws(() => openNote(crypto, note, [key]), INVALID);
      key.key.set(alice.verifierKey.key);
      assert.equal(openNote(crypto, note, [key]).verified[0], key);
      key.key.fill(0);
      assert.throws(() => openNote(crypto, note, [key]), { code: 'KEY_WEAK' });
    }
  });
});

const path = vectors('c2sp/signed-note.json');
describe('the example of C2SP signed-note', { skip: !path }, () => {
  const { spec_example } = path ? JSON.parse(readFileSync(path, 'utf8')) : { spec_example: undefined };
  for (const crypto of [nodeCrypto, nobleCrypto]) {
    it(`verifies (${crypto.name})`, () => {
      const key = parseVerifierKey(spec_example.vkey);
      const opened = openNote(crypto, spec_example.note, [key]);
      assert.deepEqual(opened, { text: 'This is an example message.\n', verified: [key], cosignatures: [] });
      assert.equal(formatNote(parseNote(spec_example.note)), spec_example.note);
    });
  }

  it('does not, with any byte mangled', () => {
    const key = parseVerifierKey(spec_example.vkey);
    for (const bytes of mangled(utf8(spec_example.note))) {
      const result = outcome(() => openNote(nodeCrypto, bytes, [key]));
      assert.ok('code' in result);
      assert.match(result.code, /^(NOTE_MALFORMED|SIGNATURE_INVALID|NOTE_UNSIGNED)$/);
    }
  });
});
