/** A bundle as it was read, and its leaves: nothing about it is believed, and every way to be wrong is found. */
import type { Bytes } from '../core/bytes.ts';
import type { Place } from '../merkle/bundle-hash.ts';
import { TILE_WIDTH } from '../merkle/index.ts';
import type { Finding } from './findings.ts';

/** The leaves from `256 · n` on, as far as the log goes. */
export interface BundleRows {
  readonly n: number;
  /** Leaves that should be there: 256, or fewer in the last bundle. */
  readonly width: number;
  /** Records as src/log/leaf-record.ts has them, one row after the other. */
  readonly rows: Bytes;
  /** Index of the first leaf of each row, and where the row begins. */
  readonly starts: readonly (readonly [index: number, at: number])[];
  /** The level 0 tile; undefined: there is none, or it is not full and follows from the leaves. */
  readonly tile: Bytes | undefined;
  /** Of a served log: leaf data by themselves, which the records have to hash to. */
  readonly data?: readonly Bytes[];
}

const STATE_ENTRY = 1 << 31;

/**
 * The leaves of a bundle, by position; undefined where one is missing. Rows that overlap, break off or go on for too long
 * are findings.
 */
export function placesOf({ n, width, rows, starts }: BundleRows): {
  places: (Place | undefined)[];
  findings: Finding[];
} {
  const first = n * TILE_WIDTH;
  const places: (Place | undefined)[] = [];
  for (let i = 0; i < width; i++) places.push(undefined);
  const findings: Finding[] = [];
  let present = 0;
  const report = (at: string, expected: string, found: string) =>
    findings.push({ check: 'tree', at, expected, found });
  starts.forEach(([start, begin], row) => {
    const end = starts[row + 1]?.[1] ?? rows.length;
    let index = start;
    let at = begin;
    while (at < end) {
      const whole = end - at >= 4;
      const head = whole
        ? (rows[at]! << 24) | (rows[at + 1]! << 16) | (rows[at + 2]! << 8) | rows[at + 3]!
        : 0;
      const to = at + 4 + (head & ~STATE_ENTRY);
      if (!whole || to > end) {
        report(`leaf ${index}`, 'a whole record', `a row of leaves, from ${start} on, that ends in it`);
        return;
      }
      const position = index - first;
      if (position >= width) {
        report(`leaf ${index}`, 'nothing: the bundle is full, or the log ends', 'a record');
        return;
      }
      if (places[position]) report(`leaf ${index}`, 'one record', 'one in each of two rows');
      else {
        places[position] = { isStateEntry: (head & STATE_ENTRY) !== 0, from: at + 4, to };
        present += 1;
      }
      at = to;
      index += 1;
    }
  });
  if (present === width) return { places, findings };
  for (let i = 0; i < width; i++) {
    if (places[i]) continue;
    let end = i;
    while (end + 1 < width && !places[end + 1]) end += 1;
    const at = end === i ? `leaf ${first + i}` : `leaves ${first + i} to ${first + end}`;
    report(at, 'a record', 'nothing');
    i = end;
  }
  return { places, findings };
}
