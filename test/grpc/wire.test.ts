import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isLedgerError } from '../../src/core/errors.ts';
import { decodeMessage } from '../../src/grpc/wire.ts';
import { aichain } from '../../src/proto/aichain.js';
import { processorTimer } from '../core/processor-time.ts';

const { RegisterStreamRequest } = aichain.v1;

test('what was encoded is decoded, as plain byte arrays', () => {
  fc.assert(
    fc.property(fc.nat(), fc.array(fc.uint8Array(), { maxLength: 20 }), (batchId, statements) => {
      const bytes = RegisterStreamRequest.encode({ batchId, statements }).finish();
      const message = decodeMessage(RegisterStreamRequest, bytes, 30);
      assert.equal(message.batchId, batchId);
      assert.deepEqual(
        message.statements.map((statement) => [...statement]),
        statements.map((s) => [...s]),
      );
      for (const statement of message.statements)
        assert.ok(!Buffer.isBuffer(statement) || statement.length === 0);
    }),
  );
});

test('any bytes give a message or a reason code, and as many fields as are allowed at most', () => {
  const decode = (bytes: Uint8Array) => {
    try {
      assert.ok(decodeMessage(RegisterStreamRequest, bytes, 30).statements.length <= 30);
    } catch (error) {
      assert.ok(isLedgerError(error), String(error));
      assert.ok(['REQUEST_MALFORMED', 'REQUEST_TOO_LARGE'].includes(error.code));
    }
  };
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), decode), { numRuns: 2000 });
  const valid = RegisterStreamRequest.encode({
    batchId: 300,
    statements: [new Uint8Array(3), new Uint8Array(200)],
  }).finish();
  for (let at = 0; at < valid.length; at++) {
    for (let value = 0; value < 256; value += 5) {
      const bytes = Uint8Array.from(valid);
      bytes[at] = value;
      decode(bytes);
    }
    decode(valid.subarray(0, at));
    decode(Uint8Array.from([...valid.subarray(0, at), ...valid.subarray(at + 1)]));
  }
});

test('eight megabytes of empty fields are refused at once', () => {
  const bytes = new Uint8Array(8 << 20);
  for (let i = 0; i < bytes.length; i += 2) bytes[i] = 0x12;
  const taken = processorTimer();
  assert.throws(() => decodeMessage(RegisterStreamRequest, bytes, 1025), { code: 'REQUEST_TOO_LARGE' });
  assert.ok(taken() < 250, `${taken()} ms`);
});
