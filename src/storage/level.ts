/**
 * The LevelDB driver: one directory, one process (LevelDB's lock file sees to that).
 *
 * What LevelDB does not give, and who makes up for it:
 * - Reads are not checked against block checksums, and recovery drops what it cannot parse without a word. The log
 *   re-hashes what it reads at start, and compares with its own high-water mark.
 * - It drops what is behind damage in its journal, and begins anew where CURRENT is missing. So its files are looked at first.
 * - A failed append can leave half a record, and LevelDB would append behind it: recovery could then lose a batch
 *   that was reported durable. So after one failed write this driver takes no other.
 * - A new log file's directory entry is not synced on its own; ext4, XFS and btrfs make it durable with the file.
 */
import { Level } from 'level';
import type { Bytes } from '../core/bytes.ts';
import { fail, isLedgerError, type LedgerError } from '../core/errors.ts';
import { copiedTogether, Slab } from '../core/slab.ts';
import { makeFolder } from '../platform/write-file.ts';
import { assertExpected, type Expectation, type Range, type Storage, type WriteBatch } from './contract.ts';
import { databaseFault, journalDamage } from './level-files.ts';

const MiB = 1024 * 1024;

/**
 * Tuned for a million entries and more in a process of 400 MB, worker threads and all: small rows under random
 * keys (record keys; in a monitor entry ids) beside values of 5 to 100 KB (tiles, bundles, rows of the leaf index).
 */
const OPTIONS = {
  keyEncoding: 'view',
  valueEncoding: 'view',
  // Two write buffers may be held at a time. Random keys overlap every table of the next level, so a larger buffer
  // means fewer compactions, and a longer replay at start.
  writeBufferSize: 8 * MiB,
  // Holds blocks that were decompressed: records and upper tiles of the recent past. Random reads of old rows
  // miss any cache of a reasonable size, and find the page cache of the system instead.
  cacheSize: 16 * MiB,
  // A row read decodes a whole block, so blocks stay small; a value larger than a block gets a block of its own.
  blockSize: 4096,
  // Tables are mapped while they are open, and mapped pages count as resident: 64 tables (LevelDB's least; 10 files
  // are its own) of 1 MiB bound that to 64 MiB. Past 64 tables a random read of an old row may have to open one again.
  maxOpenFiles: 74,
  maxFileSize: 1 * MiB,
  // Snappy. Hashes and signatures do not shrink and are stored as they are, statements' texts do: a third less to
  // write, read and compact than without.
  compression: true,
} as const;

/** Bytes that a range reads ahead: less often into the thread pool, still little beside one large value. */
const READ_AHEAD = 256 * 1024;
/** Rows that it reads ahead at most. */
const PORTION = 1000;

/**
 * Opens the database at `location`, and makes it, with its parent folders, where there is none (mode 0700: what the
 * log holds is no one else's on this machine). Only one instance can have it open, in this process or another.
 * @throws LOG_LOCKED another instance has it open
 * @throws STORAGE_FAILED it cannot be made, opened or recovered
 */
export async function openLevelStorage(location: string): Promise<Storage> {
  try {
    const fault = databaseFault(location) ?? lossOf(location);
    if (fault !== undefined) throw fail('STORAGE_FAILED', `${location}: ${fault}. Nothing was changed`);
    makeFolder(location);
    const db = new Level<Bytes, Bytes>(location, OPTIONS);
    await db.open();
    return new LevelStorage(db);
  } catch (cause) {
    // That is the whole reason: what LevelDB says of its lock would only be taken for a failure of the disk.
    if (codeOf(cause) === 'LEVEL_LOCKED') throw fail('LOG_LOCKED', `another process has ${location} open`);
    if (isLedgerError(cause)) throw cause;
    throw fail('STORAGE_FAILED', `${location} cannot be opened`, { cause });
  }
}

/** What is acknowledged may lie behind it. A write that was interrupted was not, so that is left out for good. */
function lossOf(location: string): string | undefined {
  const damage = journalDamage(location).find(({ torn }) => !torn);
  return (
    damage &&
    `the journal ${damage.file} cannot be read at byte ${damage.at}: opened like this, what is behind would be lost`
  );
}

class LevelStorage implements Storage {
  readonly #db: Level<Bytes, Bytes>;
  /** Settles when the last write that was asked for has; never rejects. */
  #writes: Promise<unknown> = Promise.resolve();
  #failed: LedgerError | undefined;
  #closed: Promise<void> | undefined;

