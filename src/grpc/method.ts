/**
 * The three shapes of RPC that the log has, as wrappers that every method passes through: decode, count against the
 * client's rate, run under a deadline, answer or fail with a reason code, tell the observer.
 */
import { type EventEmitter, setMaxListeners } from 'node:events';
import type { Writable } from 'node:stream';
import type {
  MethodDefinition,
  ServerDuplexStream,
  ServerUnaryCall,
  ServerWritableStream,
  sendUnaryData,
  UntypedHandleCall,
} from '@grpc/grpc-js';
import { fail } from '../core/errors.ts';
import type { Caller } from '../service/ledger.ts';
import { type Answer, answerOf } from '../service/status.ts';
import { type SurfaceOptions, subjectName } from '../service/surface.ts';
import type { Received } from './intake.ts';
import { statusObject } from './trailers.ts';
import { type Decoder, decodeMessage, type Encoder, encodeMessage } from './wire.ts';

export type MethodOptions = Pick<SurfaceOptions, 'ledger' | 'limits' | 'logger' | 'observer'> & {
  /** Aborts when the server begins to close: streams that would not end by themselves end then. */
  readonly closing: AbortSignal;
};

/** Caller with a signal that is always there. */
export type CallContext = Required<Caller>;

/** One RPC, before it knows its path. */
export interface Method {
  readonly requestStream: boolean;
  readonly responseStream: boolean;
  serialize(message: unknown): Buffer;
  handler(path: string, options: MethodOptions): UntypedHandleCall;
}

export interface Shape<Request, Response> {
  readonly request: Decoder<Request>;
  readonly response: Encoder<Response>;
  /** Most fields of a request on the wire (default 16). */
  readonly maxFields?: number;
}

const MAX_FIELDS = 16;

type ServerSurfaceCall = Pick<
  ServerUnaryCall<unknown, unknown>,
  'getDeadline' | 'getPeer' | 'getAuthContext'
>;
type UnaryCall = ServerUnaryCall<Received, unknown>;
type WritableCall = ServerWritableStream<Received, unknown>;
type DuplexCall = ServerDuplexStream<Received, unknown>;

export function unary<Request, Response>(
  shape: Shape<Request, Response>,
  handle: (request: Request, context: CallContext) => Promise<Response> | Response,
): Method {
  return {
    requestStream: false,
    responseStream: false,
    serialize: (message) => encodeMessage(shape.response, message as Response),
    handler: (path, options) => (call: UnaryCall, respond: sendUnaryData<unknown>) => {
      const run = new Run(path, call, options, options.limits.options.deadline);
      const answer = async () => {
        const request = decodeMessage(shape.request, call.request.bytes, shape.maxFields ?? MAX_FIELDS);
        await options.limits.admitRequest(run.client);
        return handle(request, run);
      };
      run.onAbort((reason) => run.end(reason, (status) => respond(status)));
      answer().then(
        (message) => run.end(null, () => respond(null, message)),
        (error) => run.end(error, (status) => respond(status)),
      );
    },
  };
}

/** Messages are taken from the iterable as fast as the client reads them. */
export function serverStream<Request, Response>(
  shape: Shape<Request, Response>,
  handle: (request: Request, context: CallContext) => AsyncIterable<Response>,
): Method {
  return {
    requestStream: false,
    responseStream: true,
    serialize: (message) => encodeMessage(shape.response, message as Response),
    handler: (path, options) => (call: WritableCall) => {
      const run = new Run(path, call, options, Number.POSITIVE_INFINITY);
      const finish = (error: unknown) =>
        run.end(error, (status) => (status ? call.emit('error', status) : call.end()));
      const answer = async () => {
        const request = decodeMessage(shape.request, call.request.bytes, shape.maxFields ?? MAX_FIELDS);
        await options.limits.admitRequest(run.client);
        for await (const message of handle(request, run)) {
          if (run.signal.aborted) break;
          await written(call, message);
        }
      };
      run.onAbort(finish);
      run.onClosing((reason) => run.abort(reason));
      answer().then(() => finish(null), finish);
    },
  };
}

/**
 * Each message of the client is answered by one message; answers may overtake each other. How many are in flight is
 * bounded by the intake: a message is delivered only while there is room.
 */
