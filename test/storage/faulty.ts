/**
 * A disk that fails when told to: the double for the crash and fault tests of everything above storage.
 *
 * A write goes through three moments, as on a real disk: nothing done yet (`before`), handed to the system but not
 * synced (`unsynced`), synced but not yet reported (`after`). A fault stops one operation at one of them. Batches are
 * atomic by contract, so a torn batch is not a fault that can be asked for.
 *
 * - `disk.open()` gives a Storage; the disk outlives it. Pass `disk.open` to code that opens its storage itself.
 * - A plain fault rejects with STORAGE_FAILED, once. After a failed write that Storage takes no other, as the
 *   contract says; opening anew works (and counts as an operation, so a second fault can hit the recovery).
 * - A fault with `down: true` stops the machine: from then on everything rejects, `open` included, until the test
 *   calls `crash` or `kill`. What is then found depends on which of them it was.
 * - `eachFault` runs a scenario once for every operation and moment that it could fail at.
 *
 * @example
 * const disk = new FaultyDisk([{ operation: 'write', at: 3, moment: 'unsynced', down: true }]);
 * const log = await openLog({ openStorage: disk.open });
 * await assert.rejects(log.register(third));
 * disk.crash();                        // power loss: the third batch is gone, whatever the log thought
 */
import { fail, type LedgerError } from '../../src/core/errors.ts';
import {
  assertExpected,
  type Expectation,
  type Operation,
  type Range,
  type Storage,
  type WriteBatch,
} from '../../src/storage/contract.ts';
import { OrderedMap } from '../../src/storage/ordered-map.ts';

/** What is counted: an `open`, a `read` (get, getMany, the beginning of a range), a `write`. */
export type Counted = 'open' | 'read' | 'write';
export type Moment = 'before' | 'unsynced' | 'after';

export interface Fault {
  operation: Counted;
  /** Which one, from 1, counted over the life of the disk: reopening and crashing do not start over. */
  at: number;
  /** `before` is the only one that makes sense for `open` and `read`. */
  moment: Moment;
  /** Whether the machine stops there (default: the operation fails, and the rest goes on). */
  down?: boolean;
}

export class FaultyDisk {
  /** What would be found after a power loss now. Tests may look, and may change it to play a rotten disk. */
  readonly durable = new OrderedMap();
  /** Every operation begun so far, in order. */
  readonly trace: Counted[] = [];
  /** The faults that have struck. */
  readonly struck: Fault[] = [];
  readonly counts: Record<Counted, number> = { open: 0, read: 0, write: 0 };
  /** A batch whose sync failed: in the system's cache, lost by `crash`, found again after `kill` or reopening. */
  #unsynced: readonly Operation[] = [];
  #handle: FaultyStorage | undefined;
  #down = false;
  readonly #faults: readonly Fault[];

  constructor(faults: readonly Fault[] = []) {
    this.#faults = faults;
  }

  /** True from a fault with `down` until `crash` or `kill`. */
  get down(): boolean {
    return this.#down;
  }

  /** @throws LOG_LOCKED while another Storage of this disk is open; STORAGE_FAILED by a fault, or while down */
  readonly open = async (): Promise<Storage> => {
    const fault = this.begin('open');
    await tick();
    this.strike(fault, 'before');
    if (this.#down) throw stopped();
    if (this.#handle) throw fail('LOG_LOCKED', 'the disk is open already');
    // Recovery reads the write-ahead log back from the system's cache, and syncs what it made of it.
    this.sync();
    this.#handle = new FaultyStorage(this, () => {
      this.#handle = undefined;
    });
    return this.#handle;
  };

  /** Power loss and restart: what was not synced is gone. The Storage that was open is dead; open a new one. */
  crash(): void {
    this.#unsynced = [];
    this.kill();
  }

  /** The process is killed and started again: the system still has what it was given. */
  kill(): void {
    this.#handle?.die();
    this.#handle = undefined;
    this.#down = false;
  }

