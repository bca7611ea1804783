/** What an attack tries, and what came of each. */
import { Refused } from '../refused.ts';
import type { Stop } from './attack.ts';

export interface Try {
  readonly who: string;
  readonly what: string;
  readonly expected: Stop | undefined;
  /** Undefined: it got through. */
  readonly seen: Stop | undefined;
  /** What was said to it. */
  readonly detail: string;
}

export class Tries {
  readonly made: Try[] = [];
  readonly #expected: readonly Stop[];
  readonly #observe: (who: string, what: string) => void;

  constructor(expected: readonly Stop[], observe: (who: string, what: string) => void) {
    this.#expected = expected;
    this.#observe = observe;
  }

  /** Goes on if it is stopped. @throws what is neither a gate's nor the log's, a defect or somebody who does not answer */
  async attempt(who: string, what: string, work: () => Promise<unknown>): Promise<void> {
    const expected = this.#expected[this.made.length];
    this.#observe(who, `tries: ${what}`);
    try {
      await work();
      this.made.push({ who, what, expected, seen: undefined, detail: 'it got through' });
      this.#observe(who, 'got through');
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      const { gate, code: reason, message: detail } = error;
      this.made.push({ who, what, expected, seen: { gate, reason }, detail });
      this.#observe(who, `was stopped: ${gate}, ${reason}`);
    }
  }

  /** Every try was made, and stopped as declared. */
  get stopped(): boolean {
    return (
      this.made.length === this.#expected.length &&
      this.made.every(
        ({ expected, seen }) => seen?.gate === expected?.gate && seen?.reason === expected?.reason,
      )
    );
  }
}
