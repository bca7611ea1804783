import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Json, Numeral, readJson } from '../../src/depa/json.ts';

/** As JSON.parse would have it. */
function plain(value: Json): unknown {
  if (value instanceof Numeral) return Number(value.text);
  if (Array.isArray(value)) return value.map(plain);
  if (!(value instanceof Map)) return value;
  return Object.fromEntries([...value].map(([name, member]) => [name, plain(member)]));
}

// -0 and __proto__ are where JSON.parse and plain objects differ from what is in the file.
const same = (text: string) => assert.deepEqual(plain(readJson(text)), JSON.parse(text));
const documents = fc.json({ noUnicodeString: false }).filter((text) => !/-0(?![0-9.])|__proto__/.test(text));

test('reads what JSON.parse reads', () => {
  fc.assert(fc.property(documents, same));
  same(' { "a" : [ 1 , 2.50, -1e-7, true , false, null, "\\u00e9\\n" ] }\r\n');
});

test('numbers stay as they are written', () => {
  const read = readJson('[1.50, 1e-4, 0.1000000000000000000001]') as readonly Numeral[];
  assert.deepEqual(
    read.map(({ text }) => text),
    ['1.50', '1e-4', '0.1000000000000000000001'],
  );
});

for (const [what, text] of Object.entries({
  nothing: '',
  'a comma too many': '[1,]',
  'a comma too few': '[1 2]',
  'a member twice': '{"a":1,"a":2}',
  'no colon': '{"a" 1}',
  'a name that is no string': '{a: 1}',
  'a control character in a string': '"a\nb"',
  'an escape that is none': '"\\x41"',
  'a string without an end': '"abc',
  'a leading zero': '[01]',
  'a leading plus': '[+1]',
  'a bare point': '[.5]',
  NaN: '[NaN]',
  'something after the end': '{} {}',
  'single quotes': "{'a': 1}",
  'too deep': '['.repeat(70) + ']'.repeat(70),
})) {
  test(`refuses ${what}`, () => assert.throws(() => readJson(text), { code: 'REQUEST_MALFORMED' }));
}

test('never throws anything else, and accepts nothing that JSON.parse does not', () => {
  fc.assert(
    fc.property(fc.json(), fc.nat(), fc.string({ maxLength: 2 }), (text, at, put) => {
      const where = at % (text.length + 1);
      const mangled = text.slice(0, where) + put + text.slice(where + 1);
      try {
        readJson(mangled);
      } catch (error) {
        assert.equal((error as { code?: string }).code, 'REQUEST_MALFORMED');
        return;
      }
      assert.doesNotThrow(() => JSON.parse(mangled));
    }),
  );
});

test('says in which line', () => {
  assert.throws(() => readJson('{\n  "a": 1,\n  "b" 2\n}'), /line 3: ":" is needed/);
});
