/**
 * What asks a contract service: participants, and the processor of payments. It believes nothing but passes on what was
 * answered: entries and bundles are verified by who acts on them.
 */
import { Agent, request } from 'undici';
import type { ClientTls } from '../../client/index.ts';
import { type Bytes, fromUtf8, toBase64url } from '../../core/bytes.ts';
import { fail, isLedgerError, LedgerError } from '../../core/errors.ts';
import type { ServiceEvent } from './outbox.ts';
import type { Confirmation } from './payments.ts';
import type { Registered } from './registry.ts';
import { signWebhook } from './webhook-signature.ts';

export interface ContractServiceClientOptions {
  /** Of the service, without a path. */
  readonly url: string;
  readonly tls?: ClientTls;
  /** Milliseconds that one request may take (default 15,000). */
  readonly deadlineMs?: number;
}

/** DEPA-Training's files, as texts. */
export interface DraftFiles {
  readonly contract: string;
  readonly overlay?: string;
  readonly pipeline?: string;
  readonly dataset?: string;
  readonly scenario?: string;
  readonly policy?: string;
  /** base64url of 32 bytes: of the commitment to the pipeline. */
  readonly salt?: string;
}

// biome-ignore lint/suspicious/noExplicitAny: what services answer is read by who asked.
type Json = any;
/** Which of a contract’s statements, each by the party that signed it. */
type PassedOn = 'proposal' | 'signatures' | 'revocation';

const LARGEST = 8 << 20;

export class ContractServiceClient {
  readonly #options: ContractServiceClientOptions;
  readonly #agent: Agent;

  /** @throws ARGUMENT_INVALID */
  constructor(options: ContractServiceClientOptions) {
    if (!/^https?:\/\/[^/]+$/.test(options.url)) throw fail('ARGUMENT_INVALID', 'not the URL of a service');
    this.#options = options;
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

  /** @throws the log’s refusal, by its code */
  async registerDataset(statement: Bytes): Promise<Registered> {
    return (await this.post('/v1/datasets', { statement: toBase64url(statement) })).entry;
  }

  datasets(query: Readonly<Record<string, string>> = {}): Promise<Json> {
    return this.get(`/v1/datasets?${new URLSearchParams(query)}`);
  }

  /** @throws the first problem of the files, by its code */
  draft(files: DraftFiles): Promise<Json> {
    return this.post('/v1/contracts', files);
  }

  contract(id: string): Promise<Json> {
    return this.get(`/v1/contracts/${encodeURIComponent(id)}`);
  }

  async passOn(what: PassedOn, id: string, statement: Bytes): Promise<Registered> {
    const path = `/v1/contracts/${encodeURIComponent(id)}/${what}`;
    return (await this.post(path, { statement: toBase64url(statement) })).entry;
  }

  inForce(id: string): Promise<Json> {
    return this.get(`/v1/contracts/${encodeURIComponent(id)}/in-force`);
  }

  async complete(id: string): Promise<Registered> {
    return (await this.post(`/v1/contracts/${encodeURIComponent(id)}/completion`, undefined)).entry;
  }

  payments(id: string, cleanroom: string): Promise<Json> {
    const query = new URLSearchParams({ cleanroom });
    return this.get(`/v1/contracts/${encodeURIComponent(id)}/payments?${query}`);
  }

  /** What the processor has done, signed with the secret that it shares with the service. */
  async confirm(secret: Bytes, said: Confirmation, now: number = Date.now()): Promise<Registered> {
    const body = JSON.stringify(said);
    const { contract, row, cleanroom, outcome } = said;
    const headers = signWebhook(secret, [contract, row, cleanroom, outcome].join('/'), now, body);
    return (await this.#ask('POST', '/v1/payments', body, { ...headers })).entry;
  }

  events(after = 0): Promise<{ readonly events: readonly ServiceEvent[]; readonly last: number }> {
    return this.get(`/v1/events?after=${after}`);
  }

  get(path: string): Promise<Json> {
    return this.#ask('GET', path);
  }

  post(path: string, body: object | undefined): Promise<Json> {
    return this.#ask('POST', path, body && JSON.stringify(body));
  }

  close(): void {
    void this.#agent.destroy();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async #ask(
    method: 'GET' | 'POST',
    path: string,
    body?: string,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Json> {
    const { url, deadlineMs = 15_000 } = this.#options;
    try {
      const response = await request(`${url}${path}`, {
        dispatcher: this.#agent,
        method,
        headers: { ...headers, ...(body !== undefined && { 'content-type': 'application/json' }) },
        body: body ?? null,
        signal: AbortSignal.timeout(deadlineMs),
      });
      const answer = JSON.parse(await bounded(response.body));
      if (response.statusCode >= 200 && response.statusCode < 300) return answer;
      const { code, detail } = answer as { code?: unknown; detail?: unknown };
      const known = typeof code === 'string' && /^[A-Z][A-Z0-9_]{1,63}$/.test(code);
      throw new LedgerError(
        known ? code : 'RESPONSE_MALFORMED',
        String(detail ?? response.statusCode).slice(0, 1024),
      );
    } catch (error) {
      if (isLedgerError(error)) throw error;
      if (error instanceof SyntaxError)
        throw fail('RESPONSE_MALFORMED', 'the answer is not JSON', { cause: error });
      throw fail('UNAVAILABLE', `cannot reach ${url}`, { cause: error });
    }
  }
}

async function bounded(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > LARGEST) throw fail('RESPONSE_MALFORMED', `an answer of more than ${LARGEST} bytes`);
    chunks.push(chunk);
  }
  return fromUtf8(new Uint8Array(Buffer.concat(chunks)));
}
