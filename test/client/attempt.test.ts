import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { attempt, isRetryable, pause } from '../../src/client/attempt.ts';
import { fail, isLedgerError, LedgerError } from '../../src/core/errors.ts';

const refused = (code: string) => (error: unknown) => isLedgerError(error, code);
const soon = () => ({ deadline: Date.now() + 60_000 });

describe('trying again', () => {
  test('only what passes', () => {
    for (const code of ['UNAVAILABLE', 'RATE_LIMITED', 'LOG_RECOVERING', 'DEADLINE_EXCEEDED'] as const) {
      assert.equal(isRetryable(fail(code, 'x')), true);
    }
    for (const code of ['FORK', 'STALE', 'NOT_FOUND', 'INTERNAL', 'SIGNATURE_INVALID'] as const) {
      assert.equal(isRetryable(fail(code, 'x')), false);
    }
    assert.equal(isRetryable(new LedgerError('OF_A_LATER_KIND', 'x')), false);
    assert.equal(isRetryable(new Error('x')), false);
  });

  test('as often as allowed', async () => {
    let tried = 0;
    const request = async () => {
      tried++;
      throw fail('UNAVAILABLE', 'x');
    };
    await assert.rejects(attempt(2, soon(), request), refused('UNAVAILABLE'));
    assert.equal(tried, 3);
    tried = 0;
    const once = async () => {
      tried++;
      throw fail('NOT_FOUND', 'x');
    };
    await assert.rejects(attempt(2, soon(), once), refused('NOT_FOUND'));
    assert.equal(tried, 1);
  });

  test('not before the server wants it, and not past the deadline', async () => {
    const started = performance.now();
    assert.equal(await pause(0, 0.3, soon()), true);
    assert.ok(performance.now() - started >= 295);
    assert.equal(await pause(0, 120, soon()), false, 'at once');
    assert.ok(performance.now() - started < 20_000);
  });

  test('not after it was given up', async () => {
    const signal = AbortSignal.timeout(500);
    const slow = async () => {
      throw fail('UNAVAILABLE', 'x', { retryAfter: 30 });
    };
    const started = performance.now();
    await assert.rejects(attempt(5, { ...soon(), signal }, slow), { name: 'AbortError' });
    assert.ok(performance.now() - started < 20_000);
    await assert.rejects(attempt(5, { ...soon(), signal }, slow), { name: 'TimeoutError' });
  });
});
