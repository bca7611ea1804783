import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Bytes, concat, equal, toCharacters } from '../../src/core/bytes.ts';
import { type Cbor, decode, encode } from '../../src/core/cbor.ts';
import { nobleCrypto } from '../../src/core/crypto-noble.ts';
import { isLedgerError } from '../../src/core/errors.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';
import { decodeProof, encodeProof, FactVerifier, StateMap, verifyFact } from '../../src/statemap/index.ts';
import { mangled, outcome } from '../core/mangle.ts';
import { keyAt, placingHasher } from './placing-hasher.ts';

const key = (n: number) => encode(['contract', n]);
const value = (n: number) => encode({ status: 'active', n });
const CODES = /^(FACT_INVALID|PROOF_MALFORMED|CBOR_MALFORMED|CBOR_NOT_DETERMINISTIC)$/;

/** Keys 0 to size − 1. */
function mapOf(size: number): StateMap {
  return StateMap.of(
    nodeCrypto,
    Array.from({ length: size }, (_, n) => [key(n), value(n)] as const),
  );
}

function verifies(root: Bytes, k: Bytes, v: Bytes | null, proof: Bytes): boolean {
  try {
    verifyFact(nodeCrypto, root, k, v, proof);
    return true;
  } catch (error) {
    assert.ok(isLedgerError(error), String(error));
    assert.match(error.code, CODES);
    return false;
  }
}

for (const crypto of [nodeCrypto, nobleCrypto]) {
  test(`what is there is proven, and what is not (${crypto.name})`, () => {
    for (const size of [0, 1, 2, 3, 10, 100]) {
      const map = mapOf(size);
      for (let n = 0; n < size + 20; n++) {
        const proof = map.prove(key(n));
        verifyFact(crypto, map.root, key(n), n < size ? value(n) : null, proof);
        assert.equal(decodeProof(proof).found, n < size);
      }
    }
  });
}

test('a proof verifies for one fact under one root', () => {
  fc.assert(
    fc.property(fc.nat(60), fc.nat(80), fc.nat(80), fc.nat(80), (size, n, other, otherValue) => {
      const map = mapOf(size);
      const fact = n < size ? value(n) : null;
      const proof = map.prove(key(n));
      assert.ok(verifies(map.root, key(n), fact, proof));
      if (otherValue !== n) assert.ok(!verifies(map.root, key(n), value(otherValue), proof));
      if (fact) assert.ok(!verifies(map.root, key(n), null, proof));
      assert.ok(!verifies(mapOf(size + 1).root, key(n), fact, proof));
      // One proof of absence can be that of several keys: whatever it says must be true.
      const present = other < size ? value(other) : null;
      if (other !== n && verifies(map.root, key(other), null, proof)) assert.equal(present, null);
      if (other !== n) assert.ok(!verifies(map.root, key(other), value(other), proof));
    }),
  );
});

test('every sort of place occurs: the key, an empty slot, another leaf', () => {
  const map = mapOf(50);
  const absent = Array.from({ length: 60 }, (_, n) => decodeProof(map.prove(key(100 + n))));
  assert.ok(absent.some((proof) => !proof.found && proof.other === null));
  assert.ok(absent.some((proof) => !proof.found && proof.other !== null));
  // The empty map: nothing but an empty slot at the top.
  assert.deepEqual(decode(StateMap.empty.prove(key(1))), [0, new Uint8Array(0), new Uint8Array(0), null]);
  assert.deepEqual(
    mapOf(1)
      .update(nodeCrypto, [[key(0), null]])
      .prove(key(1)),
    StateMap.empty.prove(key(1)),
  );
  // One record: a leaf at the top, which is also the proof that any other key is absent.
  assert.deepEqual(decode(mapOf(1).prove(key(0))), [0, new Uint8Array(0), new Uint8Array(0)]);
});

