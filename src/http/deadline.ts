/**
 * How long a request may take. Fastify's own `handlerTimeout` and `request.signal` are not used: they go by the
 * request stream's `close`, which comes as soon as a body has been read, and so end every POST at its beginning.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { fail } from '../core/errors.ts';

const controllers = new WeakMap<FastifyRequest, AbortController>();

/** Aborts when the client has gone or the time is up. */
export function signalOf(request: FastifyRequest): AbortSignal {
  const controller = controllers.get(request) ?? new AbortController();
  controllers.set(request, controller);
  return controller.signal;
}

/** Before the routes: each handler added afterwards has `milliseconds` from the arrival of the request's headers. */
export function deadlines(app: FastifyInstance, milliseconds: number): void {
  app.addHook('onRequest', async (request, reply) => {
    const controller = new AbortController();
    controllers.set(request, controller);
    const timer = setTimeout(
      () => controller.abort(fail('DEADLINE_EXCEEDED', 'the answer was not ready in time')),
      milliseconds,
    );
    reply.raw.once('close', () => {
      clearTimeout(timer);
      // After a finished answer nobody listens any more.
      controller.abort(fail('DEADLINE_EXCEEDED', 'the client has gone'));
    });
  });
  app.addHook('onRoute', (route) => {
    const { handler } = route;
    route.handler = async function (this: FastifyInstance, request: FastifyRequest, reply: FastifyReply) {
      return untilAborted(signalOf(request), handler.call(this, request, reply));
    };
  });
}

/** The work's result, or the signal's reason if that comes first; the work's own end is then ignored. */
async function untilAborted(signal: AbortSignal, work: unknown): Promise<unknown> {
  let stop = () => {};
  const aborted = new Promise<never>((_resolve, reject) => {
    stop = () => reject(signal.reason);
    signal.addEventListener('abort', stop);
    if (signal.aborted) stop();
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
