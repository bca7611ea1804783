/** Tiles of a log over HTTP: within bounds of size and time, asked for again while that makes sense. Nothing is believed. */
import { type Bytes, fromUtf8, utf8 } from '../core/bytes.ts';
import { fail, isLedgerError } from '../core/errors.ts';
import type { ClientTls } from '../platform/http-agent.ts';
import { attempt } from './attempt.ts';
import { failureOf, malformed } from './http-answer.ts';
import { HttpPeer } from './http-peer.ts';

/** Largest answers in bytes: a note with many cosignatures; and by kind of tile what 256 hashes or entries can come to. */
const MAX_CHECKPOINT = 1 << 20;
const MAX_HASHES = 256 * 32;
const MAX_ENTRIES = 256 * (2 + 0xffff);
const MAX_STATEMENTS = 256 * (4 + (1 << 20));

/** Milliseconds. A bundle of the largest statements may take its time, but not be silent. */
const SILENCE = 15_000;
const TIMEOUT = 120_000;
const CHECKPOINT_TIMEOUT = 15_000;
const RETRIES = 4;

export interface HttpTilesOptions {
  readonly tls?: ClientTls;
  /** Attempts after the first that fails (4). */
  readonly retries?: number;
  /** Ends every request. */
  readonly signal?: AbortSignal;
}

/** A source of tiles, for LogReader. */
export class HttpTiles {
  readonly #peer: HttpPeer;
  readonly #retries: number;
  readonly #signal: AbortSignal | undefined;

  /** @param url what stands before `/checkpoint` and `/tile/`. @throws ARGUMENT_INVALID */
  constructor(url: string, { tls, retries = RETRIES, signal }: HttpTilesOptions = {}) {
    this.#peer = new HttpPeer(url, { connections: 8, silence: SILENCE, ...(tls && { tls }) });
    this.#retries = retries;
    this.#signal = signal;
  }

  /** The checkpoint that answers are given from, such as the last cosigned one: a signed note. @throws as {@link tile} */
  checkpoint(): Promise<Bytes> {
    return this.#get('checkpoint', MAX_CHECKPOINT, CHECKPOINT_TIMEOUT);
  }

  /** The newest head that is signed, cosigned or not: a signed note. Only a log of this software tells it apart. */
  async head(): Promise<Bytes> {
    try {
      const answer = await this.#get('v1/head', MAX_CHECKPOINT, CHECKPOINT_TIMEOUT);
      const { checkpoint } = JSON.parse(fromUtf8(answer)) as { checkpoint?: unknown };
      if (typeof checkpoint === 'string') return utf8(checkpoint);
    } catch (error) {
      // Files behind any web server are a log, too.
      if (isLedgerError(error, 'NOT_FOUND')) return this.checkpoint();
      if (isLedgerError(error) && error.code !== 'BYTES_MALFORMED') throw error;
      this.#signal?.throwIfAborted();
    }
    throw malformed('the answer has no checkpoint');
  }

  /**
   * @throws NOT_FOUND there is no such tile; UNAVAILABLE nobody answers, or not now; RESPONSE_MALFORMED longer than it can
   * be, or no answer of a log
   */
  tile(path: string): Promise<Bytes> {
    const most = path.startsWith('tile/entries/')
      ? MAX_ENTRIES
      : path.startsWith('tile/statements/')
        ? MAX_STATEMENTS
        : MAX_HASHES;
    return this.#get(path, most, TIMEOUT);
  }

  close(): Promise<void> {
    return this.#peer.close();
  }

  async #get(path: string, most: number, timeout: number): Promise<Bytes> {
    const call = { deadline: Date.now() + timeout, ...(this.#signal && { signal: this.#signal }) };
    const found = await attempt(this.#retries, call, async (each) => {
      const answer = await this.#peer.send(`/${path}`, each, { most });
      if (answer.status === 200) return answer.body;
      if (answer.status === 404) return fail('NOT_FOUND', `the log has no ${path}`);
      const failure = failureOf(answer);
      // An answer, and not asked for again here: a replayer that waited for a witnessed head would keep the log waiting for it.
      if (failure.code === 'NOT_WITNESSED') return failure;
      throw failure;
    });
    if (isLedgerError(found)) throw found;
    return found;
  }
}
