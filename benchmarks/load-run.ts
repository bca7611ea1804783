/** What every load has in common, over whatever protocol: which request is next, how many were answered, and how fast. */
import type { Bytes } from '../src/core/bytes.ts';

export interface LoadResult {
  /** Answers a second. */
  readonly rate: number;
  readonly count: number;
  readonly sample: readonly Answer[];
}

export interface Answer {
  /** Which of the requests it answers. */
  readonly request: number;
  readonly body: Bytes;
}

/** One answer of so many is kept. */
const SAMPLE_EVERY = 1000;

export class LoadRun {
  readonly requests: readonly Bytes[];
  readonly #sample: Answer[] = [];
  readonly #started = performance.now();
  readonly #until: number | undefined;
  #sent = 0;
  #count = 0;

  /** @param milliseconds the requests are sent over and over for so long; undefined: each once */
  constructor(requests: readonly Bytes[], milliseconds: number | undefined) {
    this.requests = requests;
    this.#until = milliseconds === undefined ? undefined : this.#started + milliseconds;
  }

  /** Which request is to be sent next; undefined: none. */
  next(): number | undefined {
    const goesOn =
      this.#until === undefined ? this.#sent < this.requests.length : performance.now() < this.#until;
    return goesOn ? this.#sent++ % this.requests.length : undefined;
  }

  answered(request: number, body: Bytes): void {
    if (this.#count++ % SAMPLE_EVERY === 0) this.#sample.push({ request, body: Uint8Array.from(body) });
  }

  get result(): LoadResult {
    const count = this.#count;
    return { rate: (count / (performance.now() - this.#started)) * 1000, count, sample: this.#sample };
  }
}