test('the encoding is [depth, bitmap, siblings]: bits and siblings from the root down', () => {
  const keys = [keyAt('00000000001'), keyAt('00000000000'), keyAt('1')];
  const map = StateMap.of(
    placingHasher,
    keys.map((k, n) => [k, value(n)] as const),
  );
  const leaf = (n: number) =>
    nodeCrypto.sha256(
      concat(Uint8Array.of(2), keys[n]!, nodeCrypto.sha256(concat(Uint8Array.of(5), value(n)))),
    );
  // The first bit parts keys 0 and 1 from 2, the eleventh (bit 10) parts 0 from 1; nothing is in between.
  assert.deepEqual(decode(map.prove(keys[0]!)), [
    11,
    Uint8Array.of(0b1000_0000, 0b0010_0000),
    concat(leaf(2), leaf(1)),
  ]);
  // Bit 4 leads into one of the empty subtrees on the way.
  const beside = decode(map.prove(keyAt('00001'))) as Cbor[];
  assert.deepEqual([beside[0], beside[1], beside[3]], [5, Uint8Array.of(0b1000_1000), null]);
  const other = decode(map.prove(keyAt('000000000011'))) as Cbor[];
  assert.deepEqual(other[0], 11);
  assert.deepEqual(other[3], [keys[0], nodeCrypto.sha256(concat(Uint8Array.of(5), value(0)))]);
});

test('proofs of depth 256 verify', () => {
  const [a, b] = [keyAt('0'), keyAt(`${'0'.repeat(255)}1`)];
  const map = StateMap.of(placingHasher, [
    [a, value(1)],
    [b, value(2)],
  ]);
  const proof = map.prove(b);
  assert.equal(decodeProof(proof).depth, 256);
  verifyFact(placingHasher, map.root, b, value(2), proof);
  verifyFact(placingHasher, map.root, a, value(1), map.prove(a));
  const beside = keyAt(`${'0'.repeat(254)}1`);
  verifyFact(placingHasher, map.root, beside, null, map.prove(beside));
  assert.equal(decodeProof(map.prove(beside)).depth, 255);
});

test('a decoded proof encodes to its bytes', () => {
  const map = mapOf(40);
  for (let n = 0; n < 80; n++) {
    const proof = map.prove(key(n));
    const { siblings, ...place } = decodeProof(proof);
    const other = !place.found && place.other;
    const absent = other ? { k: toCharacters(other.k), v: toCharacters(other.v) } : null;
    const encoded = encodeProof(siblings.map(toCharacters), place.found ? undefined : { other: absent });
    assert.deepEqual(encoded, proof);
  }
});

test('a mangled proof verifies for nothing', () => {
  const map = mapOf(12);
  const of = (wanted: (n: number) => boolean) => Array.from({ length: 200 }, (_, n) => n).find(wanted)!;
  const at = (n: number) => decodeProof(map.prove(key(n)));
  const slot = of((n) => n >= 12 && !at(n).found && (at(n) as { other: unknown }).other === null);
  const leaf = of((n) => n >= 12 && !at(n).found && (at(n) as { other: unknown }).other !== null);
  for (const n of [3, slot, leaf]) {
    const proof = map.prove(key(n));
    for (const bytes of mangled(proof)) {
      assert.ok(!equal(bytes, proof));
      for (const fact of [n < 12 ? value(n) : null, null, value(99)]) {
        assert.ok(!verifies(map.root, key(n), fact, bytes));
      }
      assert.ok(!verifies(map.root, key(4), null, bytes));
    }
  }
});

