import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isLedgerError } from '../../../src/core/errors.ts';
import { Accountant, ORDERS } from '../../../src/participants/training/accountant.ts';
import { microEpsilon, picoDelta, plainPrivacy } from '../../../src/participants/training/ledger-units.ts';
import { noiseMultiplierFor } from '../../../src/participants/training/noise-multiplier.ts';
import { renyiCost } from '../../../src/participants/training/sampled-gaussian.ts';

function epsilonOf(samplingRate: number, noiseMultiplier: number, steps: number, delta: number): number {
  const accountant = new Accountant();
  accountant.spend({ samplingRate, noiseMultiplier }, steps);
  return accountant.epsilon(delta);
}
const near = (seen: number, expected: number, by: number) =>
  assert(Math.abs(seen - expected) <= by, `${seen} is not ${expected}`);

test('published values', () => {
  near(epsilonOf(256 / 60_000, 1.1, 3515, 1e-5), 1.2811442759635217, 1e-9);
  near(epsilonOf(0.01, 4, 10_000, 1e-5), 1.0354900660362436, 1e-9);
  near(epsilonOf(1, 2, 1, 1e-5), 2.1680106367839715, 1e-9);
});

// Where a whole order is the best: at others it cuts its series off, and tells up to 0.2 % more.
test('values of dp-accounting 0.6.0 at the same orders', () => {
  const known = [
    [0.02, 0.7, 500, 1e-6, 8.81538031431449],
    [0.3, 1.5, 40, 1e-4, 6.980980357431471],
    [0.5, 8, 3, 0.01, 0.15656809394132581],
    [0.005, 1, 100, 1e-3, 0.436001676111791],
    [1, 10, 4, 1e-5, 0.794522032537103],
    [0.9, 3.3, 7, 1e-9, 4.677769868183454],
  ] as const;
  for (const [q, sigma, steps, delta, epsilon] of known) {
    near(epsilonOf(q, sigma, steps, delta), epsilon, 1e-8);
  }
});

test('the cost of a step is that of the integral which defines it, computed with 40 digits', () => {
  const known = [
    [1e-4, 0.5, 4.5, 1.5545865357610833e-5],
    [1e-4, 0.5, 4, 2.171695636722043e-6],
    [0.02, 0.7, 1.25, 0.001427539949610624],
    [0.3, 1.5, 2.5, 0.06514058881934652],
    [0.5, 8, 2.25, 0.004424682333113761],
    [0.9, 3.3, 4.5, 0.1720008380539828],
    [0.01, 4, 3.5, 1.1297542902405171e-5],
    [0.01, 4, 17, 5.536326802956058e-5],
    [0.005, 1, 64, 26.61758235779247],
  ] as const;
  for (const [samplingRate, noiseMultiplier, order, cost] of known) {
    const seen = renyiCost({ samplingRate, noiseMultiplier }, order);
    near(seen, cost, 1e-13 + 1e-13 * cost);
    assert(seen >= cost * (1 - 1e-14));
  }
});

test('the cost of a step rises with its order and with the sampling rate, and falls with the noise', () => {
  const rate = fc.double({ min: 1e-6, max: 1, noNaN: true });
  const noise = fc.double({ min: 0.3, max: 50, noNaN: true });
  fc.assert(
    fc.property(rate, noise, (samplingRate, noiseMultiplier) => {
      const costs = ORDERS.map((order) => renyiCost({ samplingRate, noiseMultiplier }, order));
      const whole = costs.filter((_, i) => Number.isInteger(ORDERS[i]));
      assert(whole.every((cost, i) => cost > 0 && (i === 0 || cost >= whole[i - 1]! * (1 - 1e-12))));
      for (const order of [2, 16, 64]) {
        const cost = renyiCost({ samplingRate, noiseMultiplier }, order);
        // Sampling never costs more than asking everybody.
        assert(cost <= order / (2 * noiseMultiplier ** 2) + 1e-12);
        assert(renyiCost({ samplingRate, noiseMultiplier: noiseMultiplier * 1.1 }, order) < cost);
        assert(renyiCost({ samplingRate: samplingRate * 0.9, noiseMultiplier }, order) < cost);
      }
    }),
    { numRuns: 60 },
  );
});

