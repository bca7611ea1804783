import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { fail } from '../../src/core/errors.ts';
import { memoryStorage, RenewedStorage, type Storage, WriteBatch } from '../../src/storage/index.ts';
import { failsWith, rowsOf } from './suite.ts';

const key = fc.uint8Array({ minLength: 1, maxLength: 2 });
const range = fc.record(
  {
    gte: key,
    lt: key,
    reverse: fc.boolean(),
    limit: fc.integer({ min: 0, max: 20 }),
  },
  { requiredKeys: [] },
);

/** Memory that forgets to be there once it is closed, as a medium that is opened anew. */
function medium(rows: readonly (readonly [Uint8Array, Uint8Array])[]) {
  const seen = { opened: 0, open: 0 };
  const open = async (): Promise<Storage> => {
    // Two at a time would be refused by a database.
    if (seen.open > 0) throw fail('LOG_LOCKED', 'it is open already');
    seen.opened += 1;
    seen.open += 1;
    const storage = memoryStorage();
    await storage.write(rows.reduce((batch, [k, v]) => batch.put(k, v), new WriteBatch()));
    const close = storage.close.bind(storage);
    storage.close = async () => {
      await close();
      seen.open -= 1;
    };
    return storage;
  };
  return { seen, open };
}

describe('a storage that is opened anew as it is read', () => {
  it('reads what the storage itself reads, from several places at a time, however often it is opened', async () => {
    const rows = fc.array(fc.tuple(key, fc.uint8Array({ maxLength: 4 })), { maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(
        ...[rows, fc.array(range, { minLength: 1, maxLength: 4 }), fc.array(key, { maxLength: 4 })],
        fc.integer({ min: 1, max: 60 }),
        async (stored, ranges, keys, most) => {
          const { seen, open } = medium(stored);
          const plain = await medium(stored).open();
          const renewed = await RenewedStorage.open(open, most);
          const [found, got, many] = await Promise.all([
            Promise.all(ranges.map((one) => rowsOf(renewed, one))),
            Promise.all(keys.map((one) => renewed.get(one))),
            renewed.getMany(keys),
          ]);
          assert.deepEqual(found, await Promise.all(ranges.map((one) => rowsOf(plain, one))));
          assert.deepEqual(got, await plain.getMany(keys));
          assert.deepEqual(many, got);
          await renewed.close();
          assert.equal(seen.open, 0);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('is opened anew once so many bytes have been read', async () => {
    const { seen, open } = medium(
      Array.from({ length: 30 }, (_, i) => [Uint8Array.of(i), new Uint8Array(9)]),
    );
    const renewed = await RenewedStorage.open(open, 100);
    const first = Array.from({ length: 30 }, (_, i) => i);
    const found: number[] = [];
    for await (const [[i]] of renewed.range({})) found.push(i!);
    assert.deepEqual(found, first);
    assert.equal(seen.opened, 4);
    await renewed.close();
    await renewed.close();
    await assert.rejects(renewed.get(Uint8Array.of(1)), failsWith('STORAGE_FAILED'));
  });

  it('says so when it cannot be opened again, and when a row cannot be read', async () => {
    const rows = Array.from({ length: 9 }, (_, i) => [Uint8Array.of(i), new Uint8Array(9)] as const);
    let left = 2;
    const { open } = medium(rows);
    const renewed = await RenewedStorage.open(async () => {
      left -= 1;
      if (left < 0) throw fail('LOG_LOCKED', 'another process has it open');
      return open();
    }, 30);
    await assert.rejects(rowsOf(renewed), failsWith('LOG_LOCKED'));
    await renewed.close();
    const faulty = await RenewedStorage.open(async () => {
      const storage = await medium(rows).open();
      storage.get = async () => {
        throw fail('STORAGE_FAILED', 'a bad block');
      };
      return storage;
    }, 30);
    await assert.rejects(faulty.get(Uint8Array.of(1)), failsWith('STORAGE_FAILED'));
    await faulty.close();
  });
});
