import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Bytes, toHex } from '../../src/core/bytes.ts';
import { encode } from '../../src/core/cbor.ts';
import type { Hasher } from '../../src/core/crypto.ts';
import { nobleCrypto } from '../../src/core/crypto-noble.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import { StateMap } from '../../src/statemap/index.ts';
import { keyAt, placingHasher } from './placing-hasher.ts';
import { type Record, referenceRoot } from './reference.ts';

const key = (n: number) => encode(['contract', n]);
const value = (n: number) => encode({ status: 'active', n });
type Change = readonly [key: Bytes, value: Bytes | null];

/** Changes of few keys, so that they meet: value 0 to 3, or null. */
const change = fc.tuple(fc.nat(40), fc.option(fc.nat(3), { freq: 2 }));
const history = fc.array(fc.array(change, { maxLength: 30 }), { maxLength: 8 });

for (const crypto of [nodeCrypto, nobleCrypto]) {
  test(`the root is that of the definition (${crypto.name})`, () => {
    assert.equal(toHex(StateMap.empty.root), '00'.repeat(32));
    for (let size = 0; size <= 120; size++) {
      const records = Array.from({ length: size }, (_, n): Record => [key(n), value(n)]);
      const map = StateMap.of(crypto, records);
      assert.deepEqual(map.root, referenceRoot(records), `${size} records`);
      assert.equal(map.count, size);
    }
  });
}

// Computed by another program, in another language: fixes the prefixes and the order of the bits.
test('a root that is written down', () => {
  const map = StateMap.of(
    nodeCrypto,
    [1, 2, 3, 4, 5].map((n) => [key(n), value(n)] as const),
  );
  assert.equal(toHex(map.root), 'f634b989c3ad733cb5cb02620a65ea30fdb6a17c719aceb26a87f36aef581e69');
});

test('after any history the root, count and records are those of the records that remain', () => {
  fc.assert(
    fc.property(history, (batches) => {
      const model = new Map<number, number>();
      let map = StateMap.empty;
      for (const batch of batches) {
        for (const [k, v] of batch) v === null ? model.delete(k) : model.set(k, v);
        map = map.update(nodeCrypto, batch.map(toChange));
        const records = [...model].map(([k, v]): Record => [key(k), value(v)]);
        assert.deepEqual(map.root, referenceRoot(records));
        assert.equal(map.count, model.size);
        for (let k = 0; k <= 40; k++) {
          const v = model.get(k);
          assert.deepEqual(map.get(key(k)), v === undefined ? undefined : value(v));
        }
        assert.deepEqual(sorted(map.entries()), sorted(records));
      }
    }),
  );
});

test('batching and order do not matter', () => {
  const distinct = fc.uniqueArray(change, { selector: ([k]) => k, maxLength: 41 });
  fc.assert(
    fc.property(history, distinct, fc.infiniteStream(fc.nat(5)), (before, last, sizes) => {
      const start = StateMap.of(nodeCrypto, []).update(nodeCrypto, before.flat().map(toChange));
      const whole = start.update(nodeCrypto, last.map(toChange));
      assert.deepEqual(start.update(nodeCrypto, last.toReversed().map(toChange)).root, whole.root);
      let map = start;
      for (let at = 0; at < last.length; ) {
        const size = sizes.next().value + 1;
        map = map.update(nodeCrypto, last.slice(at, at + size).map(toChange));
        at += size;
      }
      assert.deepEqual(map.root, whole.root);
      assert.equal(map.count, whole.count);
    }),
  );
});

test('of two changes of one key in a batch the later counts', () => {
  const map = StateMap.of(nodeCrypto, [
    [key(1), value(1)],
    [key(1), value(2)],
  ]);
  assert.deepEqual(map.get(key(1)), value(2));
  assert.equal(map.count, 1);
  assert.equal(
    map.update(nodeCrypto, [
      [key(1), value(3)],
      [key(1), null],
    ]).count,
    0,
  );
  assert.equal(
    map.update(nodeCrypto, [
      [key(1), null],
      [key(1), value(3)],
    ]).count,
    1,
  );
});

