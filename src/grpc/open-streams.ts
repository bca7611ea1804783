/**
 * The open streams of an HTTP/2 session. node keeps them in a Map, whose old tables keep the streams, what listens to them, the calls
 * and their requests ({@link SmallMap}): four kilobytes a call, moved twice and then collected in full, a quarter of what a short call
 * took.
 */
import type { Http2Session, ServerHttp2Stream } from 'node:http2';
import { types } from 'node:util';
import type { ServerInterceptingCallInterface } from '@grpc/grpc-js';
import { SmallMap } from '../core/small-map.ts';
import { streamOf } from './cut-off.ts';

/** A client's first, RFC 9113 §5.1.1. Where it is another, or of no known method, node's Map is kept: calls take longer, that is all. */
const FIRST = 1;

/** Has the streams of the call's session in a {@link SmallMap} from its first call on, in a node that keeps them as it did from 20 to 24. */
export function tableStreams(call: ServerInterceptingCallInterface): void {
  const stream = streamOf(call);
  if (stream?.id === FIRST && stream.session) tableStreamsOf(stream.session);
}

/** @returns whether it has: not where node keeps them in another way */
export function tableStreamsOf(session: Http2Session): boolean {
  const state = stateOf(session);
  if (!state || !types.isMap(state.streams)) return false;
  state.streams = new SmallMap(state.streams as Map<number, ServerHttp2Stream>);
  return true;
}

/** What node has under a name of its own. */
function stateOf(session: object): { streams?: unknown } | undefined {
  const name = Object.getOwnPropertySymbols(session).find(({ description }) => description === 'state');
  return name && (session as Record<symbol, { streams?: unknown }>)[name];
}
