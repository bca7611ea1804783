import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Encoder } from 'cbor-x';
import * as cborg from 'cborg';
import fc from 'fast-check';
import { type Bytes, compare, fromHex, toHex } from '../../src/core/bytes.ts';
import { type Cbor, decode, encode, Float, headLength, Tagged } from '../../src/core/cbor.ts';
import { Slab } from '../../src/core/slab.ts';
import { anyText } from './any-text.ts';
import { mangled, outcome } from './mangle.ts';

const hex = (text: string) => fromHex(text.replaceAll(' ', ''));
const MALFORMED = { code: 'CBOR_MALFORMED' };
const NOT_DETERMINISTIC = { code: 'CBOR_NOT_DETERMINISTIC' };

/** RFC 8949 appendix A, the examples that are in the profile. */
const EXAMPLES: [string, Cbor][] = [
  ['00', 0],
  ['01', 1],
  ['0a', 10],
  ['17', 23],
  ['1818', 24],
  ['1819', 25],
  ['1864', 100],
  ['1903e8', 1000],
  ['1a000f4240', 1_000_000],
  ['1b000000e8d4a51000', 1_000_000_000_000],
  ['1bffffffffffffffff', 18_446_744_073_709_551_615n],
  ['3bffffffffffffffff', -18_446_744_073_709_551_616n],
  ['20', -1],
  ['29', -10],
  ['3863', -100],
  ['3903e7', -1000],
  ['f4', false],
  ['f5', true],
  ['f6', null],
  ['40', new Uint8Array()],
  ['4401020304', Uint8Array.of(1, 2, 3, 4)],
  ['60', ''],
  ['6161', 'a'],
  ['6449455446', 'IETF'],
  ['62225c', '"\\'],
  ['62c3bc', '\u00fc'],
  ['63e6b0b4', '\u6c34'],
  ['64f0908591', '\u{10151}'],
  ['80', []],
  ['83010203', [1, 2, 3]],
  ['8301820203820405', [1, [2, 3], [4, 5]]],
  ['98190102030405060708090a0b0c0d0e0f101112131415161718181819', Array.from({ length: 25 }, (_, i) => i + 1)],
  ['a0', new Map()],
  [
    'a201020304',
    new Map([
      [1, 2],
      [3, 4],
    ]),
  ],
  [
    'a26161016162820203',
    new Map<string, Cbor>([
      ['a', 1],
      ['b', [2, 3]],
    ]),
  ],
  ['826161a161626163', ['a', new Map([['b', 'c']])]],
  [
    'a56161614161626142616361436164614461656145',
    new Map([
      ['a', 'A'],
      ['b', 'B'],
      ['c', 'C'],
      ['d', 'D'],
      ['e', 'E'],
    ]),
  ],
  // The edges of number and bigint.
  ['1b001fffffffffffff', Number.MAX_SAFE_INTEGER],
  ['1b0020000000000000', 2n ** 53n],
  ['3b001ffffffffffffe', Number.MIN_SAFE_INTEGER],
  ['3b001fffffffffffff', -(2n ** 53n)],
];

/** RFC 8949 appendix A, the examples that are not; all are well formed. */
const OUTSIDE: [string, unknown][] = [
  ['f90000', new Float(0)],
  ['f98000', new Float(-0)],
  ['f93c00', new Float(1)],
  ['fb3ff199999999999a', new Float(1.1)],
  ['f93e00', new Float(1.5)],
  ['f97bff', new Float(65504)],
  ['fa47c35000', new Float(100000)],
  ['fa7f7fffff', new Float(3.4028234663852886e38)],
  ['fb7e37e43c8800759c', new Float(1.0e300)],
  ['f90001', new Float(2 ** -24)],
  ['f90400', new Float(0.00006103515625)],
  ['f9c400', new Float(-4)],
  ['fbc010666666666666', new Float(-4.1)],
  ['f97c00', new Float(Number.POSITIVE_INFINITY)],
  ['f97e00', new Float(Number.NaN)],
  ['f9fc00', new Float(Number.NEGATIVE_INFINITY)],
  ['fa7f800000', new Float(Number.POSITIVE_INFINITY)],
  ['fb7ff8000000000000', new Float(Number.NaN)],
  ['f7', new Float(undefined)],
  ['f0', new Float(undefined)],
  ['f8ff', new Float(undefined)],
  ['c249010000000000000000', new Tagged(2, hex('010000000000000000'))],
  ['c349010000000000000000', new Tagged(3, hex('010000000000000000'))],
  ['c074323031332d30332d32315432303a30343a30305a', new Tagged(0, '2013-03-21T20:04:00Z')],
  ['c11a514b67b0', new Tagged(1, 1363896240)],
  ['c1fb41d452d9ec200000', new Tagged(1, new Float(1363896240.5))],
  ['d74401020304', new Tagged(23, hex('01020304'))],
  ['d818456449455446', new Tagged(24, hex('6449455446'))],
];

