import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { stateKey } from '../../src/chain/index.ts';
import { diagnostic } from '../../src/cli/diagnostic.ts';
import { parseBody, parseJson } from '../../src/cli/json-body.ts';
import { printable } from '../../src/cli/printable.ts';
import { parseStateKey } from '../../src/cli/state-key.ts';
import { treeText } from '../../src/cli/tree-text.ts';
import { Float, Tagged } from '../../src/core/cbor.ts';
import { anyText } from '../core/any-text.ts';
import { refusal } from '../cose/mangle.ts';

test('printable: nothing that moves a cursor or turns the direction of reading is left', () => {
  assert.equal(printable('a\u001b[2Jb'), 'a\\u{1b}[2Jb');
  assert.equal(printable('x\u202ey\nz'), 'x\\u{202e}y\\u{a}z');
  fc.assert(
    fc.property(anyText(), (text) => {
      assert.doesNotMatch(printable(text), /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/u);
    }),
  );
});

test('printable: ordinary text stays as it is', () => {
  for (const text of ['did:web:tdc.example', 'ε = 1.5 – über 中文', '']) assert.equal(printable(text), text);
});

test('diagnostic notation of RFC 8949 §8', () => {
  const cases: [Parameters<typeof diagnostic>[0], string][] = [
    [0, '0'],
    [-7, '-7'],
    [18446744073709551615n, '18446744073709551615'],
    ['a"b\\', '"a\\"b\\\\"'],
    [Uint8Array.of(1, 255), "h'01ff'"],
    [[1, [], new Map()], '[1, [], {}]'],
    [
      new Map<number | string, number | boolean>([
        [1, -7],
        ['a', true],
      ]),
      '{1: -7, "a": true}',
    ],
    [new Tagged(18, [null]), '18([null])'],
    [new Float(1.5), '1.5'],
    ['\u001b[31m', '"\\u{1b}[31m"'],
  ];
  for (const [value, text] of cases) assert.equal(diagnostic(value), text);
});

test('diagnostic notation of something huge is cut off', () => {
  assert(diagnostic(Array.from({ length: 60_000 }, (_, i) => i)).length < 40_000);
  assert(diagnostic(new Uint8Array(1 << 20)).length < 300);
  assert(diagnostic('x'.repeat(1 << 20)).length < 40_000);
});

test('JSON bodies: byte strings, nesting, exact numbers', () => {
  const body = parseBody(
    '{"a":{"$bytes":"AQI"},"list":[1,{"$bytes":""}],"deep":{"__proto__":true,"n":null}}',
  );
  assert.deepEqual(
    body,
    new Map<string, unknown>([
      ['a', Uint8Array.of(1, 2)],
      ['list', [1, new Uint8Array(0)]],
      [
        'deep',
        new Map<string, unknown>([
          ['__proto__', true],
          ['n', null],
        ]),
      ],
    ]),
  );
});

test('JSON bodies: what is refused, and why', () => {
  const code = (text: string) => refusal(() => parseBody(text));
  assert.equal(code('{'), 'REQUEST_MALFORMED');
  assert.equal(code('[]'), 'REQUEST_MALFORMED');
  assert.equal(code('"text"'), 'REQUEST_MALFORMED');
  assert.equal(code('{"a":1.5}'), 'NUMBER_MALFORMED');
  assert.equal(code('{"a":9007199254740993}'), 'NUMBER_MALFORMED');
  assert.equal(code('{"a":{"$bytes":"AQI="}}'), 'BYTES_MALFORMED');
  assert.equal(code('{"a":{"$bytes":7}}'), 'BYTES_MALFORMED');
});

test('JSON bodies: any JSON is taken or refused, never a crash', () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      refusal(() => parseJson(text));
    }),
  );
});

test('state keys as people write them', () => {
  assert.deepEqual(parseStateKey('policy'), stateKey('policy'));
  assert.deepEqual(parseStateKey('sys=genesis'), stateKey('sys', 'genesis'));
  assert.deepEqual(parseStateKey('participant=did:web:a=b'), stateKey('participant', 'did:web:a=b'));
  assert.deepEqual(parseStateKey('key=AQI'), stateKey('key', Uint8Array.of(1, 2)));
  assert.deepEqual(parseStateKey('["run",7,{"$bytes":"AQI"}]'), stateKey('run', 7, Uint8Array.of(1, 2)));
  for (const bad of ['', '=x', '[1]', '[]', '[null', '["a",null]', 'UPPER=x']) {
    assert.notEqual(
      refusal(() => parseStateKey(bad)),
      'accepted',
      bad,
    );
  }
});

test('trees of values as text', () => {
  const value = {
    size: 5,
    none: null,
    empty: [],
    path: ['a', { b: 1, c: ['d'] }],
    left: undefined,
    at: { x: 'y\n' },
  };
  assert.equal(
    treeText(value),
    'size: 5\nnone: none\nempty: none\npath:\n  - a\n  - b: 1\n    c:\n      - d\nat:\n  x: y\\u{a}',
  );
});
