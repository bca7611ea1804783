/**
 * How long a request may take. Fastify's own `handlerTimeout` and `request.signal` are not used: they go by the
 * request stream's `close`, which comes as soon as a body has been read, and so end every POST at its beginning.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { fail } from '../core/errors.ts';

/** The end of one request that comes from outside its work. Most requests never ask for the signal, and get none made. */
class Deadline {
  #controller: AbortController | undefined;
  #ended: { readonly reason: unknown } | undefined;
  #reject: ((reason: unknown) => void) | undefined;

  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.#ended) this.#controller.abort(this.#ended.reason);
    }
    return this.#controller.signal;
  }

  end(reason: unknown): void {
    this.#ended = { reason };
    this.#controller?.abort(reason);
    this.#reject?.(reason);
  }

  /** The work's result, or the reason of the end if that comes first; the work's own end is then ignored. */
  first(work: unknown): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#reject = reject;
      if (this.#ended) reject(this.#ended.reason);
      Promise.resolve(work).then(resolve, reject);
    });
  }
}

const deadlines = new WeakMap<FastifyRequest, Deadline>();

function deadlineOf(request: FastifyRequest): Deadline {
  let deadline = deadlines.get(request);
  if (!deadline) {
    deadline = new Deadline();
    deadlines.set(request, deadline);
  }
  return deadline;
}

/** Aborts when the client has gone or the time is up. */
export function signalOf(request: FastifyRequest): AbortSignal {
  return deadlineOf(request).signal;
}

/** Before the routes: each handler added afterwards has `milliseconds` from the arrival of the request's headers. */
export function keepDeadlines(app: FastifyInstance, milliseconds: number): void {
  app.addHook('onRequest', (request, reply, done) => {
    const deadline = deadlineOf(request);
    const timer = setTimeout(
      () => deadline.end(fail('DEADLINE_EXCEEDED', 'the answer was not ready in time')),
      milliseconds,
    );
    reply.raw.once('close', () => {
      clearTimeout(timer);
      // It comes after a finished answer, too, when nobody listens any more.
      if (!reply.raw.writableFinished) deadline.end(fail('DEADLINE_EXCEEDED', 'the client has gone'));
    });
    done();
  });
  app.addHook('onRoute', (route) => {
    const { handler } = route;
    route.handler = function (this: FastifyInstance, request: FastifyRequest, reply: FastifyReply) {
      return deadlineOf(request).first(handler.call(this, request, reply));
    };
  });
}