const INDEFINITE = [
  '5f42010243030405ff',
  '7f657374726561646d696e67ff',
  '9fff',
  '9f018202039f0405ffff',
  '83018202039f0405ff',
  'bf61610161629f0203ffff',
  '826161bf61626163ff',
  'ff',
  'df00',
  '1f',
  '3f',
];

describe('RFC 8949 appendix A', () => {
  for (const [text, value] of EXAMPLES) {
    it(`${text} in both directions`, () => {
      assert.equal(toHex(encode(value)), text);
      assert.deepEqual(decode(hex(text)), value);
      assert.deepEqual(decode(hex(text), { profile: 'definite' }), value);
    });
  }
  for (const [text, value] of OUTSIDE) {
    it(`${text} is refused, and kept by the definite profile`, () => {
      assert.throws(() => decode(hex(text)), MALFORMED);
      assert.deepEqual(decode(hex(text), { profile: 'definite' }), value);
    });
  }
  for (const text of INDEFINITE) {
    it(`${text} is refused by both profiles: indefinite length`, () => {
      assert.throws(() => decode(hex(text)), MALFORMED);
      assert.throws(() => decode(hex(text), { profile: 'definite' }), MALFORMED);
    });
  }
});

describe('deterministic encoding', () => {
  const other: [string, string, Cbor][] = [
    ['0 in two bytes', '1800', 0],
    ['23 in two bytes', '1817', 23],
    ['255 in three bytes', '1900ff', 255],
    ['65535 in five bytes', '1a0000ffff', 65535],
    ['2^32 − 1 in nine bytes', '1b00000000ffffffff', 2 ** 32 - 1],
    ['−1 in two bytes', '3800', -1],
    ['−256 in three bytes', '3900ff', -256],
    ['a byte string with a long length', '5801aa', Uint8Array.of(0xaa)],
    ['a text with a long length', '79000161', 'a'],
    ['an array with a long count', '980100', [0]],
    ['a map with a long count', 'b8010000', new Map([[0, 0]])],
    ['a map key in long form', 'a1180000', new Map([[0, 0]])],
    [
      'map keys out of order',
      'a202000100',
      new Map([
        [2, 0],
        [1, 0],
      ]),
    ],
    [
      'text before an integer',
      'a2616100 0a00',
      new Map<string | number, Cbor>([
        ['a', 0],
        [10, 0],
      ]),
    ],
    [
      'negative before positive',
      'a22000 0000',
      new Map([
        [-1, 0],
        [0, 0],
      ]),
    ],
    ['deep inside', '8181a1008218170a', [[new Map([[0, [23, 10]]])]]],
  ];
  for (const [what, text, value] of other) {
    it(`refuses ${what}, which the definite profile reads`, () => {
      assert.throws(() => decode(hex(text)), NOT_DETERMINISTIC);
      assert.deepEqual(decode(hex(text), { profile: 'definite' }), value);
    });
  }

  it('refuses a tag number in long form', () => {
    assert.throws(() => decode(hex('d81200'), { tags: [18] }), NOT_DETERMINISTIC);
    assert.deepEqual(decode(hex('d200'), { tags: [18] }), new Tagged(18, 0));
  });

  it('sorts map keys by their encoded bytes, RFC 8949 §4.2.1', () => {
    const map = new Map<string | number, Cbor>([
      ['aa', 0],
      ['z', 0],
      [-1, 0],
      [100, 0],
      [10, 0],
    ]);
    assert.equal(toHex(encode(map)), 'a5 0a00 186400 2000 617a00 62616100'.replaceAll(' ', ''));
    // RFC 7049 order, length first, is another one where a long integer meets a short text.
    assert.throws(() => decode(hex('a2 6000 1864 00')), NOT_DETERMINISTIC);
  });

  it('writes plain objects as text-keyed maps, without undefined members', () => {
    assert.equal(toHex(encode({ b: 1, a: undefined, aa: 2 })), 'a2616201 62616102'.replaceAll(' ', ''));
  });

  it('knows the length of a head', () => {
    for (const count of [0, 23, 24, 255, 256, 65535, 65536, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1]) {
      assert.equal(headLength(count), encode(count).length);
    }
  });

  const inexpressible: [string, unknown][] = [
    ['a fraction', 1.5],
    ['NaN', Number.NaN],
    ['infinity', Number.POSITIVE_INFINITY],
    ['an unsafe number', 2 ** 53],
    ['2^64', 2n ** 64n],
    ['−2^64 − 1', -(2n ** 64n) - 1n],
    ['undefined', undefined],
    ['a member of an array that is undefined', [undefined]],
    ['a lone surrogate', '\ud800'],
    ['a lone surrogate in a key', { '\udc00': 1 }],
    ['a function', () => 0],
    ['a float', new Float(1)],
    [
      'keys that are the same',
      new Map<number | bigint, Cbor>([
        [1, 0],
        [1n, 0],
      ]),
    ],
    ['a negative tag', new Tagged(-1, 0)],
    ['a tag that is not whole', new Tagged(0.5, 0)],
  ];
  for (const [what, value] of inexpressible) {
    it(`cannot express ${what}`, () => assert.throws(() => encode(value as Cbor), MALFORMED));
  }

  it('ends on a value that contains itself', () => {
    const loop: Cbor[] = [];
    loop.push(loop);
    assert.throws(() => encode(loop), MALFORMED);
  });
});

