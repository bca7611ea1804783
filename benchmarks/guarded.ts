/**
 * Work that ends whatever happens in it: by itself; by an error that nobody waits for, which would end the whole bench; or because
 * it waits for what will not come and nothing else is under way, where node would end without a word.
 */
import { setTimeout } from 'node:timers/promises';

/** For what failed work has left under way to fail too: it is not the next one's. */
const SETTLE_MS = 1000;
/** Work whose servers are gone fails soon. */
const MOST_MS = 30_000;

/**
 * @param failed is told what the work has failed by, and ends what the work has started
 * @returns its result; undefined: it has failed
 * @throws it has failed and goes on all the same: beside it nothing else can be measured
 */
export async function guarded<T>(
  work: () => Promise<T>,
  failed: (error: unknown) => void,
): Promise<T | undefined> {
  const [stray, empty] = [settled<never>(), settled<void>()];
  const emptied = () => {
    stray.reject(new Error('it waits for what will not come: nothing is under way'));
    empty.resolve();
  };
  process.on('unhandledRejection', stray.reject).on('uncaughtException', stray.reject);
  process.on('beforeExit', emptied);
  try {
    const working = work();
    const ended = working.then(
      () => {},
      () => {},
    );
    try {
      return await Promise.race([working, stray.promise]);
    } catch (error) {
      failed(error);
      await Promise.race([ended, empty.promise, tooLate()]);
      await setTimeout(SETTLE_MS);
      return undefined;
    }
  } finally {
    process.off('unhandledRejection', stray.reject).off('uncaughtException', stray.reject);
    process.off('beforeExit', emptied);
  }
}

/** Nothing is kept waiting by it: where only this is left, the work waits in vain. */
async function tooLate(): Promise<never> {
  await setTimeout(MOST_MS, undefined, { ref: false });
  throw new Error(`failed work has not ended after ${MOST_MS / 1000} s`);
}

function settled<T>() {
  let resolve!: (value: T) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<T>((resolves, rejects) => {
    [resolve, reject] = [resolves, rejects];
  });
  // Who waits for it hears of it.
  promise.catch(() => {});
  return { promise, resolve, reject };
}