  constructor(db: Level<Bytes, Bytes>) {
    this.#db = db;
  }

  async get(key: Bytes): Promise<Bytes | undefined> {
    return this.#read(async () => plain(await this.#db.get(key)));
  }

  async getMany(keys: readonly Bytes[]): Promise<(Bytes | undefined)[]> {
    // Of a statement that comes alone, one row, and most often none: a turn of the thread pool costs more than that.
    if (keys.length === 1) return this.#read(() => [plain(this.#db.getSync(keys[0]!))]);
    return this.#read(async () => (await this.#db.getMany(copiedTogether(keys))).map(plain));
  }

  async *range(range: Range): AsyncIterable<[Bytes, Bytes]> {
    const rows = await this.#read(() => this.#db.iterator({ ...range, highWaterMarkBytes: READ_AHEAD }));
    try {
      // Who wants the first row alone waits for no other; after that, rows come in portions: a promise for each of a million
      // small ones would cost more than reading it.
      for (let portion = 1; ; portion = PORTION) {
        const found = await this.#read(() => rows.nextv(portion));
        if (found.length === 0) return;
        for (const [key, value] of found) {
          this.#assertOpen();
          yield [plain(key), plain(value)];
        }
      }
    } finally {
      await rows.close();
    }
  }

  async write(batch: WriteBatch, expect?: Expectation): Promise<void> {
    this.#assertOpen();
    // One at a time: nothing may come between comparing and writing, nor behind a write that has failed.
    const turn = this.#writes.then(() => this.#write(batch, expect));
    this.#writes = turn.catch(() => {});
    return turn;
  }

  async #write(batch: WriteBatch, expect: Expectation | undefined): Promise<void> {
    if (this.#failed) {
      throw fail('STORAGE_FAILED', 'an earlier write failed; open the storage anew', { cause: this.#failed });
    }
    // At once as well: the row was written last, so it is in memory.
    if (expect) assertExpected(expect, await reading(() => this.#db.getSync(expect.key)));
    if (batch.operations.length === 0) return;
    try {
      // A chained batch copies each operation into native memory at once; an array of objects takes three to four
      // times as long.
      const chained = this.#db.batch();
      for (const operation of batch.operations) {
        if (operation.type === 'put') chained.put(offHeap(operation.key), offHeap(operation.value));
        else chained.del(offHeap(operation.key));
      }
      await chained.write({ sync: true }); // fdatasync: without it, `resolved` would mean "in the page cache"
    } catch (cause) {
      this.#failed = fail('STORAGE_FAILED', 'a write failed; its outcome is not known', { cause });
      throw this.#failed;
    }
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    await this.#writes;
    try {
      await this.#db.close();
    } catch (cause) {
      throw fail('STORAGE_FAILED', 'the storage did not close cleanly', { cause });
    }
  }

  #read<T>(read: () => T | Promise<T>): Promise<T> {
    this.#assertOpen();
    return reading(read);
  }

  #assertOpen(): void {
    if (this.#closed) throw fail('STORAGE_FAILED', 'the storage is closed');
  }
}

/** So short byte strings may lie on the engine's heap, and begin their memory there. */
const SHORT = 64;

const ROWS = new Slab();

/**
 * What is short, in memory outside the engine's heap. The driver wants that, and for each array that has none the engine would make
 * some, and free it: twice what LevelDB takes to note the row.
 */
function offHeap(bytes: Bytes): Bytes {
  return bytes.length > SHORT || bytes.byteOffset > 0 ? bytes : ROWS.copy(bytes);
}

async function reading<T>(read: () => T | Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    throw fail('STORAGE_FAILED', 'the storage could not be read', { cause });
  }
}

/** abstract-level wraps what happened at open in LEVEL_DATABASE_NOT_OPEN. */
function codeOf(error: unknown): unknown {
  if (!(error instanceof Error)) return undefined;
  const code = 'code' in error ? error.code : undefined;
  return code === 'LEVEL_DATABASE_NOT_OPEN' && error.cause !== undefined ? codeOf(error.cause) : code;
}

/** A Buffer's bytes as a plain Uint8Array: Buffer changes what `slice` means. */
function plain(bytes: Bytes): Bytes;
function plain(bytes: Bytes | undefined): Bytes | undefined;
function plain(bytes: Bytes | undefined): Bytes | undefined {
  return bytes && new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
