/** A few kills of each kind with every `npm test`; the many are in kill.crash.ts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { killAgainAndAgain, type Moment } from './kill.ts';

const MOMENTS: readonly Moment[] = [
  'first start',
  'first write',
  'seal',
  'group commit',
  'start',
  'load',
  'group commit',
  'closing',
];

test('a log that is killed keeps every acknowledged entry and signs one history', {
  timeout: 120_000,
}, async (t) => {
  const seed = Number(process.env.KILL_SEED ?? Date.now() % 2 ** 31);
  const figures = await killAgainAndAgain({ seed, moments: MOMENTS });
  t.diagnostic(`seed ${seed}: ${JSON.stringify(figures)}`);
  assert.ok(figures.acknowledged > 100, 'hardly any entry was acknowledged: the test tests nothing');
  assert.ok(figures.checkpoints > 5);
});
