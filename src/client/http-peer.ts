/** One server over HTTP, and what all its clients share: mutual TLS, bounds on size and time, failures by their codes. */
import { type Agent, request } from 'undici';
import type { Bytes } from '../core/bytes.ts';
import { fail, isLedgerError } from '../core/errors.ts';
import { type AgentOptions, agentOf } from '../platform/http-agent.ts';
import { timeLimit } from '../platform/time-limit.ts';
import { type Answer, failureOf, type Json, jsonOf, readBeginning, readBody } from './http-answer.ts';
import type { Call } from './transport.ts';

/** Largest answer in bytes: a page of 4 MiB of statements as base64 in JSON. */
const MAX_BODY = 16 << 20;
/** Bytes of a refusal that are looked at. */
const MAX_REFUSAL = 64 << 10;
/** The longest time that a timer takes. */
const LONGEST = 2 ** 31 - 1;

export interface Ask {
  readonly method?: 'GET' | 'POST' | 'PUT';
  /** Of the body. */
  readonly type?: string;
  readonly body?: Bytes | string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Largest answer in bytes (16 MiB). */
  readonly most?: number;
}

export class HttpPeer {
  /** Without a slash at its end. */
  readonly url: string;
  readonly #agent: Agent;

  /** @param url scheme and authority, and a path prefix if there is one. @throws ARGUMENT_INVALID */
  constructor(url: string, options: AgentOptions = {}) {
    this.url = baseOf(url);
    this.#agent = agentOf(options);
  }

  /**
   * Whatever the server answers.
   * @throws UNAVAILABLE nobody answers; DEADLINE_EXCEEDED; RESPONSE_MALFORMED longer than it can be; the reason of the signal
   */
  async send(path: string, { deadline, signal }: Call, ask: Ask = {}): Promise<Answer> {
    const { method = 'GET', type, body, headers, most = MAX_BODY } = ask;
    using limit = timeLimit(Math.min(deadline - Date.now(), LONGEST), signal);
    try {
      const response = await request(`${this.url}${path}`, {
        ...{ dispatcher: this.#agent, method, signal: limit.signal },
        headers: { accept: '*/*', ...(type && { 'content-type': type }), ...headers },
        body: body ?? null,
      });
      const { statusCode: status } = response;
      const read = succeeded(status)
        ? readBody(response.body, most)
        : readBeginning(response.body, MAX_REFUSAL);
      return { status, headers: response.headers, body: await read };
    } catch (error) {
      signal?.throwIfAborted();
      if (isLedgerError(error)) throw error;
      if (limit.signal.aborted)
        throw fail('DEADLINE_EXCEEDED', `no answer of ${this.url} in time`, { cause: error });
      throw fail('UNAVAILABLE', `cannot reach ${this.url}`, { cause: error });
    }
  }

  /** @throws what the server answered, by its code; as {@link send} */
  async ask(path: string, call: Call, ask: Ask = {}): Promise<Answer> {
    const answer = await this.send(path, call, ask);
    if (!succeeded(answer.status)) throw failureOf(answer);
    return answer;
  }

  /** @throws as {@link ask}; RESPONSE_MALFORMED */
  async json(path: string, call: Call, ask: Ask = {}): Promise<Json> {
    return jsonOf(await this.ask(path, call, ask));
  }

  close(): Promise<void> {
    return this.#agent.destroy();
  }
}

/** What posts a value as JSON. */
export function posting(value: object): Ask & { readonly body: string } {
  return { method: 'POST', type: 'application/json', body: JSON.stringify(value) };
}

function succeeded(status: number): boolean {
  return status >= 200 && status <= 299;
}

function baseOf(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (!parsed || !['http:', 'https:'].includes(parsed.protocol) || parsed.search || parsed.hash) {
    throw fail('ARGUMENT_INVALID', 'the server’s address is not an http or https URL');
  }
  return parsed.href.replace(/\/+$/, '');
}
