/**
 * The alarms of a monitor, in the order in which they were raised, across restarts; and how far each of their readers has
 * come. The oldest make room for new ones: their files stay.
 */
import { concat, fromU64be, fromUtf8, u64be, utf8 } from '../../core/bytes.ts';
import { type Storage, WriteBatch } from '../../storage/index.ts';
import { formatAlarm, parseAlarm, type StoredAlarm } from './stored-alarm.ts';

const ALARM = utf8('a');
const AFTER_ALARMS = utf8('b');
const CURSOR = 'c';

/** Alarms kept. */
const KEPT = 100_000;
/** Alarms read at a time by whoever follows. */
const PAGE = 256;

export class AlarmLog {
  readonly #storage: Storage;
  readonly #waiting = new Set<() => void>();
  #last: number;

  /** @throws STORAGE_FAILED */
  static async open(storage: Storage): Promise<AlarmLog> {
    for await (const [key] of storage.range({
      ...{ gte: ALARM, lt: AFTER_ALARMS, reverse: true, limit: 1 },
    })) {
      return new AlarmLog(storage, fromU64be(key, 1));
    }
    return new AlarmLog(storage, 0);
  }

  private constructor(storage: Storage, last: number) {
    this.#storage = storage;
    this.#last = last;
  }

  /** Sequence of the newest; 0: there is none. */
  get last(): number {
    return this.#last;
  }

  /** Durable when it resolves. One call at a time. @param alarm of sequence `last + 1` */
  async append(alarm: StoredAlarm): Promise<void> {
    const batch = new WriteBatch().put(keyOf(alarm.sequence), utf8(formatAlarm(alarm)));
    if (alarm.sequence > KEPT) batch.del(keyOf(alarm.sequence - KEPT));
    await this.#storage.write(batch);
    this.#last = alarm.sequence;
    for (const wake of [...this.#waiting]) wake();
  }

  /** Stored alarms after this sequence, oldest first. */
  async *after(sequence: number, limit: number = PAGE): AsyncGenerator<StoredAlarm> {
    const range = { gte: keyOf(sequence + 1), lt: AFTER_ALARMS, limit };
    for await (const [, value] of this.#storage.range(range)) yield parseAlarm(fromUtf8(value));
  }

  /** Those after this sequence, and then every one that comes, until the signal ends it. */
  async *follow(sequence: number, signal: AbortSignal): AsyncGenerator<StoredAlarm> {
    let next = sequence;
    while (!signal.aborted) {
      if (this.#last <= next) {
        await this.#more(signal);
        continue;
      }
      for await (const alarm of this.after(next)) {
        if (signal.aborted) return;
        next = alarm.sequence;
        yield alarm;
      }
    }
  }

  /** Resolves with the next alarm, or the signal. */
  #more(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        this.#waiting.delete(done);
        signal.removeEventListener('abort', done);
        resolve();
      };
      this.#waiting.add(done);
      signal.addEventListener('abort', done);
      if (signal.aborted) done();
    });
  }

  /** How far a reader has come; undefined: it has never read. */
  async cursor(reader: string): Promise<number | undefined> {
    const value = await this.#storage.get(utf8(CURSOR + reader));
    return value && fromU64be(value);
  }

  async moveCursor(reader: string, sequence: number): Promise<void> {
    await this.#storage.write(new WriteBatch().put(utf8(CURSOR + reader), u64be(sequence)));
  }
}

function keyOf(sequence: number) {
  return concat(ALARM, u64be(sequence));
}
