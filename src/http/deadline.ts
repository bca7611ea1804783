/**
 * How long a request may take, and its end. Fastify's own `handlerTimeout` and `request.signal` are not used: they go by
 * the request stream's `close`, which comes as soon as a body has been read, and so end every POST at its beginning.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { fail } from '../core/errors.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** From the arrival of its headers; null where no hook was run. */
    deadline: Deadline | null;
  }
}

/**
 * The end of one request that comes from outside its work. Most requests never ask for the signal, and get none made; and what is
 * answered at once is never waited for, and needs no timer.
 */
class Deadline {
  readonly started = performance.now();
  readonly #milliseconds: number;
  #timer: NodeJS.Timeout | undefined;
  /** Method and pattern of the route, once its handler has been called. */
  operation: string | undefined;
  #controller: AbortController | undefined;
  #ended: { readonly reason: unknown } | undefined;
  #reject: ((reason: unknown) => void) | undefined;

  constructor(milliseconds: number) {
    this.#milliseconds = milliseconds;
  }

  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#watch();
      this.#controller = new AbortController();
      if (this.#ended) this.#controller.abort(this.#ended.reason);
    }
    return this.#controller.signal;
  }

  /** From now on somebody waits. */
  #watch(): void {
    if (this.#timer || this.#ended) return;
    const left = this.started + this.#milliseconds - performance.now();
    const late = () => this.stop(fail('DEADLINE_EXCEEDED', 'the answer was not ready in time'));
    // Whoever waits has a connection. An answer behind one that node gave by itself is never closed: it must not keep a process that ends.
    if (left > 0) this.#timer = setTimeout(late, left).unref();
    else late();
  }

  /** Nobody waits any more. */
  close(): void {
    clearTimeout(this.#timer);
  }

  stop(reason: unknown): void {
    this.#ended = { reason };
    this.#controller?.abort(reason);
    this.#reject?.(reason);
  }

  /** The work's result, or the reason of the end if that comes first; the work's own end is then ignored. */
  first(work: PromiseLike<unknown>): Promise<unknown> {
    this.#watch();
    return new Promise((resolve, reject) => {
      this.#reject = reject;
      if (this.#ended) reject(this.#ended.reason);
      work.then(resolve, reject);
    });
  }
}

/** Aborts when the client has gone (over plain HTTP: by a reset, since who ends its side may still read) or the time is up. */
export function signalOf(request: FastifyRequest): AbortSignal {
  return request.deadline!.signal;
}

/**
 * Before the routes: each handler added afterwards has `milliseconds` from the arrival of the request's headers.
 * @param answered told about each request whose answer has been handed to the system
 */
export function keepDeadlines(
  app: FastifyInstance,
  milliseconds: number,
  answered: (request: FastifyRequest, reply: FastifyReply, seconds: number) => void,
): void {
  app.decorateRequest('deadline', null);
  app.addHook('onRequest', (request, reply, done) => {
    const deadline = new Deadline(milliseconds);
    request.deadline = deadline;
    // It comes after a finished answer, too.
    reply.raw.on('close', () => {
      deadline.close();
      if (!reply.raw.writableFinished) deadline.stop(fail('DEADLINE_EXCEEDED', 'the client has gone'));
      else answered(request, reply, (performance.now() - deadline.started) / 1000);
    });
    done();
  });
  app.addHook('onRoute', (route) => {
    const { handler, method, url } = route;
    const operation = typeof method === 'string' ? `${method} ${url}` : undefined;
    route.handler = function (this: FastifyInstance, request: FastifyRequest, reply: FastifyReply) {
      const deadline = request.deadline!;
      deadline.operation = operation;
      const work: unknown = handler.call(this, request, reply);
      return work instanceof Promise ? deadline.first(work) : work;
    };
  });
}
