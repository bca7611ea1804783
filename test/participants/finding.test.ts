import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Appraisal, Check } from '../../src/attestation/index.ts';
import { textFault } from '../../src/chain/index.ts';
import { findingOf } from '../../src/participants/appraiser/finding.ts';

const HOST_DATA = new Uint8Array(32).fill(1);
const CODE = { hostData: [HOST_DATA] };
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
  const found = findingOf(good, { hostData: [new Uint8Array(32), HOST_DATA] });
  assert.deepEqual([found.result, found.code], ['affirming', null]);
  assert(found.checks.every(({ passed }) => passed));

  const other = findingOf(good, { hostData: [new Uint8Array(32)] });
  assert.deepEqual([other.result, other.code], ['contraindicated', 'HOST_DATA_MISMATCH']);
  assert.deepEqual(other.checks.at(-1)!.passed, false);
  assert.equal(findingOf({ ...good, hostData: undefined }, CODE).result, 'contraindicated');
});

test('code that says what may be launched below it runs on nothing else, whatever the policy takes', () => {
  const measurement = new Uint8Array(48).fill(2);
  const vouching = { issuer: 'did:x509:a', feed: 'UVM', svn: 104, measurement, signedAt: 0 };
  const result = (launch: object, endorsement?: object) => {
    const good = {
      ...appraisal('affirming', check('pass')),
      measurement,
      endorsement,
    } as unknown as Appraisal;
    return findingOf(good, { ...CODE, launch: { endorsedBy: [], measurements: [], ...launch } });
  };
  const by = (change: object = {}) => ({
    endorsedBy: [{ issuer: 'did:x509:a', feed: 'UVM', minSvn: 104, ...change }],
  });
  assert.equal(result({ measurements: [new Uint8Array(48), measurement] }).result, 'affirming');
  assert.equal(result(by(), vouching).result, 'affirming');
  for (const found of [
    result({ measurements: [new Uint8Array(48)] }, vouching),
    result({}, vouching),
    result(by()),
    ...[{ issuer: 'did:x509:b' }, { feed: 'other' }, { minSvn: 105 }].map((change) =>
      result(by(change), vouching),
    ),
  ]) {
    assert.deepEqual([found.result, found.code], ['contraindicated', 'MEASUREMENT_NOT_ALLOWED']);
    const { passed, value } = found.checks.find(({ name }) => name === 'launch.code')!;
    assert.deepEqual([passed, value], [false, `MEASUREMENT_NOT_ALLOWED: ${'02'.repeat(48)}`]);
  }
});

test('what was not passed is named by its code', () => {
  const found = findingOf(appraisal('contraindicated', check('fail'), check('none')), CODE);
  assert.deepEqual([found.result, found.code], ['contraindicated', 'GUEST_DEBUG']);
  assert.deepEqual(found.checks[0], { name: 'guest.debug', passed: false, value: 'GUEST_DEBUG: seen' });
  assert.equal(found.checks[1]!.passed, false);
  assert.equal(findingOf(appraisal('warning', check('warn')), CODE).result, 'warning');
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
    const { checks } = findingOf(appraisal('contraindicated', ...names.map((each) => ({ ...each, seen }))), {
      hostData: [],
    });
    for (const { value } of checks) assert(value === undefined || textFault(value) === undefined, seen);
    assert(checks.every(({ value = '' }) => value.length <= 256));
  }
});
