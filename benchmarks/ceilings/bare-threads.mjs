/** Threads that verify, each as much as the others. Who asks says how much is under way. */
import { Worker } from 'node:worker_threads';

const THREAD = new URL('./bare-thread.mjs', import.meta.url);

export class Threads {
  #waiting = new Map();
  #threads;
  #next = 0;

  constructor(count, key) {
    this.#threads = Array.from({ length: count }, () => {
      const worker = new Worker(THREAD, { workerData: { key } });
      const thread = { worker, held: 0 };
      worker.on('message', (id) => {
        thread.held -= 1;
        this.#waiting.get(id)();
        this.#waiting.delete(id);
      });
      return thread;
    });
  }

  /** Resolves when all of them have been verified. */
  verify(bytes) {
    const thread = this.#threads.reduce((least, other) => (other.held < least.held ? other : least));
    const id = this.#next++;
    thread.held += 1;
    thread.worker.postMessage({ id, bytes });
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
    });
  }
}
