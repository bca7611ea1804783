/** A KMS that is killed at random moments of releases (`npm run test:crash`); `CRASH_SEED=<n>` chooses the same moments. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { REAL } from '../../depa/scenario.ts';
import { randomFrom } from '../../e2e/kill.ts';
import { KilledKms, type Moment } from './kill.ts';

const SEED = Number(process.env.CRASH_SEED ?? Date.now() % 2 ** 31);
const KILLS = Number(process.env.CRASH_KMS_KILLS ?? 40);
/** Milliseconds from the request to the answer, about. */
const LONGEST = 1500;
/** Grants that soon expire: the room has to ask anew, and there is something to kill the KMS at. */
const HANDOVER = 15;

test(`${KILLS} kills with seed ${SEED}`, { skip: REAL === undefined }, async (t) => {
  await using kms = await KilledKms.open(HANDOVER);
  const random = randomFrom(SEED);
  const moment = (): Moment => {
    const staged = (['asked', 'granted', 'answered'] as const)[Math.floor(random() * 6)];
    return staged ?? { after: Math.floor(random() * LONGEST) };
  };
  while (kms.figures.kills < KILLS) {
    if (kms.done) await kms.renew();
    // Now and then it is killed again before anybody asks.
    await kms.kill(moment(), random() < 0.8);
  }
  await kms.finish();
  t.diagnostic(JSON.stringify(kms.figures));
  const { keys, cancelled, unanswered } = kms.figures;
  assert.ok(keys > 0 && cancelled > 0 && unanswered > 0);
});
