/**
 * Back-pressure for what comes in. A message that was received waits here until there is room for it, and while it
 * waits its call is not read any further, so the sender stops at HTTP/2 flow control. Two windows: messages of one
 * call, and bytes of all calls together.
 */
import type { ServerInterceptingCallInterface, ServerInterceptor } from '@grpc/grpc-js';
import { Metadata, ServerInterceptingCall } from '@grpc/grpc-js';
import type { Limits } from '../service/limits.ts';
import { GRPC } from '../service/status.ts';
import { CODE_KEY, SIMULATED_KEY } from './trailers.ts';

/** A request message on its way to a handler. */
export interface Received {
  readonly bytes: Buffer;
  /** Its bytes are no longer held: the log has answered. */
  readonly digested: () => void;
  /** It is answered, and the call may be read further. */
  readonly answered: () => void;
}

/** A counting semaphore, first come first served. What is larger than the whole window passes alone. */
export class Window {
  readonly #size: number;
  #used = 0;
  #waiting: { cost: number; enter: () => void }[] = [];

  constructor(size: number) {
    this.#size = size;
  }

  /** Calls `enter` once there is room, at once if there is. Gives back what removes it from the queue. */
  enter(cost: number, enter: () => void): () => void {
    if (this.#waiting.length === 0 && this.#fits(cost)) {
      this.#used += cost;
      enter();
      return () => {};
    }
    const waiter = { cost, enter };
    this.#waiting.push(waiter);
    return () => {
      const at = this.#waiting.indexOf(waiter);
      if (at < 0) return;
      this.#waiting.splice(at, 1);
      this.#admit();
    };
  }

  leave(cost: number): void {
    this.#used -= cost;
    this.#admit();
  }

  #fits(cost: number): boolean {
    return this.#used === 0 || this.#used + cost <= this.#size;
  }

  #admit(): void {
    for (let next = this.#waiting[0]; next && this.#fits(next.cost); next = this.#waiting[0]) {
      this.#waiting.shift();
      this.#used += next.cost;
      next.enter();
    }
  }
}

/**
 * The server's interceptor: delivers messages as {@link Received}, and gives the statuses that gRPC itself sends
 * (oversized message, deadline, unreadable compression) a reason code too.
 * @param simulated a log for development: every answer says so
 */
export function intake(limits: Limits, simulated = false): ServerInterceptor {
  const allBytes = new Window(limits.options.pendingBytes);
  return (_method, call) => {
    const messages = new Window(limits.options.pendingBatches);
    /** What is given back when the call ends, whichever way it ends. */
    const held = new Set<() => void>();
    let closed = false;
    const close = () => {
      closed = true;
      for (const release of [...held]) release();
    };
    const hold = (release: () => void): (() => void) => {
      const once = () => {
        if (held.delete(once)) release();
      };
      held.add(once);
      return once;
    };
    completeStatus(call, close, simulated);
    return new ServerInterceptingCall(call, {
      start: (next) =>
        next({
          onReceiveMessage(bytes: Buffer, deliver: (message: Received) => void) {
            if (closed) return;
            let leaveMessages = () => {};
            let leaveBytes = () => {};
            const stopWaiting = hold(() => {
              leaveMessages();
              leaveBytes();
            });
            leaveMessages = messages.enter(1, () => {
              const answered = hold(() => messages.leave(1));
              leaveBytes = allBytes.enter(bytes.length, () => {
                const digested = hold(() => allBytes.leave(bytes.length));
                held.delete(stopWaiting);
                deliver({ bytes, digested, answered });
              });
            });
          },
          onCancel: close,
        }),
    });
  };
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
  const send = call.sendStatus.bind(call);
  call.sendStatus = (status) => {
    close();
    const code = transportCode(status.code, status.details);
    const named = code === undefined || (status.metadata?.get(CODE_KEY).length ?? 0) > 0;
    if (named && !simulated) return send(status);
    const metadata = status.metadata ?? new Metadata();
    if (!named) metadata.set(CODE_KEY, code);
    if (simulated) metadata.set(SIMULATED_KEY, 'true');
    return send({ ...status, metadata });
  };
}
