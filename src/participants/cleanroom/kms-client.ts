/** What a clean room asks of a key management service: `POST /v1/releases`, over HTTP with mutual TLS. */
import { Agent, request } from 'undici';
import { attempt } from '../../client/attempt.ts';
import { failureOf, readBody } from '../../client/http-answer.ts';
import { baseOf } from '../../client/http-transport.ts';
import type { Call, ClientTls } from '../../client/index.ts';
import { type Bytes, fromBase64url, fromUtf8 } from '../../core/bytes.ts';
import { fail, isLedgerError } from '../../core/errors.ts';

export interface KmsAddress {
  /** DID of the KMS; undefined: of every one that has no address of its own. */
  readonly did?: string;
  readonly url: string;
}

/** Milliseconds for one release: the service logs, waits for the other keys of the pipeline, and asks at a witnessed head. */
const DEADLINE = 60_000;
const RETRIES = 8;
const MAX_WRAPPED = 4096;

export class KmsClient {
  readonly #url: string;
  readonly #agent: Agent;

  /** @throws ARGUMENT_INVALID not a URL */
  constructor(url: string, { ca, cert, key }: ClientTls = {}) {
    this.#url = baseOf(url);
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
   * The wrapped data key of a release that is logged. Asked again, the service gives the same answer.
   * @throws the ledger's denial, or the service's own refusal, by its code; UNAVAILABLE, DEADLINE_EXCEEDED
   */
  release(urn: string, signal: AbortSignal, deadlineMs: number = DEADLINE): Promise<Bytes> {
    const call: Call = { deadline: Date.now() + deadlineMs, signal };
    return attempt(RETRIES, call, (each) => this.#once(urn, each));
  }

  close(): void {
    void this.#agent.destroy();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async #once(urn: string, { deadline, signal }: Call): Promise<Bytes> {
    const late = AbortSignal.timeout(Math.max(0, deadline - Date.now()));
    try {
      const { statusCode, headers, body } = await request(`${this.#url}/v1/releases`, {
        dispatcher: this.#agent,
        method: 'POST',
        headers: { accept: 'application/json', 'content-type': 'application/json' },
        body: JSON.stringify({ release: urn }),
        signal: signal ? AbortSignal.any([signal, late]) : late,
      });
      const answer = { status: statusCode, headers, body: await readBody(body) };
      if (answer.status < 200 || answer.status > 299) throw failureOf(answer);
      return wrappedIn(answer.body, urn);
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      if (isLedgerError(error)) throw error;
      if (late.aborted) throw fail('DEADLINE_EXCEEDED', 'the KMS did not answer in time', { cause: error });
      throw fail('UNAVAILABLE', `cannot reach the KMS at ${this.#url}`, { cause: error });
    }
  }
}

function wrappedIn(body: Bytes, urn: string): Bytes {
  try {
    const { release, wrapped } = JSON.parse(fromUtf8(body)) as Record<string, unknown>;
    const bytes = release === urn && typeof wrapped === 'string' ? fromBase64url(wrapped) : undefined;
    if (bytes && bytes.length <= MAX_WRAPPED) return bytes;
  } catch (cause) {
    throw fail('RESPONSE_MALFORMED', 'the KMS does not answer in JSON', { cause });
  }
  throw fail('RESPONSE_MALFORMED', 'the KMS answers something else than was asked');
}
