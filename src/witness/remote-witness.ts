/** A witness over the network, as a log reaches it: one request at a time, bounded in size. What it says is a claim. */
import { Agent, request } from 'undici';
import { type Bytes, toHex } from '../core/bytes.ts';
import { fail, isLedgerError } from '../core/errors.ts';
import {
  type AddCheckpoint,
  formatAddCheckpoint,
  MAX_COSIGNATURES,
  parseCosignatures,
  parseTlogSize,
  TLOG_SIZE,
  type WitnessAnswer,
} from '../note/index.ts';

/** Bytes of a refusal that are read: enough for a sentence. */
const MAX_REASON = 256;

export class RemoteWitness {
  readonly #base: string;
  readonly #agent: Agent;

  /** @param url submission prefix. @throws ARGUMENT_INVALID */
  constructor(url: string) {
    this.#base = baseOf(url);
    // Kept alive between rounds, so that a cosignature costs one round trip.
    this.#agent = new Agent({
      connections: 2,
      keepAliveTimeout: 60_000,
      maxResponseSize: MAX_COSIGNATURES + 1,
    });
  }

  /**
   * @throws WITNESS_REFUSED with its status and words; UNAVAILABLE also for 5xx and 429; DEADLINE_EXCEEDED the signal;
   * RESPONSE_MALFORMED, NOTE_MALFORMED
   */
  async addCheckpoint(asked: AddCheckpoint, signal: AbortSignal): Promise<WitnessAnswer> {
    const body = formatAddCheckpoint(asked);
    const answer = await this.#ask('/add-checkpoint', signal, { method: 'POST', body });
    if (answer.status === 200) return { type: 'cosigned', signatures: parseCosignatures(answer.body) };
    if (answer.status === 409 && answer.type === TLOG_SIZE) {
      return { type: 'conflict', size: parseTlogSize(answer.body) };
    }
    throw refusal(answer);
  }

  /**
   * The last checkpoint that the witness has cosigned, from a monitoring prefix that is the submission prefix.
   * @param hash SHA-256 of the origin
   * @throws as {@link addCheckpoint}
   */
  async lastCosigned(hash: Bytes, signal: AbortSignal): Promise<Bytes> {
    const answer = await this.#ask(`/${toHex(hash)}/checkpoint`, signal, { method: 'GET' });
    if (answer.status !== 200) throw refusal(answer);
    return answer.body;
  }

  close(): Promise<void> {
    return this.#agent.destroy();
  }

  async #ask(
    path: string,
    signal: AbortSignal,
    { method, body }: { method: 'GET' | 'POST'; body?: string },
  ): Promise<Answer> {
    try {
      const {
        statusCode,
        headers,
        body: stream,
      } = await request(`${this.#base}${path}`, {
        ...{ dispatcher: this.#agent, method, signal },
        // Kept as it is: some servers read nothing without a type.
        ...(body !== undefined && { body, headers: { 'content-type': 'text/plain; charset=utf-8' } }),
      });
      const type = String(headers['content-type'] ?? '')
        .split(';')[0]!
        .trim()
        .toLowerCase();
      const retryAfter = secondsOf(headers['retry-after']);
      return { status: statusCode, type, retryAfter, body: new Uint8Array(await stream.arrayBuffer()) };
    } catch (cause) {
      if (signal.aborted) throw fail('DEADLINE_EXCEEDED', 'the witness did not answer in time', { cause });
      if ((cause as { code?: string }).code === 'UND_ERR_RES_EXCEEDED_MAX_SIZE') {
        throw fail('RESPONSE_MALFORMED', 'the answer is longer than any of a witness', { cause });
      }
      if (isLedgerError(cause)) throw cause;
      throw fail('UNAVAILABLE', 'the witness cannot be reached', { cause });
    }
  }
}

interface Answer {
  readonly status: number;
  readonly type: string;
  /** Seconds before it wants to be asked again. */
  readonly retryAfter: number | undefined;
  readonly body: Bytes;
}

/** Of Retry-After, which may be a date as well: nobody's clock is relied on for that. */
function secondsOf(value: unknown): number | undefined {
  return typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : undefined;
}

function refusal({ status, retryAfter, body }: Answer) {
  const words = new TextDecoder()
    .decode(body.subarray(0, MAX_REASON))
    .replace(/\p{Cc}+/gu, ' ')
    .trim();
  const message = `the witness answers ${status}${words === '' ? '' : `: ${words}`}`;
  if (status < 500 && status !== 429) return fail('WITNESS_REFUSED', message);
  return fail('UNAVAILABLE', message, retryAfter === undefined ? {} : { retryAfter });
}

function baseOf(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (!parsed || !['http:', 'https:'].includes(parsed.protocol) || parsed.search || parsed.hash) {
    throw fail('ARGUMENT_INVALID', 'a witness’s address is not an http or https URL');
  }
  return parsed.href.replace(/\/+$/, '');
}
