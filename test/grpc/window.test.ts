import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Window } from '../../src/grpc/window.ts';

test('a window admits in order, never more than fits, and everybody in the end', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 15 })), fc.infiniteStream(fc.boolean()), (costs, dice) => {
      const window = new Window(10);
      const inside: { cost: number; at: number }[] = [];
      const order: number[] = [];
      const leave = () => window.leave(inside.shift()!.cost);
      costs.forEach((cost, at) => {
        window.enter(cost, () => {
          inside.push({ cost, at });
          order.push(at);
        });
        const used = inside.reduce((sum, item) => sum + item.cost, 0);
        assert.ok(used <= 10 || inside.filter((item) => item.cost > 0).length === 1);
        if (inside.length > 0 && dice.next().value) leave();
      });
      while (inside.length > 0) leave();
      assert.deepEqual(
        order,
        costs.map((_, at) => at),
      );
    }),
  );
});

test('one that gives up waiting lets the next in', () => {
  const window = new Window(2);
  const entered: string[] = [];
  window.enter(2, () => entered.push('first'));
  const giveUp = window.enter(2, () => entered.push('second'));
  window.enter(0, () => entered.push('third'));
  assert.deepEqual(entered, ['first']);
  giveUp();
  assert.deepEqual(entered, ['first', 'third']);
  giveUp();
  window.leave(2);
  window.enter(2, () => entered.push('fourth'));
  assert.deepEqual(entered, ['first', 'third', 'fourth']);
});

test('who leaves as soon as it has entered lets in the next, however many wait', () => {
  const window = new Window(1);
  let entered = 0;
  window.enter(1, () => {});
  for (let i = 0; i < 20_000; i++) {
    window.enter(1, () => {
      entered++;
      window.leave(1);
    });
  }
  assert.equal(entered, 0);
  window.leave(1);
  assert.equal(entered, 20_000);
});
