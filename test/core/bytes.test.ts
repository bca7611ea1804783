import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  compare,
  concat,
  equal,
  fromBase64,
  fromBase64url,
  fromCharacters,
  fromHex,
  fromU64be,
  fromUtf8,
  toBase64,
  toBase64url,
  toCharacters,
  toHex,
  u64be,
  utf8,
} from '../../src/core/bytes.ts';
import { anyText } from './any-text.ts';

const MALFORMED = { name: 'LedgerError', code: 'BYTES_MALFORMED' };

describe('text forms', () => {
  it('have a character for each byte where that is asked for', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 700 }), (bytes) => {
        assert.equal(toCharacters(bytes), Buffer.from(bytes).toString('latin1'));
        assert.deepEqual(fromCharacters(toCharacters(bytes)), bytes);
      }),
    );
    for (const length of [255, 256, 257, 512, 200_000]) {
      const bytes = new Uint8Array(length).map((_, i) => i);
      assert.equal(toCharacters(bytes), Buffer.from(bytes).toString('latin1'));
    }
  });

  it('agree with Buffer and round-trip', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        const buffer = Buffer.from(bytes);
        assert.equal(toHex(bytes), buffer.toString('hex'));
        assert.equal(toBase64(bytes), buffer.toString('base64'));
        assert.equal(toBase64url(bytes), buffer.toString('base64url'));
        assert.deepEqual(fromHex(toHex(bytes)), bytes);
        assert.deepEqual(fromBase64(toBase64(bytes)), bytes);
        assert.deepEqual(fromBase64url(toBase64url(bytes)), bytes);
      }),
    );
  });

  it('have one spelling for one byte string', () => {
    const forms = [
      [fromHex, toHex],
      [fromBase64, toBase64],
      [fromBase64url, toBase64url],
    ] as const;
    // Any text that is accepted is the text that would be written.
    const text = fc.string({ unit: fc.constantFrom(...'09afAFgz+/-_= \n\t,'), maxLength: 9 });
    fc.assert(
      fc.property(text, fc.constantFrom(...forms), (candidate, [decode, encode]) => {
        let bytes: Uint8Array;
        try {
          bytes = decode(candidate);
        } catch (error) {
          assert.equal((error as { code?: string }).code, 'BYTES_MALFORMED');
          return;
        }
        assert.equal(encode(bytes), candidate);
      }),
      { numRuns: 2000 },
    );
  });

  for (const text of ['A', 'abc', '0g', 'AB', ' ab', 'ab\n']) {
    it(`refuses hexadecimal ${JSON.stringify(text)}`, () => assert.throws(() => fromHex(text), MALFORMED));
  }
  for (const text of ['QQ', 'QQ=', 'QR==', 'QUI', 'QUJ=', 'Q Q==', 'QQ==\n', '\nQQ==', '-_==', 'QQ==QQ==']) {
    it(`refuses base64 ${JSON.stringify(text)}`, () => assert.throws(() => fromBase64(text), MALFORMED));
  }
  for (const text of ['QQ==', 'QR', 'Q', '+/', 'QQ\n', ' QQ']) {
    it(`refuses base64url ${JSON.stringify(text)}`, () =>
      assert.throws(() => fromBase64url(text), MALFORMED));
  }
});

describe('UTF-8', () => {
  it('keeps a byte order mark: it is part of the text', () => {
    assert.equal(fromUtf8(Uint8Array.of(0xef, 0xbb, 0xbf, 0x41)), '\ufeffA');
  });

  // Overlong, surrogate, truncated, beyond U+10FFFF, stray continuation.
  for (const bad of ['c080', 'eda080', 'e282', 'f4908080', '80', 'ff']) {
    it(`refuses ${bad}`, () => assert.throws(() => fromUtf8(fromHex(bad)), MALFORMED));
  }

  it('round-trips', () => {
    fc.assert(fc.property(anyText(), (text) => fromUtf8(utf8(text)) === text));
  });
});

describe('compare and equal', () => {
  it('agree with Buffer', () => {
    const bytes = fc.uint8Array({ maxLength: 4, max: 3 });
    fc.assert(
      fc.property(bytes, bytes, (a, b) => {
        assert.equal(Math.sign(compare(a, b)), Buffer.compare(a, b));
        assert.equal(equal(a, b), Buffer.compare(a, b) === 0);
      }),
    );
  });

  it('puts a prefix first', () => assert.ok(compare(Uint8Array.of(1), Uint8Array.of(1, 0)) < 0));
});

it('concat joins', () => {
  assert.deepEqual(concat(), new Uint8Array());
  assert.deepEqual(concat(Uint8Array.of(1), new Uint8Array(), Uint8Array.of(2, 3)), Uint8Array.of(1, 2, 3));
});

describe('u64be', () => {
  it('round-trips and sorts like the number', () => {
    const size = fc.maxSafeNat();
    fc.assert(
      fc.property(size, size, (a, b) => {
        assert.equal(fromU64be(u64be(a)), a);
        assert.equal(Math.sign(compare(u64be(a), u64be(b))), Math.sign(a - b));
      }),
    );
    assert.equal(toHex(u64be(2n ** 64n - 1n)), 'ffffffffffffffff');
  });

  it('reads inside a longer string, also one that is a view', () => {
    const whole = concat(Uint8Array.of(9, 9), u64be(258), Uint8Array.of(9));
    assert.equal(fromU64be(whole, 2), 258);
    assert.equal(fromU64be(whole.subarray(2)), 258);
  });

  it('refuses what is short or not exact', () => {
    assert.throws(() => fromU64be(new Uint8Array(7)), MALFORMED);
    assert.throws(() => fromU64be(new Uint8Array(8), 1), MALFORMED);
    assert.throws(() => fromU64be(u64be(2n ** 53n)), MALFORMED);
    assert.equal(fromU64be(u64be(2n ** 53n - 1n)), Number.MAX_SAFE_INTEGER);
  });

  it('never wraps a number around', () => {
    for (const value of [-1, -1n, 2n ** 64n, 2 ** 53, 1.5, Number.NaN]) {
      assert.throws(() => u64be(value), { code: 'ARGUMENT_INVALID' });
    }
  });
});
