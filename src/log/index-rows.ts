/**
 * Index rows (entry id → index) can be derived from the leaves, but they decide: a statement whose row is lost would
 * be logged a second time, with an effect that every replayer refuses as a duplicate. So they are audited like the
 * leaves themselves: at start above the verified mark, by the scrub below it.
 */
import type { Bytes } from '../core/bytes.ts';
import { fail } from '../core/errors.ts';
import type { Storage } from '../storage/index.ts';
import { indexKey, indexOf } from './layout.ts';

/** Leaf data of this length is an entry id (FORMATS §2); a state entry is longer and has no row. */
const ENTRY_ID = 32;
const ROWS_AT_ONCE = 256;

interface Expected {
  readonly entryId: Bytes;
  readonly index: number;
  /** The first bytes of the entry id: what the rows are read in the order of. */
  readonly order: number;
}

export class IndexAudit {
  readonly #expected: Expected[] = [];

  /** @param leaves leaf data that has been verified, the first of it that of leaf `start` */
  expect(start: number, leaves: readonly Bytes[]): void {
    leaves.forEach((entryId, i) => {
      if (entryId.length !== ENTRY_ID) return;
      const order = ((entryId[0]! << 24) | (entryId[1]! << 16) | (entryId[2]! << 8) | entryId[3]!) >>> 0;
      this.#expected.push({ entryId, index: start + i, order });
    });
  }

  /**
   * Compares with the stored rows.
   * @param rest between some rows and the next, where others use this thread as well
   * @throws LOG_CORRUPT
   */
  async check(storage: Storage, rest?: () => Promise<void>): Promise<void> {
    // In the storage's own order each of its blocks is decoded once: many times faster in a large log.
    this.#expected.sort((a, b) => a.order - b.order);
    const read = async (at: number) => {
      const some = this.#expected.slice(at, at + ROWS_AT_ONCE);
      return { some, rows: await storage.getMany(some.map(({ entryId }) => indexKey(entryId))) };
    };
    // The next rows are read while these are compared.
    let next = read(0);
    for (let at = 0; at < this.#expected.length; at += ROWS_AT_ONCE) {
      const { some, rows } = await next;
      await rest?.();
      next = read(at + ROWS_AT_ONCE);
      next.catch(() => undefined); // If this round finds damage, nobody waits for it any more.
      some.forEach(({ index }, i) => {
        const row = rows[i];
        if (!row) throw fail('LOG_CORRUPT', `the index row of entry ${index} is missing`);
        const found = indexOf(row);
        if (found !== index) {
          throw fail('LOG_CORRUPT', `the index row of entry ${index} names entry ${found}`);
        }
      });
    }
  }
}
