/** The memory driver: for tests, for a log that may be thrown away, and for pages that run one in a browser. */
import { fail } from '../core/errors.ts';
import { assertExpected, type Storage } from './contract.ts';
import { OrderedMap } from './ordered-map.ts';

/** An empty storage. Its medium is memory, so "durable" means: as long as the instance lives. */
export function memoryStorage(): Storage {
  const rows = new OrderedMap();
  let closed = false;
  const open = () => {
    if (closed) throw fail('STORAGE_FAILED', 'the storage is closed');
  };
  return {
    async get(key) {
      open();
      return rows.get(key);
    },
    async getMany(keys) {
      open();
      return keys.map((key) => rows.get(key));
    },
    async *range(range) {
      open();
      for (const [key, value] of rows.slice(range)) {
        yield [key.slice(), value.slice()];
        open();
      }
    },
    async write(batch, expect) {
      open();
      if (expect) assertExpected(expect, rows.get(expect.key));
      rows.apply(batch.operations);
    },
    async close() {
      closed = true;
    },
  };
}
