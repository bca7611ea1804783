import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CODES } from '../../src/core/codes.ts';
import { fail, LedgerError } from '../../src/core/errors.ts';
import { answerOf, classOf, GRPC, statusOf } from '../../src/service/status.ts';

test('every code of the catalogue has an HTTP and a gRPC status that means failure', () => {
  for (const code of Object.keys(CODES)) {
    const { http, grpc } = statusOf(code);
    assert.ok(http >= 400 && http < 600, code);
    assert.ok((Object.values(GRPC) as number[]).includes(grpc), code);
    // A server's fault and a client's are never mixed up between the two.
    assert.equal(http === 500, grpc === GRPC.INTERNAL, code);
  }
});

test('a code that the core catalogue does not have is a kind’s refusal', () => {
  assert.equal(classOf('PARTICIPANT_EXISTS'), 'refused');
  assert.deepEqual(statusOf('PARTICIPANT_EXISTS'), { http: 422, grpc: GRPC.FAILED_PRECONDITION });
  for (const name of ['constructor', '__proto__', 'toString']) assert.equal(statusOf(name).http, 422);
});

test('only what can succeed later has a retry delay, in whole seconds', () => {
  assert.equal(answerOf(fail('RATE_LIMITED', 'x', { retryAfter: 0.2 })).retryAfter, 1);
  assert.equal(answerOf(fail('LOG_OVERLOADED', 'x', { retryAfter: 2.5 })).retryAfter, 3);
  assert.equal(answerOf(fail('LOG_CLOSING', 'x')).retryAfter, 1);
  assert.equal(answerOf(fail('NOT_FOUND', 'x', { retryAfter: 5 })).retryAfter, undefined);
});

test('defects and fatal errors keep their message to themselves', () => {
  for (const error of [new TypeError('secret'), 'secret', null, undefined, fail('LOG_CORRUPT', 'secret')]) {
    const answer = answerOf(error);
    assert.equal(answer.http, 500);
    assert.equal(answer.message, 'internal error');
  }
  assert.equal(answerOf(fail('STORAGE_FAILED', 'x')).code, 'STORAGE_FAILED');
});

test('a message is bounded, well formed and without control characters', () => {
  const { message } = answerOf(new LedgerError('NOT_FOUND', `a\r\nb\u0000\ud800${'x'.repeat(10_000)}`));
  assert.ok(message.startsWith('a  b \ufffd'));
  assert.equal(message.length, 512);
});
