/** Events to one receiver, in order, each again until it was taken: signed webhooks. The outbox is the queue. */
import type { ClientTls } from '../../client/index.ts';
import { fail } from '../../core/errors.ts';
import { type WebhookOutcome, WebhookSender } from '../../platform/webhook-sender.ts';
import { EVENT_TYPES, type Outbox, type ServiceEvent } from './outbox.ts';

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
  /** Milliseconds between the first two attempts (default 1,000); each further pause is twice as long. */
  readonly pauseMs?: number;
  readonly attempted?: (outcome: WebhookOutcome, event: ServiceEvent, why?: string) => void;
}

export class Webhook {
  readonly #options: WebhookOptions;
  readonly #sender: WebhookSender;

  /** @throws CONFIG_INVALID */
  constructor(options: WebhookOptions) {
    const { receiver, now, tls, pauseMs } = options;
    this.#options = options;
    checkReceiver(receiver);
    this.#sender = new WebhookSender({
      ...{ url: receiver.url, secret: receiver.secret, now },
      ...(tls && { tls }),
      ...(pauseMs !== undefined && { pauseMs }),
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
      await this.#sender.close();
    }
  }

  #deliver(event: ServiceEvent, signal: AbortSignal): Promise<void> {
    const { attempted } = this.#options;
    // One that nobody takes stays in the outbox, for who asks.
    const message = { id: event.id, body: JSON.stringify(event), at: Date.parse(event.timestamp) };
    return this.#sender.send(message, signal, (outcome, why) => attempted?.(outcome, event, why));
  }
}

function wants({ events }: Receiver, { type }: ServiceEvent): boolean {
  return !events || events.some((each) => each === type || (each.endsWith('.') && type.startsWith(each)));
}

function checkReceiver({ name, events = [] }: Receiver): void {
  if (!/^[a-z0-9-]{1,64}$/.test(name)) {
    throw fail('CONFIG_INVALID', 'a receiver is named by letters, digits and -');
  }
  const known = (each: string) => EVENT_TYPES.some((type) => type === each || type.startsWith(each));
  const unknown = events.find((each) => !known(each));
  if (unknown !== undefined) throw fail('CONFIG_INVALID', `${name} wants ${unknown}: there is no such event`);
}
