import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { cryptoRandom } from '../../../src/participants/training/index.ts';
import { NoisySum } from '../../../src/participants/training/noisy-sum.ts';
import { RandomSource, seededRandom } from '../../../src/participants/training/random-source.ts';
import { nodeCrypto } from '../../../src/platform/crypto-node.ts';

const GRID = 2 ** 20;
const random = seededRandom(nodeCrypto, 'noisy-sum');

function sumOf(vectors: readonly Float64Array[], bound: number): Float64Array {
  const sum = new NoisySum(vectors[0]!.length, bound);
  for (const vector of vectors) sum.add(vector);
  return sum.release(0, random);
}

test('no row moves the sum by more than the bound, in exact arithmetic', () => {
  const value = fc.oneof(
    fc.double({ min: -1e6, max: 1e6, noNaN: true }),
    fc.double(),
    fc.constantFrom(0, 1, -1, 1e-300, 1e300, Number.NaN, Infinity, Number.MIN_VALUE),
  );
  const vector = fc.array(value, { minLength: 3, maxLength: 3 }).map((v) => Float64Array.from(v));
  const bound = fc.double({ min: 1e-3, max: 1e3, noNaN: true });
  fc.assert(
    fc.property(fc.array(vector, { maxLength: 5 }), vector, bound, (others, row, bound) => {
      const zero = new Float64Array(3);
      const [without, with_] = [sumOf([zero, ...others], bound), sumOf([zero, ...others, row], bound)];
      // Back on the grid both are whole numbers, and so is what is between them.
      const steps = Array.from(with_, (x, i) => {
        const [a, b] = [(x * GRID) / bound, (without[i]! * GRID) / bound];
        assert(Math.abs(a - Math.round(a)) < 1e-4 && Math.abs(b - Math.round(b)) < 1e-4);
        return BigInt(Math.round(a) - Math.round(b));
      });
      const square = steps.reduce((total, step) => total + step * step, 0n);
      assert(square <= BigInt(GRID) ** 2n);
    }),
    { numRuns: 300 },
  );
});

test('a vector within the bound is hardly changed', () => {
  const vector = Float64Array.of(0.3, -0.4, 0.5);
  const sum = sumOf([vector, vector], 1);
  for (const [i, x] of sum.entries()) assert(Math.abs(x - 2 * vector[i]!) <= 2 / GRID);
  const long = sumOf([Float64Array.of(30, -40)], 5);
  assert(Math.abs(long[0]! - 3) < 1e-4 && Math.abs(long[1]! + 4) < 1e-4);
});

test('the noise is a Gaussian of the deviation that was asked for, on the grid', () => {
  const size = 40_000;
  const sum = new NoisySum(size, 2);
  const noise = sum.release(1.5, random).map((x) => x / (1.5 * 2));
  const mean = noise.reduce((a, b) => a + b, 0) / size;
  const square = noise.reduce((a, b) => a + b * b, 0) / size;
  const fourth = noise.reduce((a, b) => a + b ** 4, 0) / size;
  assert(Math.abs(mean) < 0.02 && Math.abs(square - 1) < 0.03 && Math.abs(fourth - 3) < 0.2);
  // Kolmogorov and Smirnov: 1.95 / √n is passed by chance once in a thousand, and the seed is fixed.
  const sorted = noise.sort();
  const gap = Math.max(...Array.from(sorted, (x, i) => Math.abs(i / size - cumulative(x))));
  assert(gap < 1.95 / Math.sqrt(size), `${gap}`);
  const pairs = sum.release(1.5, random);
  let product = 0;
  for (let i = 0; i < size; i += 2) product += (pairs[i]! * pairs[i + 1]!) / 9;
  assert(Math.abs(product / (size / 2)) < 0.03);
});

function cumulative(x: number): number {
  // Abramowitz & Stegun 26.2.17, to 7.5e-8.
  const t = 1 / (1 + 0.2316419 * Math.abs(x));
  const tail =
    (Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI)) *
    t *
    (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  return x >= 0 ? 1 - tail : tail;
}

test('a release starts again from nothing', () => {
  const sum = new NoisySum(1, 1);
  sum.add(Float64Array.of(1));
  assert.equal(sum.release(0, random)[0], 1);
  assert.equal(sum.release(0, random)[0], 0);
});

test('random numbers are in their ranges, and differ', () => {
  for (const source of [random, cryptoRandom(nodeCrypto)]) {
    const units = Array.from({ length: 2000 }, () => source.unit());
    assert(units.every((x) => x >= 0 && x < 1));
    const mean = units.reduce((a, b) => a + b, 0) / units.length;
    assert(Math.abs(mean - 0.5) < 0.04);
    assert(Array.from({ length: 2000 }, () => source.positive()).every((x) => x > 0 && x <= 1));
    assert(Array.from({ length: 500 }, () => source.below(7)).every((x) => x >= 0 && x < 7));
    assert.notDeepEqual(source.bytes(33), source.bytes(33));
    assert.equal(source.bytes(33).length, 33);
  }
  // Nothing but zeros is the smallest number, and no endless loop; nothing but ones is the greatest.
  assert(new RandomSource((size) => new Uint8Array(size)).positive() > 0);
  assert.equal(new RandomSource((size) => new Uint8Array(size).fill(255)).positive(), 1);
  const again = (seed: string) =>
    Array.from(
      { length: 5 },
      (
        (s) => () =>
          s.uint32()
      )(seededRandom(nodeCrypto, seed)),
    );
  assert.deepEqual(again('a'), again('a'));
  assert.notDeepEqual(again('a'), again('b'));
});
