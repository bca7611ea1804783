import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ml_dsa44 } from '@noble/post-quantum/ml-dsa.js';
import fc from 'fast-check';
import { concat, utf8 } from '../../src/core/bytes.ts';
import { nobleCrypto } from '../../src/core/crypto-noble.ts';
import { formatVerifierKey, parsePolicy, parseVerifierKey, verifierKey } from '../../src/note/index.ts';
import { mangled, outcome } from '../core/mangle.ts';

const MALFORMED = { code: 'POLICY_MALFORMED' };

/** The text of the verifier key number `seed`. */
function vkey(seed: number, type: 1 | 4 = 4, name = `example.com/k${seed}`): string {
  const { publicKey } = nobleCrypto.importPrivateKey('Ed25519', new Uint8Array(32).fill(seed));
  return formatVerifierKey(verifierKey(nobleCrypto, name, type, publicKey.bytes));
}
const LOG = vkey(100, 1, 'example.com/log');
const W = Array.from({ length: 7 }, (_, i) => vkey(i + 1));
const lines = (...list: string[]) => list.map((line) => `${line}\n`).join('');

const EXAMPLE = lines(
  `log ${LOG}`,
  '',
  `witness X1 ${W[1]}`,
  `witness X2 ${W[2]}`,
  `witness X3 ${W[3]}`,
  'group X-witnesses 2 X1 X2 X3',
  '',
  `witness Y1 ${W[4]}`,
  `witness Y2 ${W[5]}`,
  `witness Y3 ${W[6]}`,
  'group Y-witnesses any Y1 Y2 Y3',
  '',
  'group X-and-Y all X-witnesses Y-witnesses',
  'quorum X-and-Y',
);

