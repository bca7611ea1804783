/** Keys that threads know: as many as anybody registers. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Bytes, u64be } from '../../src/core/bytes.ts';
import { KeyTable } from '../../src/log/key-table.ts';
import type { SigningKey } from '../../src/log/signing-keys.ts';
import { type AdmissionAnswer, packStatements, type VerifyRequest } from '../../src/log/verify-batch.ts';
import { keysRequest, verifyThreads } from '../../src/log/verify-threads.ts';
import { crypto } from './world.ts';

const kidOf = (n: number): Bytes => crypto.sha256(u64be(n));
const keyOf = (n: number): Bytes => new Uint8Array(40 + (n % 300)).fill(n % 251);

test('what was added is there, and nothing else', () => {
  for (const random of [0, 1, -1, 0x12345678]) {
    const table = new KeyTable(random);
    for (let n = 0; n < 5000; n++) {
      table.add(kidOf(n), keyOf(n));
      table.add(kidOf(n), Uint8Array.of(1));
      assert.equal(table.get(kidOf(n + 1)), undefined);
    }
    for (let n = 0; n < 5000; n++) assert.deepEqual(table.get(kidOf(n)), keyOf(n));
    for (const other of [new Uint8Array(0), new Uint8Array(31), new Uint8Array(32), kidOf(0).slice(1)]) {
      assert.equal(table.get(other), undefined);
    }
  }
});

test('kids that begin alike are told apart', () => {
  const table = new KeyTable(77);
  const kid = (n: number) => new Uint8Array(32).fill(9, 0, 24).fill(n, 31);
  for (let n = 0; n < 200; n++) table.add(kid(n), Uint8Array.of(n));
  for (let n = 0; n < 200; n++) assert.deepEqual(table.get(kid(n)), Uint8Array.of(n));
});

test('half a million keys, told at the start and one by one, end no thread', async () => {
  const many = 500_000;
  const packed = crypto.randomBytes(many * 32);
  const key = new Uint8Array(77);
  const keys = Array.from(
    { length: many },
    (_, n): SigningKey => [packed.subarray(n * 32, n * 32 + 32), key],
  );
  const ends: unknown[] = [];
  const pool = verifyThreads<VerifyRequest, AdmissionAnswer>(1, () => keys.slice(0, many / 2));
  try {
    for (let n = many / 2; n < many; n += 10) pool.tell(keysRequest(keys.slice(n, n + 10)));
    const { refusals } = await pool.run(packStatements([Uint8Array.of(1, 2, 3)]));
    ends.push(refusals.length);
  } finally {
    await pool.close();
  }
  assert.deepEqual(ends, [1]);
});
