/**
 * The storage contract: an ordered map from byte strings to byte strings with atomic, durable batches.
 * test/storage/suite.ts is its executable form; every driver passes it.
 *
 * Durability, in the words that the log relies on:
 * - A batch is atomic. Whatever happens, power loss included, all of its operations are found afterwards or none.
 * - When `write` resolves, the batch has reached stable storage (fsync or better); it is seen by every later read
 *   and survives power loss. Nothing may be promised to anybody before that.
 * - Batches take effect one after another, in the order of the calls.
 * - When `write` rejects with STORAGE_FAILED, its outcome is **not known**: the batch may be there after the next
 *   start, or not. The instance then refuses every further write, because bytes written behind a half-written
 *   record could be lost when the storage is next read. Reads go on, and show the state before that batch. The only
 *   way forward is to close, open anew, and verify.
 * - STORAGE_CONFLICT and ARGUMENT_INVALID mean that nothing was written, and leave the instance usable.
 *
 * What is read is not authenticated: disks rot, operators restore backups. The reader hashes.
 *
 * The contract is kept small enough for a shared database: `expect` is the compare-and-swap on one key that makes
 * one row the commit point when several processes sequence.
 */
import { type Bytes, equal } from '../core/bytes.ts';
import { fail } from '../core/errors.ts';

/**
 * Keys are 1 byte or more and sort bytewise, a prefix first (`compare` in core/bytes.ts); up to 1 KiB is usual, so
 * hash what others choose the length of. Values are 0 bytes to about 4 MiB.
 *
 * Byte strings passed in must not change until the call has settled. Byte strings that come out belong to the
 * caller. Every method rejects with STORAGE_FAILED after `close`, and when the medium fails (the cause is kept).
 */
export interface Storage {
  get(key: Bytes): Promise<Bytes | undefined>;

  /** One value for each key, in the order of `keys`, all read at one point in time. */
  getMany(keys: readonly Bytes[]): Promise<(Bytes | undefined)[]>;

  /**
   * The rows from `gte` (inclusive) to `lt` (exclusive), in key order, as they were when iteration began; later
   * writes are not seen. Rows are read as they are asked for, and an iteration that is left early (`break`,
   * `return`, a throw) gives back what it held.
   */
  range(range: Range): AsyncIterable<[key: Bytes, value: Bytes]>;

  /**
   * Applies the batch, see above. With `expect`, only if the value of `expect.key` is `expect.value` (`undefined`:
   * no such key) at that moment; checked even when the batch is empty.
   * @throws STORAGE_CONFLICT the value is another one; nothing was written
   * @throws STORAGE_FAILED the outcome is not known, or an earlier write failed
   */
  write(batch: WriteBatch, expect?: Expectation): Promise<void>;

  /** Waits for writes under way, then lets go of the medium. Calling it again does nothing. */
  close(): Promise<void>;
}

/** What an audit has of a storage. */
export type ReadableStorage = Omit<Storage, 'write'>;

export interface Range {
  /** First key, inclusive (default: the first there is). */
  gte?: Bytes;
  /** End, exclusive (default: past the last). */
  lt?: Bytes;
  /** From the end of the range to its beginning. */
  reverse?: boolean;
  /** At most so many rows: those at the end when `reverse`. */
  limit?: number;
}

export interface Expectation {
  key: Bytes;
  value: Bytes | undefined;
}

export type Operation =
  | { readonly type: 'put'; readonly key: Bytes; readonly value: Bytes }
  | { readonly type: 'del'; readonly key: Bytes };

/**
 * What one `write` applies. Of several operations on one key the last one counts.
 * @example await storage.write(new WriteBatch().put(key, value).del(old));
 */
export class WriteBatch {
  readonly #operations: Operation[] = [];

  get operations(): readonly Operation[] {
    return this.#operations;
  }

  /** @throws ARGUMENT_INVALID an empty key */
  put(key: Bytes, value: Bytes): this {
    this.#operations.push({ type: 'put', key: checked(key), value });
    return this;
  }

  /** Everything of `batch`, after what is here. */
  append(batch: WriteBatch): this {
    for (const operation of batch.operations) this.#operations.push(operation);
    return this;
  }

  /** Deleting what is not there is no error. @throws ARGUMENT_INVALID an empty key */
  del(key: Bytes): this {
    this.#operations.push({ type: 'del', key: checked(key) });
    return this;
  }
}

function checked(key: Bytes): Bytes {
  if (key.length === 0) throw fail('ARGUMENT_INVALID', 'a storage key has at least one byte');
  return key;
}

/** @throws STORAGE_CONFLICT when what was found is not what was expected */
export function assertExpected({ value }: Expectation, found: Bytes | undefined): void {
  const same = found !== undefined && value !== undefined ? equal(found, value) : found === value;
  if (!same) throw fail('STORAGE_CONFLICT', 'somebody else has committed');
}
