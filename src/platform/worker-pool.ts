/**
 * Worker threads that answer requests. Work that must not hold up the event loop (signature checks, decoding what
 * an attacker sent) runs here. A worker that dies fails the requests it had and is replaced.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { type TransferListItem, Worker } from 'node:worker_threads';
import { fail } from '../core/errors.ts';
import { SmallMap } from '../core/small-map.ts';

interface Slot<Answer> {
  readonly worker: Worker;
  ended: boolean;
  /** Requests that wait, without what the worker was told, and their weight. */
  requests: number;
  load: number;
  readonly waiting: SmallMap<number, Waiting<Answer>>;
}

interface Waiting<Answer> {
  readonly weight: number;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

export interface WorkerRequest<Request> {
  readonly id: number;
  readonly request: Request;
}
export interface WorkerAnswer<Answer> {
  readonly id: number;
  readonly answer?: Answer;
  readonly error?: string;
  /** Where in the thread. */
  readonly stack?: string;
}

export interface WorkerPoolOptions<Request> {
  /** The module that the workers run. */
  readonly module: URL;
  readonly size: number;
  /** Requests a worker may hold, without what it is told: two keep it busy while an answer travels. */
  readonly depth: number;
  /** What a worker is told first, at each start. */
  readonly initial: () => readonly Request[];
  readonly onExit?: (error: Error | undefined) => void;
}

const RESTART_MS = 100;
/** A thread that needs more is ended, and the process goes on: what strangers send cannot bloat it. */
const HEAP = { maxOldGenerationSizeMb: 96, maxYoungGenerationSizeMb: 8 };

export class WorkerPool<Request, Answer> {
  readonly #options: WorkerPoolOptions<Request>;
  readonly #slots: Slot<Answer>[] = [];
  #nextId = 0;
  #closing = false;

  constructor(options: WorkerPoolOptions<Request>) {
    this.#options = options;
    for (let i = 0; i < options.size; i++) this.#slots.push(this.#start());
  }

  get size(): number {
    return this.#slots.length;
  }

  /** True when the worker that would be asked can take another request at once. */
  get free(): boolean {
    return this.#slots.length > 0 && this.#lightest().requests < this.#options.depth;
  }

  /** Weight of what all workers have to do, and of what the one has that would be asked. */
  get load(): { readonly all: number; readonly least: number } {
    return { all: this.#slots.reduce((sum, { load }) => sum + load, 0), least: this.#lightest().load };
  }

  /** The worker with the least to do: there is one. */
  #lightest(): Slot<Answer> {
    const lighter = (a: Slot<Answer>, b: Slot<Answer>) =>
      a.load === b.load ? a.requests < b.requests : a.load < b.load;
    return this.#slots.reduce((best, slot) =>
      best.ended || (!slot.ended && lighter(slot, best)) ? slot : best,
    );
  }

  /**
   * Asks the worker with the least to do.
   * @param weight of the request among others, more than 0
   * @throws LOG_CLOSING after {@link close}; INTERNAL when the worker dies
   */
  async run(request: Request, transfer: readonly TransferListItem[] = [], weight = 1): Promise<Answer> {
    // When all have died at once, a successor is on its way: who asks meanwhile has done nothing wrong.
    if (this.#slots.every((slot) => slot.ended) && !this.#closing) await delay(2 * RESTART_MS);
    if (this.#closing) throw fail('LOG_CLOSING', 'the worker pool is closed');
    return this.#ask(this.#lightest(), request, transfer, weight);
  }

  /**
   * Tells every worker, ahead of all later requests. One that dies over it is replaced, and its successor is told what
   * `initial` has by then.
   */
  tell(request: Request): void {
    for (const slot of this.#slots) void this.#ask(slot, request, [], 0).catch(() => undefined);
  }

  /** Ends the threads; what they had not answered fails with LOG_CLOSING. */
  async close(): Promise<void> {
    this.#closing = true;
    await Promise.all(this.#slots.map((slot) => slot.worker.terminate()));
  }

  #ask(
    slot: Slot<Answer>,
    request: Request,
    transfer: readonly TransferListItem[],
    weight: number,
  ): Promise<Answer> {
    if (slot.ended) return Promise.reject(fail('INTERNAL', 'a worker thread ended'));
    return new Promise((resolve, reject) => {
      const id = this.#nextId++;
      // Throws for what cannot be sent, and then there is nothing to wait for.
      slot.worker.postMessage({ id, request } satisfies WorkerRequest<Request>, [...transfer]);
      slot.waiting.set(id, { weight, resolve, reject });
      if (weight > 0) slot.requests += 1;
      slot.load += weight;
    });
  }

  #start(): Slot<Answer> {
    const { module, initial, onExit } = this.#options;
    const worker = new Worker(module, { resourceLimits: HEAP });
    const slot: Slot<Answer> = { worker, waiting: new SmallMap(), requests: 0, load: 0, ended: false };
    let died: Error | undefined;
    worker.on('message', ({ id, answer, error, stack }: WorkerAnswer<Answer>) => {
      const waiting = slot.waiting.get(id);
      if (!waiting) return;
      slot.waiting.delete(id);
      if (waiting.weight > 0) slot.requests -= 1;
      slot.load -= waiting.weight;
      if (error === undefined) waiting.resolve(answer as Answer);
      else waiting.reject(fail('INTERNAL', error, { cause: stack }));
    });
    worker.on('error', (error: Error) => {
      died = error;
    });
    worker.on('exit', () => {
      slot.ended = true;
      for (const { reject } of slot.waiting.values()) {
        reject(fail(this.#closing ? 'LOG_CLOSING' : 'INTERNAL', 'a worker thread ended', { cause: died }));
      }
      slot.waiting.clear();
      slot.requests = 0;
      slot.load = 0;
      if (this.#closing) return;
      onExit?.(died);
      this.#replace(slot);
    });
    for (const request of initial()) void this.#ask(slot, request, [], 0).catch(() => undefined);
    return slot;
  }

  /** After a moment's pause, so that one that cannot even start does not take the whole machine. */
  #replace(slot: Slot<Answer>): void {
    setTimeout(() => {
      if (this.#closing) return;
      try {
        this.#slots[this.#slots.indexOf(slot)] = this.#start();
      } catch (error) {
        // The system has no thread to give just now, which is no reason to end the process.
        this.#options.onExit?.(error as Error);
        this.#replace(slot);
      }
    }, RESTART_MS);
  }
}
