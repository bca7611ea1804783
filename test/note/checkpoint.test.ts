import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { toBase64, toHex, utf8 } from '../../src/core/bytes.ts';
import { nobleCrypto } from '../../src/core/crypto-noble.ts';
import {
  formatCheckpoint,
  noteSigner,
  openCheckpoint,
  parseCheckpoint,
  parseVerifierKey,
  signNote,
} from '../../src/note/index.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import { mangled, outcome } from '../core/mangle.ts';
import { vectors } from '../vectors.ts';

const MALFORMED = { code: 'CHECKPOINT_MALFORMED' };
const ROOT = new Uint8Array(32).fill(0xab);
const B64 = toBase64(ROOT);
const EMPTY = '47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=';

describe('the text of a checkpoint', () => {
  it('is origin, size and root', () => {
    const text = `example.com/log\n15\n${B64}\n`;
    const checkpoint = { origin: 'example.com/log', size: 15, root: ROOT, extensions: [] };
    assert.deepEqual(parseCheckpoint(text), checkpoint);
    assert.equal(formatCheckpoint(checkpoint), text);
    assert.equal(formatCheckpoint({ origin: 'example.com/log', size: 15, root: ROOT }), text);
  });

  it('keeps extension lines', () => {
    const text = `o\n1\n${B64}\nfirst\n second +\u00e9\n`;
    assert.deepEqual(parseCheckpoint(text).extensions, ['first', ' second +\u00e9']);
    assert.equal(formatCheckpoint(parseCheckpoint(text)), text);
  });

  it('has the root of the empty tree at size 0, and no other', () => {
    assert.equal(parseCheckpoint(`o\n0\n${EMPTY}\n`).size, 0);
    assert.equal(toBase64(nodeCrypto.sha256(new Uint8Array())), EMPTY);
    assert.throws(() => parseCheckpoint(`o\n0\n${B64}\n`), { code: 'CONSISTENCY_INVALID' });
    assert.throws(() => formatCheckpoint({ origin: 'o', size: 0, root: ROOT }), {
      code: 'CONSISTENCY_INVALID',
    });
  });

  it('has sizes up to 2^53 − 1; larger ones are refused clearly', () => {
    assert.equal(parseCheckpoint(`o\n9007199254740991\n${B64}\n`).size, Number.MAX_SAFE_INTEGER);
    for (const size of ['9007199254740992', '9007199254740993', '18446744073709551615']) {
      assert.throws(() => parseCheckpoint(`o\n${size}\n${B64}\n`), {
        ...MALFORMED,
        message: 'a tree size above 2^53 − 1 is not supported',
      });
    }
  });

  const bad: [string, string][] = [
    ['nothing', ''],
    ['two lines', 'o\n1\n'],
    ['no final newline', `o\n1\n${B64}`],
    ['no origin', `\n1\n${B64}\n`],
    ['an empty extension line', `o\n1\n${B64}\n\nx\n`],
    ['an empty line at the end', `o\n1\n${B64}\n\n`],
    ['no root', 'o\n1\n\n'],
    ['a leading zero', `o\n01\n${B64}\n`],
    ['00', `o\n00\n${EMPTY}\n`],
    ['a sign', `o\n+1\n${B64}\n`],
    ['a negative size', `o\n-1\n${B64}\n`],
    ['−0', `o\n-0\n${EMPTY}\n`],
    ['a space before the size', `o\n 1\n${B64}\n`],
    ['a space after the size', `o\n1 \n${B64}\n`],
    ['a hexadecimal size', `o\n0x1\n${B64}\n`],
    ['an exponent', `o\n1e3\n${B64}\n`],
    ['a fraction', `o\n1.0\n${B64}\n`],
    ['digits that are not ASCII', `o\n\u0661\n${B64}\n`],
    ['a size of a hundred digits', `o\n${'9'.repeat(100)}\n${B64}\n`],
    ['a root of 31 bytes', `o\n1\n${toBase64(ROOT.slice(1))}\n`],
    ['a root of 33 bytes', `o\n1\n${toBase64(new Uint8Array(33))}\n`],
    ['a root without padding', `o\n1\n${B64.slice(0, -1)}\n`],
    ['a root with unused bits set', `o\n1\n${B64.slice(0, -2)}t=\n`],
    ['a root in hexadecimal', `o\n1\n${toHex(ROOT)}\n`],
    ['a space after the root', `o\n1\n${B64} \n`],
    ['CRLF', `o\r\n1\r\n${B64}\r\n`],
  ];
  for (const [what, text] of bad) {
    it(`refuses ${what}`, () => assert.throws(() => parseCheckpoint(text), MALFORMED));
  }

  it('is not written when it could not be read', () => {
    const good = { origin: 'o', size: 1, root: ROOT };
    for (const wrong of [
      { ...good, origin: '' },
      { ...good, origin: `o\n1\n${B64}` },
      { ...good, size: -1 },
      { ...good, size: 1.5 },
      { ...good, size: 2 ** 53 },
      { ...good, size: 1e21 },
      { ...good, size: Number.NaN },
      { ...good, root: new Uint8Array(31) },
      { ...good, extensions: [''] },
      { ...good, extensions: ['a\nb'] },
    ]) {
      assert.throws(() => formatCheckpoint(wrong), MALFORMED);
    }
  });

  it('round-trips', () => {
    const line = fc.string({ unit: 'grapheme', minLength: 1 }).filter((text) => !text.includes('\n'));
    const checkpoint = fc.record(
      {
        origin: line,
        size: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
        root: fc.uint8Array({ minLength: 32, maxLength: 32 }),
        extensions: fc.array(line, { maxLength: 3 }),
      },
      { noNullPrototype: true },
    );
    fc.assert(
      fc.property(checkpoint, (value) => {
        assert.deepEqual(parseCheckpoint(formatCheckpoint(value)), value);
      }),
    );
  });

  it('refuses every mangled byte, or reads what was written', () => {
    const text = formatCheckpoint({ origin: 'example.com/log', size: 1234, root: ROOT, extensions: ['x'] });
    for (const bytes of mangled(utf8(text))) {
      const candidate = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
      const result = outcome(() => parseCheckpoint(candidate));
      if ('code' in result) assert.equal(result.code, 'CHECKPOINT_MALFORMED');
      else assert.equal(formatCheckpoint(result.value), candidate);
    }
  });
});

