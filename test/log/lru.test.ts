import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
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

test('what has gone was not used while half of the entries came or were used again', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 12 }), fc.array(fc.integer({ min: 0, max: 30 })), (most, keys) => {
      const lru = new Lru<number, number>(most);
      // What is at hand, oldest use first, as a cache would have it that moves whatever is used.
      let used: number[] = [];
      for (const key of keys) {
        const at = used.indexOf(key);
        const value = lru.get(key);
        assert.ok(value === undefined || value === -key);
        if (value === undefined) {
          // The newer half is there for certain.
          assert.ok(at < 0 || (used.length - 1 - at) * 2 >= used.length - 1, `${key} of ${used}`);
          lru.set(key, -key);
        }
        used = [...used.filter((each) => each !== key), key].slice(-most);
      }
    }),
  );
});

test('an entry beyond the limit is not kept', () => {
  const lru = new Lru<string, string>(2);
  lru.set('huge', 'x', 3);
  assert.equal(lru.get('huge'), undefined);
});
