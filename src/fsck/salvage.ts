/**
 * Rows of a storage whose files may be damaged: what cannot be read is a finding, and reading goes on behind it. A database
 * says that a block is bad, not what was in it; so whoever reads says which rows there should be.
 */

import type { Bytes } from '../core/bytes.ts';
import { isLedgerError } from '../core/errors.ts';
import type { Range, ReadableStorage } from '../storage/index.ts';
import type { Findings } from './findings.ts';

export interface NumberedRows {
  readonly range: Range;
  readonly keyOf: (number: number) => Bytes;
  /** Undefined: it is not the key of one. */
  readonly numberOf: (key: Bytes) => number | undefined;
  /** Where to go on behind the row with this number; not behind one that could be there. */
  readonly after: (number: number) => number;
  /** After the last. */
  readonly end: number;
  /** For people. */
  readonly what: string;
}

/** After that, the disk is gone, and not some blocks of it. */
const MOST_FAULTS = 10_000;

export async function* salvaged(
  storage: ReadableStorage,
  { range, keyOf, numberOf, after, end, what }: NumberedRows,
  findings: Findings,
): AsyncIterable<[key: Bytes, value: Bytes]> {
  let [next, faults] = [0, 0];
  const tell = (error: unknown, from: number) => unreadable(error, `first ${what} from ${from} on`, findings);
  /** A fault that may be found again, closer to where it is. */
  let untold: { readonly error: unknown; readonly from: number } | undefined;
  for (let { gte } = range; ; gte = keyOf(next)) {
    const begun = next;
    try {
      for await (const [key, value] of storage.range({ ...range, ...(gte && { gte }) })) {
        yield [key, value];
        next = (numberOf(key) ?? next - 1) + 1;
      }
      // LevelDB may step over a bad block to the next row: then nothing but the first error says so.
      if (untold) tell(untold.error, untold.from);
      return;
    } catch (error) {
      const stuck = next === begun;
      faults += 1;
      if (faults === MOST_FAULTS || !isLedgerError(error, 'STORAGE_FAILED')) throw error;
      // Rows are read ahead: what could not be read need not be the next one, unless not even that came.
      if (!stuck) {
        untold ??= { error, from: next };
        continue;
      }
      tell(error, next);
      untold = undefined;
      next = after(next);
      if (next >= end) return;
    }
  }
}

/** A step of an audit that cannot be done without rows that cannot be read. @returns whether it was done */
export async function attempt(what: string, findings: Findings, step: () => Promise<void>): Promise<boolean> {
  try {
    await step();
    return true;
  } catch (error) {
    if (!unreadable(error, what, findings)) throw error;
    return false;
  }
}

function unreadable(error: unknown, at: string, findings: Findings): boolean {
  if (!isLedgerError(error, 'STORAGE_FAILED')) return false;
  const { cause, message } = error;
  const found = cause instanceof Error ? cause.message : message;
  findings.add('storage', at, 'rows that can be read', found);
  return true;
}
