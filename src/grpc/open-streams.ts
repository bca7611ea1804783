/**
 * The open streams of an HTTP/2 session. node keeps them in a Map, and a Map that entries come into and leave is copied to a new table
 * every few dozen of them. The old table still has what was in it, and a pointer to the next. One that a full collection has moved to
 * the old generation is dead there until the full collection after it; meanwhile every table after it survives, and with the tables
 * the streams, what listens to them, the calls and their requests: four kilobytes a call, moved twice and then collected in full, a
 * quarter of what a short call took.
 */
import type { Http2Session, ServerHttp2Stream } from 'node:http2';
import { types } from 'node:util';
import type { ServerInterceptingCallInterface } from '@grpc/grpc-js';
import { streamOf } from './cut-off.ts';

/** A client's first, RFC 9113 §5.1.1. Where it is another, or of no known method, node's Map is kept: calls take longer, that is all. */
const FIRST = 1;

/** Has the streams of the call's session in a {@link StreamTable} from its first call on, in a node that keeps them as it did from 20 to 24. */
export function tableStreams(call: ServerInterceptingCallInterface): void {
  const stream = streamOf(call);
  if (stream?.id === FIRST && stream.session) tableStreamsOf(stream.session);
}

/** @returns whether it has: not where node keeps them in another way */
export function tableStreamsOf(session: Http2Session): boolean {
  const state = stateOf(session);
  if (!state || !types.isMap(state.streams)) return false;
  state.streams = new StreamTable(state.streams as Map<number, Stream>);
  return true;
}

/** What node has under a name of its own. */
function stateOf(session: object): { streams?: unknown } | undefined {
  const name = Object.getOwnPropertySymbols(session).find(({ description }) => description === 'state');
  return name && (session as Record<symbol, { streams?: unknown }>)[name];
}

type Stream = ServerHttp2Stream;

/**
 * A Map whose entries leave nothing behind: two arrays, searched from end to end, which for the hundred streams that a session may
 * have takes no longer than a table. The order is not kept, and what is gone through is what there was at first.
 */
export class StreamTable implements Map<number, Stream> {
  readonly #ids: number[] = [];
  readonly #streams: Stream[] = [];

  constructor(streams: Iterable<readonly [number, Stream]> = []) {
    for (const [id, stream] of streams) this.set(id, stream);
  }

  get size(): number {
    return this.#ids.length;
  }

  get(id: number): Stream | undefined {
    const at = this.#ids.indexOf(id);
    return at < 0 ? undefined : this.#streams[at];
  }

  has(id: number): boolean {
    return this.#ids.includes(id);
  }

  set(id: number, stream: Stream): this {
    const at = this.#ids.indexOf(id);
    if (at >= 0) this.#streams[at] = stream;
    else {
      this.#ids.push(id);
      this.#streams.push(stream);
    }
    return this;
  }

  delete(id: number): boolean {
    const at = this.#ids.indexOf(id);
    if (at < 0) return false;
    const [lastId, last] = [this.#ids.pop()!, this.#streams.pop()!];
    if (lastId !== id) {
      this.#ids[at] = lastId;
      this.#streams[at] = last;
    }
    return true;
  }

  clear(): void {
    this.#ids.length = 0;
    this.#streams.length = 0;
  }

  forEach(call: (stream: Stream, id: number, all: Map<number, Stream>) => void, self?: unknown): void {
    for (const [id, stream] of this) call.call(self, stream, id, this);
  }

  keys(): MapIterator<number> {
    return [...this.#ids].values();
  }

  values(): MapIterator<Stream> {
    return [...this.#streams].values();
  }

  entries(): MapIterator<[number, Stream]> {
    return this.#ids.map((id, at): [number, Stream] => [id, this.#streams[at]!]).values();
  }

  [Symbol.iterator](): MapIterator<[number, Stream]> {
    return this.entries();
  }

  get [Symbol.toStringTag](): string {
    return 'StreamTable';
  }
}
