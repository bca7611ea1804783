/**
 * Whether the time of a state entry is one that the own clock has seen. An entry that appeared between two looks has a
 * time between them, give or take the tolerance: a log that dates entries back or ahead decides what had expired.
 */
import type { StateEntry } from '../chain/index.ts';
import { CLOCK_TOLERANCE } from '../note/index.ts';

/** Leaves [from, to) were first seen at `at`, and were not there at `after`; Unix milliseconds. */
interface Look {
  readonly from: number;
  readonly to: number;
  readonly after: number;
  readonly at: number;
}

const TOLERANCE = CLOCK_TOLERANCE * 1000;
/** Looks whose leaves are not replayed yet; the oldest of more than these are joined. */
const MOST_LOOKS = 1024;

export class TimeWindow {
  #looks: Look[] = [];
  /** When the log was last asked how large it is; 0: not since the start. */
  #asked = 0;
  #size: number;

  /** @param size what was seen before the start: when, is not known any more */
  constructor(size: number) {
    this.#size = size;
  }

  /** The log has shown a tree of `size`; it was asked at `at`. */
  looked(size: number, at: number): void {
    if (size > this.#size) {
      this.#looks.push({ from: this.#size, to: size, after: this.#asked, at });
      this.#size = size;
      if (this.#looks.length > MOST_LOOKS) {
        const [first, second] = this.#looks.splice(0, 2) as [Look, Look];
        this.#looks.unshift({ ...first, to: second.to, at: second.at });
      }
    }
    this.#asked = Math.max(this.#asked, at);
  }

  /** What is wrong with the time of a state entry, undefined if nothing. Asked in the order of the log. */
  fault({ index, time }: StateEntry, now: number): string | undefined {
    while (this.#looks[0] && this.#looks[0].to <= index) this.#looks.shift();
    const look = this.#looks[0];
    const [after, at] = look && look.from <= index ? [look.after, look.at] : [0, now];
    if (time > at + TOLERANCE) {
      return `state entry ${index} says ${text(time)}, ${seconds(time - at)} s ahead of the own clock when first seen`;
    }
    if (time < after - TOLERANCE) {
      return `state entry ${index} says ${text(time)}, but was not there yet at ${text(after)}, ${seconds(after - time)} s later`;
    }
    return undefined;
  }
}

function seconds(milliseconds: number): number {
  return Math.round(milliseconds / 1000);
}

function text(time: number): string {
  return new Date(time).toISOString();
}