test('a cost too small to show beside 1 still counts', () => {
  // About 2 q² / σ² at order 2: log(1 + 10^-22) is 0 to a double.
  const cost = renyiCost({ samplingRate: 1e-11, noiseMultiplier: 1 }, 2);
  near(cost / (1e-22 * Math.expm1(1)), 1, 1e-9);
});

test('steps add up, and what is spent on other rows does not', () => {
  const [a, b] = [new Accountant(), new Accountant()];
  const mechanism = { samplingRate: 0.02, noiseMultiplier: 1.3 };
  a.spend(mechanism, 100);
  for (let i = 0; i < 100; i++) b.spend(mechanism);
  near(a.epsilon(1e-5), b.epsilon(1e-5), 1e-10);
  assert.equal(new Accountant().epsilon(1e-5), 0);

  const other = new Accountant();
  other.spend({ samplingRate: 1, noiseMultiplier: 20 });
  assert.equal(a.beside(other).epsilon(1e-5) >= Math.max(a.epsilon(1e-5), other.epsilon(1e-5)), true);
  const both = a.copy();
  both.spend({ samplingRate: 1, noiseMultiplier: 20 });
  assert(a.beside(other).epsilon(1e-5) < both.epsilon(1e-5));
  assert.equal(a.beside(new Accountant()).epsilon(1e-5), a.epsilon(1e-5));
});

test('arguments that are none are refused', () => {
  const wrong = [
    () => epsilonOf(0, 1, 1, 1e-5),
    () => epsilonOf(1.1, 1, 1, 1e-5),
    () => epsilonOf(0.1, 0, 1, 1e-5),
    () => epsilonOf(0.1, Number.NaN, 1, 1e-5),
    () => epsilonOf(0.1, 1, -1, 1e-5),
    () => epsilonOf(0.1, 1, 0.5, 1e-5),
    () => epsilonOf(0.1, 1, 1, 0),
    () => epsilonOf(0.1, 1, 1, 1),
  ];
  for (const call of wrong) assert.throws(call, (error) => isLedgerError(error, 'ARGUMENT_INVALID'));
});

test('the noise for a target is enough, and hardly more than enough', () => {
  for (const [q, steps, epsilon, delta] of [
    [0.04, 240, 1, 1e-4],
    [1, 1, 2.1680106367839715, 1e-5],
    [8 / 1483, 930, 1.5, 6e-4],
  ] as const) {
    const sigma = noiseMultiplierFor({ samplingRate: q, steps, epsilon, delta });
    assert(epsilonOf(q, sigma, steps, delta) <= epsilon);
    assert(epsilonOf(q, sigma * 0.999, steps, delta) > epsilon);
  }
  const before = new Accountant();
  before.spend({ samplingRate: 1, noiseMultiplier: 1 });
  const question = { samplingRate: 0.01, steps: 10, epsilon: 1, delta: 1e-5 };
  assert.throws(
    () => noiseMultiplierFor({ ...question, before }),
    (error) => isLedgerError(error, 'TRAINING_OVER_RESERVE'),
  );
});

test('the ledger’s units are rounded up, and whole ones stay what they are', () => {
  assert.deepEqual([microEpsilon(1.2811442759635217), microEpsilon(0), microEpsilon(1e-9)], [1281145, 0, 1]);
  assert.equal(microEpsilon(1.0000000005), 1000001);
  fc.assert(
    fc.property(fc.nat({ max: 10 ** 9 }), fc.nat({ max: 10 ** 9 }), (epsilon, delta) => {
      const plain = plainPrivacy({ epsilon, delta });
      assert.deepEqual([microEpsilon(plain.epsilon), picoDelta(plain.delta)], [epsilon, delta]);
    }),
  );
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1e5, noNaN: true }), (epsilon) => {
      const micro = microEpsilon(epsilon);
      assert(micro >= epsilon * 1e6 * (1 - 1e-15) && micro < epsilon * 1e6 + 1.001);
    }),
  );
  for (const wrong of [-1, Number.NaN, Infinity]) {
    assert.throws(
      () => microEpsilon(wrong),
      (error) => isLedgerError(error, 'ARGUMENT_INVALID'),
    );
  }
});
