/** Events to one receiver, in order, each again until it was taken: signed webhooks. The outbox is the queue. */
import { Agent, request } from 'undici';
import type { ClientTls } from '../../client/index.ts';
import type { Bytes } from '../../core/bytes.ts';
import { fail } from '../../core/errors.ts';
import { EVENT_TYPES, type Outbox, type ServiceEvent } from './outbox.ts';
import { signWebhook, webhookSecret } from './webhook-signature.ts';

export interface Receiver {
  /** Names where it is in the events; letters, digits and hyphens. */
  readonly name: string;
  /** https, or http to this machine. */
  readonly url: string;
  /** `whsec_` and base64 of 24 to 64 bytes. */
  readonly secret: string;
  /** Types that it wants, or beginnings such as `payment.` (default: all). */
  readonly events?: readonly string[];
}

export interface WebhookOptions {
  readonly receiver: Receiver;
  readonly outbox: Outbox;
  readonly now: () => number;
  readonly tls?: ClientTls;
  /** Milliseconds between the first two attempts (default 500); each further pause is twice as long. */
  readonly pauseMs?: number;
  readonly attempted?: (
    outcome: 'delivered' | 'failed' | 'given up',
    event: ServiceEvent,
    why?: string,
  ) => void;
}

const DEADLINE = 10_000;
const LONGEST_PAUSE = 300_000;
/** Milliseconds after which an event that nobody takes is passed over: it stays in the outbox, for who asks. */
const GIVE_UP = 86_400_000;

export class Webhook {
  readonly #options: WebhookOptions;
  readonly #secret: Bytes;
  readonly #agent: Agent;

  /** @throws CONFIG_INVALID */
  constructor(options: WebhookOptions) {
    this.#options = options;
    this.#secret = webhookSecret(options.receiver.secret);
    checkReceiver(options.receiver);
    const { ca, cert, key } = options.tls ?? {};
    const pem = (text: string | Uint8Array) => Buffer.from(text);
    this.#agent = new Agent({
      connect: {
        ...(ca !== undefined && { ca: pem(ca) }),
        ...(cert !== undefined && { cert: pem(cert) }),
        ...(key !== undefined && { key: pem(key) }),
      },
    });
  }

  /** Until the signal ends it. */
  async run(signal: AbortSignal): Promise<void> {
    const { outbox, receiver } = this.#options;
    try {
      for (let at = outbox.cursor(receiver.name); ; at++) {
        const event = await outbox.next(at, signal);
        if (!event) return;
        if (wants(receiver, event)) await this.#deliver(event, signal);
        if (signal.aborted) return;
        // Only what was taken, or given up, is behind us: at least once, never not at all.
        outbox.moveCursor(receiver.name, event.sequence);
      }
    } finally {
      await this.#agent.destroy();
    }
  }

  async #deliver(event: ServiceEvent, signal: AbortSignal): Promise<void> {
    const { attempted, now } = this.#options;
    for (let attempt = 0; !signal.aborted; attempt++) {
      const why = await this.#attempt(event, signal);
      if (why === undefined) return attempted?.('delivered', event);
      if (signal.aborted) return;
      const over = now() - Date.parse(event.timestamp) > GIVE_UP;
      attempted?.(over ? 'given up' : 'failed', event, why);
      if (over) return;
      await this.#pause(attempt, signal);
    }
  }

  /** Why it failed; undefined: it was taken. */
  async #attempt(event: ServiceEvent, signal: AbortSignal): Promise<string | undefined> {
    const { receiver, now } = this.#options;
    const body = JSON.stringify(event);
    try {
      const response = await request(receiver.url, {
        dispatcher: this.#agent,
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          ...signWebhook(this.#secret, event.id, now(), body),
        },
        body,
        signal: AbortSignal.any([signal, AbortSignal.timeout(DEADLINE)]),
      });
      await response.body.dump({ limit: 64 << 10 });
      const { statusCode } = response;
      return statusCode >= 200 && statusCode < 300 ? undefined : `status ${statusCode}`;
    } catch (error) {
      const { code, name } = error as { code?: string; name: string };
      return code ?? name;
    }
  }

  #pause(attempt: number, signal: AbortSignal): Promise<void> {
    const longest = Math.min(LONGEST_PAUSE, (this.#options.pauseMs ?? 500) * 2 ** Math.min(attempt, 20));
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, longest * (0.5 + Math.random() / 2));
      signal.addEventListener('abort', done);
    });
  }
}

function wants({ events }: Receiver, { type }: ServiceEvent): boolean {
  return !events || events.some((each) => each === type || (each.endsWith('.') && type.startsWith(each)));
}

function checkReceiver({ name, url: text, events = [] }: Receiver): void {
  if (!/^[a-z0-9-]{1,64}$/.test(name)) {
    throw fail('CONFIG_INVALID', 'a receiver is named by letters, digits and -');
  }
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const local = url && /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(url.hostname);
  if (url?.protocol !== 'https:' && !(url?.protocol === 'http:' && local)) {
    throw fail('CONFIG_INVALID', `the URL of ${name} is neither https nor of this machine`);
  }
  const known = (each: string) => EVENT_TYPES.some((type) => type === each || type.startsWith(each));
  const unknown = events.find((each) => !known(each));
  if (unknown !== undefined) throw fail('CONFIG_INVALID', `${name} wants ${unknown}: there is no such event`);
}
