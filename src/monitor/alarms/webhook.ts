/**
 * Alarms to a URL, as Standard Webhooks has it (https://www.standardwebhooks.com): each signed with a shared secret, in
 * order, again until the receiver has taken it. The queue is the alarm log itself, so that a restart loses nothing and a
 * receiver that is away costs no memory.
 */
import { createHmac } from 'node:crypto';
import { type Bytes, fromBase64, toBase64 } from '../../core/bytes.ts';
import { fail, isLedgerError } from '../../core/errors.ts';
import type { AlarmSeverity } from '../alarm.ts';
import type { AlarmLog } from './alarm-log.ts';
import { formatAlarm, isAtLeast, type StoredAlarm } from './stored-alarm.ts';

export interface WebhookOptions {
  /** https, or http to this machine. */
  readonly url: string;
  /** `whsec_` and base64 of 24 to 64 bytes. */
  readonly secret: string;
  /** What is less than this is not sent (default warning). */
  readonly severity?: AlarmSeverity;
  /** Milliseconds that one attempt may take (default 10,000). */
  readonly deadlineMs?: number;
  /** Milliseconds between the first two attempts; each further pause is twice as long, up to five minutes. */
  readonly pauseMs?: number;
  /** An alarm of this age that cannot be delivered is passed over (default one day): the log of alarms has it. */
  readonly giveUpMs?: number;
  readonly now?: () => number;
  /** Told of every attempt. */
  readonly attempted?: (
    outcome: 'delivered' | 'failed' | 'given up',
    alarm: StoredAlarm,
    why?: string,
  ) => void;
}

const READER = 'webhook';
const LONGEST_PAUSE = 300_000;

export class Webhook {
  readonly #options: WebhookOptions;
  readonly #url: URL;
  readonly #secret: Bytes;
  readonly #alarms: AlarmLog;

  /** @throws CONFIG_INVALID */
  constructor(alarms: AlarmLog, options: WebhookOptions) {
    this.#options = options;
    this.#alarms = alarms;
    this.#url = urlOf(options.url);
    this.#secret = secretOf(options.secret);
  }

  /** Delivers until the signal ends it. @throws STORAGE_FAILED */
  async run(signal: AbortSignal): Promise<void> {
    const { severity = 'warning', giveUpMs = 86_400_000, now = Date.now, attempted } = this.#options;
    const since = (await this.#alarms.cursor(READER)) ?? (await this.#begin());
    for await (const alarm of this.#alarms.follow(since, signal)) {
      for (let attempt = 0; isAtLeast(alarm.severity, severity) && !signal.aborted; attempt++) {
        const why = await this.#attempt(alarm, signal);
        if (why === undefined) attempted?.('delivered', alarm);
        if (why === undefined || signal.aborted) break;
        const over = now() - alarm.at > giveUpMs;
        attempted?.(over ? 'given up' : 'failed', alarm, why);
        if (over) break;
        await this.#pause(attempt, signal);
      }
      // Only what was taken, or given up, is behind us: at least once, never not at all.
      if (!signal.aborted) await this.#alarms.moveCursor(READER, alarm.sequence);
    }
  }

  /** A new receiver is not told of what was before it, and of everything since, also if this process ends before that. */
  async #begin(): Promise<number> {
    const { last } = this.#alarms;
    await this.#alarms.moveCursor(READER, last);
    return last;
  }

  /** Why it failed; undefined: it was taken. */
  async #attempt(alarm: StoredAlarm, signal: AbortSignal): Promise<string | undefined> {
    const body = formatAlarm(alarm);
    const id = `alarm-${alarm.sequence}`;
    const timestamp = String(Math.floor((this.#options.now ?? Date.now)() / 1000));
    const signature = createHmac('sha256', this.#secret).update(`${id}.${timestamp}.${body}`).digest();
    try {
      const response = await fetch(this.#url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'webhook-id': id,
          'webhook-timestamp': timestamp,
          'webhook-signature': `v1,${toBase64(Uint8Array.from(signature))}`,
        },
        body,
        // A redirect would take the alarm to somebody whom nobody has named.
        redirect: 'error',
        signal: AbortSignal.any([signal, AbortSignal.timeout(this.#options.deadlineMs ?? 10_000)]),
      });
      await response.body?.cancel();
      return response.ok ? undefined : `status ${response.status}`;
    } catch (error) {
      const { cause } = error as { cause?: { code?: string } };
      return cause?.code ?? (error as Error).name;
    }
  }

  #pause(attempt: number, signal: AbortSignal): Promise<void> {
    const longest = Math.min(LONGEST_PAUSE, (this.#options.pauseMs ?? 1000) * 2 ** Math.min(attempt, 20));
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        resolve();
      };
      // Not all of it is fixed: receivers that were away are not met by everybody at once.
      const timer = setTimeout(done, longest * (0.5 + Math.random() / 2));
      signal.addEventListener('abort', done);
    });
  }
}

function urlOf(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const local = url && /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(url.hostname);
  if (url?.protocol === 'https:' || (url?.protocol === 'http:' && local)) return url;
  throw fail('CONFIG_INVALID', 'the webhook is neither an https URL nor one of this machine');
}

function secretOf(text: string): Bytes {
  const [, base64] = /^whsec_([A-Za-z0-9+/]+=*)$/.exec(text.trim()) ?? [];
  try {
    const secret = fromBase64(base64 ?? '');
    if (secret.length >= 24 && secret.length <= 64) return secret;
  } catch (error) {
    if (!isLedgerError(error)) throw error;
  }
  throw fail('CONFIG_INVALID', 'the secret of the webhook is not whsec_ and base64 of 24 to 64 bytes');
}