test('what the rules forbid is refused', () => {
  const map = mapOf(20);
  const [depth, bitmap, siblings] = decode(map.prove(key(3))) as [number, Bytes, Bytes];
  const absent = Array.from({ length: 100 }, (_, n) => key(20 + n));
  const slotKey = absent.find((k) => (decode(map.prove(k)) as Cbor[])[3] === null)!;
  const leafKey = absent.find((k) => (decode(map.prove(k)) as Cbor[])[3] !== null)!;
  const slot = decode(map.prove(slotKey)) as Cbor[];
  const leaf = decode(map.prove(leafKey)) as [number, Bytes, Bytes, [Bytes, Bytes]];
  const [k2, v2] = leaf[3];
  const zero = new Uint8Array(32);
  const none = new Uint8Array(0);
  const refused = (
    why: string,
    item: Cbor,
    code = 'PROOF_MALFORMED',
    k = key(3),
    v: Bytes | null = value(3),
  ) =>
    assert.throws(
      () => verifyFact(nodeCrypto, map.root, k, v, encode(item)),
      (error) => isLedgerError(error, code) || assert.fail(`${why}: ${error}`),
      why,
    );

  const unused = bitmap.slice();
  unused[unused.length - 1]! |= 1;
  assert.notEqual(depth % 8, 0);
  refused('an unused bit', [depth, unused, siblings]);
  refused('an unused bit with a sibling for it', [
    depth,
    unused,
    concat(siblings, new Uint8Array(32).fill(1)),
  ]);
  refused('a longer bitmap', [depth, concat(bitmap, Uint8Array.of(0)), siblings]);
  refused('no bitmap', [depth, none, siblings]);
  refused('a sibling too few', [depth, bitmap, siblings.subarray(32)]);
  refused('a sibling too many', [depth, bitmap, concat(siblings, siblings.subarray(0, 32))]);
  refused('part of a sibling', [depth, bitmap, siblings.subarray(1)]);
  refused('an explicit zero sibling', [depth, bitmap, concat(zero, siblings.subarray(32))]);
  refused('an explicit zero sibling, deepest', [depth, bitmap, concat(siblings.subarray(0, -32), zero)]);
  refused('an empty deepest sibling', [1, Uint8Array.of(0), none]);
  refused('an empty deepest sibling below others', [depth + 1, bitmap, siblings]);
  refused(
    'an empty deepest sibling of an empty slot',
    [1, Uint8Array.of(0), none, null],
    undefined,
    slotKey,
    null,
  );

  const deep = new Uint8Array(33).fill(0xff);
  deep[32] = 0x80;
  refused('depth 257', [257, deep, new Uint8Array(257 * 32).fill(1)]);
  refused('a depth beyond all numbers', [2n ** 60n, bitmap, siblings]);
  refused('a negative depth', [-1, none, none]);
  refused('a depth that is text', ['4', bitmap, siblings]);
  refused('a bitmap that is text', [depth, 'x', siblings]);
  refused('siblings in a list', [depth, bitmap, [siblings]]);
  refused('siblings missing', [depth, bitmap]);
  refused('a fifth member', [...slot, null]);
  refused('not an array', { depth });
  refused('a number', 7);

  const absence = (why: string, other: Cbor, code?: string) =>
    refused(why, [...leaf.slice(0, 3), other], code, leafKey, null);
  absence(
    'another leaf with the same key',
    [nodeCrypto.sha256(concat(Uint8Array.of(4), leafKey)), v2],
    'FACT_INVALID',
  );
  absence('another leaf on another path', [k2.map((byte) => byte ^ 0x80), v2], 'FACT_INVALID');
  absence('a short K2', [k2.subarray(1), v2]);
  absence('a long V2', [k2, concat(v2, zero)]);
  absence('one hash', [k2]);
  absence('three hashes', [k2, v2, v2]);
  absence('false for nil', false);
  absence('nil for another leaf', null, 'FACT_INVALID');

  refused('presence for an absence', [depth, bitmap, siblings], 'FACT_INVALID', key(3), null);
  refused('absence for a value', slot, 'FACT_INVALID', slotKey, value(1));
  refused('presence by way of absence', [depth, bitmap, siblings, null], 'FACT_INVALID', key(3), null);
  const own = nodeCrypto.sha256(concat(Uint8Array.of(4), key(3)));
  const ownValue = nodeCrypto.sha256(concat(Uint8Array.of(5), value(3)));
  refused(
    'its own leaf as another',
    [depth, bitmap, siblings, [own, ownValue]],
    'FACT_INVALID',
    key(3),
    null,
  );

  // The same proof in an encoding that is not the shortest.
  const long = concat(Uint8Array.of(0x83, 0x18, depth), encode(bitmap), encode(siblings));
  assert.throws(
    () => verifyFact(nodeCrypto, map.root, key(3), value(3), long),
    (error) => isLedgerError(error, 'CBOR_NOT_DETERMINISTIC'),
  );
  for (const root of [none, zero.subarray(1), concat(map.root, zero)]) {
    assert.throws(
      () => verifyFact(nodeCrypto, root, key(3), value(3), map.prove(key(3))),
      (error) => isLedgerError(error, 'FACT_INVALID'),
    );
  }
});

