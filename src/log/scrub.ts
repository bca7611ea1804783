/**
 * Re-hashes stored bytes in the background: first what is above the verified mark, which then moves up, so that a start stays
 * short; then, slowly and for ever, everything below it.
 */
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import type { Hasher } from '../core/crypto.ts';
import { isLedgerError } from '../core/errors.ts';
import { TILE_WIDTH } from '../merkle/index.ts';
import { type Storage, WriteBatch } from '../storage/index.ts';
import { encodeMark, MARK_KEY } from './layout.ts';
import type { LeafIndex } from './leaf-index.ts';
import type { LeafStore } from './leaf-store.ts';
import { BundleVerifier, MARK_INTERVAL } from './restore.ts';
import type { LogTree } from './tree.ts';

/** Milliseconds between two old bundles, by default. */
const INTERVAL = 50;
/** The same while statements come in, or this thread has other work for more than this part of its time. */
const INTERVAL_UNDER_LOAD = 1000;
const BUSY = 0.5;
/**
 * Milliseconds between two bundles on the way to the next mark, and between some rows of the leaf index and the next: a burst
 * holds up whoever registers just then, and piles up garbage.
 */
const MARK_PAUSE = 5;

/** What is scrubbed; a reload replaces all of it at once. */
export interface Scrubbed {
  readonly storage: Storage;
  readonly tree: LogTree;
  readonly leaves: LeafStore;
  readonly index: LeafIndex;
  /** Leaves below it have been verified since they were written. */
  readonly mark: number;
}

/** The log, as far as a scrub has to do with it. */
export interface ScrubbedLog {
  readonly committed: Scrubbed;
  /** Leaves that are published. */
  readonly size: number;
  /** Not while it is read back, nor when it has been halted. */
  readonly isOpen: boolean;
  /** The mark has been written. */
  raised(mark: number): void;
  /** Something could not be written, or not read back; where a write has failed, the next commit fails like that, and reloads. */
  unwritable(what: string): void;
}

export class Scrub {
  readonly #log: ScrubbedLog;
  readonly #bundles: BundleVerifier;
  readonly #interval: number;
  readonly #signal: AbortSignal;
  /** A storage that has failed to take something, and how many leaves were published then. */
  #failed: { readonly storage: Storage; readonly size: number } | undefined;

  /** @param interval milliseconds between two old bundles when nothing else is done; 0: none is looked at */
  constructor(hasher: Hasher, log: ScrubbedLog, interval: number | undefined, signal: AbortSignal) {
    this.#log = log;
    this.#bundles = new BundleVerifier(hasher);
    this.#interval = interval ?? INTERVAL;
    this.#signal = signal;
  }

  /** Ends when the signal aborts. @throws LOG_CORRUPT stored bytes are not what was promised; STORAGE_FAILED */
  async run(): Promise<void> {
    try {
      await this.#scrub();
    } catch (error) {
      if (!this.#signal.aborted) throw error;
    }
  }

  async #scrub(): Promise<void> {
    const interval = this.#interval;
    let old = 0;
    let rested = 0;
    while (!this.#signal.aborted) {
      const { size } = this.#log;
      const { mark, index } = this.#log.committed;
      // Only what is published: a leaf that a commit has not brought to the disk yet is in the index already.
      const isDue = (index.parts + 1) * index.length <= size;
      if (this.#log.isOpen && isDue && (await this.#storeIndex())) continue;
      if (this.#log.isOpen && mark + MARK_INTERVAL <= size && (await this.#raiseMark(mark, size))) continue;
      const before = performance.eventLoopUtilization();
      await delay(interval || 1000, undefined, { signal: this.#signal, ref: false });
      rested += interval;
      const busy = performance.eventLoopUtilization(before).utilization > BUSY || this.#log.size > size;
      // What is old has been verified before: it gives way to those who write and read.
      if (rested < INTERVAL_UNDER_LOAD && busy) continue;
      rested = 0;
      if (interval > 0 && mark > 0 && this.#log.isOpen && (await this.#verifyOld(old, size))) {
        old = (old + 1) % (mark / TILE_WIDTH);
      }
    }
  }

  /** False: it has to be tried again, after a commit or a reload. */
  async #raiseMark(mark: number, size: number): Promise<boolean> {
    const { storage } = this.#log.committed;
    if (this.#hasFailed(storage)) return false;
    const next = mark + MARK_INTERVAL;
    if (!(await this.#verify(mark / TILE_WIDTH, next / TILE_WIDTH, size, MARK_PAUSE))) return false;
    const mayWrite = await this.#writing('the verified mark', () =>
      storage.write(new WriteBatch().put(MARK_KEY, encodeMark(next))),
    );
    if (mayWrite) this.#log.raised(next);
    return mayWrite;
  }

  /** False: it has to be tried again, after a commit or a reload. */
  async #storeIndex(): Promise<boolean> {
    const { storage, index } = this.#log.committed;
    if (this.#hasFailed(storage)) return false;
    return this.#writing('a part of the leaf index', () => index.store(() => this.#rest(MARK_PAUSE)));
  }

  /** False: it could not be written. */
  async #writing(what: string, write: () => Promise<void>): Promise<boolean> {
    const { storage } = this.#log.committed;
    try {
      await write();
      return true;
    } catch (error) {
      if (!isLedgerError(error, 'STORAGE_FAILED')) throw error;
      // Nothing was promised about it. A storage that a reload has closed meanwhile is no failure.
      this.#failed = { storage, size: this.#log.size };
      if (storage === this.#log.committed.storage) this.#log.unwritable(what);
      return false;
    }
  }

  /** A storage takes nothing after a failed write. One that has taken a commit since had only not been read. */
  #hasFailed(storage: Storage): boolean {
    return storage === this.#failed?.storage && this.#log.size === this.#failed.size;
  }

  #rest(milliseconds: number): Promise<void> {
    return delay(milliseconds, undefined, { signal: this.#signal });
  }

  /** Bundles `from` to `to`. False: a reload came between, so nothing is known. */
  async #verify(from: number, to: number, size: number, pause = 0): Promise<boolean> {
    const { storage, tree, leaves } = this.#log.committed;
    return this.#reading(storage, async () => {
      for (let n = from; n < to; n++) {
        await this.#bundles.verify(storage, tree, leaves, n, size);
        await this.#rest(pause);
      }
    });
  }

  /** A bundle below the mark; behind the last one of a part, the stored index of the part, which was read back when it was new. */
  async #verifyOld(n: number, size: number): Promise<boolean> {
    if (!(await this.#verify(n, n + 1, size))) return false;
    const { storage, index } = this.#log.committed;
    const part = ((n + 1) * TILE_WIDTH) / index.length - 1;
    if (!Number.isInteger(part) || part >= index.parts) return true;
    return this.#reading(storage, () => index.audit(part, () => this.#rest(0)));
  }

  /** False: a reload came between. */
  async #reading(storage: Storage, read: () => Promise<void>): Promise<boolean> {
    try {
      await read();
      return true;
    } catch (error) {
      // A storage that was closed under the scrub by a reload is no finding; the next round reads the new one.
      const reloaded = !this.#log.isOpen || storage !== this.#log.committed.storage;
      if (isLedgerError(error, 'STORAGE_FAILED') && reloaded) return false;
      throw error;
    }
  }
}
