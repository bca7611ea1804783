import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { isDid, isOrigin, isUrn } from '../../src/chain/identifier.ts';
import { textFault } from '../../src/chain/text-guard.ts';
import { realData } from '../vectors.ts';

test('placeholders', () => {
  const placeholders = [
    '',
    ' ',
    '\t\n',
    'null',
    '$VAR',
    '$'.concat('{VAR}'),
    'did:web:$CCRP_USERNAME.github.io',
    'a$b',
  ];
  for (const value of placeholders) assert.equal(textFault(value), 'PLACEHOLDER_VALUE', value);
  for (const value of ['0', 'nullable', 'costs $5', 'US$', 'a', '€'])
    assert.equal(textFault(value), undefined, value);
});

test('secrets', () => {
  for (const value of [
    'https://a.blob.core.windows.net/c/f?sv=2022-11-02&sr=b&sig=abc%2Fdef%3D',
    'sig=abc',
    '?SIG=abc',
    'Authorization: Bearer abcdefghijklmnopqrstuvwxyz',
    'bearer  0123456789abcdef',
    'eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJ4In0.c2lnbmF0dXJlLXNpZ25hdHVyZQ',
    '-----BEGIN PRIVATE KEY-----\nMII',
    '-----BEGIN EC PRIVATE KEY-----',
    '-----BEGIN ENCRYPTED PRIVATE KEY-----',
  ]) {
    assert.equal(textFault(value), 'SECRET_IN_BODY', value);
  }
  for (const value of ['use=sig', 'the bearer of this', 'design=new', '-----BEGIN PUBLIC KEY-----', 'eyJ']) {
    assert.equal(textFault(value), undefined, value);
  }
});

test('a text without a suspicious character is none of those', () => {
  // As they are written in the rules, without the one look that most texts are done with.
  const faults = [
    /^null$/,
    /^[ \t\r\n]*$/,
    /\$\{?[A-Za-z_]/,
    /-----BEGIN [A-Z0-9 ]{0,32}PRIVATE KEY/,
    /(?:^|[?&;])[Ss][Ii][Gg]=[^&]/,
    /[Bb]earer[ \t]+[A-Za-z0-9._~+/-]{16}/,
    /(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{16}/,
  ];
  const parts = [
    '$',
    '{',
    'A',
    'null',
    ' ',
    '\t',
    '\r',
    '\n',
    '\v',
    '\u00a0',
    '-----BEGIN ',
    'PRIVATE KEY',
    'EC ',
    '?',
    'sig',
    '=',
    'a',
  ];
  const more = ['bearer', 'Bearer', '0123456789abcdef', 'eyJ', '.', 'aaaaaaaaaaaaaaaa', 'é', ''];
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...parts, ...more), { maxLength: 8 }), (chosen) => {
      const text = chosen.join('');
      assert.equal(
        textFault(text) !== undefined,
        faults.some((fault) => fault.test(text)),
        text,
      );
    }),
    { numRuns: 5000 },
  );
});

test('work grows with the length of a text, not with its square', () => {
  const texts = ['eyJ', 'eyJaaaaaaaaaaa.', '-----BEGIN ', 'bearer ', 'sig', '&sig', '$', ' '];
  for (const value of texts) {
    // Ten times the text takes about ten times the work; a pattern that backtracks would take a hundred times.
    const work = (length: number) => {
      const text = value.repeat(Math.ceil(length / value.length));
      const each = [0, 1, 2, 3, 4].map(() => {
        const began = process.cpuUsage();
        textFault(text);
        const { user, system } = process.cpuUsage(began);
        return user + system;
      });
      return Math.min(...each);
    };
    assert.ok(work(1_000_000) < 50 * Math.max(work(100_000), 500), value);
  }
});

test('DIDs, URNs and origins', () => {
  for (const did of ['did:web:example.com', 'did:web:a.example%3A8080:users:1', 'did:key:z6Mk', 'did:x:_']) {
    assert.ok(isDid(did), did);
  }
  const not = [
    'did:web:',
    'did::a',
    'did:Web:a',
    'did:web:a:',
    'did:web:a/b',
    'did:web:a#k',
    'did:web:é',
    ' did:x:a',
    'did:x:a\n',
  ];
  for (const did of [...not, `did:web:${'a'.repeat(600)}`]) assert.equal(isDid(did), false, did);
  const local = '19517ba8-bab8-11ed-afa1-0242ac120002';
  assert.ok(isUrn(`urn:depa:dataset:localhost:8080/log:${local}`, 'dataset'));
  assert.ok(isUrn(`urn:depa:model:log.example:sha256-${'0a'.repeat(32)}`));
  // The whole type, and in its place.
  for (const type of ['data', 'dataset:localhost', 'datasets', '', 'set']) {
    assert.equal(isUrn(`urn:depa:dataset:localhost:8080/log:${local}`, type), false, type);
  }
  for (const urn of [
    `urn:depa:dataset:${local}`,
    `urn:depa:dataset:o:${local.toUpperCase()}`,
    'urn:depa:dataset:o:1',
    `urn:depa:Data:o:${local}`,
  ]) {
    assert.equal(isUrn(urn), false, urn);
  }
  assert.ok(isOrigin('log.example/a'));
  for (const origin of ['', 'a b', 'a+b', 'é', 'a'.repeat(256)])
    assert.equal(isOrigin(origin), false, origin);
});

test('the contracts that DEPA ships are templates, and are seen to be', (t) => {
  const folder = realData('depa');
  if (!folder) return t.skip('no real data here');
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((f) =>
    /contract[^/]*\.json$/.test(f),
  );
  assert.ok(files.length > 0);
  const withPlaceholder = files.filter((file) => {
    const texts: string[] = [];
    JSON.parse(readFileSync(join(folder, file), 'utf8'), (_, value: unknown) => {
      if (typeof value === 'string') texts.push(value);
      return value;
    });
    return texts.some((value) => textFault(value) === 'PLACEHOLDER_VALUE');
  });
  assert.ok(withPlaceholder.length > 0);
});
