/** What a registration waits for beyond being logged, as both surfaces understand it (FORMATS §7, `wait`). */
import { fail } from '../core/errors.ts';
import type { Registration } from './ledger.ts';

/** Milliseconds that an answer has to get out after the waiting is over. */
const MARGIN = 500;

/** When the waiting ends, so that the answer which says so is in time. @param deadline Unix milliseconds */
export function waitUntil(deadline: number, now: number = Date.now()): number {
  return deadline - Math.min(MARGIN, Math.max(0, (deadline - now) / 10));
}

/** @throws DEADLINE_EXCEEDED it was to be witnessed, and was not in time. It is logged all the same. */
export function inTime(registration: Registration): Registration {
  if (registration.witnessed !== null) return registration;
  const message = `logged as entry ${registration.index}, but not witnessed in time; registering again is safe`;
  throw fail('DEADLINE_EXCEEDED', message, { retryAfter: 1 });
}
