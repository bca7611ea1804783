import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { toHex } from '../../src/core/bytes.ts';
import { encode, Tagged } from '../../src/core/cbor.ts';
import { decodeProblemDetails, encodeProblemDetails } from '../../src/cose/index.ts';
import { mangled, refusal } from './mangle.ts';

test('round trip', () => {
  const bytes = encodeProblemDetails({ title: 'Rejected', detail: 'the key was revoked' });
  assert.equal(toHex(bytes).slice(0, 22), 'a2206852656a6563746564');
  assert.deepEqual(decodeProblemDetails(bytes), { title: 'Rejected', detail: 'the key was revoked' });
  assert.deepEqual(decodeProblemDetails(encodeProblemDetails({ title: 'Rejected' })), {
    title: 'Rejected',
    detail: undefined,
  });
});

test('RFC 9290: other members are passed over, and text may have a language', () => {
  const others = new Map<number, string | number | Tagged>([
    [-1, new Tagged(38, ['en', 'Rejected'])],
    [-4, 400],
  ]);
  assert.deepEqual(decodeProblemDetails(encode(others)), { title: 'Rejected', detail: undefined });
});

test('refusals', () => {
  for (const value of [[], 1, new Map([[-1, 1]]), new Map([[-1, new Tagged(38, ['en', 1])]])]) {
    assert.equal(
      refusal(() => decodeProblemDetails(encode(value))),
      'CBOR_MALFORMED',
    );
  }
  const allowed = ['accepted', 'CBOR_MALFORMED'];
  for (const bad of mangled(encodeProblemDetails({ title: 'Rejected', detail: 'why' }))) {
    assert(allowed.includes(refusal(() => decodeProblemDetails(bad))));
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 30 }), (bytes) =>
      allowed.includes(refusal(() => decodeProblemDetails(bytes))),
    ),
  );
});
