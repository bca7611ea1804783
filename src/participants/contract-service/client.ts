/**
 * What asks a contract service: participants, and the processor of payments. It believes nothing but passes on what was
 * answered: entries and bundles are verified by who acts on them.
 */
import { type Ask, HttpPeer, posting } from '../../client/http-peer.ts';
import type { ClientTls } from '../../client/index.ts';
import { type Bytes, toBase64url } from '../../core/bytes.ts';
import { signWebhook } from '../../platform/webhook-signature.ts';
import type { ServiceEvent } from './outbox.ts';
import type { Confirmation } from './payments.ts';
import type { Registered } from './registry.ts';

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

const DEADLINE = 15_000;

export class ContractServiceClient {
  readonly #peer: HttpPeer;
  readonly #deadlineMs: number;

  /** @throws ARGUMENT_INVALID */
  constructor({ url, tls, deadlineMs = DEADLINE }: ContractServiceClientOptions) {
    this.#peer = new HttpPeer(url, tls && { tls });
    this.#deadlineMs = deadlineMs;
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

  /** A contract that was signed with today's DEPA contract service. @throws as {@link draft}; the log's refusal */
  importSigned(multiSigned: Bytes, files: Omit<DraftFiles, 'contract' | 'salt'>): Promise<Json> {
    return this.post('/v1/contracts/import', { ...files, multiSigned: toBase64url(multiSigned) });
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
    const ask = posting(said);
    const { contract, row, cleanroom, outcome } = said;
    const headers = signWebhook(secret, [contract, row, cleanroom, outcome].join('/'), now, ask.body);
    return (await this.#ask('/v1/payments', { ...ask, headers: { ...headers } })).entry;
  }

  events(after = 0): Promise<{ readonly events: readonly ServiceEvent[]; readonly last: number }> {
    return this.get(`/v1/events?after=${after}`);
  }

  get(path: string): Promise<Json> {
    return this.#ask(path, {});
  }

  post(path: string, body: object | undefined): Promise<Json> {
    return this.#ask(path, body ? posting(body) : { method: 'POST' });
  }

  close(): void {
    void this.#peer.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #ask(path: string, ask: Ask): Promise<Json> {
    return this.#peer.json(path, { deadline: Date.now() + this.#deadlineMs }, ask);
  }
}
