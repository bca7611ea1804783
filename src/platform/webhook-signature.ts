/** Signatures of webhooks, as Standard Webhooks has them (https://www.standardwebhooks.com): HMAC-SHA-256, shared secret. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { type Bytes, fromBase64, toBase64 } from '../core/bytes.ts';
import { fail, isLedgerError } from '../core/errors.ts';

/** Seconds that sender's and receiver's clock, and the way between them, may differ. */
const TOLERANCE = 300;

export interface WebhookHeaders {
  readonly 'webhook-id': string;
  /** Unix seconds. */
  readonly 'webhook-timestamp': string;
  /** One or more of `v1,<base64>`, separated by spaces. */
  readonly 'webhook-signature': string;
}

/** The secret of `whsec_` and base64 of 24 to 64 bytes. @throws CONFIG_INVALID */
export function webhookSecret(text: string): Bytes {
  const [, base64 = ''] = /^whsec_([A-Za-z0-9+/]+=*)$/.exec(text.trim()) ?? [];
  try {
    const secret = fromBase64(base64);
    if (secret.length >= 24 && secret.length <= 64) return secret;
  } catch (error) {
    if (!isLedgerError(error)) throw error;
  }
  throw fail('CONFIG_INVALID', 'the secret of a webhook is whsec_ and base64 of 24 to 64 bytes');
}

export function signWebhook(secret: Bytes, id: string, now: number, body: string): WebhookHeaders {
  const timestamp = String(Math.floor(now / 1000));
  const mac = toBase64(macOf(secret, id, timestamp, body));
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${mac}` };
}

/** @throws UNAUTHENTICATED not by who has the secret, or not of now */
export function checkWebhook(
  secret: Bytes,
  headers: Readonly<Record<string, unknown>>,
  now: number,
  body: string,
): void {
  const [id, timestamp, signatures] = ['id', 'timestamp', 'signature'].map(
    (name) => headers[`webhook-${name}`],
  );
  if (typeof id !== 'string' || typeof timestamp !== 'string' || typeof signatures !== 'string') {
    throw fail('UNAUTHENTICATED', 'the request is not a signed webhook');
  }
  const mac = macOf(secret, id, timestamp, body);
  const signed = signatures.split(' ').some((each) => {
    const [version, base64 = ''] = each.split(',');
    const given = Buffer.from(base64, 'base64');
    return version === 'v1' && given.length === mac.length && timingSafeEqual(given, mac);
  });
  if (!signed) throw fail('UNAUTHENTICATED', 'the signature of the webhook does not verify');
  if (!/^\d{1,12}$/.test(timestamp) || Math.abs(Number(timestamp) - now / 1000) > TOLERANCE) {
    throw fail('UNAUTHENTICATED', 'the webhook is not of now');
  }
}

function macOf(secret: Bytes, id: string, timestamp: string, body: string): Bytes {
  return new Uint8Array(createHmac('sha256', secret).update(`${id}.${timestamp}.${body}`).digest());
}
