/**
 * The rate limit for each issuer. The log charges it only after the signature has been verified: otherwise anybody
 * could use up somebody else's rate by naming them.
 */
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { fail } from '../core/errors.ts';
import type { Rate } from './limits.ts';

/** @throws RATE_LIMITED, from the function answered, with the seconds until the window ends */
export function issuerLimit(rate: Rate): (issuer: string) => Promise<void> {
  const limiter = new RateLimiterMemory({ keyPrefix: 'issuer', points: rate.points, duration: rate.seconds });
  return async (issuer) => {
    try {
      await limiter.consume(issuer);
    } catch (refusal) {
      if (!(refusal instanceof RateLimiterRes)) throw refusal;
      throw fail('RATE_LIMITED', 'too many statements from this issuer', {
        retryAfter: Math.max(1, Math.ceil(refusal.msBeforeNext / 1000)),
      });
    }
  };
}
