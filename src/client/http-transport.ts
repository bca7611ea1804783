/** The transport over HTTP: the JSON API under /v1, and SCRAPI for what has only a receipt. */
import { setTimeout as delay } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { type Bytes, fromBase64, toBase64, toBase64url } from '../core/bytes.ts';
import { fail, isLedgerError, LedgerError } from '../core/errors.ts';
import { decodeProblemDetails } from '../cose/index.ts';
import type { ClaimedEntry } from '../verify/index.ts';
import {
  type BatchChannel,
  type Call,
  type ClientTls,
  type EntryName,
  exact,
  isCode,
  retryDelay,
  type Transport,
} from './transport.ts';

/** Largest answer in bytes: a page of 4 MiB of statements as base64 in JSON. */
const MAX_BODY = 16 << 20;
/** Statements of one JSON batch, in bytes before base64: the server takes 2 MiB of JSON. */
const MAX_BATCH_BYTES = 1 << 20;
/** Milliseconds between two looks at the head. */
const POLL = 1000;

type Json = Readonly<Record<string, unknown>>;

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Bytes;
}

interface Ask {
  readonly method?: 'GET' | 'POST';
  readonly type?: string;
  readonly body?: Bytes | string;
}

export class HttpTransport implements Transport {
  readonly #base: string;
  readonly #agent: Agent;

