/**
 * Alarms to a URL as signed webhooks, in order. The queue is the alarm log itself, so that a restart loses nothing and a
 * receiver that is away costs no memory.
 */
import {
  type WebhookOutcome,
  WebhookSender,
  type WebhookSenderOptions,
} from '../../platform/webhook-sender.ts';
import type { AlarmSeverity } from '../alarm.ts';
import type { AlarmLog } from './alarm-log.ts';
import { formatAlarm, isAtLeast, type StoredAlarm } from './stored-alarm.ts';

export interface WebhookOptions extends WebhookSenderOptions {
  /** What is less than this is not sent (default warning). */
  readonly severity?: AlarmSeverity;
  /** Told of every attempt. */
  readonly attempted?: (outcome: WebhookOutcome, alarm: StoredAlarm, why?: string) => void;
}

const READER = 'webhook';

export class Webhook {
  readonly #options: WebhookOptions;
  readonly #sender: WebhookSender;
  readonly #alarms: AlarmLog;

  /** @throws CONFIG_INVALID */
  constructor(alarms: AlarmLog, options: WebhookOptions) {
    this.#options = options;
    this.#alarms = alarms;
    this.#sender = new WebhookSender(options);
  }

  /** Delivers until the signal ends it. @throws STORAGE_FAILED */
  async run(signal: AbortSignal): Promise<void> {
    const { severity = 'warning', attempted } = this.#options;
    const since = (await this.#alarms.cursor(READER)) ?? (await this.#begin());
    try {
      for await (const alarm of this.#alarms.follow(since, signal)) {
        if (isAtLeast(alarm.severity, severity)) {
          const message = { id: `alarm-${alarm.sequence}`, body: formatAlarm(alarm), at: alarm.at };
          await this.#sender.send(message, signal, (outcome, why) => attempted?.(outcome, alarm, why));
        }
        // Only what was taken, or given up, is behind us: at least once, never not at all.
        if (!signal.aborted) await this.#alarms.moveCursor(READER, alarm.sequence);
      }
    } finally {
      await this.#sender.close();
    }
  }

  /** A new receiver is not told of what was before it, and of everything since, also if this process ends before that. */
  async #begin(): Promise<number> {
    const { last } = this.#alarms;
    await this.#alarms.moveCursor(READER, last);
    return last;
  }
}
