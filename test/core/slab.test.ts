import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { copiedTogether, Slab } from '../../src/core/slab.ts';

test('what a slab gives is zero, of the length asked for, and nobody else’s', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.nat(100), fc.nat(40_000)), { maxLength: 200 }), (lengths) => {
      const slab = new Slab();
      const taken = lengths.map((length, i) => {
        const bytes = slab.take(length);
        assert.equal(bytes.length, length);
        assert.ok(bytes.every((byte) => byte === 0));
        return i % 2 === 0 ? bytes.fill(1 + (i % 255)) : slab.copy(bytes.fill(1 + (i % 255)));
      });
      for (const [i, bytes] of taken.entries()) assert.ok(bytes.every((byte) => byte === 1 + (i % 255)));
    }),
  );
});

test('what is joined is one behind the other, and a copy', () => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.uint8Array({ maxLength: 40_000 }), (first, second) => {
      const joined = new Slab().join(first, second);
      const expected = [...first, ...second];
      first.fill(1);
      second.fill(2);
      assert.deepEqual([...joined], expected);
    }),
  );
});

test('copies that are made together are equal, in order, and apart from what they were made of', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 100 })), (parts) => {
      const before = parts.map((part) => part.slice());
      const copies = copiedTogether(
        parts.map((part) => Buffer.from(part.buffer, part.byteOffset, part.length)),
      );
      for (const part of parts) part.fill(7);
      assert.deepEqual(copies, before);
    }),
  );
});
