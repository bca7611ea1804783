/** Rings alarms: fills in what all of them have, and does not say the same twice while it goes on. */
import type { Alarm, AlarmSink, Evidence, MonitorAlarm } from './alarm.ts';
import { type AlarmSeverity, MONITOR_ALARMS } from './alarm.ts';

export interface Occasion {
  /** Of the tree in which it was seen. */
  readonly size: number;
  readonly index?: number;
  readonly detail: string;
  readonly evidence?: Evidence | undefined;
}

export class Bell {
  readonly #sink: AlarmSink;
  readonly #origin: string;
  readonly #now: () => number;
  readonly #going = new Set<string>();
  readonly #counts = new Map<string, number>();

  constructor(sink: AlarmSink, origin: string, now: () => number) {
    this.#sink = sink;
    this.#origin = origin;
    this.#now = now;
  }

  /** How often each code was raised since the start. */
  get counts(): ReadonlyMap<string, number> {
    return this.#counts;
  }

  /** Durable when it resolves. */
  ring(code: MonitorAlarm, occasion: Occasion): Promise<void> {
    return this.raise(code, MONITOR_ALARMS[code][0], occasion);
  }

  /** For codes of others, such as a watch rule's. */
  async raise(code: string, severity: AlarmSeverity, occasion: Occasion): Promise<void> {
    const { evidence, ...rest } = occasion;
    const alarm: Alarm = {
      ...{ code, severity, at: this.#now(), origin: this.#origin, ...rest },
      ...(evidence && { evidence }),
    };
    this.#counts.set(code, (this.#counts.get(code) ?? 0) + 1);
    await this.#sink.raise(alarm);
  }

  /** Rings unless it has for the same, and that is not {@link over} yet. */
  async ringOnce(code: MonitorAlarm, about: string, occasion: Occasion): Promise<void> {
    const name = `${code} ${about}`;
    if (this.#going.has(name)) return;
    this.#going.add(name);
    await this.ring(code, occasion);
  }

  /** What went on under these codes has ended: the next time is another one. */
  over(...codes: readonly MonitorAlarm[]): void {
    for (const name of this.#going) {
      if (codes.some((code) => name.startsWith(`${code} `))) this.#going.delete(name);
    }
  }
}
