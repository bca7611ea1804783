/** What a clean room asks of a key management service: `POST /v1/releases`, over HTTP with mutual TLS. */
import { attempt } from '../../client/attempt.ts';
import { HttpPeer, posting } from '../../client/http-peer.ts';
import type { Call, ClientTls } from '../../client/index.ts';
import { type Bytes, fromBase64url } from '../../core/bytes.ts';
import { fail } from '../../core/errors.ts';

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
  readonly #peer: HttpPeer;

  /** @throws ARGUMENT_INVALID not a URL */
  constructor(url: string, tls: ClientTls = {}) {
    this.#peer = new HttpPeer(url, { tls });
  }

  /**
   * The wrapped data key of a release that is logged. Asked again, the service gives the same answer.
   * @throws the ledger's denial, or the service's own refusal, by its code; UNAVAILABLE, DEADLINE_EXCEEDED
   */
  async release(urn: string, signal: AbortSignal, deadlineMs: number = DEADLINE): Promise<Bytes> {
    const call: Call = { deadline: Date.now() + deadlineMs, signal };
    const ask = posting({ release: urn });
    const { release, wrapped } = await attempt(RETRIES, call, (each) =>
      this.#peer.json('/v1/releases', each, ask),
    );
    if (release !== urn) throw fail('RESPONSE_MALFORMED', 'the KMS answers something else than was asked');
    const bytes = base64urlOf(wrapped);
    if (bytes.length > MAX_WRAPPED) throw fail('RESPONSE_MALFORMED', 'the wrapped key is longer than any');
    return bytes;
  }

  close(): void {
    void this.#peer.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

function base64urlOf(value: unknown): Bytes {
  try {
    if (typeof value === 'string') return fromBase64url(value);
  } catch (cause) {
    throw fail('RESPONSE_MALFORMED', 'the wrapped key is not base64url', { cause });
  }
  throw fail('RESPONSE_MALFORMED', 'the KMS sends no wrapped key');
}
