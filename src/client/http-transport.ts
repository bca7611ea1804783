/** The transport over HTTP: the JSON API under /v1, and SCRAPI for what has only a receipt. */
import { setTimeout as delay } from 'node:timers/promises';
import type { GateStep, RequestOf } from '../chain/index.ts';
import { type Bytes, toBase64, toBase64url } from '../core/bytes.ts';
import { fail, isLedgerError, type LedgerError } from '../core/errors.ts';
import type { ClientTls } from '../platform/http-agent.ts';
import type { ClaimedEntry } from '../verify/index.ts';
import {
  arrayOf,
  bytesOf,
  entryOf,
  type Json,
  jsonOf,
  ledgerError,
  malformed,
  noteOf,
  objectOf,
  pathOf,
  retryAfterOf,
} from './http-answer.ts';
import { HttpPeer, posting } from './http-peer.ts';
import { httpProvenance } from './http-provenance.ts';
import {
  type BatchChannel,
  type Call,
  type ClaimedRegistration,
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

export class HttpTransport implements Transport {
  readonly #peer: HttpPeer;
  readonly provenance = httpProvenance((path, call) => this.#peer.json(path, call));

  /** @param url scheme and authority, and a path prefix if there is one. @throws ARGUMENT_INVALID */
  constructor(url: string, tls: ClientTls = {}) {
    this.#peer = new HttpPeer(url, { tls, connections: 16 });
  }

  async register(statement: Bytes, call: Call, wait: Wait = 'LOGGED'): Promise<ClaimedRegistration> {
    const witnessed = wait === 'WITNESSED';
    const answer = await this.#peer.ask(witnessed ? '/v1/statements?wait=WITNESSED' : '/entries', call, {
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
    return (await this.#peer.ask(`/entries/${toBase64url(entryId)}`, call)).body;
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
    const asked = posting({ statements: statements.map(toBase64) });
    const { results } = await this.#peer.json(`/v1/statements?wait=${wait}`, call, asked);
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
    return noteOf(await this.#peer.json('/v1/checkpoint', call));
  }

  async inclusion(of: EntryName, size: number | undefined, call: Call) {
    const at = size === undefined ? '' : `/${size}`;
    const answer = await this.#peer.json(`/v1/inclusion/${nameOf(of)}${at}`, call);
    return {
      index: exact(answer.index, 'index'),
      leafHash: bytesOf(answer.leafHash, 'leaf hash'),
      path: pathOf(answer.path),
      checkpoint: noteOf(objectOf(answer.head, 'head')),
    };
  }

  async consistency(from: number, to: number, call: Call): Promise<readonly Bytes[]> {
    return pathOf((await this.#peer.json(`/v1/consistency/${from}/${to}`, call)).path);
  }

  async entry(of: EntryName, call: Call): Promise<ClaimedEntry> {
    return entryOf(await this.#peer.json(`/v1/entries/${nameOf(of)}`, call));
  }

  async entries(start: number, count: number, call: Call): Promise<ClaimedEntry[]> {
    const { entries } = await this.#peer.json(`/v1/entries?start=${start}&count=${count}`, call);
    return arrayOf(entries, 'entries')
      .slice(0, count)
      .map((entry) => entryOf(objectOf(entry, 'entry')));
  }

  async effect(index: number, call: Call) {
    const answer = await this.#peer.json(`/v1/entries/${index}/effect`, call);
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
    const answer = await this.#peer.json('/v1/facts', call, posting({ keys: keys.map(toBase64) }));
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
    return bytesOf((await this.#peer.json(`/v1/gates/${step}`, call, ask)).bundle, 'bundle');
  }

  async *follow(signal: AbortSignal): AsyncIterable<string> {
    let last: string | undefined;
    for (;;) {
      const note = noteOf(await this.#peer.json('/v1/head', { deadline: Date.now() + 10 * POLL, signal }));
      if (note !== last) yield note;
      last = note;
      await delay(POLL, undefined, { signal });
    }
  }

  close(): void {
    void this.#peer.close();
  }
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
