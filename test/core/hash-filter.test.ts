import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Bytes } from '../../src/core/bytes.ts';
import { HashFilter } from '../../src/core/hash-filter.ts';
import { nodeCrypto as crypto } from '../../src/platform/crypto-node.ts';

/** Rows of 32 bytes. */
function* rows(count: number): Iterable<Bytes> {
  const bytes = crypto.randomBytes(count * 32);
  for (let i = 0; i < count; i++) yield bytes.subarray(i * 32, i * 32 + 32);
}

test('holds all that was added, over more than one part, and little else', () => {
  const filter = new HashFilter();
  const added = [...rows(2 ** 20 + 5000)];
  for (const hash of added) filter.add(hash);
  assert.ok(added.every((hash) => filter.mayHold(hash)));
  const strangers = [...rows(20_000)].filter((hash) => filter.mayHold(hash)).length;
  assert.ok(strangers < 100, `${strangers} of 20,000 that are not there`);
});

test('of what is near a number it holds what was added with one of the same 2^20', () => {
  const filter = new HashFilter();
  const [few, many] = [[...rows(5000)], [...rows(5000)]];
  few.forEach((hash, i) => {
    filter.add(hash, i);
  });
  many.forEach((hash, i) => {
    filter.add(hash, 3 * 2 ** 20 + i);
  });
  assert.ok([...few, ...many].every((hash) => filter.mayHold(hash)));
  assert.ok(few.every((hash) => filter.mayHoldNear(hash, 2 ** 20 - 1)));
  assert.ok(many.every((hash) => filter.mayHoldNear(hash, 3 * 2 ** 20)));
  assert.ok(few.filter((hash) => filter.mayHoldNear(hash, 3 * 2 ** 20)).length < 25);
  assert.equal(filter.mayHoldNear(few[0]!, 2 ** 20), false);
});

test('is empty at first', () => {
  assert.equal(new HashFilter().mayHold(new Uint8Array(32)), false);
});
