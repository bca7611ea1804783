import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { concat } from '../../src/core/bytes.ts';
import { BundleHasher, hashPlainly, type Place } from '../../src/merkle/bundle-hash.ts';
import { TILE_WIDTH } from '../../src/merkle/index.ts';
import { nodeCrypto as crypto } from '../../src/platform/crypto-node.ts';

const length = fc.oneof(
  { weight: 60, arbitrary: fc.integer({ min: 0, max: 700 }) },
  // Where the padding takes another block; too long for lanes.
  { weight: 10, arbitrary: fc.constantFrom(0, 1, 54, 55, 56, 63, 64, 119, 120, 4095, 4096, 4097) },
  { weight: 1, arbitrary: fc.integer({ min: 3000, max: 20_000 }) },
);
const leaf = fc.record({ length, isStateEntry: fc.boolean() });

test('bundles hash as the crypto interface hashes them, whatever was hashed before', () => {
  const hasher = new BundleHasher(crypto, { ids: true, inner: true });
  const bundle = fc.oneof(
    fc.array(leaf, { minLength: TILE_WIDTH, maxLength: TILE_WIDTH }),
    // As most are: all of a length, but for a few.
    fc.tuple(length, fc.array(leaf, { maxLength: 9 })).map(([same, others]) => {
      const most = Array.from({ length: TILE_WIDTH - others.length }, () => ({
        length: same,
        isStateEntry: false,
      }));
      return [...most, ...others];
    }),
    fc.array(leaf, { maxLength: 3 }),
  );
  fc.assert(
    fc.property(bundle, (leaves) => {
      const places: Place[] = [];
      let at = 0;
      const records = leaves.map(({ length, isStateEntry }) => {
        places.push({ isStateEntry, from: at + 4, to: at + 4 + length });
        at += 4 + length;
        return concat(new Uint8Array(4).fill(length), crypto.randomBytes(length));
      });
      const row = concat(...records);
      const { inner, ...hashes } = hasher.hash(row, places);
      const plain = hashPlainly(crypto, row, places);
      assert.deepEqual(hashes, plain);
      const inLanes = places.length === TILE_WIDTH && row.length <= 1 << 20;
      assert.deepEqual(inner?.subarray(-32), inLanes ? plain.root : undefined);
    }),
    { numRuns: 40 },
  );
});

test('bundles too large for lanes take the plain way', () => {
  const places: Place[] = Array.from({ length: TILE_WIDTH }, (_, i) => ({
    ...{ isStateEntry: i % 3 === 0, from: i * 5000 + 4, to: (i + 1) * 5000 - i },
  }));
  const row = crypto.randomBytes(TILE_WIDTH * 5000);
  assert.deepEqual(
    new BundleHasher(crypto, { ids: true }).hash(row, places),
    hashPlainly(crypto, row, places),
  );
});
