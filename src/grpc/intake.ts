/**
 * Back-pressure for what comes in. A message that was received waits here until there is room for it, and while it
 * waits its call is not read any further, so the sender stops at HTTP/2 flow control. Two windows: messages of one
 * call, by number and by bytes, and bytes of all calls together.
 */
import type { ServerInterceptingCallInterface, ServerInterceptor } from '@grpc/grpc-js';
import { Metadata, ServerInterceptingCall } from '@grpc/grpc-js';
import { SmallSet } from '../core/small-map.ts';
import type { Limits } from '../service/limits.ts';
import { GRPC } from '../service/status.ts';
import { cutOff, cutOffUnread, letGo, whenStuck } from './cut-off.ts';
import { tableStreams } from './open-streams.ts';
import { CODE_KEY, NO_METADATA, SIMULATED, SIMULATED_KEY } from './trailers.ts';
import { UnaryCall, type UnaryHandler } from './unary-call.ts';
import { Window } from './window.ts';

/** What opens a stream of answers is a name or a few numbers. */
const MOST_OPENING = 4096;

/** A request message on its way to a handler. */
export interface Received {
  bytes: Buffer;
  /** Its bytes are no longer held: the log has answered. */
  digested: () => void;
  /** It is answered, and the call may be read further. */
  answered: () => void;
}

const EMPTY = Buffer.alloc(0);
const nothing = () => {};

/**
 * The server's interceptor: delivers messages of streams as {@link Received}, hands unary calls to their handlers, and gives the
 * statuses that gRPC itself sends (oversized message, deadline, unreadable compression) a reason code too.
 * @param unary handlers by path
 * @param simulated a log for development: every answer says so
 */
export function intake(
  limits: Limits,
  unary: ReadonlyMap<string, UnaryHandler> = new Map(),
  simulated = false,
): ServerInterceptor {
  const { pendingBytes, pendingBatches, pendingBatchBytes } = limits.options;
  const allBytes = new Window(pendingBytes);
  /** Of a message, at least: so many small ones fill the window as there may be. */
  const share = pendingBatchBytes / pendingBatches;
  return ({ path, requestStream }, call) => {
    tableStreams(call);
    const handle = unary.get(path);
    if (compression(call) !== 'identity') {
      completeStatus(call, nothing, simulated);
      const details = 'requests are not compressed here';
      return new ServerInterceptingCall(call, {
        start: () => cutOff(call, { code: GRPC.UNIMPLEMENTED, details }),
      });
    }
    if (handle) {
      const whole = new UnaryCall(call, handle, allBytes, limits.options.deadline);
      completeStatus(call, () => whole.close(), simulated);
      return whole;
    }
    const messages = new Window(pendingBatchBytes);
    /** What is given back when the call ends, whichever way it ends. */
    const held = new SmallSet<() => void>();
    let closed = false;
    const close = () => {
      closed = true;
      for (const release of held) release();
    };
    const hold = (release: () => void): (() => void) => {
      const once = () => {
        if (held.delete(once)) release();
      };
      held.add(once);
      return once;
    };
    completeStatus(call, close, simulated);
    cutOffUnread(call, limits.options.deadline);
    const begin = () => {
      const { deadline } = limits.options;
      const status = { code: GRPC.DEADLINE_EXCEEDED, details: 'the request did not end in time' };
      // Answers may have been sent before it.
      if (requestStream) return hold(whenStuck(call, deadline, () => call.sendStatus(status)));
      const timer = setTimeout(() => cutOff(call, status), deadline);
      return hold(() => clearTimeout(timer));
    };
    let ended = nothing;
    return new ServerInterceptingCall(call, {
      start: (next) => {
        ended = begin();
        next({
          onReceiveMessage(bytes: Buffer, deliver: (message: Received) => void) {
            if (closed) return;
            if (!requestStream && bytes.length > MOST_OPENING) {
              const details = `the request has more than ${MOST_OPENING} bytes`;
              return cutOff(call, { code: GRPC.RESOURCE_EXHAUSTED, details });
            }
            const { length } = bytes;
            // What is below keeps this, and it keeps the bytes no longer than their room: an answer may wait for its reader for ever.
            const received: Received = { bytes, digested: nothing, answered: nothing };
            let leaveMessages = nothing;
            let leaveBytes = nothing;
            const stopWaiting = hold(() => {
              leaveMessages();
              leaveBytes();
            });
            const room = Math.max(length, share);
            leaveMessages = messages.enter(room, () => {
              // The end of the call gives back what it holds one by one, and that lets in its own that wait: they take nothing more.
              if (closed) return;
              received.answered = hold(() => messages.leave(room));
              leaveBytes = allBytes.enter(length, () => {
                if (closed) return allBytes.leave(length);
                const leave = hold(() => allBytes.leave(length));
                // Not where it is assigned, as in unary-call.ts.
                const digested = () => {
                  received.bytes = EMPTY;
                  leave();
                };
                received.digested = digested;
                held.delete(stopWaiting);
                deliver(received);
              });
            });
          },
          onReceiveHalfClose(pass: () => void) {
            ended();
            pass();
          },
          onCancel: close,
        });
      },
    });
  };
}

/**
 * What the messages of a call are compressed with. grpc-js unpacks each as it arrives, before anybody can ask for room: a few
 * kilobytes become as many megabytes. It takes this header out of the metadata that it shows.
 */
function compression(call: ServerInterceptingCallInterface): string {
  return (call as { incomingEncoding?: string }).incomingEncoding ?? 'identity';
}

/** Reason codes for statuses that carry none, because grpc-js made them. */
function transportCode(status: number, details: string): string | undefined {
  if (status === GRPC.RESOURCE_EXHAUSTED) return 'REQUEST_TOO_LARGE';
  if (status === GRPC.DEADLINE_EXCEEDED) return 'DEADLINE_EXCEEDED';
  // An unsupported compression, or none or two messages in a unary call.
  if (status === GRPC.UNIMPLEMENTED) return 'REQUEST_MALFORMED';
  if (status !== GRPC.INTERNAL) return undefined;
  return /^(?:Failed to decompress|Invalid grpc-timeout)/.test(details) ? 'REQUEST_MALFORMED' : 'INTERNAL';
}

/**
 * What gRPC sends by itself goes through the innermost call's `sendStatus` without passing any interceptor, hence
 * the replacement of that method on the instance.
 */
function completeStatus(call: ServerInterceptingCallInterface, close: () => void, simulated: boolean): void {
  const sendStatus = call.sendStatus.bind(call);
  const send = (status: Parameters<typeof sendStatus>[0]) => {
    sendStatus(status);
    letGo(call);
  };
  // Not where it is assigned, as in unary-call.ts.
  const complete: typeof sendStatus = (status) => {
    close();
    if (status.code === 0 && !status.metadata) {
      return send({ code: 0, details: status.details, metadata: simulated ? SIMULATED : NO_METADATA });
    }
    const code = transportCode(status.code, status.details);
    const named = code === undefined || (status.metadata?.get(CODE_KEY).length ?? 0) > 0;
    if (named && !simulated) return send(status);
    const metadata = status.metadata ?? new Metadata();
    if (!named) metadata.set(CODE_KEY, code);
    if (simulated) metadata.set(SIMULATED_KEY, 'true');
    return send({ ...status, metadata });
  };
  call.sendStatus = complete;
}
