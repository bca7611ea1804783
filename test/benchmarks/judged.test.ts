import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judged, text } from '../../benchmarks/judged.ts';
import type { Measure } from '../../benchmarks/main.ts';

const line = (measure: Omit<Measure, 'name'>, ceilings = {}) =>
  text(judged({ name: 'what', ...measure }, ceilings)).trim();

test('what misses its bound by little does not read as if it kept it', () => {
  assert.equal(line({ value: 0.797, unit: '', bound: { least: 0.8 } }), '0.79   MISSED (≥ 0.8, by 0.003)');
  assert.equal(
    line({ value: 8999.7, unit: '/s', bound: { least: 9000 } }),
    '8,999 /s  MISSED (≥ 9,000, by 0.3)',
  );
  assert.equal(line({ value: 2.004, unit: 'ms', bound: { most: 2 } }), '2.01 ms  MISSED (≤ 2, by 0.004)');
  assert.equal(line({ value: 0.29, unit: '', bound: { least: 0.29 } }), '0.29   holds (≥ 0.29)');
});

test('what is not judged is rounded', () => {
  assert.equal(line({ value: 0.797, unit: '' }), '0.80');
  assert.equal(line({ value: 8999.7, unit: '/s' }), '9,000 /s');
});

test('a share is of its ceiling in the mean, and of one that was not the same after as before it is unsafe', () => {
  const share = { value: 50, unit: '/s', of: 'P-256 verify', share: 0.5 } as const;
  const steady = { 'P-256 verify': { rate: 100, before: 98, after: 102 } };
  assert.equal(line(share, steady), '50.00 /s  50.0 % of P-256 verify  holds (≥ 50.0 %)');
  const unsteady = { rate: 100, before: 85, after: 115 };
  assert.match(line(share, { 'P-256 verify': unsteady }), /holds \(≥ 50.0 %\) {2}UNSAFE$/);
  assert.match(line({ ...share, ceiling: unsteady }, steady), /UNSAFE$/);
});