describe('policy files', () => {
  it('the example of C2SP tlog-policy', () => {
    const policy = parsePolicy(EXAMPLE);
    assert.deepEqual(policy.logs, [{ key: parseVerifierKey(LOG), url: undefined }]);
    assert.deepEqual(
      policy.witnesses.map(({ name, key }) => [name, formatVerifierKey(key)]),
      ['X1', 'X2', 'X3', 'Y1', 'Y2', 'Y3'].map((name, i) => [name, W[i + 1]]),
    );
    assert.ok(policy.quorum.kind === 'group');
    assert.deepEqual([policy.quorum.name, policy.quorum.threshold], ['X-and-Y', 2]);
    assert.deepEqual(
      policy.quorum.members.map((m) => m.kind === 'group' && [m.name, m.threshold, m.members.length]),
      [
        ['X-witnesses', 2, 3],
        ['Y-witnesses', 1, 3],
      ],
    );
    assert.deepEqual(parsePolicy(utf8(EXAMPLE)), policy);
  });

  it('URLs, comments, tabs and white space around', () => {
    const policy = parsePolicy(
      lines(
        '# comment',
        ' \t # another: \u00e9',
        ' \t ',
        `\tlog \t ${LOG}\thttps://example.com/log \t`,
        `  witness w ${W[1]} https://example.com/w`,
        '\tquorum\tw\t',
      ),
    );
    assert.equal(policy.logs[0]?.url, 'https://example.com/log');
    assert.equal(policy.witnesses[0]?.url, 'https://example.com/w');
    assert.ok(policy.quorum.kind === 'witness');
    assert.equal(policy.quorum.name, 'w');
  });

  it('only the quorum is mandatory, and none needs no witness', () => {
    assert.deepEqual(parsePolicy('quorum none\n'), { logs: [], witnesses: [], quorum: { kind: 'none' } });
    assert.equal(parsePolicy(lines(`witness w ${W[1]}`, 'quorum none')).quorum.kind, 'none');
  });

  it('the quorum line need not be the last', () => {
    assert.equal(parsePolicy(lines(`witness w ${W[1]}`, 'quorum w', `log ${LOG}`)).logs.length, 1);
  });

  it('names are compared as they are: K and the Kelvin sign differ, a no-break space is part of a name', () => {
    const policy = parsePolicy(
      lines(
        `witness K ${W[1]}`,
        `witness \u212a ${W[2]}`,
        `witness a\u00a0b ${W[3]}`,
        'group g 3 K \u212a a\u00a0b',
        'quorum g',
      ),
    );
    assert.deepEqual(
      policy.witnesses.map((w) => w.name),
      ['K', '\u212a', 'a\u00a0b'],
    );
    assert.throws(() => parsePolicy(lines(`witness K ${W[1]}`, 'quorum \u212a')), MALFORMED);
    assert.throws(() => parsePolicy(lines(`witness \u00e9 ${W[1]}`, 'quorum e\u0301')), MALFORMED);
  });

  it('keywords may be names', () => {
    const policy = parsePolicy(
      lines(`witness all ${W[1]}`, `witness 2 ${W[2]}`, 'group quorum all all 2', 'quorum quorum'),
    );
    assert.ok(policy.quorum.kind === 'group');
    assert.equal(policy.quorum.threshold, 2);
  });

  it('ML-DSA-44 witnesses are read', () => {
    const { publicKey } = ml_dsa44.keygen(new Uint8Array(32));
    const text = formatVerifierKey(verifierKey(nobleCrypto, 'example.com/pq', 6, publicKey));
    assert.equal(parsePolicy(lines(`witness w ${text}`, 'quorum w')).witnesses[0]?.key.type, 6);
  });

  it('32 logs, witnesses and groups are no problem, nor is a deep chain of groups', () => {
    const many: string[] = [];
    for (let i = 0; i < 32; i++) {
      many.push(`log ${vkey(100 + i, 1)}`, `witness w${i} ${vkey(150 + i)}`);
      many.push(`group g${i} any w${i}${i > 0 ? ` g${i - 1}` : ''}`);
    }
    const policy = parsePolicy(lines(...many, 'quorum g31'));
    assert.deepEqual([policy.logs.length, policy.witnesses.length], [32, 32]);
  });

  const w1 = `witness w1 ${W[1]}`;
  const w2 = `witness w2 ${W[2]}`;
  const q = 'quorum w1';
  const bad: [string, string][] = [
    ['nothing', ''],
    ['no quorum', lines(w1)],
    ['two quorum lines', lines(w1, q, q)],
    ['quorum none and another', lines(w1, 'quorum none', q)],
    ['a quorum that is not defined', lines(w1, 'quorum w2')],
    ['a quorum that is defined later', lines(q, w1)],
    ['a quorum of two names', lines(w1, w2, 'quorum w1 w2')],
    ['a quorum without name', lines(w1, 'quorum')],
    ['another keyword', lines(w1, q, 'monitor x')],
    ['a keyword in capitals', lines(w1, 'QUORUM w1')],
    ['a log without key', lines('log', 'quorum none')],
    ['a log with too many items', lines(`log ${LOG} url more`, 'quorum none')],
    ['a log with a name', lines(`log name ${LOG}`, 'quorum none')],
    ['a witness without key', lines('witness w1', 'quorum none')],
    ['a witness without name', lines(`witness ${W[1]}`, 'quorum none')],
    ['a witness with too many items', lines(`${w1} url more`, q)],
    ['a key with a wrong id', lines(w1.replace(/\+[0-9a-f]{8}\+/, '+00000000+'), q)],
    ['a witness key of type 1', lines(`witness w1 ${vkey(1, 1)}`, q)],
    ['the same witness twice', lines(w1, w1, q)],
    ['two witnesses of one name', lines(w1, `witness w1 ${W[2]}`, q)],
    ['two witnesses with one key under two key names', lines(w1, `witness w2 ${vkey(2, 4, 'other')}`, q)],
    ['two logs with one key', lines(`log ${LOG}`, `log ${vkey(100, 1, 'other')}`, 'quorum none')],
    [
      'two logs with one key in two types',
      lines(`log ${LOG}`, `log ${vkey(100, 4, 'other')}`, 'quorum none'),
    ],
    ['a key that is a log’s and a witness’s', lines(`log ${LOG}`, `witness w ${vkey(100)}`, 'quorum w')],
    ['a witness named none', lines(`witness none ${W[1]}`, 'quorum none')],
    ['a group named none', lines(w1, 'group none any w1', 'quorum none')],
    ['a group named like a witness', lines(w1, w2, 'group w1 any w2', q)],
    ['two groups of one name', lines(w1, w2, 'group g any w1', 'group g any w2', 'quorum g')],
    ['a group without members', lines(w1, 'group g any', q)],
    ['a group without size', lines(w1, 'group g w1', q)],
    ['a group of none', lines(w1, 'group g any w1 none', q)],
    ['a group of itself', lines(w1, 'group g any g', q)],
    ['a member that is not defined', lines(w1, 'group g any w1 w2', q)],
    ['a member that is defined later', lines(w1, 'group g any w1 w2', w2, q)],
    ['a member twice in one group', lines(w1, 'group g 2 w1 w1', q)],
    ['a member of two groups', lines(w1, w2, 'group g any w1 w2', 'group h any w1', q)],
    ['a group in two groups', lines(w1, 'group g any w1', 'group h any g', 'group i any g', q)],
    ['a threshold of 0', lines(w1, 'group g 0 w1', q)],
    ['a threshold above the members', lines(w1, 'group g 2 w1', q)],
    ['a threshold with a leading zero', lines(w1, 'group g 01 w1', q)],
    ['a threshold with a sign', lines(w1, 'group g +1 w1', q)],
    ['a negative threshold', lines(w1, 'group g -1 w1', q)],
    ['a fraction', lines(w1, 'group g 1.0 w1', q)],
    ['a threshold in words', lines(w1, 'group g most w1', q)],
    ['a comment after a line', lines(`${w1} url # comment`, q)],
    ['no final newline', `${w1}\n${q}`],
    ['CRLF', lines(w1, q).replaceAll('\n', '\r\n')],
    ['a NUL', lines('#\0', w1, q)],
    ['U+007F', lines('#\u007f', w1, q)],
    ['a form feed', lines('\f', w1, q)],
    ['a lone surrogate', lines('#\ud800', w1, q)],
    ['257 logs', lines(...Array.from({ length: 257 }, (_, i) => `log ${vkeyOf(i)}`), 'quorum none')],
    ['more than a MiB', `#${'x'.repeat(1 << 20)}\nquorum none\n`],
  ];
  for (const [what, text] of bad) {
    it(`refuse ${what}`, () => assert.throws(() => parsePolicy(text), MALFORMED));
  }

  it('refuse bytes that are not UTF-8', () => {
    assert.throws(
      () => parsePolicy(concat(utf8('#'), Uint8Array.of(0xff), utf8('\nquorum none\n'))),
      MALFORMED,
    );
  });

  it('say on which line', () => {
    assert.throws(() => parsePolicy(lines('# comment', w1, 'group g 2 w1', q)), {
      ...MALFORMED,
      message: 'line 3: not a threshold for 1 members',
    });
  });

  it('every byte mangled: refused, or read without crashing', () => {
    const text = lines(`log ${LOG} u`, w1, w2, 'group g 2 w1 w2', 'quorum g');
    for (const bytes of mangled(utf8(text))) {
      const result = outcome(() => parsePolicy(bytes));
      if ('code' in result) assert.equal(result.code, 'POLICY_MALFORMED');
      // A quorum can name another member after damage; it cannot lose both its witnesses' keys.
      else assert.ok(result.value.witnesses.length > 0);
    }
  });

  it('any lines: refused or read', () => {
    const piece = fc.constantFrom(
      'log',
      'witness',
      'group',
      'quorum',
      'none',
      'any',
      'all',
      '1',
      '2',
      'a',
      'b',
      LOG,
      W[1]!,
      W[2]!,
      '#',
    );
    const line = fc.oneof(
      fc.array(piece, { maxLength: 5 }).map((items) => items.join(' ')),
      fc.constantFrom(w1, w2, 'group g any w1 w2', 'quorum g', 'quorum none', 'quorum w1'),
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 6 }), (list) => {
        const result = outcome(() => parsePolicy(lines(...list)));
        if ('code' in result) assert.equal(result.code, 'POLICY_MALFORMED');
      }),
      { numRuns: 300 },
    );
  });
});

/** More keys than one byte can number. */
function vkeyOf(i: number): string {
  const seed = new Uint8Array(32);
  new DataView(seed.buffer).setUint32(0, i);
  const { publicKey } = nobleCrypto.importPrivateKey('Ed25519', seed);
  return formatVerifierKey(verifierKey(nobleCrypto, `k${i}`, 1, publicKey.bytes));
}
