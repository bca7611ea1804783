/**
 * A processor of payments for demonstrations: it takes the service’s webhooks and confirms what they ask for, and moves no
 * money. What a real one has to do, it does: it knows the service by its signature, and pays only against a bundle that it
 * has verified itself, under its own trust file.
 */
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { type Bytes, fromBase64url } from '../../core/bytes.ts';
import type { Crypto } from '../../core/crypto.ts';
import { fail, isLedgerError } from '../../core/errors.ts';
import { checkWebhook, webhookSecret } from '../../platform/webhook-signature.ts';
import { proven, type Trust, verifyBundle } from '../../verify/index.ts';
import type { ServiceTls } from '../service-http.ts';
import type { ContractServiceClient } from './client.ts';
import type { ServiceEvent } from './outbox.ts';
import type { PaymentName, PaymentOutcome } from './payments.ts';

export interface BankOptions {
  readonly crypto: Crypto;
  readonly trust: Trust;
  readonly service: ContractServiceClient;
  /** DID of the service: whose payments it makes. */
  readonly serviceDid: string;
  /** `whsec_…`, of the webhooks and of the confirmations. */
  readonly secret: string;
  readonly host: string;
  readonly port: number;
  readonly tls?: ServiceTls;
  readonly now?: () => number;
  /** Told what became of each event. */
  readonly observe?: (event: ServiceEvent, outcome: PaymentOutcome | null, why: string | null) => void;
}

export interface RunningBank {
  readonly url: string;
  close(): Promise<void>;
}

interface PaymentData extends PaymentName {
  readonly payee: string;
  readonly amount: number;
  readonly currency: string;
  readonly bundle?: string;
}

const OUTCOME_OF: Readonly<Record<string, PaymentOutcome>> = {
  'payment.due': 'held',
  'payment.earned': 'settled',
  'payment.refundable': 'refunded',
};
const LARGEST = 1 << 20;

/** @throws CONFIG_INVALID the secret; UNAVAILABLE */
export async function startBank(options: BankOptions): Promise<RunningBank> {
  const secret = webhookSecret(options.secret);
  const server = serverOf(options.tls, (incoming, response) => {
    take(options, secret, incoming).then(
      () => response.writeHead(204).end(),
      // What it does not know how to answer is sent again.
      (error) => response.writeHead(isLedgerError(error, 'UNAUTHENTICATED') ? 401 : 503).end(),
    );
  });
  server.maxConnections = 64;
  await listen(server, options.host, options.port);
  const { port } = server.address() as AddressInfo;
  const host = options.host.includes(':') ? `[${options.host}]` : options.host;
  return {
    url: `${options.tls ? 'https' : 'http'}://${host}:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function serverOf(tls: ServiceTls | undefined, answer: RequestListener): Server {
  const node = { requestTimeout: 10_000, headersTimeout: 5000 };
  if (!tls) return createServer(node, answer);
  const { cert, key, clientCa } = tls;
  const pair = { cert: Buffer.from(cert), key: Buffer.from(key), minVersion: 'TLSv1.2' as const };
  const mutual = clientCa !== undefined && { ca: Buffer.from(clientCa), requestCert: true };
  return createTlsServer({ ...node, ...pair, ...mutual }, answer);
}

async function take(options: BankOptions, secret: Bytes, incoming: IncomingMessage): Promise<void> {
  const { service, now = Date.now, observe } = options;
  const body = await textOf(incoming);
  checkWebhook(secret, incoming.headers, now(), body);
  const event = JSON.parse(body) as ServiceEvent;
  const outcome = OUTCOME_OF[event.type];
  if (!outcome) return observe?.(event, null, 'no payment');
  const { contract, row, cleanroom, payee, amount, currency, bundle } = event.data as unknown as PaymentData;
  try {
    if (outcome === 'settled') earned(options, { contract, row, cleanroom, payee, amount, currency }, bundle);
    const reference = `transfer ${event.id} ${outcome}`;
    await service.confirm(secret, { contract, row, cleanroom, outcome, amount, currency, reference }, now());
    observe?.(event, outcome, null);
  } catch (error) {
    observe?.(event, null, isLedgerError(error) ? error.code : String(error));
    throw error;
  }
}

/** @throws what is wrong with the bundle; STATE_WRONG it denies the payment */
function earned(
  { crypto, trust, serviceDid: service, now = Date.now }: BankOptions,
  payment: Omit<PaymentData, 'bundle'>,
  bundle = '',
): void {
  const question = { step: 'payment.settle' as const, request: { ...payment, service } };
  const verification = verifyBundle({ crypto, trust, bundle: fromBase64url(bundle), question, now: now() });
  const { outcome } = proven(verification);
  if (outcome !== 'allow') throw fail('STATE_WRONG', `the bundle does not allow the payment: ${outcome}`);
}

async function textOf(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > LARGEST) throw fail('REQUEST_TOO_LARGE', `more than ${LARGEST} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) =>
      reject(fail('UNAVAILABLE', `cannot listen on ${host}:${port}`, { cause })),
    );
    server.listen(port, host, resolve);
  });
}
