/**
 * How much garbage a heap may hold before all of it is looked at. V8 lets one grow to four times what is alive, or by a share of that
 * which is fixed: for a small heap a share means a full collection every fifth of a second, and each looks at everything that is
 * alive; for a large one, hundreds of megabytes. So it is a number of bytes here, told to V8 as the share that it is just now, and
 * more of them while collections follow one another closely: a log that is written to by all kinds of statements keeps some
 * kilobytes of each for a while, and would look at all of its state every second.
 */
import { constants, PerformanceObserver } from 'node:perf_hooks';
import { getHeapStatistics, setFlagsFromString } from 'node:v8';

/** V8's own most, and what no collection is to come sooner than. */
const [LEAST, MOST] = [20, 300];
/** Milliseconds between two full collections: sooner is too soon, and later is late enough for less room. */
const [SOON, LATE] = [2000, 3000];
/** From one collection to the next. */
const STEP = 1.25;

/** Bytes. */
export interface Room {
  readonly least: number;
  readonly most: number;
}

interface Collection {
  readonly startTime: number;
  readonly detail: { readonly kind: number };
}

/**
 * From now on, by the heap of the thread that calls it; V8 has one share for all threads. What is told to it counts from the
 * collection after the next, for it fixes the end of a heap when a collection is over.
 * @param room for garbage beside what is alive, about
 */
export function growHeapBy(room: Room): void {
  let share = 0;
  let bytes = room.least;
  let last = performance.now();
  const adjust = () => {
    const alive = getHeapStatistics().used_heap_size;
    const percent = Math.round(Math.min(MOST, Math.max(LEAST, (bytes / alive) * 100)));
    if (percent !== share) setFlagsFromString(`--heap-growing-percent=${percent}`);
    share = percent;
  };
  adjust();
  new PerformanceObserver((collections) => {
    const { NODE_PERFORMANCE_GC_MAJOR: full } = constants;
    const entries = collections.getEntries() as unknown as readonly Collection[];
    const newest = entries.findLast(({ detail }) => detail.kind === full);
    if (!newest) return;
    bytes = nextRoom(bytes, newest.startTime - last, room);
    last = newest.startTime;
    // Soon after one, what is there is what is alive.
    adjust();
  }).observe({ entryTypes: ['gc'] });
}

/** What a heap gets that had `bytes`, and filled them in `milliseconds`. */
export function nextRoom(bytes: number, milliseconds: number, { least, most }: Room): number {
  if (milliseconds < SOON) return Math.min(most, bytes * STEP);
  return milliseconds > LATE ? Math.max(least, bytes / STEP) : bytes;
}
