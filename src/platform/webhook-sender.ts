/**
 * Messages to one receiver, as Standard Webhooks has it (https://www.standardwebhooks.com): signed with a shared secret, each
 * again until it was taken. Whoever has the messages keeps them, in order: nothing waits in memory.
 */
import { type Agent, request } from 'undici';
import type { Bytes } from '../core/bytes.ts';
import { fail } from '../core/errors.ts';
import { agentOf, type ClientTls } from './http-agent.ts';
import { signWebhook, webhookSecret } from './webhook-signature.ts';

export interface WebhookSenderOptions {
  /** https, or http to this machine. */
  readonly url: string;
  /** `whsec_` and base64 of 24 to 64 bytes. */
  readonly secret: string;
  readonly tls?: ClientTls;
  /** Milliseconds that one attempt may take (default 10,000). */
  readonly deadlineMs?: number;
  /** Milliseconds between the first two attempts (default 1,000); each further pause is twice as long, up to five minutes. */
  readonly pauseMs?: number;
  /** A message of this age that cannot be delivered is passed over (default one day). */
  readonly giveUpMs?: number;
  /** Unix milliseconds. */
  readonly now?: () => number;
}

export interface WebhookMessage {
  readonly id: string;
  /** JSON. */
  readonly body: string;
  /** Unix milliseconds. */
  readonly at: number;
}

export type WebhookOutcome = 'delivered' | 'failed' | 'given up';

const DAY = 86_400_000;
const LONGEST_PAUSE = 300_000;
/** Bytes of an answer that are read, to keep the connection. */
const ANSWER = 64 << 10;

export class WebhookSender {
  readonly #options: WebhookSenderOptions;
  readonly #secret: Bytes;
  readonly #agent: Agent;

  /** @throws CONFIG_INVALID */
  constructor(options: WebhookSenderOptions) {
    checkUrl(options.url);
    this.#options = options;
    this.#secret = webhookSecret(options.secret);
    this.#agent = agentOf(options);
  }

  /** Until it was taken, is too old, or the signal ends it. @param attempted told of every attempt */
  async send(
    message: WebhookMessage,
    signal: AbortSignal,
    attempted?: (outcome: WebhookOutcome, why?: string) => void,
  ): Promise<void> {
    const { giveUpMs = DAY } = this.#options;
    for (let attempt = 0; !signal.aborted; attempt++) {
      const why = await this.#attempt(message, signal);
      if (why === undefined) return attempted?.('delivered');
      if (signal.aborted) return;
      const over = this.#now() - message.at > giveUpMs;
      attempted?.(over ? 'given up' : 'failed', why);
      if (over) return;
      await this.#pause(attempt, signal);
    }
  }

  close(): Promise<void> {
    return this.#agent.destroy();
  }

  /** Why it failed; undefined: it was taken. A redirect is not followed: to somebody whom nobody has named. */
  async #attempt({ id, body }: WebhookMessage, signal: AbortSignal): Promise<string | undefined> {
    const { url, deadlineMs = 10_000 } = this.#options;
    try {
      const response = await request(url, {
        dispatcher: this.#agent,
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          ...signWebhook(this.#secret, id, this.#now(), body),
        },
        body,
        signal: AbortSignal.any([signal, AbortSignal.timeout(deadlineMs)]),
      });
      await response.body.dump({ limit: ANSWER });
      const { statusCode } = response;
      return statusCode >= 200 && statusCode < 300 ? undefined : `status ${statusCode}`;
    } catch (error) {
      const { code, name } = error as { code?: string; name: string };
      return typeof code === 'string' ? code : name;
    }
  }

  #now(): number {
    return (this.#options.now ?? Date.now)();
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

function checkUrl(text: string): void {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const local = url && /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(url.hostname);
  if (url?.protocol !== 'https:' && !(url?.protocol === 'http:' && local)) {
    throw fail('CONFIG_INVALID', 'the URL of a webhook is neither https nor of this machine');
  }
}