test('every version answers for itself, whichever of them was changed next', () => {
  // Of all versions so far, which one each batch goes on from: lines that branch, come back, and are empty in between.
  const branching = fc.array(fc.tuple(fc.nat(), fc.array(change, { maxLength: 30 }), fc.boolean()), {
    maxLength: 12,
  });
  fc.assert(
    fc.property(branching, (steps) => {
      const versions = [{ map: StateMap.empty, model: new Map<number, number>() }];
      for (const [from, batch, emptied] of steps) {
        const { map, model } = versions[from % versions.length]!;
        const next = new Map(model);
        const gone = emptied ? [...model.keys()].map((k) => [k, null] as const) : [];
        const changes = [...gone, ...batch];
        for (const [k, v] of changes) v === null ? next.delete(k) : next.set(k, v);
        versions.push({ map: map.update(nodeCrypto, changes.map(toChange)), model: next });
      }
      for (const { map, model } of versions) {
        for (let k = 0; k <= 41; k++) {
          const v = model.get(k);
          assert.deepEqual(map.get(key(k)), v === undefined ? undefined : value(v));
        }
        assert.equal(map.count, model.size);
      }
    }),
  );
});

test('a version whose change failed half-way answers as before, and the same record again is the one that was there', (t) => {
  const before = StateMap.of(
    nodeCrypto,
    [1, 2, 3].map((n) => [key(n), value(n)] as const),
  );
  const set = Map.prototype.set;
  let left = 8;
  t.mock.method(Map.prototype, 'set', function (this: Map<unknown, unknown>, name: unknown, held: unknown) {
    if (held instanceof Uint8Array && left-- === 7) throw new RangeError('no room');
    return set.call(this, name, held);
  });
  const changes = [1, 2, 3, 4].map((n) => [key(n), value(9)] as const);
  assert.throws(() => before.adopt(nodeCrypto, changes), RangeError);
  t.mock.restoreAll();
  for (const n of [1, 2, 3]) assert.deepEqual(before.get(key(n)), value(n));
  assert.equal(before.get(key(4)), undefined);
  const next = before.adopt(nodeCrypto, changes);
  for (const n of [1, 2, 3, 4]) assert.deepEqual(next.get(key(n)), value(9));

  const line = StateMap.of(nodeCrypto, [[key(1), value(1)]]);
  const held = line.get(key(1));
  const after = line.update(nodeCrypto, [
    [key(1), value(1)],
    [key(2), value(2)],
  ]);
  assert.equal(after.get(key(1)), held);
});

test('keys of any length have their values', () => {
  const keys = Array.from({ length: 300 }, (_, length) => new Uint8Array(length).fill(length));
  const map = StateMap.of(
    nodeCrypto,
    keys.map((each, n) => [each, value(n)] as const),
  );
  for (const [n, each] of keys.entries()) assert.deepEqual(map.get(each), value(n));
});

test('maps are immutable: an older version stays as it was', () => {
  fc.assert(
    fc.property(history, (batches) => {
      const versions: { map: StateMap; root: string; records: string[] }[] = [];
      let map = StateMap.empty;
      for (const batch of batches) {
        map = map.update(nodeCrypto, batch.map(toChange));
        versions.push({ map, root: toHex(map.root), records: sorted(map.entries()) });
      }
      for (const version of versions) {
        assert.equal(toHex(version.map.root), version.root);
        assert.deepEqual(sorted(version.map.entries()), version.records);
      }
      assert.equal(StateMap.empty.count, 0);
    }),
  );
});

test('an update that changes nothing gives the same map', () => {
  const records = Array.from({ length: 50 }, (_, n): Record => [key(n), value(n)]);
  const map = StateMap.of(nodeCrypto, records);
  assert.equal(map.update(nodeCrypto, []), map);
  assert.equal(map.update(nodeCrypto, records), map);
  assert.equal(map.update(nodeCrypto, [[key(99), null]]), map);
  assert.equal(StateMap.empty.update(nodeCrypto, [[key(99), null]]), StateMap.empty);
});

