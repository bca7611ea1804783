import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Lru } from '../../src/log/lru.ts';

test('what was used longest ago goes first', () => {
  const lru = new Lru<string, number>(3);
  for (const [i, key] of ['a', 'b', 'c'].entries()) lru.set(key, i);
  assert.equal(lru.get('a'), 0);
  lru.set('d', 3);
  assert.equal(lru.get('b'), undefined);
  assert.deepEqual(
    ['a', 'c', 'd'].map((key) => lru.get(key)),
    [0, 2, 3],
  );
});

test('costs count, and replacing an entry gives its cost back', () => {
  const lru = new Lru<string, string>(10);
  lru.set('big', 'x', 8);
  lru.set('big', 'y', 6);
  lru.set('small', 'z', 4);
  assert.equal(lru.get('big'), 'y');
  lru.set('more', 'w', 1);
  assert.equal(lru.get('small'), undefined, 'used longest ago');
  assert.equal(lru.get('big'), 'y');
});

test('an entry beyond the limit is not kept', () => {
  const lru = new Lru<string, string>(2);
  lru.set('huge', 'x', 3);
  assert.equal(lru.get('huge'), undefined);
});
