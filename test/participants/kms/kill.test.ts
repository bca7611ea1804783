/** A KMS that is killed at two moments of a release: nothing is handed over twice in two ways, and no key is lost. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { REAL } from '../../depa/scenario.ts';
import { KilledKms } from './kill.ts';

test('killed between the grant and the answer, and once it has answered', {
  skip: REAL === undefined,
}, async (t) => {
  await using kms = await KilledKms.open();
  await kms.kill('granted');
  await kms.kill('answered');
  await kms.finish();
  t.diagnostic(JSON.stringify(kms.figures));
  const { kills, keys, cancelled, unanswered } = kms.figures;
  assert.ok(kills === 2 && keys === 3 && cancelled > 0 && unanswered > 0);
});
