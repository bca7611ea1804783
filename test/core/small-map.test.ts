/** A Map and a Set to whoever asks, whatever comes and goes. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { SmallMap, SmallSet } from '../../src/core/small-map.ts';

const sorted = (entries: Iterable<[number, number]>) => [...entries].sort(([a], [b]) => a - b);

suite('a small map', () => {
  const ids = fc.integer({ min: 1, max: 12 });
  const steps = fc.array(
    fc.oneof(
      fc.record({ do: fc.constant('set' as const), id: ids }),
      fc.record({ do: fc.constant('delete' as const), id: ids }),
      fc.record({ do: fc.constant('clear' as const), id: ids }),
    ),
    { maxLength: 60 },
  );

  test('holds what a Map holds, whatever comes and goes', () => {
    fc.assert(
      fc.property(steps, (history) => {
        const [table, map] = [new SmallMap<number, number>(), new Map<number, number>()];
        for (const [at, { do: what, id }] of history.entries()) {
          if (what === 'set') {
            assert.equal(table.set(id, at), table);
            map.set(id, at);
          } else if (what === 'delete') assert.equal(table.delete(id), map.delete(id));
          else if (id === 1) {
            table.clear();
            map.clear();
          }
          assert.equal(table.size, map.size);
          assert.deepEqual(sorted(table), sorted(map));
          for (let each = 1; each <= 12; each++) {
            assert.equal(table.get(each), map.get(each));
            assert.equal(table.has(each), map.has(each));
          }
        }
        assert.deepEqual(sorted(new SmallMap(map)), sorted(map));
        assert.deepEqual([...table.keys()].sort(), [...map.keys()].sort());
        assert.deepEqual(new Set(table.values()), new Set(map.values()));
      }),
    );
  });

  test('what is gone through is what there was at first, whatever is taken out meanwhile', () => {
    const table = new SmallMap([1, 3, 5, 7].map((id) => [id, -id]));
    const seen: number[] = [];
    table.forEach((value, id, all) => {
      assert.equal(all, table);
      assert.equal(value, -id);
      seen.push(id);
      table.delete(id);
    });
    assert.deepEqual(seen, [1, 3, 5, 7]);
    assert.equal(table.size, 0);
  });
});

suite('a small set', () => {
  test('holds what a Set holds, and what is gone through is what there was at first', () => {
    const steps = fc.array(fc.record({ add: fc.boolean(), one: fc.integer({ min: 1, max: 8 }) }), {
      maxLength: 60,
    });
    fc.assert(
      fc.property(steps, (history) => {
        const [small, set] = [new SmallSet<number>(), new Set<number>()];
        for (const { add, one } of history) {
          if (!add) assert.equal(small.delete(one), set.delete(one));
          else if (!set.has(one)) {
            small.add(one);
            set.add(one);
          }
          assert.equal(small.size, set.size);
          assert.deepEqual([...small].sort(), [...set].sort());
        }
        const seen: number[] = [];
        for (const one of small) {
          seen.push(one);
          small.delete(one);
        }
        assert.deepEqual(seen.sort(), [...set].sort());
        assert.equal(small.size, 0);
      }),
    );
  });
});
