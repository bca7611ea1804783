/**
 * What the service has to tell others, each thing once and in order: a file for each event, written before anybody is told.
 * Who notices the same thing again, after a crash for one, finds that it was said.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { toBase64url, utf8 } from '../../core/bytes.ts';
import type { Hasher } from '../../core/crypto.ts';
import { fail } from '../../core/errors.ts';
import { createFile, makeFolder, writeFileAtomically } from '../../platform/write-file.ts';

export const EVENT_TYPES = [
  'contract.in-force',
  'contract.stopped',
  'contract.closed',
  'payment.due',
  'payment.earned',
  'payment.refundable',
] as const;
export type EventType = (typeof EVENT_TYPES)[number];

export interface ServiceEvent {
  /** From 1, without gaps. */
  readonly sequence: number;
  /** The same for the same thing, whoever notices it how often. */
  readonly id: string;
  readonly type: EventType;
  /** RFC 3339: when it was noticed. */
  readonly timestamp: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export class Outbox {
  readonly #hasher: Hasher;
  readonly #folder: string;
  readonly #now: () => number;
  readonly #ids: string[] = [];
  readonly #known = new Set<string>();
  readonly #cursors = new Map<string, number>();
  #wake: (() => void)[] = [];

  /** @throws CONFIG_INVALID a file that is no event, or a gap between them */
  static async open(hasher: Hasher, folder: string, now: () => number): Promise<Outbox> {
    makeFolder(folder);
    const outbox = new Outbox(hasher, folder, now);
    const names = (await readdir(folder)).sort();
    for (const name of names.filter((each) => /^\d{10}\.json$/.test(each))) {
      const { id, sequence } = await outbox.#read(outbox.last + 1);
      if (name !== fileName(sequence)) throw fail('CONFIG_INVALID', `${folder} has a gap before ${name}`);
      outbox.#add(id);
    }
    for (const name of names.filter((each) => each.endsWith('.cursor'))) {
      const at = Number(await readFile(join(folder, name), 'utf8'));
      if (!Number.isSafeInteger(at)) throw fail('CONFIG_INVALID', `${join(folder, name)} is no cursor`);
      outbox.#cursors.set(name.slice(0, -'.cursor'.length), at);
    }
    return outbox;
  }

  private constructor(hasher: Hasher, folder: string, now: () => number) {
    this.#hasher = hasher;
    this.#folder = folder;
    this.#now = now;
  }

  /** Sequence number of the newest event. */
  get last(): number {
    return this.#ids.length;
  }

  /** @param of what makes it one thing, such as the payment. @returns false: it was said before */
  say(type: EventType, of: readonly (string | number)[], data: ServiceEvent['data']): boolean {
    const name = JSON.stringify([type, ...of]);
    const id = `evt_${toBase64url(this.#hasher.sha256(utf8(name)))}`;
    if (this.#known.has(id)) return false;
    const timestamp = new Date(this.#now()).toISOString();
    const event: ServiceEvent = { sequence: this.last + 1, id, type, timestamp, data };
    createFile(join(this.#folder, fileName(event.sequence)), `${JSON.stringify(event)}\n`, 0o600);
    this.#add(id);
    for (const wake of this.#wake.splice(0)) wake();
    return true;
  }

  /** At most `count`, from after the one with this number. */
  async after(sequence: number, count: number): Promise<readonly ServiceEvent[]> {
    const last = Math.min(this.last, sequence + count);
    const numbers = Array.from({ length: Math.max(0, last - sequence) }, (_, i) => sequence + 1 + i);
    return Promise.all(numbers.map((each) => this.#read(each)));
  }

  /** The next one, as soon as there is one; undefined when the signal ends it. */
  async next(sequence: number, signal: AbortSignal): Promise<ServiceEvent | undefined> {
    while (!signal.aborted) {
      if (sequence < this.last) return this.#read(sequence + 1);
      await new Promise<void>((resolve) => {
        this.#wake.push(resolve);
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
    }
    return undefined;
  }

  /** How far a receiver has been told: from the first event on, if it is a new one. */
  cursor(receiver: string): number {
    return this.#cursors.get(receiver) ?? 0;
  }

  moveCursor(receiver: string, sequence: number): void {
    writeFileAtomically(join(this.#folder, `${receiver}.cursor`), `${sequence}\n`);
    this.#cursors.set(receiver, sequence);
  }

  #add(id: string): void {
    this.#ids.push(id);
    this.#known.add(id);
  }

  async #read(sequence: number): Promise<ServiceEvent> {
    const path = join(this.#folder, fileName(sequence));
    try {
      const event = JSON.parse(await readFile(path, 'utf8')) as ServiceEvent;
      if (event.sequence !== sequence || typeof event.id !== 'string') throw new Error('not an event');
      return event;
    } catch (cause) {
      throw fail('CONFIG_INVALID', `${path} is not the event ${sequence}`, { cause });
    }
  }
}

function fileName(sequence: number): string {
  return `${String(sequence).padStart(10, '0')}.json`;
}
