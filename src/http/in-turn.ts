/**
 * Requests of one connection, one after the other. A client may send more of them before it has read the first answer (RFC 9112
 * §9.3.2), a thousand in 64 KiB; node hands them all out at once, and keeps each answer until those before it have been read.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

/** Requests of a connection that wait for their turn. Whoever sends more loses the connection, and may send them again. */
const MOST_WAITING = 64;

/** Answers that have not left yet, in turn, by their connection; and one that has, until the next request. */
const lines = new WeakMap<Socket, ServerResponse[]>();

/** Before whatever else looks at a request: neither its time nor its work begins until the answer before it has left. */
export function takeInTurn(app: FastifyInstance): void {
  app.addHook('onRequest', ({ raw: { socket } }, { raw: response }, done) => {
    const line = lineOf(socket);
    // It took its turn before it came here; else it would wait for itself.
    if (line[0] === response) return done();
    const before = line.at(-1);
    line.push(response);
    if (!before || before.closed) return done();
    if (line.length > 1 + MOST_WAITING) return void socket.destroy();
    before.once('close', () => {
      // Nobody is there to be answered, and nothing was begun.
      if (socket.writable) done();
    });
  });
}

/** Takes its turn at once if no answer is before it. @returns whether it did */
export function takeFirst({ socket }: IncomingMessage, response: ServerResponse): boolean {
  const line = lineOf(socket);
  if (line.length > 0) return false;
  line.push(response);
  return true;
}

/** An answer that waits for nothing, to a request that no hook sees: it leaves behind those before it all the same. */
export function standInLine({ raw: { socket } }: FastifyRequest, { raw: response }: FastifyReply): void {
  lineOf(socket).push(response);
}

function lineOf(socket: Socket): ServerResponse[] {
  let line = lines.get(socket);
  if (!line) {
    line = [];
    lines.set(socket, line);
  }
  while (line[0]?.closed) line.shift();
  return line;
}

/** The last answer that a connection is due: to a request that came whole, or one that is being sent. */
export function lastDue(socket: Socket): ServerResponse | undefined {
  // What node refuses by itself is not in a line.
  const { _httpMessage: current } = socket as { _httpMessage?: ServerResponse | null };
  return [current, ...(lines.get(socket) ?? [])].findLast(
    (answer): answer is ServerResponse =>
      !!answer && !answer.closed && !answer.writableFinished && (answer.headersSent || answer.req.complete),
  );
}
