/**
 * A storage that is read from end to end, by one who has it alone, in bounded memory. LevelDB maps the tables that it has
 * open, at least 64 of them, and what was read of a mapped table counts as resident until it is closed. So the storage is
 * closed and opened again whenever some of it has been read, and every range goes on where it was.
 */
import type { Bytes } from '../core/bytes.ts';
import { fail } from '../core/errors.ts';
import type { Range, ReadableStorage, Storage } from './contract.ts';

export class RenewedStorage implements ReadableStorage {
  readonly #open: () => Promise<Storage>;
  readonly #most: number;
  #storage: Promise<Storage>;
  #read = 0;
  #closed = false;

  private constructor(open: () => Promise<Storage>, most: number) {
    this.#open = open;
    this.#most = most;
    this.#storage = open();
  }

  /** @param open what nobody else writes to @param most bytes of rows between two openings, which take some milliseconds each */
  static async open(open: () => Promise<Storage>, most: number): Promise<RenewedStorage> {
    const renewed = new RenewedStorage(open, most);
    await renewed.#storage;
    return renewed;
  }

  get(key: Bytes): Promise<Bytes | undefined> {
    return this.#reading((storage) => storage.get(key));
  }

  getMany(keys: readonly Bytes[]): Promise<(Bytes | undefined)[]> {
    return this.#reading((storage) => storage.getMany(keys));
  }

  async *range(range: Range): AsyncIterable<[Bytes, Bytes]> {
    let rest = range;
    for (;;) {
      const current = this.#storage;
      let last: Bytes | undefined;
      let count = 0;
      try {
        for await (const row of (await current).range(rest)) {
          yield row;
          last = row[0];
          count += 1;
          this.#read += row[0].length + row[1].length;
          if (this.#read >= this.#most) this.#renew();
          if (this.#storage !== current) break;
        }
        if (this.#storage === current) return;
      } catch (error) {
        // What was asked of a storage that has been closed meanwhile is asked of the next one.
        if (this.#storage === current) throw error;
      }
      if (last) rest = { ...rest, ...(range.reverse ? { lt: last } : { gte: Uint8Array.of(...last, 0) }) };
      if (rest.limit !== undefined) rest = { ...rest, limit: rest.limit - count };
      if (rest.limit === 0) return;
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const storage = await this.#storage.catch(() => undefined);
    await storage?.close();
  }

  async #reading<T>(read: (storage: Storage) => Promise<T>): Promise<T> {
    for (;;) {
      const current = this.#storage;
      try {
        return await read(await current);
      } catch (error) {
        if (this.#storage === current) throw error;
      }
    }
  }

  #renew(): void {
    this.#read = 0;
    const before = this.#storage;
    this.#storage = before.then(async (storage) => {
      await storage.close();
      if (this.#closed) throw fail('STORAGE_FAILED', 'the storage is closed');
      return this.#open();
    });
    this.#storage.catch(() => undefined); // Whoever reads next is told.
  }
}
