/** The transport over HTTP: the JSON API under /v1, and SCRAPI for what has only a receipt. */
import { setTimeout as delay } from 'node:timers/promises';
import { Agent, request } from 'undici';
import type { GateStep, RequestOf } from '../chain/index.ts';
import { type Bytes, toBase64, toBase64url } from '../core/bytes.ts';
import { fail, isLedgerError, type LedgerError } from '../core/errors.ts';
import type { ClaimedEntry } from '../verify/index.ts';
import {
  type Answer,
  arrayOf,
  bytesOf,
  entryOf,
  failureOf,
  type Json,
  ledgerError,
  malformed,
  noteOf,
  objectOf,
  pathOf,
  readBody,
  retryAfterOf,
} from './http-answer.ts';
import { httpProvenance } from './http-provenance.ts';
import {
  type BatchChannel,
  type Call,
  type ClaimedRegistration,
  type ClientTls,
  type EntryName,
  exact,
  isCode,
  retryDelay,
  type Transport,
  type Wait,
} from './transport.ts';

/** Statements of one JSON batch, in bytes before base64: the server takes 2 MiB of JSON. */
const MAX_BATCH_BYTES = 1 << 20;
/** Milliseconds between two looks at the head. */
const POLL = 1000;

type Outcome = ClaimedRegistration | LedgerError;

interface Ask {
  readonly method?: 'GET' | 'POST';
  readonly type?: string;
  readonly body?: Bytes | string;
}

export class HttpTransport implements Transport {
  readonly #base: string;
  readonly #agent: Agent;
  readonly provenance = httpProvenance((path, call) => this.#json(path, call));

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

  async register(statement: Bytes, call: Call, wait: Wait = 'LOGGED'): Promise<ClaimedRegistration> {
    const witnessed = wait === 'WITNESSED';
    const answer = await this.#ask(witnessed ? '/v1/statements?wait=WITNESSED' : '/entries', call, {
      method: 'POST',
      type: 'application/cose',
      body: statement,
    });
    // 202: still running (SCRAPI), or not witnessed yet; asking again is how its receipt is fetched.
    if (answer.status === 202) {
      throw fail('DEADLINE_EXCEEDED', 'registration is still running', {
        retryAfter: retryAfterOf(answer) ?? 1,
      });
    }
    return witnessed ? registrationOf(jsonOf(answer)) : { receipt: answer.body, checkpoint: null };
  }

  async receipt(entryId: Bytes, call: Call): Promise<Bytes> {
    return (await this.#ask(`/entries/${toBase64url(entryId)}`, call)).body;
  }

  openBatches(): BatchChannel {
    const closed = new AbortController();
    return {
      register: (statements, call, wait = 'LOGGED') => {
        const signals = call.signal ? [call.signal, closed.signal] : [closed.signal];
        return this.#registerBatch(statements, { ...call, signal: AbortSignal.any(signals) }, wait);
      },
      close: () => closed.abort(fail('UNAVAILABLE', 'the channel was closed')),
    };
  }

  async #registerBatch(statements: readonly Bytes[], call: Call, wait: Wait): Promise<Outcome[]> {
    const outcomes: Outcome[] = [];
    for (const part of partsOf(statements)) outcomes.push(...(await this.#registerPart(part, call, wait)));
    return outcomes;
  }

  async #registerPart(statements: readonly Bytes[], call: Call, wait: Wait): Promise<Outcome[]> {
    if (statements.length === 1) {
      return [await this.register(statements[0]!, call, wait).catch((error: unknown) => ownFailure(error))];
    }
    const body = JSON.stringify({ statements: statements.map(toBase64) });
    const { results } = await this.#json(`/v1/statements?wait=${wait}`, call, {
      method: 'POST',
      type: 'application/json',
      body,
    });
    const list = arrayOf(results, 'results');
    if (list.length !== statements.length) throw malformed('not one result for each statement');
    return list.map((item) => {
      const { registration, failure } = objectOf(item, 'result');
      if (registration !== undefined) return registrationOf(objectOf(registration, 'registration'));
      const { code, message, retryAfter } = objectOf(failure, 'failure');
      if (!isCode(code)) throw malformed('a failure without a code');
      return ledgerError(code, String(message ?? ''), retryDelay(retryAfter));
    });
  }

  async checkpoint(call: Call): Promise<string> {
    return noteOf(await this.#json('/v1/checkpoint', call));
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

  async gate<Step extends GateStep>(
    step: Step,
    request: RequestOf<Step>,
    from: number | undefined,
    call: Call,
  ) {
    const body = JSON.stringify({ request, ...(from !== undefined && { fromSize: from }) }, (_name, value) =>
      value instanceof Uint8Array ? toBase64(value) : value,
    );
    const ask = { method: 'POST', type: 'application/json', body } as const;
    return bytesOf((await this.#json(`/v1/gates/${step}`, call, ask)).bundle, 'bundle');
  }

  async *follow(signal: AbortSignal): AsyncIterable<string> {
    let last: string | undefined;
    for (;;) {
      const note = noteOf(await this.#json('/v1/head', { deadline: Date.now() + 10 * POLL, signal }));
      if (note !== last) yield note;
      last = note;
      await delay(POLL, undefined, { signal });
    }
  }

  close(): void {
    void this.#agent.destroy();
  }

  async #json(path: string, call: Call, ask: Ask = {}): Promise<Json> {
    return jsonOf(await this.#ask(path, call, ask));
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

function jsonOf({ body }: Answer): Json {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch (cause) {
    throw malformed('the answer is not JSON', cause);
  }
  return objectOf(value, 'answer');
}

function registrationOf({ receipt, head }: Json): ClaimedRegistration {
  const checkpoint = head === undefined ? null : noteOf(objectOf(head, 'head'));
  return { receipt: bytesOf(receipt, 'receipt'), checkpoint };
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

/** @throws ARGUMENT_INVALID */
export function baseOf(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (!parsed || !['http:', 'https:'].includes(parsed.protocol) || parsed.search || parsed.hash) {
    throw fail('ARGUMENT_INVALID', 'the server’s address is not an http or https URL');
  }
  return parsed.href.replace(/\/+$/, '');
}