for (const crypto of [nodeCrypto, nobleCrypto]) {
  describe(`opening a checkpoint (${crypto.name})`, () => {
    const key = crypto.importPrivateKey('Ed25519', new Uint8Array(32).fill(5));
    const log = noteSigner(crypto, 'example.com/log', key);
    const checkpoint = { origin: 'example.com/log', size: 15, root: ROOT, extensions: [] };

    it('gives the head that the log signed', () => {
      const note = signNote(formatCheckpoint(checkpoint), [log]);
      assert.deepEqual(openCheckpoint(crypto, note, log.verifierKey), checkpoint);
      assert.deepEqual(openCheckpoint(crypto, utf8(note), log.verifierKey), checkpoint);
    });

    it('refuses another origin than the key’s name', () => {
      const note = signNote(formatCheckpoint({ ...checkpoint, origin: 'example.com/other' }), [log]);
      assert.throws(() => openCheckpoint(crypto, note, log.verifierKey), { code: 'ORIGIN_MISMATCH' });
    });

    it('refuses a note that is no checkpoint, and one that another key signed', () => {
      const note = signNote('hello\n', [log]);
      assert.throws(() => openCheckpoint(crypto, note, log.verifierKey), MALFORMED);
      const stranger = noteSigner(crypto, 'example.com/log', crypto.generatePrivateKey('Ed25519'));
      const other = signNote(formatCheckpoint(checkpoint), [stranger]);
      assert.throws(() => openCheckpoint(crypto, other, log.verifierKey), { code: 'NOTE_UNSIGNED' });
    });

    it('looks at the signature before the text', () => {
      const forged = signNote('o\n01\nx\n', [log]).replace('o\n01', 'o\n02');
      assert.throws(() => openCheckpoint(crypto, forged, log.verifierKey), { code: 'SIGNATURE_INVALID' });
    });
  });
}

const folder = vectors('tessera-testlog/testlog');
describe('the checkpoints of Tessera’s test log', { skip: !folder }, () => {
  // The key stands in the vectors' README.
  const readme = folder ? readFileSync(vectors('README.md')!, 'utf8') : '';
  const vkey = /example\.com\/log\/testdata\+[0-9a-f]{8}\+[A-Za-z0-9+/]+=*/.exec(readme)?.[0] ?? '';
  const files = folder ? readdirSync(folder).filter((name) => name.startsWith('checkpoint')) : [];

  for (const crypto of [nodeCrypto, nobleCrypto]) {
    it(`verify (${crypto.name})`, () => {
      assert.equal(files.length, 17);
      const key = parseVerifierKey(vkey);
      for (const file of files) {
        const { origin, size, extensions } = openCheckpoint(crypto, readFileSync(`${folder}/${file}`), key);
        assert.equal(origin, 'example.com/log/testdata');
        assert.equal(size, file === 'checkpoint' ? 15 : Number(file.slice('checkpoint.'.length)));
        assert.deepEqual(extensions, []);
      }
    });
  }
});
