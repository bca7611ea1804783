/**
 * The evidence store of a log over HTTP. What it gives is believed for its digest only: other bytes are not the evidence.
 */
import { Agent, request } from 'undici';
import { type Bytes, equal, toBase64url } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { fail, isLedgerError } from '../core/errors.ts';
import { nodeCrypto } from '../platform/crypto-node.ts';
import { attempt } from './attempt.ts';
import { type Answer, failureOf, readBody } from './http-answer.ts';
import { baseOf } from './http-transport.ts';
import type { Call, ClientTls } from './transport.ts';

export interface EvidenceClientOptions {
  /** URL of the server. */
  readonly url: string;
  /** Bearer token. It opens the store to whoever sees it: over https, or on one machine. */
  readonly token?: string;
  readonly tls?: ClientTls;
  readonly crypto?: Crypto;
  /** Milliseconds that one operation may take (default 10,000). */
  readonly deadlineMs?: number;
  /** Attempts after the first, where the failure is one that passes (default 2). */
  readonly retries?: number;
}

export class EvidenceClient {
  readonly #base: string;
  readonly #agent: Agent;
  readonly #options: EvidenceClientOptions;
  readonly #crypto: Crypto;

  /** @throws ARGUMENT_INVALID */
  constructor(options: EvidenceClientOptions) {
    const { url, tls: { ca, cert, key } = {}, crypto = nodeCrypto } = options;
    this.#base = baseOf(url);
    this.#options = options;
    this.#crypto = crypto;
    const pem = (text: string | Uint8Array) => Buffer.from(text);
    this.#agent = new Agent({
      connect: {
        ...(ca !== undefined && { ca: pem(ca) }),
        ...(cert !== undefined && { cert: pem(cert) }),
        ...(key !== undefined && { key: pem(key) }),
      },
    });
  }

  /**
   * @param digest 32 bytes
   * @throws EVIDENCE_ACCESS_DENIED, EVIDENCE_NOT_FOUND; EVIDENCE_DIGEST_MISMATCH the server has other bytes; UNAVAILABLE
   */
  async get(digest: Bytes, signal?: AbortSignal): Promise<Bytes> {
    const { body } = await this.#ask('GET', `/v1/evidence/${toBase64url(digest)}`, undefined, signal);
    if (!equal(this.#crypto.sha256(body), digest)) {
      throw fail('EVIDENCE_DIGEST_MISMATCH', 'the server’s bytes are not those of the digest');
    }
    return body;
  }

  /**
   * Stores evidence, and returns its digest. May be repeated.
   * @param cleanroom whose logged `cleanroom.attest` names it; not needed with a right to write
   * @throws EVIDENCE_ACCESS_DENIED, EVIDENCE_NOT_LISTED, REQUEST_TOO_LARGE, EVIDENCE_STORE_FULL; UNAVAILABLE
   */
  async put(bytes: Bytes, cleanroom?: string, signal?: AbortSignal): Promise<Bytes> {
    const digest = this.#crypto.sha256(bytes);
    const of = cleanroom === undefined ? '' : `?cleanroom=${encodeURIComponent(cleanroom)}`;
    await this.#ask('PUT', `/v1/evidence/${toBase64url(digest)}${of}`, bytes, signal);
    return digest;
  }

  close(): void {
    void this.#agent.destroy();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #ask(method: 'GET' | 'PUT', path: string, body: Bytes | undefined, signal?: AbortSignal): Promise<Answer> {
    const { deadlineMs = 10_000, retries = 2 } = this.#options;
    const call: Call = { deadline: Date.now() + deadlineMs, ...(signal && { signal }) };
    return attempt(retries, call, (each) => this.#once(method, path, body, each));
  }

  async #once(
    method: 'GET' | 'PUT',
    path: string,
    body: Bytes | undefined,
    { deadline, signal }: Call,
  ): Promise<Answer> {
    const late = AbortSignal.timeout(Math.max(0, deadline - Date.now()));
    const { token } = this.#options;
    try {
      const response = await request(`${this.#base}${path}`, {
        dispatcher: this.#agent,
        method,
        headers: {
          accept: '*/*',
          ...(body && { 'content-type': 'application/octet-stream' }),
          ...(token !== undefined && { authorization: `Bearer ${token}` }),
        },
        body: body ?? null,
        signal: signal ? AbortSignal.any([signal, late]) : late,
      });
      const answer: Answer = {
        status: response.statusCode,
        headers: response.headers,
        body: await readBody(response.body),
      };
      if (answer.status < 200 || answer.status > 299) throw failureOf(answer);
      return answer;
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      if (isLedgerError(error)) throw error;
      if (late.aborted) throw fail('DEADLINE_EXCEEDED', 'no answer in time', { cause: error });
      throw fail('UNAVAILABLE', `cannot reach ${this.#base}`, { cause: error });
    }
  }
}
