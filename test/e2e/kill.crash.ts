/**
 * At least 200 kills (`npm run test:crash`). `CRASH_SEED=<n>` repeats a run as far as the machine's own timing allows:
 * the seed chooses moments and delays, the scheduler the rest.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type KillFigures, killAgainAndAgain, type Moment, randomFrom } from './kill.ts';

const SEED = Number(process.env.CRASH_SEED ?? Date.now() % 2 ** 31);
/** Logs that live long, and logs of which only the first starts are killed. */
const LONG = { logs: 6, kills: 30 };
const NEW = { logs: 10, kills: 3 };

/** How often each moment is chosen, of 100. */
const WEIGHTS: readonly (readonly [Moment, number])[] = [
  ['start', 12],
  ['first write', 18],
  ['group commit', 28],
  ['seal', 22],
  ['load', 12],
  ['closing', 8],
];

const figures: KillFigures[] = [];

// Two at a time: one's client works while the other's server starts.
describe(`kills with seed ${SEED}`, { concurrency: 2 }, () => {
  for (let n = 0; n < NEW.logs; n++) {
    test(`new log ${n + 1}: killed in its first start, and in the next two`, async (t) => {
      await run(SEED + 1000 + n, Array<Moment>(NEW.kills).fill('first start'), (text) => t.diagnostic(text));
    });
  }
  for (let n = 0; n < LONG.logs; n++) {
    test(`log ${n + 1}: ${LONG.kills} kills`, async (t) => {
      const random = randomFrom(SEED + n);
      const moments = Array.from({ length: LONG.kills }, (_, i) =>
        i === 0 ? 'first start' : chosen(random()),
      );
      const { acknowledged } = await run(SEED + n, moments, (text) => t.diagnostic(text));
      assert.ok(acknowledged > 1000, 'hardly any entry was acknowledged: the test tests nothing');
    });
  }
});

test('at least 200 kills, some of them between a commit and its answer', (t) => {
  const sum = (name: keyof KillFigures) => figures.reduce((total, one) => total + one[name], 0);
  const names = ['kills', 'acknowledged', 'checkpoints', 'entries', 'unanswered', 'foundLogged'] as const;
  t.diagnostic(JSON.stringify(Object.fromEntries(names.map((name) => [name, sum(name)]))));
  assert.ok(sum('kills') >= 200);
  assert.ok(sum('foundLogged') > 0);
});

async function run(seed: number, moments: Moment[], report: (text: string) => void): Promise<KillFigures> {
  const one = await killAgainAndAgain({ seed, moments });
  figures.push(one);
  report(JSON.stringify({ seed, ...one }));
  return one;
}

/** @param x 0 ≤ x < 1 */
function chosen(x: number): Moment {
  let left = x * 100;
  for (const [moment, weight] of WEIGHTS) {
    left -= weight;
    if (left < 0) return moment;
  }
  return 'load';
}
