import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MonotonicClock } from '../../src/log/clock.ts';

test('time never goes backwards, and starts where the log ended', () => {
  const times = [1000, 1005.9, 900, 1004, 2000];
  const clock = new MonotonicClock(1003, () => times[0]!);
  const seen: number[] = [];
  while (times.length > 0) {
    seen.push(clock.next());
    times.shift();
  }
  assert.deepEqual(seen, [1003, 1005, 1005, 1005, 2000]);
});

test('the lag says how far the system clock is behind', () => {
  const clock = new MonotonicClock(5000, () => 4000);
  assert.equal(clock.lag, 1000);
});
