/** When what failed is tried again: soon, and then ever more seldom. Forgotten by a restart, which tries at once. */
import { toHex } from '../../core/bytes.ts';
import type { Item } from './docket.ts';

/** Milliseconds. */
const FIRST = 1000;
const LONGEST = 600_000;

export class Retries {
  readonly #now: () => number;
  readonly #failed = new Map<string, { readonly attempts: number; readonly at: number }>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Milliseconds until the next is due; undefined: nothing failed. */
  get next(): number | undefined {
    const times = [...this.#failed.values()].map(({ at }) => at);
    return times.length === 0 ? undefined : Math.max(FIRST, Math.min(...times) - this.#now());
  }

  isTime(item: Item): boolean {
    const failed = this.#failed.get(nameOf(item));
    return !failed || failed.at <= this.#now();
  }

  failed(item: Item): void {
    const attempts = (this.#failed.get(nameOf(item))?.attempts ?? 0) + 1;
    const delay = Math.min(LONGEST, FIRST * 2 ** Math.min(attempts - 1, 20));
    this.#failed.set(nameOf(item), { attempts, at: this.#now() + delay });
  }

  done(item: Item): void {
    this.#failed.delete(nameOf(item));
  }

  forget(): void {
    this.#failed.clear();
  }
}

function nameOf({ cleanroom, digest }: Item): string {
  return `${cleanroom} ${toHex(digest)}`;
}