export function duplex<Request, Response>(
  shape: Shape<Request, Response>,
  handle: (request: Request, context: CallContext) => Promise<Response> | Response,
): Method {
  return {
    requestStream: true,
    responseStream: true,
    serialize: (message) => encodeMessage(shape.response, message as Response),
    handler: (path, options) => (call: DuplexCall) => {
      const run = new Run(path, call, options, Number.POSITIVE_INFINITY);
      let pending = 0;
      /** Why no more is read: the client has finished, or an error that waits for what is in flight. */
      let last: { readonly error: unknown } | undefined;
      const settle = () => {
        if (!last || pending > 0) return;
        const { error } = last;
        run.end(error, (status) => (status ? call.emit('error', status) : call.end()));
      };
      const stop = (error: unknown) => {
        last ??= { error };
        settle();
      };
      const answer = async (received: Received) => {
        const request = decodeMessage(shape.request, received.bytes, shape.maxFields ?? MAX_FIELDS);
        await options.limits.admitRequest(run.client);
        const message = await handle(request, run);
        received.digested();
        await written(call, message);
      };
      call.on('data', (received: Received) => {
        if (last) return;
        pending++;
        answer(received)
          .catch(stop)
          .finally(() => {
            pending--;
            received.answered();
            settle();
          });
      });
      call.on('end', () => stop(null));
      run.onAbort(stop);
      // What is in flight is answered first.
      run.onClosing(stop);
    },
  };
}

/** Resolves when the message has left for the client, or never will. */
function written(call: Writable & { readonly cancelled: boolean }, message: unknown): Promise<void> {
  return new Promise((resolve) => {
    if (call.cancelled || call.destroyed || call.writableEnded) return resolve();
    call.once('cancelled', resolve);
    call.write(message, () => {
      call.removeListener('cancelled', resolve);
      resolve();
    });
  });
}

/** One call from its start to its one end. */
class Run implements CallContext {
  readonly client: string;
  readonly signal: AbortSignal;
  readonly #path: string;
  readonly #options: MethodOptions;
  readonly #started = performance.now();
  readonly #abort = new AbortController();
  readonly #timer: NodeJS.Timeout | undefined;
  #onClosing = () => {};
  #ended = false;

  constructor(
    path: string,
    call: ServerSurfaceCall & EventEmitter,
    options: MethodOptions,
    defaultDeadline: number,
  ) {
    this.#path = path;
    this.#options = options;
    this.signal = this.#abort.signal;
    setMaxListeners(0, this.signal); // one for each statement in flight
    this.client = clientOf(call);
    const left = Math.min(defaultDeadline, Number(call.getDeadline()) - Date.now());
    if (left < 2 ** 31) {
      this.#timer = setTimeout(
        () => this.abort(fail('DEADLINE_EXCEEDED', 'the deadline has passed')),
        Math.max(0, left),
      );
    }
    call.once('cancelled', () => this.abort(fail('DEADLINE_EXCEEDED', 'the call was cancelled')));
  }

  /** Unary calls do not listen: they end soon by themselves. */
  onClosing(listener: (reason: unknown) => void): void {
    const { closing } = this.#options;
    this.#onClosing = () => listener(fail('LOG_CLOSING', 'the server is closing'));
    if (closing.aborted) this.#onClosing();
    else closing.addEventListener('abort', this.#onClosing);
  }

  abort(reason: unknown): void {
    this.#abort.abort(reason);
  }

  onAbort(listener: (reason: unknown) => void): void {
    this.signal.addEventListener('abort', () => listener(this.signal.reason), { once: true });
  }

  /** Answers once; what comes later (a result after the deadline) is dropped. `error` null: success. */
  end(error: unknown, send: (status: ReturnType<typeof statusObject> | null) => void): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#timer);
    this.#options.closing.removeEventListener('abort', this.#onClosing);
    const answer = error === null ? null : answerOf(error);
    if (answer) this.#log(answer, error);
    try {
      send(answer && statusObject(answer));
    } catch (cause) {
      this.#options.logger?.error({ err: cause, operation: this.#path }, 'an answer could not be sent');
    }
    this.#options.observer?.observe({
      surface: 'grpc',
      operation: this.#path,
      status: answer?.grpc ?? 0,
      code: answer?.code ?? null,
      seconds: (performance.now() - this.#started) / 1000,
    });
  }

  #log(answer: Answer, error: unknown): void {
    const fields = { operation: this.#path, client: this.client, code: answer.code };
    if (answer.http >= 500 && answer.http !== 503) {
      this.#options.logger?.error({ ...fields, err: error }, 'request failed');
    } else this.#options.logger?.debug(fields, answer.message);
  }
}

function clientOf(call: ServerSurfaceCall): string {
  const certificate = call.getAuthContext()?.sslPeerCertificate;
  if (certificate) return subjectName(certificate.subject);
  // address:port, where an IPv6 address is not in brackets.
  return call.getPeer().replace(/:\d+$/, '');
}

export function definition(path: string, method: Method): MethodDefinition<unknown, unknown> {
  return {
    path,
    requestStream: method.requestStream,
    responseStream: method.responseStream,
    requestSerialize: () => Buffer.alloc(0),
    // Decoding is the handler's: an error here could not carry a reason code.
    requestDeserialize: (bytes) => bytes,
    responseSerialize: method.serialize,
    responseDeserialize: (bytes) => bytes,
  };
}
