import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { toCharacters, toHex } from '../../src/core/bytes.ts';
import { encode } from '../../src/core/cbor.ts';
import { nodeCrypto as crypto } from '../../src/platform/crypto-node.ts';
import { StateMap } from '../../src/statemap/index.ts';
import { nodesFor } from '../../src/verify/misbehaviour-make.ts';
import { MissingNode, PartialMap } from '../../src/verify/misbehaviour-map.ts';

const key = (n: number) => encode(['run', n]);
const value = (n: number) => encode({ n });

test('the part of a map that is shown changes as the whole map does', () => {
  const changes = fc.array(fc.tuple(fc.nat(40), fc.option(fc.nat(3))), { maxLength: 12 });
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(40), { maxLength: 30 }), changes, (present, made) => {
      const map = StateMap.of(
        crypto,
        present.map((n) => [key(n), value(n)] as const),
      );
      const last = new Map(made.map(([n, v]) => [n, v === null ? null : value(v)]));
      const writes = [...last].map(([n, v]) => [key(n), v, toCharacters(key(n))] as const);
      const nodes = nodesFor(crypto, map, [key(50)], writes);
      const part = new PartialMap(crypto, map.root, map.count, nodes);
      assert.equal(part.valueHash(key(50)), undefined);
      for (const [k, v] of writes) part.put(k, v);
      const whole = map.update(crypto, writes);
      assert.equal(toHex(part.root), toHex(whole.root));
      assert.equal(part.count, whole.count);
    }),
  );
});

test('a node that is not there is missed, never taken for an empty place', () => {
  const records = Array.from({ length: 20 }, (_, n) => [key(n), value(n)] as const);
  const map = StateMap.of(crypto, records);
  const nodes = nodesFor(crypto, map, [key(3)], []);
  for (let i = 0; i < nodes.length; i++) {
    const part = new PartialMap(crypto, map.root, map.count, nodes.toSpliced(i, 1));
    assert.throws(() => part.valueHash(key(3)), MissingNode);
  }
});