  /** @param url scheme and authority, and a path prefix if there is one. @throws ARGUMENT_INVALID */
  constructor(url: string, { ca, cert, key }: ClientTls = {}) {
    this.#base = baseOf(url);
    const pem = (text: string | Uint8Array) => Buffer.from(text);
    this.#agent = new Agent({
      connections: 16,
      connect: {
        ...(ca !== undefined && { ca: pem(ca) }),
        ...(cert !== undefined && { cert: pem(cert) }),
        ...(key !== undefined && { key: pem(key) }),
      },
    });
  }

  async register(statement: Bytes, call: Call): Promise<Bytes> {
    const answer = await this.#ask('/entries', call, {
      method: 'POST',
      type: 'application/cose',
      body: statement,
    });
    // 202: still running (SCRAPI); asking again is how its receipt is fetched.
    if (answer.status === 202) {
      throw fail('DEADLINE_EXCEEDED', 'registration is still running', {
        retryAfter: retryAfterOf(answer) ?? 1,
      });
    }
    return answer.body;
  }

  async receipt(entryId: Bytes, call: Call): Promise<Bytes> {
    return (await this.#ask(`/entries/${toBase64url(entryId)}`, call)).body;
  }

  openBatches(): BatchChannel {
    const closed = new AbortController();
    return {
      register: (statements, call) => {
        const signals = call.signal ? [call.signal, closed.signal] : [closed.signal];
        return this.#registerBatch(statements, { ...call, signal: AbortSignal.any(signals) });
      },
      close: () => closed.abort(fail('UNAVAILABLE', 'the channel was closed')),
    };
  }

  async #registerBatch(statements: readonly Bytes[], call: Call): Promise<(Bytes | LedgerError)[]> {
    const outcomes: (Bytes | LedgerError)[] = [];
    for (const part of partsOf(statements)) outcomes.push(...(await this.#registerPart(part, call)));
    return outcomes;
  }

  async #registerPart(statements: readonly Bytes[], call: Call): Promise<(Bytes | LedgerError)[]> {
    if (statements.length === 1) {
      return [await this.register(statements[0]!, call).catch((error: unknown) => ownFailure(error))];
    }
    const body = JSON.stringify({ statements: statements.map(toBase64) });
    const { results } = await this.#json('/v1/statements', call, {
      method: 'POST',
      type: 'application/json',
      body,
    });
    const list = arrayOf(results, 'results');
    if (list.length !== statements.length) throw malformed('not one result for each statement');
    return list.map((item) => {
      const { registration, failure } = objectOf(item, 'result');
      if (registration !== undefined)
        return bytesOf(objectOf(registration, 'registration').receipt, 'receipt');
      const { code, message, retryAfter } = objectOf(failure, 'failure');
      if (!isCode(code)) throw malformed('a failure without a code');
      return ledgerError(code, String(message ?? ''), retryDelay(retryAfter));
    });
  }

  async checkpoint(call: Call): Promise<string> {
    return noteOf(await this.#json('/v1/head', call));
  }

  async inclusion(of: EntryName, size: number | undefined, call: Call) {
    const at = size === undefined ? '' : `/${size}`;
    const answer = await this.#json(`/v1/inclusion/${nameOf(of)}${at}`, call);
    return {
      index: exact(answer.index, 'index'),
      leafHash: bytesOf(answer.leafHash, 'leaf hash'),
      path: pathOf(answer.path),
      checkpoint: noteOf(objectOf(answer.head, 'head')),
    };
  }

  async consistency(from: number, to: number, call: Call): Promise<readonly Bytes[]> {
    return pathOf((await this.#json(`/v1/consistency/${from}/${to}`, call)).path);
  }

  async entry(of: EntryName, call: Call): Promise<ClaimedEntry> {
    return entryOf(await this.#json(`/v1/entries/${nameOf(of)}`, call));
  }

  async entries(start: number, count: number, call: Call): Promise<ClaimedEntry[]> {
    const { entries } = await this.#json(`/v1/entries?start=${start}&count=${count}`, call);
    return arrayOf(entries, 'entries')
      .slice(0, count)
      .map((entry) => entryOf(objectOf(entry, 'entry')));
  }

  async effect(index: number, call: Call) {
    const answer = await this.#json(`/v1/entries/${index}/effect`, call);
    return {
      proof: {
        stateIndex: exact(answer.stateIndex, 'state index'),
        stateEntry: bytesOf(answer.stateEntry, 'state entry'),
        path: pathOf(answer.statePath),
        verdict: bytesOf(answer.verdict, 'verdict'),
        verdictPath: pathOf(answer.verdictPath),
      },
      checkpoint: noteOf(objectOf(answer.head, 'head')),
    };
  }

  async facts(keys: readonly Bytes[], call: Call) {
    const body = JSON.stringify({ keys: keys.map(toBase64) });
    const answer = await this.#json('/v1/facts', call, { method: 'POST', type: 'application/json', body });
    const tip = objectOf(answer.tip, 'tip');
    return {
      checkpoint: noteOf(objectOf(answer.head, 'head')),
      tip: {
        index: exact(tip.index, 'index'),
        stateEntry: bytesOf(tip.stateEntry, 'state entry'),
        path: pathOf(tip.path),
      },
      facts: arrayOf(answer.facts, 'facts').map((item) => {
        const { key, value, proof } = objectOf(item, 'fact');
        return {
          key: bytesOf(key, 'key'),
          value: value === null ? null : bytesOf(value, 'value'),
          proof: bytesOf(proof, 'proof'),
        };
      }),
    };
  }

  async *follow(signal: AbortSignal): AsyncIterable<string> {
    let last: string | undefined;
    for (;;) {
      const note = await this.checkpoint({ deadline: Date.now() + 10 * POLL, signal });
      if (note !== last) yield note;
      last = note;
      await delay(POLL, undefined, { signal });
    }
  }

  close(): void {
    void this.#agent.destroy();
  }

  async #json(path: string, call: Call, ask: Ask = {}): Promise<Json> {
    const { body } = await this.#ask(path, call, ask);
    let value: unknown;
    try {
      value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
    } catch (cause) {
      throw malformed('the answer is not JSON', cause);
    }
    return objectOf(value, 'answer');
  }

  /** @throws what the server answered, by its code */
  async #ask(
    path: string,
    { deadline, signal }: Call,
    { method = 'GET', type, body }: Ask = {},
  ): Promise<Answer> {
    const late = AbortSignal.timeout(Math.max(0, Math.min(deadline - Date.now(), 2 ** 31 - 1)));
    try {
      const response = await request(`${this.#base}${path}`, {
        dispatcher: this.#agent,
        method,
        headers: { accept: '*/*', ...(type && { 'content-type': type }) },
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

/** @throws RESPONSE_MALFORMED longer than this client takes */
async function readBody(body: AsyncIterable<Uint8Array>): Promise<Bytes> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > MAX_BODY) throw malformed(`an answer of more than ${MAX_BODY} bytes`);
    chunks.push(chunk);
  }
  return new Uint8Array(Buffer.concat(chunks));
}

/** The code is in the header `aichain-code`, and in the body of either surface. */
function failureOf(answer: Answer): LedgerError {
  const header = answer.headers['aichain-code'];
  const { code, detail } = problemOf(answer);
  const named = isCode(header) ? header : code;
  const retryAfter = retryAfterOf(answer);
  if (isCode(named)) return ledgerError(named, detail ?? `HTTP ${answer.status}`, retryAfter);
  const message = `HTTP ${answer.status} without a reason code`;
  // A proxy on the way: what it says is at most that trying again may help.
  if (answer.status === 404) return fail('NOT_FOUND', message);
  if (answer.status === 401 || answer.status === 403) return fail('UNAUTHENTICATED', message);
  if (answer.status === 429 || answer.status >= 500) {
    return fail('UNAVAILABLE', message, retryAfter === undefined ? {} : { retryAfter });
  }
  return malformed(message);
}

/** RFC 9457 JSON, or RFC 9290 CBOR, whose detail begins with the code. What is neither says nothing. */
function problemOf({ headers, body }: Answer): { code?: unknown; detail?: string } {
  try {
    if (String(headers['content-type']).startsWith('application/problem+json')) {
      const { code, detail } = JSON.parse(new TextDecoder().decode(body)) as Json;
      return { code, ...(typeof detail === 'string' && { detail }) };
    }
    const { detail = '' } = decodeProblemDetails(body);
    const [, code, text] = /^([A-Z][A-Z0-9_]+): (.*)$/s.exec(detail) ?? [];
    return { code, detail: text ?? detail };
  } catch {
    return {};
  }
}

function retryAfterOf({ headers }: Answer): number | undefined {
  return retryDelay(headers['retry-after']);
}

function ledgerError(code: string, message: string, retryAfter: number | undefined): LedgerError {
  return new LedgerError(code, message.slice(0, 1024), retryAfter === undefined ? {} : { retryAfter });
}

/** A failure that belongs to one statement; what belongs to the connection is thrown on. */
function ownFailure(error: unknown): LedgerError {
  if (isLedgerError(error)) return error;
  throw error;
}

function* partsOf(statements: readonly Bytes[]): Generator<Bytes[]> {
  let part: Bytes[] = [];
  let size = 0;
  for (const statement of statements) {
    if (part.length > 0 && size + statement.length > MAX_BATCH_BYTES) {
      yield part;
      part = [];
      size = 0;
    }
    part.push(statement);
    size += statement.length;
  }
  if (part.length > 0) yield part;
}

function nameOf(of: EntryName): string {
  return 'index' in of ? String(of.index) : toBase64url(of.entryId);
}

function baseOf(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (!parsed || !['http:', 'https:'].includes(parsed.protocol) || parsed.search || parsed.hash) {
    throw fail('ARGUMENT_INVALID', 'the server’s address is not an http or https URL');
  }
  return parsed.href.replace(/\/+$/, '');
}

function noteOf({ checkpoint }: Json): string {
  if (typeof checkpoint !== 'string') throw malformed('the answer has no checkpoint');
  return checkpoint;
}

function entryOf({ index, leafData, statement }: Json): ClaimedEntry {
  return {
    index: exact(index, 'index'),
    leafData: bytesOf(leafData, 'leaf data'),
    statement: statement === null ? null : bytesOf(statement, 'statement'),
  };
}

function pathOf(value: unknown): Bytes[] {
  return arrayOf(value, 'path').map((hash) => bytesOf(hash, 'path'));
}

function bytesOf(value: unknown, name: string): Bytes {
  if (typeof value !== 'string') throw malformed(`the answer has no ${name}`);
  try {
    return fromBase64(value);
  } catch (cause) {
    throw malformed(`${name} is not base64`, cause);
  }
}

function arrayOf(value: unknown, name: string): readonly unknown[] {
  if (!Array.isArray(value)) throw malformed(`the answer has no ${name}`);
  return value;
}

function objectOf(value: unknown, name: string): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw malformed(`the answer has no ${name}`);
  }
  return value as Json;
}

function malformed(message: string, cause?: unknown) {
  return fail('RESPONSE_MALFORMED', message, { cause });
}
