/** What a call that has ended leaves behind. */
import type { ServerHttp2Stream } from 'node:http2';
import type { ServerInterceptingCallInterface } from '@grpc/grpc-js';
import { streamOf } from './cut-off.ts';

/**
 * Lets go of everything about a call but its stream once that has closed. node keeps the open streams of a session in a Map, and a
 * Map that entries come into and leave is copied to a new table every few dozen of them. The old table still has what was in it, and
 * a pointer to the next. One that a full collection has moved to the old generation is dead there until the full collection after
 * it; meanwhile every table after it survives with the streams in it, and with each stream what listens to it: grpc-js's call, ours,
 * and the request. That was three kilobytes a call, and a full collection every fifth of a second.
 */
export function forgetOnceClosed(call: ServerInterceptingCallInterface): void {
  streamOf(call)?.on('close', forget);
}

/** By name: without one, node looks for readers anew in the next tick. After the close there are no such events. */
function forget(this: ServerHttp2Stream): void {
  this.removeAllListeners('data');
  this.removeAllListeners('end');
}