test('a map that takes its arrays over is the one that copies them', () => {
  const records = Array.from({ length: 50 }, (_, n): Record => [key(n), value(n)]);
  const map = StateMap.of(nodeCrypto, records);
  const adopted = StateMap.empty.adopt(nodeCrypto, records);
  assert.deepEqual([adopted.root, adopted.count], [map.root, map.count]);
  assert.equal(adopted.get(key(7)), records[7]![1]);
  assert.equal(adopted.adopt(nodeCrypto, records), adopted);
});

test('arrays that the caller changes later do not change the map', () => {
  const [k, v] = [key(1), value(1)];
  const map = StateMap.of(nodeCrypto, [[k, v]]);
  k.fill(0);
  v.fill(0);
  assert.deepEqual(map.get(key(1)), value(1));
  assert.deepEqual([...map.entries()], [[key(1), value(1)]]);
});

test('keys that differ in their last bit make a tree of depth 256, and it collapses again', () => {
  const ends = ['0'.repeat(255), `${'0'.repeat(254)}1`, '1'.repeat(255)].map((bits) => keyAt(bits));
  const last = keyAt(`${'0'.repeat(255)}1`);
  const alone = StateMap.of(placingHasher, [[ends[0]!, value(0)]]);
  const deep = alone.update(placingHasher, [[last, value(1)]]);
  assert.equal(deep.count, 2);
  assert.deepEqual(deep.get(last), value(1));
  assert.deepEqual(deep.get(ends[0]!), value(0));
  assert.equal(deep.get(ends[1]!), undefined);
  assert.deepEqual(deep.update(placingHasher, [[last, null]]).root, alone.root);
  const other = deep.update(placingHasher, [[ends[0]!, null]]);
  assert.deepEqual(other.root, StateMap.of(placingHasher, [[last, value(1)]]).root);
  const both = deep.update(placingHasher, [
    [ends[0]!, null],
    [last, null],
    [ends[2]!, value(2)],
  ]);
  assert.deepEqual(both.root, StateMap.of(placingHasher, [[ends[2]!, value(2)]]).root);
});

test('an update hashes each node above its changes once', () => {
  const counter = counting(nodeCrypto);
  const size = 20_000;
  const records = Array.from({ length: size }, (_, n): Record => [key(n), value(n)]);
  const map = StateMap.of(counter, records);
  // K, V and the leaf for each record; about 1/ln 2 = 1.44 inner nodes, those with an empty side included.
  assert.ok(counter.calls < 4.6 * size, `${counter.calls} hashes for ${size} records`);
  counter.calls = 0;
  const one = map.update(counter, [[key(7), value(8)]]);
  assert.ok(counter.calls < 3 + 40, `${counter.calls} hashes for one change`);
  counter.calls = 0;
  const batch = Array.from({ length: 1000 }, (_, n): Change => [key(n * 20), value(n)]);
  one.update(counter, batch);
  // Alone, each would hash 3 + 15 or so; together they share the upper ten levels.
  assert.ok(counter.calls < 11 * batch.length, `${counter.calls} hashes for ${batch.length} changes`);
});

test('records come in the order of their paths, which is one order for one set', () => {
  const records = Array.from({ length: 100 }, (_, n): Record => [key(n), value(n)]);
  const forward = [...StateMap.of(nodeCrypto, records).entries()];
  assert.deepEqual(forward, [...StateMap.of(nodeCrypto, records.toReversed()).entries()]);
  const path = (k: Bytes) => toHex(nodeCrypto.sha256(Uint8Array.of(4, ...k)));
  const paths = forward.map(([k]) => path(k));
  assert.deepEqual(paths, paths.toSorted());
});

function toChange([k, v]: readonly [number, number | null]): Change {
  return [key(k), v === null ? null : value(v)];
}

function sorted(records: Iterable<Record>): string[] {
  return [...records].map(([k, v]) => `${toHex(k)} ${toHex(v)}`).sort();
}

function counting(hasher: Hasher): Hasher & { calls: number } {
  return {
    calls: 0,
    sha256(data) {
      this.calls += 1;
      return hasher.sha256(data);
    },
  };
}
