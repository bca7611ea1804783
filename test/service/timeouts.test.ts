/** Many timeouts on one timer: each expires once, in its time, unless it was ended before. */
import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import fc from 'fast-check';
import { Timeout, Timeouts } from '../../src/service/timeouts.ts';

const LENGTH = 100;

class Expiring extends Timeout {
  readonly began: number;
  readonly #expired: (at: number) => void;
  constructor(began: number, expired: (at: number) => void) {
    super();
    this.began = began;
    this.#expired = expired;
  }
  expire(): void {
    this.#expired(clock);
  }
}

let clock = 0;

test('as with a timer for each', () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  const now = mock.method(performance, 'now', () => clock);
  const step = fc.oneof(
    fc.record({ type: fc.constant('begin' as const) }),
    fc.record({ type: fc.constant('end' as const), which: fc.nat() }),
    fc.record({ type: fc.constant('wait' as const), milliseconds: fc.integer({ min: 1, max: 150 }) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const timeouts = new Timeouts(LENGTH);
      const all: { timeout: Expiring; ended: boolean; expired: number[] }[] = [];
      for (const each of [...steps, { type: 'wait' as const, milliseconds: 3 * LENGTH }]) {
        if (each.type === 'begin') {
          const expired: number[] = [];
          const timeout = new Expiring(clock, (at) => void expired.push(at));
          all.push({ timeout, ended: false, expired });
          timeouts.begin(timeout);
        } else if (each.type === 'end') {
          const one = all[each.which % all.length];
          if (one?.expired.length === 0) one.ended = true;
          if (one) timeouts.end(one.timeout);
        } else {
          for (let i = 0; i < each.milliseconds; i++) {
            clock++;
            mock.timers.tick(1);
          }
        }
      }
      for (const { timeout, ended, expired } of all) {
        assert.deepEqual(expired, ended ? [] : [timeout.began + LENGTH]);
      }
    }),
  );
  now.mock.restore();
  mock.timers.reset();
});
