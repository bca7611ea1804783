import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { utf8 } from '../../src/core/bytes.ts';
import { nobleCrypto } from '../../src/core/crypto-noble.ts';
import { isLedgerError } from '../../src/core/errors.ts';
import {
  formatCheckpoint,
  formatTlogProof,
  noteSigner,
  parseTlogProof,
  signNote,
} from '../../src/note/index.ts';
import { mangled, outcome } from '../core/mangle.ts';

const crypto = nobleCrypto;
const signer = noteSigner(
  crypto,
  'example.com/log',
  crypto.importPrivateKey('Ed25519', new Uint8Array(32).fill(3)),
);
const text = formatCheckpoint({ origin: 'example.com/log', size: 9, root: new Uint8Array(32).fill(9) });
const checkpoint = signNote(text, [signer]);
const hash = (byte: number) => new Uint8Array(32).fill(byte);
const refused = (code: string) => (error: unknown) => isLedgerError(error, code);

describe('the tlog-proof text form', () => {
  it('has the lines of C2SP tlog-proof, in their order', () => {
    const proof = formatTlogProof({ index: 4, path: [hash(1), hash(2)], checkpoint, extra: utf8('more') });
    assert.deepEqual(proof.split('\n').slice(0, 6), [
      'c2sp.org/tlog-proof@v1',
      'extra bW9yZQ==',
      'index 4',
      'AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=',
      'AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=',
      '',
    ]);
    assert.ok(proof.endsWith(`\n\n${checkpoint}`));
  });

  it('reads back what was written, from text and from bytes', () => {
    const arbitrary = fc.record(
      {
        index: fc.maxSafeNat(),
        path: fc.array(fc.uint8Array({ minLength: 32, maxLength: 32 }), { maxLength: 63 }),
        checkpoint: fc.constant(checkpoint),
        extra: fc.uint8Array({ minLength: 1, maxLength: 40 }),
      },
      { requiredKeys: ['index', 'path', 'checkpoint'] },
    );
    fc.assert(
      fc.property(arbitrary, (proof) => {
        const written = formatTlogProof(proof);
        const plain = { ...proof, path: proof.path.map((item) => Uint8Array.from(item)) };
        assert.deepEqual(parseTlogProof(written), plain);
        assert.deepEqual(parseTlogProof(utf8(written)), plain);
      }),
    );
  });

  it('takes a path without hashes: a tree of one leaf', () => {
    assert.deepEqual(parseTlogProof(formatTlogProof({ index: 0, path: [], checkpoint })).path, []);
  });

  const lines = (...middle: string[]) =>
    `${['c2sp.org/tlog-proof@v1', ...middle].join('\n')}\n\n${checkpoint}`;
  const short = 'AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ==';
  for (const [why, proof] of [
    ['another version', lines('index 0').replace('@v1', '@v2')],
    ['no index', lines()],
    ['no empty line', 'c2sp.org/tlog-proof@v1\nindex 0\n'],
    ['a leading zero', lines('index 01')],
    ['a sign', lines('index +1')],
    ['an index above 2^53 - 1', lines('index 9007199254740992')],
    ['two spaces', lines('index  1')],
    ['extra after the index', lines('index 0', 'extra bW9yZQ==')],
    ['two extras', lines('extra bW9yZQ==', 'extra bW9yZQ==', 'index 0')],
    ['an empty extra', lines('extra ', 'index 0')],
    ['base64 without padding', lines('extra bW9yZQ', 'index 0')],
    ['a hash of 31 bytes', lines('index 0', short)],
    ['a line that is no hash', lines('index 0', 'hash')],
    ['64 hashes', lines('index 0', ...new Array<string>(64).fill(Buffer.alloc(32).toString('base64')))],
    ['carriage returns', lines('index 0').replaceAll('\n', '\r\n')],
  ] as const) {
    it(`refuses ${why}`, () => assert.throws(() => parseTlogProof(proof), refused('PROOF_MALFORMED')));
  }

  it('refuses what follows if it is not a signed note', () => {
    assert.throws(
      () => parseTlogProof(`c2sp.org/tlog-proof@v1\nindex 0\n\n${text}`),
      refused('NOTE_MALFORMED'),
    );
    assert.throws(() => formatTlogProof({ index: 0, path: [], checkpoint: text }), refused('NOTE_MALFORMED'));
  });

  it('refuses to write what it would not read', () => {
    assert.throws(() => formatTlogProof({ index: 1.5, path: [], checkpoint }), refused('PROOF_MALFORMED'));
    assert.throws(() => formatTlogProof({ index: -1, path: [], checkpoint }), refused('PROOF_MALFORMED'));
    assert.throws(
      () => formatTlogProof({ index: 0, path: [new Uint8Array(31)], checkpoint }),
      refused('PROOF_MALFORMED'),
    );
  });

  it('reads damaged text as another proof with one text, or refuses it', () => {
    const bytes = utf8(
      formatTlogProof({ index: 4, path: [hash(1), hash(2)], checkpoint, extra: utf8('more') }),
    );
    for (const bad of mangled(bytes)) {
      const result = outcome(() => parseTlogProof(bad));
      if ('value' in result) assert.deepEqual(utf8(formatTlogProof(result.value)), bad);
      else assert.ok(['PROOF_MALFORMED', 'NOTE_MALFORMED'].includes(result.code), result.code);
    }
  });
});
