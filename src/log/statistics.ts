/**
 * What `/v1/stats` says, folded from the entries in their order: grants, denials by reason, and how long it took from a
 * stop to the first denial that it caused. Kept with the lineage index, so that a start need not read the log for it.
 */
import { RELEASE_STOPS, releaseUpstream, type Statement, type StateReader } from '../chain/index.ts';
import type { Bytes } from '../core/bytes.ts';
import { type Cbor, type CborMap, encode } from '../core/cbor.ts';
import { fail } from '../core/errors.ts';
import type { Storage, WriteBatch } from '../storage/index.ts';
import { indexIn, members, NUMBERS_KEY, numberOf, STOP_RANGE, stopKey, textOf } from './lineage-layout.ts';

/** Stops that wait for their first denial; of more, the oldest are given up, so that memory stays bounded. */
export const MAX_WAITING = 4096;
/** Stops with their first denial that are told one by one. */
const MAX_RECENT = 32;

/** A stop, and the first key release that was denied because of it. */
export interface Reaction {
  readonly subject: string;
  readonly kind: string;
  /** Entry of the stop, and the time from which it held, Unix milliseconds. */
  readonly stop: number;
  readonly at: number;
  /** Entry of the denial, and its reason. */
  readonly denial: number;
  readonly reason: string;
  readonly milliseconds: number;
}

export interface Numbers {
  readonly grants: number;
  readonly denials: Readonly<Record<string, number>>;
  /** Over all stops that were followed by a denial. */
  readonly reactions: {
    readonly count: number;
    readonly longest: number;
    /** Milliseconds, all together. */
    readonly total: number;
    /** The last ones, the newest last. */
    readonly recent: readonly Reaction[];
  };
  /** Stops that no denial has followed yet. */
  readonly waiting: number;
}

interface Waiting {
  readonly subject: string;
  readonly kind: string;
  readonly at: number;
}

/** An accepted statement and its place. */
export interface Counted {
  readonly index: number;
  readonly statement: Statement;
  readonly subject: string;
  /** Unix milliseconds. */
  readonly time: number;
  /** Of a denial. */
  readonly reason: string | null;
}

export class Statistics {
  #grants = 0;
  readonly #denials = new Map<string, number>();
  #count = 0;
  #total = 0;
  #longest = 0;
  #recent: Reaction[] = [];
  /** By the index of the stop, in that order. */
  readonly #waiting = new Map<number, Waiting>();

  /** @throws LOG_CORRUPT */
  static async load(storage: Storage): Promise<Statistics> {
    const statistics = new Statistics();
    const row = await storage.get(NUMBERS_KEY);
    if (row) statistics.#read(row);
    for await (const [key, value] of storage.range(STOP_RANGE)) {
      const [subject, kind, at] = members(value, 3);
      statistics.#waiting.set(indexIn(key), {
        subject: textOf(subject),
        kind: textOf(kind),
        at: numberOf(at),
      });
    }
    return statistics;
  }

  get numbers(): Numbers {
    return {
      grants: this.#grants,
      denials: Object.fromEntries([...this.#denials].sort(([a], [b]) => (a < b ? -1 : 1))),
      reactions: {
        count: this.#count,
        longest: this.#longest,
        total: this.#total,
        recent: [...this.#recent],
      },
      waiting: this.#waiting.size,
    };
  }

  /** Counts entries and adds what has changed to the batch. @param read the state after them, or any later one */
  fold(write: WriteBatch, entries: readonly Counted[], read: StateReader): void {
    let changed = false;
    for (const entry of entries) {
      const { kind } = entry.statement.chain!;
      if (Object.hasOwn(RELEASE_STOPS, kind)) this.#stop(write, entry, kind, read);
      if (kind !== 'key.release') continue;
      changed = true;
      if (entry.reason === null) this.#grants += 1;
      else this.#deny(write, entry, entry.reason, read);
    }
    if (changed) write.put(NUMBERS_KEY, this.#encoded());
  }

  #stop(
    write: WriteBatch,
    { index, statement, subject, time }: Counted,
    kind: string,
    read: StateReader,
  ): void {
    const { effectiveFrom } = statement.body as { effectiveFrom?: unknown };
    const from = typeof effectiveFrom === 'number' ? effectiveFrom * 1000 : 0;
    const stop = { subject: RELEASE_STOPS[kind]!.subject?.(read, statement.body) ?? subject, kind };
    const at = Math.max(time, from);
    this.#waiting.set(index, { ...stop, at });
    write.put(stopKey(index), encode([stop.subject, kind, at]));
    if (this.#waiting.size > MAX_WAITING) this.#forget(write, this.#waiting.keys().next().value!);
  }

  #deny(write: WriteBatch, entry: Counted, reason: string, read: StateReader): void {
    this.#denials.set(reason, (this.#denials.get(reason) ?? 0) + 1);
    if (this.#waiting.size === 0) return;
    const upstream = releaseUpstream(read, entry.subject);
    for (const [stop, { subject, kind, at }] of this.#waiting) {
      const causes = at <= entry.time && stop < entry.index && RELEASE_STOPS[kind]!.reasons.includes(reason);
      if (!causes || !upstream.has(subject)) continue;
      const milliseconds = entry.time - at;
      this.#count += 1;
      this.#total += milliseconds;
      this.#longest = Math.max(this.#longest, milliseconds);
      const reaction = { subject, kind, stop, at, denial: entry.index, reason, milliseconds };
      this.#recent = [...this.#recent, reaction].slice(-MAX_RECENT);
      this.#forget(write, stop);
    }
  }

  #forget(write: WriteBatch, stop: number): void {
    this.#waiting.delete(stop);
    write.del(stopKey(stop));
  }

  #encoded(): Bytes {
    const recent = this.#recent.map((each) => [
      ...[each.subject, each.kind, each.stop, each.at],
      ...[each.denial, each.reason, each.milliseconds],
    ]);
    return encode([
      this.#grants,
      Object.fromEntries(this.#denials),
      ...[this.#count, this.#total, this.#longest],
      recent,
    ] as Cbor);
  }

  #read(row: Bytes): void {
    const [grants, denials, count, total, longest, recent] = members(row, 6);
    if (!(denials instanceof Map) || !Array.isArray(recent)) throw fail('LOG_CORRUPT', 'damaged statistics');
    this.#grants = numberOf(grants);
    for (const [reason, times] of denials as CborMap) this.#denials.set(textOf(reason), numberOf(times));
    [this.#count, this.#total, this.#longest] = [numberOf(count), numberOf(total), numberOf(longest)];
    this.#recent = (recent as readonly Cbor[]).map((each) => {
      if (!Array.isArray(each)) throw fail('LOG_CORRUPT', 'damaged statistics');
      const [subject, kind, stop, at, denial, reason, milliseconds] = each as readonly Cbor[];
      return {
        subject: textOf(subject),
        kind: textOf(kind),
        ...{ stop: numberOf(stop), at: numberOf(at), denial: numberOf(denial) },
        reason: textOf(reason),
        milliseconds: numberOf(milliseconds),
      };
    });
  }
}
