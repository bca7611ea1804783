/**
 * Where alarms go: evidence to files first, then the alarm to the disk, and from there to everybody who is told of it. What
 * was raised is never lost to a crash, and nobody is told of what is not on the disk.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Crypto } from '../../core/crypto.ts';
import { isLedgerError } from '../../core/errors.ts';
import { createFile, makeFolder } from '../../platform/write-file.ts';
import type { Storage } from '../../storage/index.ts';
import type { Trust } from '../../verify/index.ts';
import type { Alarm, AlarmSink } from '../alarm.ts';
import { AlarmLog } from './alarm-log.ts';
import { caseFiles } from './case-file.ts';
import { formatAlarm, type StoredAlarm } from './stored-alarm.ts';

export interface DeskOptions {
  readonly crypto: Crypto;
  readonly trust: Trust;
  /** For alarms alone. */
  readonly storage: Storage;
  /** Each alarm with evidence gets a folder in it. */
  readonly folder: string;
  /** The same alarm is not raised again for so many milliseconds (default ten minutes). */
  readonly quietMs?: number;
  /** Told of every alarm that is raised, repeated ones too. */
  readonly counted?: (alarm: Alarm, repeated: boolean) => void;
}

const QUIET = 600_000;
/** Alarms that a repetition is looked for among. */
const REMEMBERED = 1024;

export class AlarmDesk implements AlarmSink {
  readonly alarms: AlarmLog;
  readonly #options: DeskOptions;
  /** When an alarm was raised last, by what it says. */
  readonly #raised = new Map<string, number>();
  #queue: Promise<unknown> = Promise.resolve();

  /** @throws STORAGE_FAILED */
  static async open(options: DeskOptions): Promise<AlarmDesk> {
    const desk = new AlarmDesk(options, await AlarmLog.open(options.storage));
    const from = Math.max(0, desk.alarms.last - REMEMBERED);
    for await (const alarm of desk.alarms.after(from, REMEMBERED)) desk.#remember(alarm);
    return desk;
  }

  private constructor(options: DeskOptions, alarms: AlarmLog) {
    this.#options = options;
    this.alarms = alarms;
  }

  raise(alarm: Alarm): Promise<void> {
    const done = this.#queue.then(() => this.#raise(alarm));
    this.#queue = done.catch(() => undefined);
    return done;
  }

  async #raise(alarm: Alarm): Promise<void> {
    const last = this.#raised.get(nameOf(alarm));
    const repeated = last !== undefined && alarm.at - last < (this.#options.quietMs ?? QUIET);
    this.#options.counted?.(alarm, repeated);
    if (repeated) return;
    const { evidence, ...said } = alarm;
    const sequence = this.alarms.last + 1;
    const stored: StoredAlarm = { ...said, sequence, files: [] };
    // Before the alarm: what it names has to be there.
    const files = this.#write(alarm, stored);
    await this.alarms.append({ ...stored, files });
    this.#remember(stored);
  }

  #write(alarm: Alarm, stored: StoredAlarm): string[] {
    const { crypto, trust, folder } = this.#options;
    const files = this.#files(crypto, trust, alarm);
    if (files.length === 0) return [];
    const own = join(folder, caseFolder(stored));
    // What is there was left by a crash before the alarm was on the disk.
    rmSync(own, { recursive: true, force: true });
    makeFolder(own);
    for (const { name, content } of files) createFile(join(own, name), content, 0o600);
    const names = files.map(({ name }) => name);
    createFile(join(own, 'alarm.json'), `${formatAlarm({ ...stored, files: names })}\n`, 0o600);
    return names;
  }

  /** Evidence that cannot be put into files must not keep the alarm back. */
  #files(...given: Parameters<typeof caseFiles>): ReturnType<typeof caseFiles> {
    try {
      return caseFiles(...given);
    } catch (error) {
      if (!isLedgerError(error)) throw error;
      return [];
    }
  }

  #remember(alarm: Pick<StoredAlarm, 'code' | 'index' | 'detail' | 'at'>): void {
    const name = nameOf(alarm);
    this.#raised.delete(name);
    this.#raised.set(name, alarm.at);
    if (this.#raised.size > REMEMBERED) this.#raised.delete(this.#raised.keys().next().value!);
  }
}

/** The folder of an alarm's evidence, such as `000042-FORK`. */
export function caseFolder({ sequence, code }: Pick<StoredAlarm, 'sequence' | 'code'>): string {
  return `${String(sequence).padStart(6, '0')}-${code}`;
}

function nameOf({ code, index, detail }: Pick<Alarm, 'code' | 'index' | 'detail'>): string {
  return `${code} ${index ?? ''} ${detail}`;
}