describe('what is not well formed', () => {
  const bad: [string, string][] = [
    ['nothing', ''],
    ['trailing bytes', '0000'],
    ['reserved additional information', '1c'],
    ['reserved in a string', '5d00'],
    ['reserved simple values', 'fc'],
    ['a head cut short', '19 01'],
    ['a nine-byte head cut short', '1b 00000000000001'],
    ['a string cut short', '4401 0203'],
    ['an array cut short', '8301 02'],
    ['a map cut short', 'a101'],
    ['a map without its last value', 'a201020 3'],
    ['overlong UTF-8', '62c080'],
    ['a surrogate in UTF-8', '63eda080'],
    ['a duplicate key', 'a201000100'],
    ['a duplicate text key', 'a2616100616101'],
    ['a byte string as key', 'a1410000'],
    ['an array as key', 'a1800 0'],
    ['a Boolean as key', 'a1f400'],
  ];
  for (const [what, text] of bad) {
    it(`refuses ${what}, in both profiles`, () => {
      assert.throws(() => decode(hex(text)), MALFORMED);
      assert.throws(() => decode(hex(text), { profile: 'definite' }), MALFORMED);
    });
  }

  it('finds duplicates wherever they are, also where the order is wrong', () => {
    for (const text of [
      'a3 616100 616200 616100',
      'a3 00f6 01f6 00f6',
      'a3 02f6 01f6 02f6',
      'a2 6000 6000',
    ]) {
      assert.throws(() => decode(hex(text), { profile: 'definite' }), MALFORMED);
    }
    assert.throws(() => decode(hex('a3 616100 616200 616100')), MALFORMED);
    assert.throws(() => decode(hex('a3 00f6 01f6 00f6')), MALFORMED);
    assert.throws(() => decode(hex('a3 02f6 01f6 02f6')), NOT_DETERMINISTIC); // the order is met first
  });

  it('reads texts about the length that has a way of its own', () => {
    for (const length of [0, 1, 23, 24, 63, 64, 65, 66, 255, 256]) {
      for (const text of ['x'.repeat(length), `${'x'.repeat(Math.max(0, length - 2))}é`]) {
        const bytes = encode([text, 'after']);
        assert.deepEqual(decode(bytes), [text, 'after']);
        assert.deepEqual(cborg.decode(bytes), [text, 'after']);
        for (let end = 0; end < bytes.length; end++) {
          assert.throws(() => decode(bytes.subarray(0, end)), MALFORMED);
        }
      }
    }
    // What follows a text that is cut off is not a part of it, whatever memory it stands in.
    const view = hex('63 6162 63').subarray(0, 3);
    assert.throws(() => decode(view), MALFORMED);
    assert.throws(() => decode(Buffer.from(view.buffer, 0, 3)), MALFORMED);
  });

  it('writes texts of every length that has a way of its own, wherever they are not ASCII', () => {
    for (const length of [1, 23, 24, 25, 26, 191, 255, 256, 257, 4095, 4096, 4097, 20_000]) {
      const plain = 'x'.repeat(length);
      // Joined, cut out of another, and with a character of two, three and four bytes at each end and in the middle.
      const texts = [plain, `${plain.slice(1)}y`, `ab${plain}`.slice(2)];
      for (const odd of ['\x7f', '\x80', 'é', '€', '\ufffd', '😀']) {
        for (const at of [0, length >> 1, length]) texts.push(plain.slice(0, at) + odd + plain.slice(at));
      }
      for (const text of texts) {
        const expected = cborg.encode([text, 'after'], cborg.rfc8949EncodeOptions);
        assert.equal(toHex(encode([text, 'after'])), toHex(expected));
        assert.equal(toHex(encode([text, 'after'], new Slab())), toHex(expected));
      }
      for (const lone of ['\ud800', '\udc00']) {
        for (const at of [0, length >> 1, length]) {
          assert.throws(() => encode(plain.slice(0, at) + lone + plain.slice(at)), MALFORMED);
        }
      }
    }
  });

  it('gives texts and bytes that later input does not change', () => {
    const first = decode(encode(['abcd', Uint8Array.of(1, 2)])) as [string, Uint8Array];
    decode(encode(['wxyz', Uint8Array.of(3, 4)]));
    assert.deepEqual(first, ['abcd', Uint8Array.of(1, 2)]);
  });

  it('finds duplicates that are spelled differently', () => {
    assert.throws(() => decode(hex('a20100180100'), { profile: 'definite' }), MALFORMED);
    assert.throws(
      () => decode(hex('a21a7fffffff001b000000007fffffff00'), { profile: 'definite' }),
      MALFORMED,
    );
    const long = '1b0020000000000000';
    assert.throws(() => decode(hex(`a2${long}00${long}00`), { profile: 'definite' }), MALFORMED);
  });

  // RFC 8949 §3.3: simple values below 32 have one byte only.
  for (const text of ['f800', 'f814', 'f818', 'f81f', 'f8', 'f900', 'fa000000', 'fb00000000000000']) {
    it(`refuses ${text} in the definite profile`, () =>
      assert.throws(() => decode(hex(text), { profile: 'definite' }), MALFORMED));
  }

  it('keeps a byte order mark as part of a text', () => {
    assert.equal(decode(hex('63efbbbf')), '\ufeff');
  });

  it('allows only the tags that are asked for', () => {
    assert.throws(() => decode(hex('d200')), MALFORMED);
    assert.throws(() => decode(hex('d200'), { tags: [98] }), MALFORMED);
    assert.equal(toHex(encode(new Tagged(18, [1]))), 'd28101');
  });
});

