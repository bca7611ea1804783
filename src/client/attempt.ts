/** Trying again: only what says by its class that a retry makes sense, only as often and as long as was allowed. */
import { setTimeout as delay } from 'node:timers/promises';
import { isLedgerError, type LedgerError } from '../core/errors.ts';
import { type Call, classOf } from './transport.ts';

/** Milliseconds; doubled with each attempt. */
const FIRST_DELAY = 100;
const LONGEST_DELAY = 5000;

/** Everything that the log does is idempotent, so any request may be sent again. */
export function isRetryable(error: unknown): error is LedgerError {
  return isLedgerError(error) && classOf(error.code) === 'unavailable';
}

/**
 * Runs `request` until it answers, fails for good, has failed `retries` times after the first, or would have to wait
 * past the deadline.
 */
export async function attempt<T>(
  retries: number,
  call: Call,
  request: (call: Call) => Promise<T>,
): Promise<T> {
  for (let tried = 0; ; tried++) {
    call.signal?.throwIfAborted();
    try {
      return await request(call);
    } catch (error) {
      if (!isRetryable(error) || tried >= retries) throw error;
      if (!(await pause(tried, error.retryAfter, call))) throw error;
    }
  }
}

/**
 * Waits before attempt `tried` + 1: what the server asked for, at least the back-off, with jitter so that clients
 * that failed together do not come back together.
 * @returns false, at once, when the deadline is before the end of the wait
 */
export async function pause(tried: number, retryAfter: number | undefined, call: Call): Promise<boolean> {
  const backOff = Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** tried) * (0.5 + Math.random() / 2);
  const wait = Math.max(backOff, (retryAfter ?? 0) * 1000);
  if (Date.now() + wait >= call.deadline) return false;
  await delay(wait, undefined, call.signal ? { signal: call.signal } : {});
  return true;
}
