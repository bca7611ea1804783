/**
 * An answer that comes before its request has been read to the end, because the body is larger than is taken. If the
 * connection were closed at once, the system would reset it, and a client that is still sending would see a broken
 * pipe where the reason code should be. So the rest is read and forgotten first, within bounds (RFC 9112 §9.6).
 */
import type { IncomingMessage } from 'node:http';
import type { FastifyInstance } from 'fastify';

/** What is read for the sake of an answer: bytes and milliseconds. A client that sends more has to do without. */
const MAX_BYTES = 32 << 20;
const MAX_TIME = 5_000;

export function readUnreadBodies(app: FastifyInstance): void {
  // It is always a refusal; what succeeds is not asked.
  app.addHook('onError', (request, reply, _error, done) => {
    const unread = !request.raw.complete && reply.getHeader('connection') === 'close';
    if (unread) discarded(request.raw).then(() => done());
    else done();
  });
}

/** Resolves when the body has ended, one way or another, or the bounds are reached. */
function discarded(request: IncomingMessage): Promise<void> {
  return new Promise((resolve) => {
    let bytes = 0;
    const finish = () => {
      clearTimeout(timer);
      request.off('data', count).off('end', finish).off('close', finish);
      resolve();
    };
    const timer = setTimeout(finish, MAX_TIME);
    const count = (chunk: Uint8Array) => {
      bytes += chunk.length;
      if (bytes > MAX_BYTES) finish();
    };
    request.on('data', count).once('end', finish).once('close', finish).resume();
  });
}
