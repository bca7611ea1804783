/**
 * How much garbage a heap may hold before all of it is looked at. V8 lets one grow to four times what is alive, or by a share of that
 * which is fixed: for a small heap a share means a full collection every fifth of a second, and each looks at everything that is
 * alive; for a large one, hundreds of megabytes. So it is a number of bytes here, told to V8 as the share that it is just now.
 */
import { constants, PerformanceObserver } from 'node:perf_hooks';
import { getHeapStatistics, setFlagsFromString } from 'node:v8';

/** V8's own most, and what no collection is to come sooner than. */
const [LEAST, MOST] = [20, 300];

interface Collection {
  readonly detail: { readonly kind: number };
}

/** From now on, for the thread that calls it. @param bytes about so many, beside what is alive */
export function growHeapBy(bytes: number): void {
  let share = 0;
  const adjust = () => {
    const alive = getHeapStatistics().used_heap_size;
    const percent = Math.round(Math.min(MOST, Math.max(LEAST, (bytes / alive) * 100)));
    if (percent !== share) setFlagsFromString(`--heap-growing-percent=${percent}`);
    share = percent;
  };
  adjust();
  new PerformanceObserver((collections) => {
    const { NODE_PERFORMANCE_GC_MAJOR: full } = constants;
    // Soon after one, what is there is what is alive.
    const kinds = collections.getEntries().map((entry) => (entry as unknown as Collection).detail.kind);
    if (kinds.includes(full)) adjust();
  }).observe({ entryTypes: ['gc'] });
}
