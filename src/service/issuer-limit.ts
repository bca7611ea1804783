/**
 * The rate limit for each issuer. The log charges it only after the signature has been verified: otherwise anybody
 * could use up somebody else's rate by naming them.
 */
import type { Rate } from './limits.ts';
import { RateWindow } from './rate-window.ts';

/** @throws RATE_LIMITED, from the function answered, with the seconds until the window ends */
export function issuerLimit(rate: Rate): (issuer: string) => Promise<void> {
  const window = new RateWindow(rate, 'too many statements from this issuer');
  return async (issuer) => window.take(issuer, 1);
}