describe('byte strings', () => {
  it('are plain Uint8Arrays, also when a Buffer is decoded', () => {
    const value = decode(Buffer.from('8141aa', 'hex')) as Bytes[];
    assert.equal(Object.getPrototypeOf(value[0]), Uint8Array.prototype);
  });

  it('are read from a view at its place', () => {
    const whole = hex('ffff 4201021903e8 ff'.replaceAll(' ', ''));
    assert.deepEqual(decode(whole.subarray(2, 5)), Uint8Array.of(1, 2));
    assert.equal(decode(whole.subarray(5, 8)), 1000);
  });
});

/** Values of the profile: what `decode` gives back is deeply equal to what went in. */
const integer = fc
  .oneof(
    fc.integer({ min: -300, max: 300 }).map(BigInt),
    fc.bigInt({ min: -(2n ** 64n), max: 2n ** 64n - 1n }),
    fc.constantFrom(2n ** 32n, 2n ** 32n - 1n, 2n ** 53n, 2n ** 53n - 1n, -(2n ** 53n), -(2n ** 53n) - 1n),
  )
  .map((n) => (Number.isSafeInteger(Number(n)) ? Number(n) : n));
const text = anyText({ maxLength: 30 });
const { value: cborValue } = fc.letrec<{ value: Cbor }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    integer,
    text,
    fc.boolean(),
    fc.constant(null),
    fc.uint8Array({ maxLength: 40 }),
    fc.array(tie('value'), { maxLength: 5 }),
    fc
      .uniqueArray(fc.tuple(fc.oneof(integer, text), tie('value')), { maxLength: 5, selector: ([k]) => k })
      .map(
        // In the order in which `decode` meets them.
        (members) => new Map(members.sort(([a], [b]) => compare(encode(a), encode(b)))),
      ),
  ),
}));

