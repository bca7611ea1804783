import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isRefusal } from '../../src/chain/refusal.ts';
import { type LastStop, lifted, movedTo, stateAt, stopBy, stoppedSince } from '../../src/chain/stop.ts';

interface Subject {
  readonly state: string;
  readonly lastStop?: LastStop;
}
const open: Subject = { state: 'OPEN' };

function stopped(subject: Subject, index: number, time: number, from?: number): Subject {
  const lastStop = stopBy({ index, time }, subject, from);
  assert.ok(!isRefusal(lastStop), JSON.stringify(lastStop));
  return { state: 'STOPPED', lastStop };
}
function reopened(subject: Subject, time: number): Subject {
  return { ...subject, ...lifted<string>(subject.lastStop!, time) };
}

test('a stop holds from its time on', () => {
  const later = stopped(open, 1, 5000, 9);
  assert.deepEqual([stateAt(later, 8999), stateAt(later, 9000)], ['OPEN', 'STOPPED']);
  assert.equal(stateAt(stopped(open, 1, 5000), 5000), 'STOPPED');
});

test('a stop to come can be brought forward, not put off', () => {
  const later = stopped(open, 1, 5000, 9);
  assert.deepEqual(stopBy({ index: 2, time: 6000 }, later, 8), { entry: 2, at: 8000, before: 'OPEN' });
  assert.ok(isRefusal(stopBy({ index: 2, time: 6000 }, later, 10)));
});

test('what moves on before a stop comes is stopped all the same', () => {
  const later = stopped(open, 1, 5000, 9);
  const moved = { ...later, ...movedTo(later, 'FURTHER', 6000) };
  assert.deepEqual([stateAt(moved, 6000), stateAt(moved, 9000)], ['FURTHER', 'STOPPED']);
  assert.deepEqual(movedTo(later, 'FURTHER', 9000), { state: 'FURTHER' });
});

test('a stop that was called off before it came still counts for what was there', () => {
  const off = reopened(stopped(open, 3, 5000, 9), 6000);
  assert.equal(stateAt(off, 9000), 'OPEN');
  assert.ok(stoppedSince(off, { entry: 1, at: 4000 }, 6000));
  assert.ok(!stoppedSince(off, { entry: 5, at: 7000 }, 9000));
});

test('a stop announced for a far future hides no stop that has been', () => {
  const again = stopped(reopened(stopped(open, 2, 5000), 6000), 4, 7000, 4_000_000);
  assert.equal(stateAt(again, 8000), 'OPEN');
  assert.ok(stoppedSince(again, { entry: 1, at: 4000 }, 8000));
  assert.ok(!stoppedSince(again, { entry: 3, at: 6500 }, 8000));
  const twice = stopped(again, 5, 8000, 3_000_000);
  assert.ok(stoppedSince(twice, { entry: 1, at: 4000 }, 9000));
});

const action = fc.record({
  do: fc.constantFrom('stop', 'stop', 'lift'),
  wait: fc.nat({ max: 3 }),
  /** Seconds until the stop holds. */
  in: fc.option(fc.nat({ max: 6 }), { nil: undefined }),
});

test('any history: what was once stopped since a moment stays so, and the state is the model’s', () => {
  fc.assert(
    fc.property(fc.array(action, { maxLength: 12 }), (actions) => {
      let subject = open;
      let second = 10;
      /** When each accepted stop holds, and the second in which it was lifted. */
      let model: { from: number; lifted?: number } | undefined;
      const stops: { entry: number; from: number }[] = [];
      const moments: { entry: number; at: number }[] = [];
      actions.forEach((each, i) => {
        second += each.wait;
        const [time, index] = [second * 1000, i + 1];
        moments.push({ entry: index, at: time });
        const holds = model !== undefined && model.lifted === undefined && model.from <= second;
        assert.equal(stateAt(subject, time), holds ? 'STOPPED' : 'OPEN');
        if (each.do === 'lift') {
          if (subject.state !== 'STOPPED') return;
          const last = stops.at(-1)!;
          last.from = Math.min(last.from, second);
          model = { from: last.from, lifted: second };
          subject = reopened(subject, time);
        } else if (!holds) {
          const from = second + (each.in ?? 0);
          const pending = model !== undefined && model.lifted === undefined;
          const lastStop = stopBy({ index, time }, subject, each.in === undefined ? undefined : from);
          assert.equal(isRefusal(lastStop), pending && from > model!.from);
          if (isRefusal(lastStop)) return;
          if (pending) stops.pop();
          stops.push({ entry: index, from });
          model = { from };
          subject = { state: 'STOPPED', lastStop };
        }
        for (const since of moments) {
          const expected = stops.some(
            ({ entry, from }) => from <= second && (from * 1000 > since.at || entry > since.entry),
          );
          assert.equal(stoppedSince(subject, since, time), expected);
        }
      });
    }),
    { numRuns: 500 },
  );
});
