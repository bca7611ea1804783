/**
 * The three shapes of RPC that the log has, as wrappers that every method passes through: decode, count against the
 * client's rate, run under a deadline, answer or fail with a reason code, tell the observer.
 */
import type { Writable } from 'node:stream';
import type {
  MethodDefinition,
  ServerDuplexStream,
  ServerWritableStream,
  UntypedHandleCall,
} from '@grpc/grpc-js';
import type { Received } from './intake.ts';
import { type CallContext, type MethodOptions, Run } from './run.ts';
import type { UnaryHandler } from './unary-call.ts';
import { type Decoder, decodeMessage, type Encoder, encodeMessage } from './wire.ts';

/** One RPC, before it knows its path. */
export interface Method {
  readonly requestStream: boolean;
  readonly responseStream: boolean;
  serialize(message: unknown): Buffer;
  /** Of a call with streams. */
  handler?(path: string, options: MethodOptions): UntypedHandleCall;
  /** Of a call without. */
  unary?(path: string, options: MethodOptions): UnaryHandler;
}

export interface Shape<Request, Response> {
  readonly request: Decoder<Request>;
  readonly response: Encoder<Response>;
  /** Most fields of a request on the wire (default 16). */
  readonly maxFields?: number;
}

const MAX_FIELDS = 16;

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
    unary: (path, options) => (call, bytes) => {
      const run = new Run(path, call, options, options.limits.options.deadline);
      // Written here and not where it is assigned, as in unary-call.ts.
      const cancelled = () => run.cancelled();
      call.cancelled = cancelled;
      const refuse = (error: unknown) => run.end(error, (status) => call.refuse(status!));
      const answer = (message: Response) => run.end(null, () => call.answer(message));
      run.onAbort(refuse);
      // What has everything at hand is answered at once: each promise on the way costs as much as a proof does.
      let handled: Promise<Response> | Response;
      try {
        const request = decodeMessage(shape.request, bytes, shape.maxFields ?? MAX_FIELDS);
        const admitted = options.limits.admitRequest(run.client);
        handled = admitted ? admitted.then(() => handle(request, run)) : handle(request, run);
      } catch (error) {
        refuse(error);
        return;
      }
      if (!(handled instanceof Promise)) return answer(handled);
      run.expireAtDeadline();
      handled.then(answer, refuse);
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
      const run = new Run(path, call, options);
      run.expireAtDeadline();
      call.once('cancelled', () => run.cancelled());
      const finish = (error: unknown) =>
        run.end(error, (status) => (status ? call.emit('error', status) : call.end()));
      const answer = async () => {
        const request = decodeMessage(shape.request, call.request.bytes, shape.maxFields ?? MAX_FIELDS);
        // It may be open for ever, and there may be many: what opened it takes no room from what is registered.
        call.request.digested();
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
      const run = new Run(path, call, options);
      run.expireAtDeadline();
      call.once('cancelled', () => run.cancelled());
      call.setMaxListeners(0); // one for each answer under way
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
      // Apart from what waits for its reader: whatever is at hand here is kept as long.
      const handled = async ({ bytes }: Received) => {
        const request = decodeMessage(shape.request, bytes, shape.maxFields ?? MAX_FIELDS);
        await options.limits.admitRequest(run.client);
        return handle(request, run);
      };
      const answer = async (received: Received) => {
        const message = await handled(received);
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
