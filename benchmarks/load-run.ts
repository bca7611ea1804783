/** What every load has in common, over whatever protocol: which request is next, how many were answered, and how fast. */
import type { Bytes } from '../src/core/bytes.ts';

export interface LoadOptions {
  readonly port: number;
  /** Send them over and over for so long (default: each once). */
  readonly milliseconds?: number;
  readonly connections?: number;
  /** One answer of so many is kept (default 1000). */
  readonly keepEvery?: number;
  /**
   * Whether an answer says what it has to; each is asked about while the clock runs. Default: any will do that is not an error
   * of the protocol.
   * @param body valid until it returns
   */
  accepts?(request: number, body: Bytes): boolean;
}

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

export class LoadRun {
  readonly requests: readonly Bytes[];
  readonly #accepts: (request: number, body: Bytes) => boolean;
  readonly #keepEvery: number;
  readonly #sample: Answer[] = [];
  readonly #started = performance.now();
  readonly #until: number | undefined;
  #sent = 0;
  #count = 0;

  constructor(requests: readonly Bytes[], options: LoadOptions) {
    const { milliseconds, keepEvery = 1000 } = options;
    this.requests = requests;
    this.#accepts = (request, body) => options.accepts?.(request, body) ?? true;
    this.#keepEvery = keepEvery;
    this.#until = milliseconds === undefined ? undefined : this.#started + milliseconds;
  }

  /** Which request is to be sent next; undefined: none. */
  next(): number | undefined {
    const goesOn =
      this.#until === undefined ? this.#sent < this.requests.length : performance.now() < this.#until;
    return goesOn ? this.#sent++ % this.requests.length : undefined;
  }

  /** @returns false: the answer does not say what it has to, and the load has failed */
  answered(request: number, body: Bytes): boolean {
    if (!this.#accepts(request, body)) return false;
    if (this.#count++ % this.#keepEvery === 0) this.#sample.push({ request, body: Uint8Array.from(body) });
    return true;
  }

  get result(): LoadResult {
    const count = this.#count;
    return { rate: (count / (performance.now() - this.#started)) * 1000, count, sample: this.#sample };
  }
}
