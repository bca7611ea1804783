/**
 * Requests of one connection, one after the other. A client may send more of them before it has read the first answer (RFC 9112
 * §9.3.2), a thousand in 64 KiB; node hands them all out at once, and keeps each answer until those before it have been read.
 */
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';

/** Requests of a connection that wait for their turn. Whoever sends more loses the connection, and may send them again. */
const MOST_WAITING = 64;

interface Line {
  last: ServerResponse;
  waiting: number;
}

/** Before whatever else looks at a request: neither its time nor its work begins until the answer before it has left. */
export function takeInTurn(app: FastifyInstance): void {
  const lines = new WeakMap<Socket, Line>();
  app.addHook('onRequest', ({ raw: { socket } }, { raw: response }, done) => {
    const line = lines.get(socket);
    if (!line) {
      lines.set(socket, { last: response, waiting: 0 });
      return done();
    }
    const { last } = line;
    line.last = response;
    if (last.closed) return done();
    if (++line.waiting > MOST_WAITING) return void socket.destroy();
    last.once('close', () => {
      line.waiting--;
      // Nobody is there to be answered, and nothing was begun.
      if (!socket.destroyed) done();
    });
  });
}
