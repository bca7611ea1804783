import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Cbor, Tagged } from '../../src/core/cbor.ts';
import {
  CWT_CLAIMS,
  cwtClaims,
  decodeProtected,
  encodeProtected,
  readCwtClaims,
} from '../../src/cose/index.ts';
import { refusal } from './mangle.ts';

const read = (claims: Cbor) =>
  readCwtClaims(decodeProtected(encodeProtected(new Map([[CWT_CLAIMS, claims]]))));
const iat = (value: Cbor) => read(new Map([[6, value]]));

test('round trip, in whole seconds', () => {
  assert.deepEqual(read(cwtClaims('did:web:a.example', 'urn:x', 1_999)), {
    issuer: 'did:web:a.example',
    subject: 'urn:x',
    issuedAt: 1,
  });
});

test('claims may be missing; iat may have tag 1', () => {
  const none = { issuer: undefined, subject: undefined, issuedAt: undefined };
  assert.deepEqual(readCwtClaims(new Map()), none);
  assert.deepEqual(read(new Map([[8, 1]])), none);
  assert.equal(iat(7).issuedAt, 7);
  assert.equal(iat(new Tagged(1, 7)).issuedAt, 7);
});

test('wrong types', () => {
  for (const claims of [1, [], new Map([[1, 1]]), new Map([[2, new Uint8Array(1)]])]) {
    assert.equal(
      refusal(() => read(claims)),
      'HEADER_MISSING',
    );
  }
  for (const value of [-1, '7', 2n ** 60n, new Tagged(0, '2026-01-01T00:00:00Z'), new Tagged(1, 'x')]) {
    assert.equal(
      refusal(() => iat(value)),
      'HEADER_MISSING',
    );
  }
  // a float, which only the headers of others can hold: {15: {6: 1.5}}
  const float = Uint8Array.from([0xa1, 0x0f, 0xa1, 0x06, 0xf9, 0x3e, 0x00]);
  assert.equal(
    refusal(() => readCwtClaims(decodeProtected(float))),
    'HEADER_MISSING',
  );
});
