import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { packKeys, unpackKeys } from '../../src/log/signing-keys.ts';

test('keys are what they were when they come out of one piece', () => {
  const kid = fc.uint8Array({ minLength: 32, maxLength: 32 });
  const key = fc.uint8Array({ maxLength: 600 });
  fc.assert(
    fc.property(fc.array(fc.tuple(kid, key)), (keys) => {
      assert.deepEqual([...unpackKeys(packKeys(keys))], keys);
    }),
  );
});
