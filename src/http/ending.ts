/** The end of a server, for those who are connected: what is being answered is answered whole, and what comes later is refused. */
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { fail } from '../core/errors.ts';

/**
 * Before whatever else looks at a request: one that comes after the end has begun gets its reason code, and the connection ends.
 * @returns whether the end has begun
 */
export function refuseWhenClosing(app: FastifyInstance): () => boolean {
  let closing = false;
  app.addHook('preClose', (done) => {
    closing = true;
    done();
  });
  app.addHook('onRequest', (_request, _reply, done) => {
    done(closing ? fail('LOG_CLOSING', 'the server is closing', { retryAfter: 5 }) : undefined);
  });
  return () => closing;
}

/**
 * Before anybody connects.
 * @returns what ends it: no new connections are taken, requests are answered, and after `graceMs` what is left is cut
 */
export function ending(app: FastifyInstance): (graceMs: number) => Promise<void> {
  const { server } = app;
  const sockets = new Set<Socket>();
  const hold = (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  };
  // Over TLS each has two: what it is carried by, which is all there is before the handshake, and what requests come on.
  server.on('connection', hold).on('secureConnection', hold);
  // For node a connection is idle as soon as its last answer has been handed over, read or not, and that would be cut in the
  // middle. So the idle ones are closed when no answer is on its way.
  const closeIdle = server.closeIdleConnections.bind(server);
  server.closeIdleConnections = () => {
    if (![...sockets].some(isSending)) closeIdle();
  };
  return async (graceMs) => {
    // Node knows of no connection before its handshake, and would wait for it for two minutes.
    const timer = setTimeout(() => {
      for (const socket of sockets) socket.destroy();
    }, graceMs);
    // `close` drops the connections that are idle now; one that is being answered becomes idle only later, and would
    // be kept alive until the grace is over.
    const idle = setInterval(() => server.closeIdleConnections(), 50);
    await app.close();
    clearInterval(idle);
    clearTimeout(timer);
  };
}

function isSending(socket: Socket): boolean {
  const { _httpMessage: answer } = socket as { _httpMessage?: ServerResponse | null };
  return !!answer?.writableEnded && !answer.writableFinished;
}
