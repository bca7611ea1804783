/** Tiles of a log over HTTP: within bounds of size and time, asked for again while that makes sense. Nothing is believed. */
import { Agent, request } from 'undici';
import { type Bytes, fromUtf8, utf8 } from '../core/bytes.ts';
import { fail, isLedgerError } from '../core/errors.ts';
import { timeLimit } from '../platform/time-limit.ts';
import { attempt } from './attempt.ts';
import { failureOf, malformed } from './http-answer.ts';
import { baseOf } from './http-transport.ts';
import type { ClientTls } from './transport.ts';

/** Largest answers in bytes: a note with many cosignatures; and by kind of tile what 256 hashes or entries can come to. */
const MAX_CHECKPOINT = 1 << 20;
const MAX_HASHES = 256 * 32;
const MAX_ENTRIES = 256 * (2 + 0xffff);
const MAX_STATEMENTS = 256 * (4 + (1 << 20));
/** Bytes of a refusal that are looked at. */
const MAX_REFUSAL = 64 << 10;

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
  readonly #base: string;
  readonly #agent: Agent;
  readonly #retries: number;
  readonly #signal: AbortSignal | undefined;

  /** @param url what stands before `/checkpoint` and `/tile/`. @throws ARGUMENT_INVALID */
  constructor(
    url: string,
    { tls: { ca, cert, key } = {}, retries = RETRIES, signal }: HttpTilesOptions = {},
  ) {
    this.#base = baseOf(url);
    this.#retries = retries;
    this.#signal = signal;
    const pem = (text: string | Uint8Array) => Buffer.from(text);
    this.#agent = new Agent({
      connections: 8,
      headersTimeout: SILENCE,
      bodyTimeout: SILENCE,
      connect: {
        ...(ca !== undefined && { ca: pem(ca) }),
        ...(cert !== undefined && { cert: pem(cert) }),
        ...(key !== undefined && { key: pem(key) }),
      },
    });
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
    return this.#agent.destroy();
  }

  #get(path: string, most: number, timeout: number): Promise<Bytes> {
    const call = { deadline: Date.now() + timeout, ...(this.#signal && { signal: this.#signal }) };
    return attempt(this.#retries, call, async () => {
      using limit = timeLimit(call.deadline - Date.now(), this.#signal);
      try {
        return await this.#once(path, most, limit.signal);
      } catch (cause) {
        if (isLedgerError(cause)) throw cause;
        this.#signal?.throwIfAborted();
        throw fail('UNAVAILABLE', `the log does not answer ${path}`, { cause });
      }
    });
  }

  async #once(path: string, most: number, signal: AbortSignal): Promise<Bytes> {
    const answer = await request(`${this.#base}/${path}`, { dispatcher: this.#agent, signal });
    const { statusCode: status, headers } = answer;
    if (status === 200) return readBody(answer.body, most);
    const body = await beginning(answer.body, MAX_REFUSAL);
    if (status === 404) throw fail('NOT_FOUND', `the log has no ${path}`);
    throw failureOf({ status, headers, body });
  }
}

async function readBody(body: AsyncIterable<Uint8Array>, most: number): Promise<Bytes> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > most) throw malformed(`an answer of more than ${most} bytes`);
    chunks.push(chunk);
  }
  return new Uint8Array(Buffer.concat(chunks, size));
}

/** Whoever refuses may go on for ever: what comes after `most` bytes is not waited for. */
async function beginning(body: AsyncIterable<Uint8Array>, most: number): Promise<Bytes> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    size += chunk.length;
    if (size >= most) break;
  }
  return new Uint8Array(Buffer.concat(chunks).subarray(0, most));
}
