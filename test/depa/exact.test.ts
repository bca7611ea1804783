import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { scaled, unixSeconds } from '../../src/depa/exact.ts';

test('the amounts of the real files', () => {
  for (const [text, digits, value] of [
    ['1.5', 6, 1_500_000],
    ['1.4947', 6, 1_494_700],
    ['0.3496', 6, 349_600],
    ['2.0', 6, 2_000_000],
    ['9', 6, 9_000_000],
    ['0.01', 12, 10_000_000_000],
    ['0.00001', 12, 10_000_000],
    ['1e-4', 6, 100],
    ['1E+2', 0, 100],
    ['0', 12, 0],
    ['0.000', 0, 0],
    ['2', 0, 2],
  ] as const) {
    assert.equal(scaled(text, digits), value, text);
  }
});

test('what is not exactly a whole number of units is none', () => {
  for (const text of [
    '1.0000001',
    '1e-7',
    '',
    ' 1',
    '1 ',
    '+1',
    '-1',
    '-0',
    '1.',
    '.5',
    '1,5',
    '0x10',
    '01',
  ]) {
    assert.equal(scaled(text, 6), undefined, text);
  }
  for (const text of ['NaN', 'Infinity', '1e', '1e999', '9007199254740992', '1'.repeat(65), '१']) {
    assert.equal(scaled(text, 0), undefined, text);
  }
});

test('every whole number of micro-units comes back from its decimal text', () => {
  fc.assert(
    fc.property(fc.nat({ max: Number.MAX_SAFE_INTEGER }), fc.nat({ max: 12 }), (value, digits) => {
      const text = String(value).padStart(digits + 1, '0');
      const decimal = digits === 0 ? text : `${text.slice(0, -digits)}.${text.slice(-digits)}`;
      assert.equal(scaled(decimal, digits), value);
      assert.equal(scaled(`${value}e-${digits}`, digits), value);
      assert.equal(scaled(`${decimal}1`, digits), digits === 0 ? scaled(`${value}1`, 0) : undefined);
    }),
  );
});

test('dates', () => {
  assert.equal(unixSeconds('2023-03-14T00:00:00.000Z'), 1_678_752_000);
  assert.equal(unixSeconds('2026-01-01T00:00:00Z'), 1_767_225_600);
  for (const text of [
    '2026-01-01',
    '2026-02-30T00:00:00Z',
    '2026-01-01T00:00:00',
    '2026-01-01T00:00:00+05:30',
    '2026-01-01T00:00:00.5Z',
    '2026-01-01T24:00:00Z',
    '1969-12-31T23:59:59Z',
    'tomorrow',
  ]) {
    assert.equal(unixSeconds(text), undefined, text);
  }
});
