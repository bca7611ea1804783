/**
 * The evidence store of a log over HTTP. What it gives is believed for its digest only: other bytes are not the evidence.
 */
import { type Bytes, equal, toBase64url } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { fail } from '../core/errors.ts';
import { nodeCrypto } from '../platform/crypto-node.ts';
import type { ClientTls } from '../platform/http-agent.ts';
import { attempt } from './attempt.ts';
import type { Answer } from './http-answer.ts';
import { type Ask, HttpPeer } from './http-peer.ts';
import type { Call } from './transport.ts';

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
  readonly #peer: HttpPeer;
  readonly #options: EvidenceClientOptions;
  readonly #crypto: Crypto;

  /** @throws ARGUMENT_INVALID */
  constructor(options: EvidenceClientOptions) {
    const { url, tls, crypto = nodeCrypto } = options;
    this.#peer = new HttpPeer(url, tls && { tls });
    this.#options = options;
    this.#crypto = crypto;
  }

  /**
   * @param digest 32 bytes
   * @throws EVIDENCE_ACCESS_DENIED, EVIDENCE_NOT_FOUND; EVIDENCE_DIGEST_MISMATCH the server has other bytes; UNAVAILABLE
   */
  async get(digest: Bytes, signal?: AbortSignal): Promise<Bytes> {
    const { body } = await this.#ask(`/v1/evidence/${toBase64url(digest)}`, {}, signal);
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
    const ask = { method: 'PUT', type: 'application/octet-stream', body: bytes } as const;
    await this.#ask(`/v1/evidence/${toBase64url(digest)}${of}`, ask, signal);
    return digest;
  }

  close(): void {
    void this.#peer.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #ask(path: string, ask: Ask, signal?: AbortSignal): Promise<Answer> {
    const { token, deadlineMs = 10_000, retries = 2 } = this.#options;
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const call: Call = { deadline: Date.now() + deadlineMs, ...(signal && { signal }) };
    return attempt(retries, call, (each) => this.#peer.ask(path, each, { ...ask, headers }));
  }
}
