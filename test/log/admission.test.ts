/** How a queue in front of threads is dealt out: in turn, evenly, in few messages, and never left standing. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { AdmissionQueue } from '../../src/log/admission.ts';
import type { Verifier } from '../../src/log/verifier.ts';
import type { AdmissionAnswer, VerifyRequest } from '../../src/log/verify-batch.ts';

const LIMITS = { maxQueued: 10_000, maxQueuedBytes: 1 << 24, maxStatementBytes: 1 << 20 };
const DEPTH = 2;

/** Two threads that answer when they are told to; what each was given is seen. */
class Threads implements Verifier {
  readonly size = 2;
  readonly given: number[][] = [[], []];
  readonly #open: { count: number; answer: () => void }[][] = [[], []];

  #loads = () => this.#open.map((open) => open.reduce((sum, { count }) => sum + count, 0));
  #lightest = () => (this.#loads()[1]! < this.#loads()[0]! ? 1 : 0);

  get free() {
    return this.#open[this.#lightest()]!.length < DEPTH;
  }
  get load() {
    const loads = this.#loads();
    return { all: loads[0]! + loads[1]!, least: Math.min(...loads) };
  }
  verify({ lengths }: VerifyRequest): Promise<AdmissionAnswer> {
    const count = lengths.length;
    const thread = this.#lightest();
    this.given[thread]!.push(count);
    return new Promise((resolve) => {
      const hashes = new Uint8Array(64 * count);
      const flags = new Uint8Array(count).fill(1);
      const answer = () => resolve({ hashes, flags, refusals: [], canonical: [] });
      this.#open[thread]!.push({ count, answer });
    });
  }
  /** The oldest request of a thread is answered. */
  async done(thread: number) {
    this.#open[thread]!.shift()!.answer();
    await setImmediate();
  }
  get busy() {
    return [0, 1].filter((thread) => this.#open[thread]!.length > 0);
  }
  learn() {}
  async close() {}
}

function queue() {
  const threads = new Threads();
  const admitted: number[] = [];
  const queue = new AdmissionQueue<number>(LIMITS, () => threads, new Map(), {
    admitted: (batch) => {
      for (const { admission } of batch)
        admitted.push(admission.statement[0]! * 256 + admission.statement[1]!);
    },
    verified: () => undefined,
  });
  let sent = 0;
  const submit = async (count: number) => {
    for (let i = 0; i < count; i++, sent++) {
      queue.submit(Uint8Array.of(sent >> 8, sent & 255), () => undefined);
    }
    await setImmediate();
  };
  return { threads, admitted, submit };
}

test('a batch is shared out', async () => {
  const { threads, submit } = queue();
  await submit(101);
  assert.deepEqual(threads.given, [[51], [50]]);
});

test('what comes one by one goes to one thread as well as to the other', async () => {
  const { threads, submit } = queue();
  for (let i = 0; i < 64; i++) await submit(1);
  assert.deepEqual(threads.given, [
    [1, 1],
    [1, 1],
  ]);
  // 60 wait: as many for each as leave both with 32.
  await threads.done(0);
  assert.deepEqual(threads.given[0], [1, 1, 31]);
  await threads.done(1);
  assert.deepEqual(threads.given[1], [1, 1, 29]);
});

test('threads that have plenty get whole batches', async () => {
  const { threads, submit } = queue();
  await submit(128);
  await submit(64);
  await submit(64);
  assert.deepEqual(threads.given, [
    [64, 64],
    [64, 64],
  ]);
});

test('a message has no more than 128', async () => {
  const { threads, submit } = queue();
  await submit(1000);
  assert.deepEqual(threads.given, [
    [128, 128],
    [128, 128],
  ]);
});

test('all come out, in the order in which they came, whichever thread is faster', async () => {
  const { threads, admitted, submit } = queue();
  for (const count of [1, 300, 2, 64, 700, 5, 5, 5, 1]) await submit(count);
  for (let turn = 0; threads.busy.length > 0; turn++) {
    const { busy } = threads;
    await threads.done(turn % 3 === 0 ? busy[0]! : busy.at(-1)!);
  }
  assert.deepEqual(
    admitted,
    Array.from({ length: 1083 }, (_, i) => i),
  );
});