describe('properties', () => {
  it('decode undoes encode, and maps come out in order', () => {
    fc.assert(
      fc.property(cborValue, (value) => {
        const bytes = encode(value);
        assert.deepEqual(decode(bytes), value);
        assert.deepEqual(decode(bytes, { profile: 'definite' }), value);
      }),
      { numRuns: 500 },
    );
  });

  it('cborg writes the same bytes, and reads them', () => {
    fc.assert(
      fc.property(cborValue, (value) => {
        fc.pre(sameTypeKeys(value));
        const bytes = encode(value);
        assert.equal(toHex(cborg.encode(value, cborg.rfc8949EncodeOptions)), toHex(bytes));
        assert.deepEqual(cborg.decode(bytes, { useMaps: true, strict: true }), value);
      }),
      { numRuns: 500 },
    );
  });

  it('cbor-x reads the same value', () => {
    const cborX = new Encoder({ mapsAsObjects: false, useRecords: false, tagUint8Array: false });
    fc.assert(
      fc.property(cborValue, (value) => {
        assert.deepEqual(plain(cborX.decode(encode(value))), plain(value));
      }),
      { numRuns: 300 },
    );
  });

  it('bytes that are accepted are the bytes that would be written', () => {
    // Bytes that look like CBOR: heads of small items, so that much of it is well formed.
    const head = fc.constantFrom(
      0,
      1,
      0x17,
      0x18,
      0x19,
      0x20,
      0x40,
      0x41,
      0x60,
      0x61,
      0x80,
      0x81,
      0x82,
      0xa0,
      0xa1,
      0xa2,
      0xd2,
      0xf5,
      0xf6,
    );
    let accepted = 0;
    fc.assert(
      fc.property(fc.array(fc.oneof(head, fc.nat(255)), { maxLength: 12 }), (list) => {
        const bytes = Uint8Array.from(list);
        const result = outcome(() => decode(bytes, { tags: [18] }));
        if ('code' in result) {
          assert.match(result.code, /^CBOR_(MALFORMED|NOT_DETERMINISTIC)$/);
          return;
        }
        accepted++;
        assert.equal(toHex(encode(result.value)), toHex(bytes));
        assert.deepEqual(decode(bytes, { profile: 'definite' }), result.value);
      }),
      { numRuns: 5000 },
    );
    assert.ok(accepted > 100, `only ${accepted} accepted: the test says little`);
  });
});

describe('every byte mangled', () => {
  const whole = encode({
    v: 1,
    log: 'example.com/log',
    refs: [
      ['parent', 300, new Uint8Array(32).fill(7)],
      [-1, 2n ** 60n, true, false, null],
    ],
    body: new Map<number | string, Cbor>([
      [1, 'a'],
      [-70000, new Tagged(18, [Uint8Array.of(1), '\u00fc'])],
    ]),
  });
  it('is refused with a CBOR code, or is the one encoding of another value', () => {
    for (const bytes of mangled(whole)) {
      const result = outcome(() => decode(bytes, { tags: [18] }));
      if ('code' in result) assert.match(result.code, /^CBOR_(MALFORMED|NOT_DETERMINISTIC)$/);
      else assert.equal(toHex(encode(result.value)), toHex(bytes));
      const definite = outcome(() => decode(bytes, { profile: 'definite' }));
      if ('code' in definite) assert.equal(definite.code, 'CBOR_MALFORMED');
    }
  });
});

/** cborg sorts maps whose keys have one type only. */
function sameTypeKeys(value: Cbor): boolean {
  if (Array.isArray(value)) return value.every(sameTypeKeys);
  if (!(value instanceof Map)) return true;
  const types = new Set([...value.keys()].map((key) => (typeof key === 'string' ? 'text' : key < 0)));
  return types.size <= 1 && [...value.values()].every(sameTypeKeys);
}

/** Numbers and bigints by value, byte strings by content: libraries differ in which they choose. */
function plain(value: unknown): unknown {
  if (typeof value === 'number' || typeof value === 'bigint') return `${value}`;
  if (value instanceof Uint8Array) return toHex(Uint8Array.from(value));
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Map)
    return [...value].map(([k, v]) => [typeof k === 'string' ? [k] : `${k}`, plain(v)]);
  return value;
}