  /** Counts an operation and answers the fault that is meant for it, if any. */
  begin(operation: Counted): Fault | undefined {
    if (this.#down) throw stopped();
    this.trace.push(operation);
    const at = ++this.counts[operation];
    return this.#faults.find((fault) => fault.operation === operation && fault.at === at);
  }

  strike(fault: Fault | undefined, moment: Moment): void {
    if (fault?.moment !== moment) return;
    this.struck.push(fault);
    if (fault.down) this.#down = true;
    throw fail('STORAGE_FAILED', `made to fail: ${name(fault)}`);
  }

  hand(operations: readonly Operation[]): void {
    this.#unsynced = operations;
  }

  sync(): void {
    this.durable.apply(this.#unsynced);
    this.#unsynced = [];
  }
}

class FaultyStorage implements Storage {
  readonly #disk: FaultyDisk;
  readonly #release: () => void;
  #state: 'open' | 'closed' | 'dead' = 'open';
  #failed: LedgerError | undefined;
  #writes: Promise<unknown> = Promise.resolve();

  constructor(disk: FaultyDisk, release: () => void) {
    this.#disk = disk;
    this.#release = release;
  }

  async get(key: Uint8Array): Promise<Uint8Array | undefined> {
    await this.#read();
    return this.#disk.durable.get(key);
  }

  async getMany(keys: readonly Uint8Array[]): Promise<(Uint8Array | undefined)[]> {
    await this.#read();
    return keys.map((key) => this.#disk.durable.get(key));
  }

  async *range(range: Range): AsyncIterable<[Uint8Array, Uint8Array]> {
    await this.#read();
    for (const [key, value] of this.#disk.durable.slice(range)) {
      yield [key.slice(), value.slice()];
      this.#assertOpen();
    }
  }

  async write(batch: WriteBatch, expect?: Expectation): Promise<void> {
    this.#assertOpen();
    const turn = this.#writes.then(() => this.#write(batch.operations, expect));
    this.#writes = turn.catch(() => {});
    return turn;
  }

  async #write(operations: readonly Operation[], expect: Expectation | undefined): Promise<void> {
    this.#assertAlive();
    if (this.#failed) throw fail('STORAGE_FAILED', 'an earlier write failed', { cause: this.#failed });
    if (expect) assertExpected(expect, this.#disk.durable.get(expect.key));
    const fault = this.#disk.begin('write');
    try {
      await this.#moment(fault, 'before');
      this.#disk.hand([...operations]);
      await this.#moment(fault, 'unsynced');
      this.#disk.sync();
      await this.#moment(fault, 'after');
    } catch (error) {
      this.#failed = error as LedgerError;
      throw error;
    }
  }

  async close(): Promise<void> {
    if (this.#state === 'open') this.#state = 'closed';
    await this.#writes;
    if (this.#state === 'closed') this.#release();
  }

  /** The machine or process has stopped: nothing that is under way reaches the disk any more. */
  die(): void {
    this.#state = 'dead';
  }

  async #read(): Promise<void> {
    this.#assertOpen();
    const fault = this.#disk.begin('read');
    await tick();
    this.#disk.strike(fault, 'before');
    this.#assertAlive();
  }

  /** Time passes, so that a test can crash the disk between two moments; then the fault strikes, if it is due. */
  async #moment(fault: Fault | undefined, moment: Moment): Promise<void> {
    await tick();
    this.#assertAlive();
    this.#disk.strike(fault, moment);
  }

  #assertOpen(): void {
    if (this.#state === 'closed') throw fail('STORAGE_FAILED', 'the storage is closed');
    this.#assertAlive();
  }

  #assertAlive(): void {
    if (this.#state === 'dead' || this.#disk.down) throw stopped();
  }
}

export interface EachFault {
  /** Operations to fail (default: all). */
  operations?: readonly Counted[];
  /** Moments of a write to fail at (default: all). */
  moments?: readonly Moment[];
  /** Stop the machine at the fault, only fail the operation, or (default) one run of each. */
  down?: boolean;
  /** How many faults strike in one run: 2 fails every operation after every first fault too (default 1). */
  depth?: number;
}

/**
 * Runs `scenario` on a disk without faults to learn its operations, then on a fresh disk for each fault that it
 * could meet. The scenario must be deterministic in its storage operations, finish whatever fails, and make its own
 * assertions; one that fails is thrown again with the fault's name. Answers how many faulty runs there were.
 */
export async function eachFault(
  scenario: (disk: FaultyDisk) => Promise<void>,
  options: EachFault = {},
): Promise<number> {
  const { operations = ['open', 'read', 'write'], moments = ['before', 'unsynced', 'after'] } = options;
  const downs = options.down === undefined ? [false, true] : [options.down];

  const run = async (faults: readonly Fault[], depth: number): Promise<number> => {
    const disk = new FaultyDisk(faults);
    try {
      await scenario(disk);
      if (disk.struck.length !== faults.length) throw new Error('a fault was not met: not deterministic?');
    } catch (cause) {
      throw new Error(`with ${faults.map(name).join(', then ') || 'no fault'}: ${messageOf(cause)}`, {
        cause,
      });
    }
    if (depth === 0) return 0;
    let runs = 0;
    const seen: Record<Counted, number> = { open: 0, read: 0, write: 0 };
    let reached = faults.length === 0;
    const last = faults.at(-1);
    for (const operation of disk.trace) {
      const at = ++seen[operation];
      if (reached && operations.includes(operation)) {
        for (const moment of operation === 'write' ? moments : (['before'] as const)) {
          for (const down of downs)
            runs += 1 + (await run([...faults, { operation, at, moment, down }], depth - 1));
        }
      }
      if (last?.operation === operation && last.at === at) reached = true;
    }
    return runs;
  };
  return run([], options.depth ?? 1);
}

function name({ operation, at, moment, down }: Fault): string {
  return `${operation} ${at}${operation === 'write' ? ` ${moment}` : ''}${down ? ', machine down' : ''}`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function stopped(): LedgerError {
  return fail('STORAGE_FAILED', 'the machine is down');
}

function tick(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
