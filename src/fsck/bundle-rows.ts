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

const STATE_ENTRY = 0x8000_0000;

/**
 * The leaves of a bundle, by position; undefined where one is missing. Rows that overlap, break off or go on for too long
 * are findings.
 */
export function placesOf({ n, width, rows, starts }: BundleRows): {
  places: (Place | undefined)[];
  findings: Finding[];
} {
  const first = n * TILE_WIDTH;
  const places: (Place | undefined)[] = Array(width).fill(undefined);
  const findings: Finding[] = [];
  const view = new DataView(rows.buffer, rows.byteOffset, rows.byteLength);
  const report = (at: string, expected: string, found: string) =>
    findings.push({ check: 'tree', at, expected, found });
  starts.forEach(([start, begin], row) => {
    const end = starts[row + 1]?.[1] ?? rows.length;
    let index = start;
    let at = begin;
    while (at < end) {
      const head = end - at < 4 ? undefined : view.getUint32(at);
      const length = head === undefined ? 0 : (head & ~STATE_ENTRY) >>> 0;
      if (head === undefined || end - at - 4 < length) {
        report(`leaf ${index}`, 'a whole record', `a row of leaves, from ${start} on, that ends in it`);
        return;
      }
      const position = index - first;
      if (position >= width) {
        report(`leaf ${index}`, 'nothing: the bundle is full, or the log ends', 'a record');
        return;
      }
      if (places[position]) report(`leaf ${index}`, 'one record', 'one in each of two rows');
      places[position] ??= {
        isStateEntry: (head & STATE_ENTRY) !== 0,
        from: at + 4,
        to: at + 4 + length,
      };
      at += 4 + length;
      index += 1;
    }
  });
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
