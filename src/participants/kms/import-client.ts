/** The owner's side of `POST /v1/keys`: what it sends, and to which key. */
import { attempt } from '../../client/attempt.ts';
import { type Ask, HttpPeer, posting } from '../../client/http-peer.ts';
import type { Call, ClientTls } from '../../client/index.ts';
import { type Bytes, fromBase64url, toBase64url } from '../../core/bytes.ts';
import { fail } from '../../core/errors.ts';
import { decodeCoseKey, encodeCoseKey } from '../../cose/key.ts';

const RETRIES = 2;

export class KeyImportClient {
  readonly #peer: HttpPeer;
  readonly #deadlineMs: number;

  /** @throws ARGUMENT_INVALID not a URL */
  constructor(url: string, tls: ClientTls = {}, deadlineMs = 10_000) {
    this.#peer = new HttpPeer(url, { tls });
    this.#deadlineMs = deadlineMs;
  }

  /** COSE_Key of the service, by its own word: the ledger says whether it is listed as its. @throws RESPONSE_MALFORMED */
  async wrapKey(signal?: AbortSignal): Promise<Bytes> {
    const { wrapKey } = await this.#ask('/v1/wrap-key', {}, signal);
    if (typeof wrapKey !== 'string') throw fail('RESPONSE_MALFORMED', 'the KMS names no key');
    try {
      return encodeCoseKey(decodeCoseKey(fromBase64url(wrapKey)));
    } catch (cause) {
      throw fail('RESPONSE_MALFORMED', 'what the KMS names is no key', { cause });
    }
  }

  /** @param signed by `makeKeyImport`; may be sent again. @throws the service’s refusal by its code; UNAVAILABLE */
  async import(signed: Bytes, signal?: AbortSignal): Promise<string> {
    const { dataKeyId } = await this.#ask('/v1/keys', posting({ request: toBase64url(signed) }), signal);
    if (typeof dataKeyId !== 'string') throw fail('RESPONSE_MALFORMED', 'the KMS names no data key');
    return dataKeyId;
  }

  close(): void {
    void this.#peer.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #ask(path: string, ask: Ask, signal?: AbortSignal) {
    const call: Call = { deadline: Date.now() + this.#deadlineMs, ...(signal && { signal }) };
    return attempt(RETRIES, call, (each) => this.#peer.json(path, each, ask));
  }
}