test('K and V are never taken for key and value', () => {
  const map = mapOf(1);
  const [k, v] = [key(0), value(0)];
  const hashes = [
    nodeCrypto.sha256(concat(Uint8Array.of(4), k)),
    nodeCrypto.sha256(concat(Uint8Array.of(5), v)),
  ];
  const proof = map.prove(k);
  assert.ok(verifies(map.root, k, v, proof));
  assert.ok(!verifies(map.root, hashes[0]!, v, proof));
  assert.ok(!verifies(map.root, k, hashes[1]!, proof));
  assert.ok(!verifies(map.root, hashes[0]!, hashes[1]!, proof));
});

test('random bytes are no proof', () => {
  const map = mapOf(5);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      assert.ok(!verifies(map.root, key(1), value(1), bytes));
      assert.ok(!verifies(map.root, key(1), null, bytes));
    }),
  );
});

test('facts verified together are those that verify one by one, whatever came before', () => {
  const fact = fc.record({
    of: fc.nat(60),
    proof: fc.nat(60),
    damage: fc.option(fc.record({ at: fc.nat(2000), by: fc.integer({ min: 1, max: 255 }) }), { freq: 3 }),
    absent: fc.boolean(),
  });
  const sizes = fc.oneof(fc.constantFrom(0, 1, 2, 40), fc.nat(60));
  fc.assert(
    fc.property(sizes, fc.array(fact, { maxLength: 40 }), fc.nat(50), (size, facts, count) => {
      const map = mapOf(size);
      const together = new FactVerifier(nodeCrypto, map.root, count);
      for (const { of, proof: from, damage, absent } of facts) {
        const proof = map.prove(key(damage ? of : from)).slice();
        if (damage) proof[damage.at % proof.length]! ^= damage.by;
        const v = of < size && !absent ? value(of) : null;
        const verified = outcome(() => together.verify(key(of), v, proof));
        assert.deepEqual(
          verified,
          outcome(() => verifyFact(nodeCrypto, map.root, key(of), v, proof)),
        );
      }
    }),
    { numRuns: 300 },
  );
});

test('every damage to a proof is seen beside the others, before and after they are known', () => {
  const map = mapOf(12);
  for (const n of [3, 20]) {
    const proof = map.prove(key(n));
    const v = n < 12 ? value(n) : null;
    for (const bytes of mangled(proof)) {
      const together = new FactVerifier(nodeCrypto, map.root, 12);
      const alone = outcome(() => verifyFact(nodeCrypto, map.root, key(n), v, bytes));
      const first = outcome(() => together.verify(key(n), v, bytes));
      for (let other = 0; other < 14; other++) {
        together.verify(key(other), other < 12 ? value(other) : null, map.prove(key(other)));
      }
      const last = outcome(() => together.verify(key(n), v, bytes));
      assert.deepEqual([first, last], [alone, alone]);
    }
  }
});

test('what paths have in common is hashed once', () => {
  let hashed = 0;
  const counting = {
    sha256(data: Bytes) {
      hashed += 1;
      return nodeCrypto.sha256(data);
    },
  };
  const map = mapOf(64);
  const facts = Array.from({ length: 64 }, (_, n) => ({ k: key(n), v: value(n), proof: map.prove(key(n)) }));
  const work = (verify: (k: Bytes, v: Bytes, proof: Bytes) => void) => {
    hashed = 0;
    for (const { k, v, proof } of facts) verify(k, v, proof);
    return hashed;
  };
  const alone = work((k, v, proof) => verifyFact(counting, map.root, k, v, proof));
  const verifier = new FactVerifier(counting, map.root, 64);
  const together = work((k, v, proof) => verifier.verify(k, v, proof));
  // Three for each leaf, its path aside; of the inner nodes there are not many more than leaves.
  assert.ok(together < 64 * 3 + 120 && alone > 64 * 6, `${together} and ${alone} hashes`);
});
