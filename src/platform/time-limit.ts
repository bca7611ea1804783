/** A limit on how long something is waited for. */
import { setMaxListeners } from 'node:events';

/**
 * A signal that aborts after `milliseconds`, or with `parent`. Disposing of it lets go of the timer and of the parent,
 * which may live as long as the process (AbortSignal.any would be held by it).
 * @example using limit = timeLimit(10_000, stopping); await request(url, { signal: limit.signal });
 */
export function timeLimit(
  milliseconds: number,
  parent?: AbortSignal,
): { readonly signal: AbortSignal } & Disposable {
  const controller = new AbortController();
  const abort = () => controller.abort();
  const timer = setTimeout(abort, Math.max(0, milliseconds));
  // One for each thing that is waited for, and gone with it: no leak to be warned of.
  if (parent) setMaxListeners(0, parent);
  parent?.addEventListener('abort', abort, { once: true });
  if (parent?.aborted) abort();
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => {
      clearTimeout(timer);
      parent?.removeEventListener('abort', abort);
    },
  };
}
