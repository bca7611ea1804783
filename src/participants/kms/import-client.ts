/** The owner's side of `POST /v1/keys`: what it sends, and to which key. */
import { Agent, request } from 'undici';
import { attempt } from '../../client/attempt.ts';
import { failureOf, readBody } from '../../client/http-answer.ts';
import { baseOf } from '../../client/http-transport.ts';
import type { Call, ClientTls } from '../../client/index.ts';
import { type Bytes, fromBase64url, fromUtf8, toBase64url } from '../../core/bytes.ts';
import { fail, isLedgerError } from '../../core/errors.ts';
import { decodeCoseKey, encodeCoseKey } from '../../cose/key.ts';

const RETRIES = 2;

export class KeyImportClient {
  readonly #url: string;
  readonly #agent: Agent;
  readonly #deadlineMs: number;

  /** @throws ARGUMENT_INVALID not a URL */
  constructor(url: string, { ca, cert, key }: ClientTls = {}, deadlineMs = 10_000) {
    this.#url = baseOf(url);
    this.#deadlineMs = deadlineMs;
    const pem = (text: string | Uint8Array) => Buffer.from(text);
    this.#agent = new Agent({
      connect: {
        ...(ca !== undefined && { ca: pem(ca) }),
        ...(cert !== undefined && { cert: pem(cert) }),
        ...(key !== undefined && { key: pem(key) }),
      },
    });
  }

  /** COSE_Key of the service, by its own word: the ledger says whether it is listed as its. @throws RESPONSE_MALFORMED */
  async wrapKey(signal?: AbortSignal): Promise<Bytes> {
    const { wrapKey } = await this.#ask('GET', '/v1/wrap-key', undefined, signal);
    if (typeof wrapKey !== 'string') throw fail('RESPONSE_MALFORMED', 'the KMS names no key');
    try {
      return encodeCoseKey(decodeCoseKey(fromBase64url(wrapKey)));
    } catch (cause) {
      throw fail('RESPONSE_MALFORMED', 'what the KMS names is no key', { cause });
    }
  }

  /** @param signed by `makeKeyImport`; may be sent again. @throws the service’s refusal by its code; UNAVAILABLE */
  async import(signed: Bytes, signal?: AbortSignal): Promise<string> {
    const body = JSON.stringify({ request: toBase64url(signed) });
    const { dataKeyId } = await this.#ask('POST', '/v1/keys', body, signal);
    if (typeof dataKeyId !== 'string') throw fail('RESPONSE_MALFORMED', 'the KMS names no data key');
    return dataKeyId;
  }

  close(): void {
    void this.#agent.destroy();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #ask(method: 'GET' | 'POST', path: string, body: string | undefined, signal?: AbortSignal) {
    const call: Call = { deadline: Date.now() + this.#deadlineMs, ...(signal && { signal }) };
    return attempt(RETRIES, call, (each) => this.#once(method, path, body, each));
  }

  async #once(
    method: 'GET' | 'POST',
    path: string,
    body: string | undefined,
    { deadline, signal }: Call,
  ): Promise<Record<string, unknown>> {
    const late = AbortSignal.timeout(Math.max(0, deadline - Date.now()));
    try {
      const response = await request(`${this.#url}${path}`, {
        dispatcher: this.#agent,
        method,
        headers: { accept: 'application/json', ...(body && { 'content-type': 'application/json' }) },
        body: body ?? null,
        signal: signal ? AbortSignal.any([signal, late]) : late,
      });
      const { statusCode: status, headers } = response;
      const answer = { status, headers, body: await readBody(response.body) };
      if (status < 200 || status > 299) throw failureOf(answer);
      return jsonOf(answer.body);
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      if (isLedgerError(error)) throw error;
      if (late.aborted) throw fail('DEADLINE_EXCEEDED', 'the KMS did not answer in time', { cause: error });
      throw fail('UNAVAILABLE', `cannot reach the KMS at ${this.#url}`, { cause: error });
    }
  }
}

function jsonOf(body: Bytes): Record<string, unknown> {
  try {
    const answer: unknown = JSON.parse(fromUtf8(body));
    if (typeof answer === 'object' && answer !== null) return answer as Record<string, unknown>;
  } catch (cause) {
    throw fail('RESPONSE_MALFORMED', 'the KMS does not answer in JSON', { cause });
  }
  throw fail('RESPONSE_MALFORMED', 'the KMS does not answer in JSON');
}
