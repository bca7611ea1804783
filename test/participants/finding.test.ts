import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Appraisal, Check } from '../../src/attestation/index.ts';
import { textFault } from '../../src/chain/index.ts';
import { findingOf } from '../../src/participants/appraiser/finding.ts';

const HOST_DATA = new Uint8Array(32).fill(1);
const check = (verdict: Check['verdict'], seen = 'seen'): Check => ({
  ...{ name: 'guest.debug', verdict, expected: 'off', seen },
  ...((verdict === 'warn' || verdict === 'fail') && { code: 'GUEST_DEBUG' }),
});
const appraisal = (tier: Appraisal['tier'], ...checks: Check[]) =>
  ({
    tier,
    code: checks.find(({ code }) => code)?.code,
    hostData: HOST_DATA,
    checks,
  }) as unknown as Appraisal;

test('affirming is what the appraisal affirms and the code is certified for', () => {
  const good = appraisal('affirming', check('pass'), check('skip'));
  const found = findingOf(good, [new Uint8Array(32), HOST_DATA]);
  assert.deepEqual([found.result, found.code], ['affirming', null]);
  assert(found.checks.every(({ passed }) => passed));

  const other = findingOf(good, [new Uint8Array(32)]);
  assert.deepEqual([other.result, other.code], ['contraindicated', 'HOST_DATA_MISMATCH']);
  assert.deepEqual(other.checks.at(-1)!.passed, false);
  assert.equal(findingOf({ ...good, hostData: undefined }, [HOST_DATA]).result, 'contraindicated');
});

test('what was not passed is named by its code', () => {
  const found = findingOf(appraisal('contraindicated', check('fail'), check('none')), [HOST_DATA]);
  assert.deepEqual([found.result, found.code], ['contraindicated', 'GUEST_DEBUG']);
  assert.deepEqual(found.checks[0], { name: 'guest.debug', passed: false, value: 'GUEST_DEBUG: seen' });
  assert.equal(found.checks[1]!.passed, false);
  assert.equal(findingOf(appraisal('warning', check('warn')), [HOST_DATA]).result, 'warning');
});

test('no text of a stranger can keep a result out of the log', () => {
  const texts = [
    'null',
    '$SECRET',
    'sig=abc',
    `Bearer ${'x'.repeat(20)}`,
    '-----BEGIN PRIVATE KEY',
    'x'.repeat(300),
  ];
  const names = [check('pass'), check('fail')];
  for (const seen of texts) {
    const { checks } = findingOf(
      appraisal('contraindicated', ...names.map((each) => ({ ...each, seen }))),
      [],
    );
    for (const { value } of checks) assert(value === undefined || textFault(value) === undefined, seen);
    assert(checks.every(({ value = '' }) => value.length <= 256));
  }
});
