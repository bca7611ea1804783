/** A rate counted in memory: so many points in the window that begins with a client's first request. */
import { fail } from '../core/errors.ts';
import type { Rate } from './limits.ts';

interface Window {
  used: number;
  /** When the next one may begin: the clock that is never set back, milliseconds. */
  readonly ends: number;
}

export class RateWindow {
  readonly #rate: Rate;
  readonly #message: string;
  /** By client, in the order in which they end: all are as long. */
  readonly #windows = new Map<string, Window>();

  /** @param message of the refusal */
  constructor(rate: Rate, message: string) {
    this.#rate = rate;
    this.#message = message;
  }

  /** What is refused is not charged: less may still fit. @throws RATE_LIMITED with the seconds until the window ends */
  take(client: string, points: number): void {
    const now = performance.now();
    let window = this.#windows.get(client);
    if (!window || window.ends <= now) window = this.#begin(client, now);
    if (window.used + points > this.#rate.points) {
      throw fail('RATE_LIMITED', this.#message, {
        retryAfter: Math.max(1, Math.ceil((window.ends - now) / 1000)),
      });
    }
    window.used += points;
  }

  /** Clients whose windows have not been seen to end. */
  get size(): number {
    return this.#windows.size;
  }

  #begin(client: string, now: number): Window {
    // Whoever comes for the first time takes with him those who are over: nobody else looks for them.
    for (const [name, { ends }] of this.#windows) {
      if (ends > now) break;
      this.#windows.delete(name);
    }
    const window = { used: 0, ends: now + this.#rate.seconds * 1000 };
    this.#windows.set(client, window);
    return window;
  }
}
