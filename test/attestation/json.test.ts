import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { canonicalJson } from '../../src/attestation/canonical-json.ts';
import { readJson, readJsonMap } from '../../src/attestation/json.ts';
import { fromUtf8, utf8 } from '../../src/core/bytes.ts';
import { outcome } from '../core/mangle.ts';

const read = (text: string) => outcome(() => readJson(utf8(text)));
const malformed = { code: 'JSON_MALFORMED' };
const inexact = { code: 'JSON_NUMBER_INEXACT' };

describe('JSON', () => {
  it('takes what JSON.parse takes, as far as numbers are exact', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 4 }), (text) => {
        const parsed = JSON.parse(text) as unknown;
        const found = read(text);
        if ('code' in found) assert.ok(['JSON_NUMBER_INEXACT', 'JSON_MALFORMED'].includes(found.code));
        else assert.deepEqual(plain(found.value), parsed);
      }),
    );
  });

  it('refuses what JSON.parse refuses', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 30 }), (text) => {
        let valid = true;
        try {
          JSON.parse(text);
        } catch {
          valid = false;
        }
        if (!valid) assert.notEqual('code' in read(text), false, text);
      }),
      { numRuns: 2000 },
    );
  });

  it('no member twice, however it is spelled', () => {
    for (const text of ['{"a":1,"a":1}', '{"a":1,"\\u0061":2}', '{"__proto__":1,"__proto__":2}']) {
      assert.deepEqual(read(text), malformed, text);
    }
  });

  it('__proto__ and constructor are names like others', () => {
    const map = readJsonMap(utf8('{"__proto__":{"admin":true},"constructor":7}'));
    assert.equal(map.get('constructor'), 7);
    assert.equal(({} as Record<string, unknown>).admin, undefined);
    assert.equal(map.get('toString'), undefined);
  });

  it('numbers are whole, and exact', () => {
    assert.deepEqual(read('9007199254740991'), { value: 9007199254740991 });
    assert.deepEqual(read('-7'), { value: -7 });
    for (const text of ['9007199254740992', '9007199254740993', '1e3', '1.0', '0.5', '1E400', '-0.0']) {
      assert.deepEqual(read(text), inexact, text);
    }
    for (const text of ['01', '+1', '.5', '1.', 'NaN', 'Infinity', '0x10', '--1']) {
      assert.ok('code' in read(text), text);
    }
  });

  it('text is whole: no control characters, no half of a pair', () => {
    for (const text of ['"\n"', '"\\x"', '"\\ud800"', '"\\u12"', '"', "'a'"])
      assert.deepEqual(read(text), malformed, text);
    assert.deepEqual(
      outcome(() => readJson(Uint8Array.of(0x22, 0xff, 0x22))),
      malformed,
    );
    assert.deepEqual(read('"\\ud83d\\ude00"'), { value: '😀' });
  });

  it('escapes in every place, and many strings, in linear time', () => {
    for (const text of ['"\\\\"', '"\\""', '"a\\\\"', '["\\\\","b"]', '["a","\\"b"]', '"\\\\\\""', '"\\"']) {
      const found = read(text);
      let parsed: unknown;
      try {
        parsed = JSON.parse(text);
      } catch {
        assert.ok('code' in found, text);
        continue;
      }
      assert.deepEqual(found, { value: parsed }, text);
    }
    const lists = `[${Array.from({ length: 200 }, () => `[${Array.from({ length: 200 }, () => '"a"').join()}]`).join()}]`;
    const before = process.cpuUsage();
    assert.ok('value' in read(lists));
    assert.ok(process.cpuUsage(before).user < 500_000);
  });

  it('nothing before or after, and no more than 8 deep', () => {
    for (const text of ['', ' ', '1 2', '{} x', '\ufeff{}', '[1,]', '{"a":1,}', '{"a"}', '{1:2}']) {
      assert.deepEqual(read(text), malformed, text);
    }
    assert.ok('value' in read('[[[[[[[[1]]]]]]]]'));
    assert.deepEqual(read('[[[[[[[[[1]]]]]]]]]'), malformed);
    assert.deepEqual(read('['.repeat(1_000_000)), malformed);
    assert.deepEqual(read(`[${'1,'.repeat(300)}1]`), malformed);
  });
});

describe('canonical JSON, RFC 8785', () => {
  it('orders members by UTF-16 code units: the example of §3.2.3', () => {
    const value = {
      '\u20ac': 'Euro Sign',
      '\r': 'Carriage Return',
      '\ufb33': 'Hebrew Letter Dalet With Dagesh',
      '1': 'One',
      '\ud83d\ude00': 'Emoji: Grinning Face',
      '\u0080': 'Control',
      '\u00f6': 'Latin Small Letter O With Diaeresis',
    };
    const values = [...fromUtf8(canonicalJson(value)).matchAll(/:"([^"]*)"/g)].map(([, text]) => text);
    assert.deepEqual(values, [
      'Carriage Return',
      'One',
      'Control',
      'Latin Small Letter O With Diaeresis',
      'Euro Sign',
      'Emoji: Grinning Face',
      'Hebrew Letter Dalet With Dagesh',
    ]);
  });

  it('writes text as the example of §3.2.2 does', () => {
    const value = { string: '\u20ac$\u000f\u000aA\'B"\\\\"/', literals: [null, true, false] };
    assert.equal(
      fromUtf8(canonicalJson(value)),
      '{"literals":[null,true,false],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    );
  });

  it('is read back as what it was made of', () => {
    const value = fc.letrec((tie) => ({
      any: fc.oneof(
        { maxDepth: 3 },
        fc.string({ unit: 'grapheme' }),
        fc.integer(),
        fc.boolean(),
        fc.constant(null),
        fc.array(tie('any'), { maxLength: 5 }),
        fc.dictionary(fc.string(), tie('any'), { maxKeys: 5 }),
      ),
    })).any;
    fc.assert(
      fc.property(value, (made) => {
        const bytes = canonicalJson(made as never);
        const found = readJson(bytes);
        assert.deepEqual(plain(found), JSON.parse(fromUtf8(bytes)));
        assert.deepEqual(canonicalJson(found), bytes);
      }),
    );
  });

  it('takes no number that is not exact, and no half of a pair', () => {
    for (const bad of [0.5, 2 ** 53, Number.NaN, '\ud800', { '\udc00': 1 }]) {
      assert.deepEqual(
        outcome(() => canonicalJson(bad as never)),
        { code: 'JSON_NOT_CANONICAL' },
      );
    }
    assert.equal(fromUtf8(canonicalJson(-0)), '0');
  });
});

function plain(value: unknown): unknown {
  if (value instanceof Map) {
    const out = Object.create(null) as Record<string, unknown>;
    for (const [name, member] of value) out[name] = plain(member);
    return Object.fromEntries(Object.entries(out));
  }
  return Array.isArray(value) ? value.map(plain) : value;
}
