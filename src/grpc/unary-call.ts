/**
 * A call of one message and one answer, from the transport to its handler and back. grpc-js would put a stream for writing
 * around it, and wait for the answer to be written before it sends the status: for calls as short as these that is a large part
 * of them.
 */
import { ServerInterceptingCall, type ServerInterceptingCallInterface } from '@grpc/grpc-js';
import { GRPC } from '../service/status.ts';
import { cutOff, cutOffUnreadAnswer } from './cut-off.ts';
import { NO_METADATA } from './trailers.ts';
import type { Window } from './window.ts';

type PartialStatus = Parameters<ServerInterceptingCallInterface['sendStatus']>[0];

export type UnaryHandler = (call: UnaryCall, request: Buffer) => void;

export class UnaryCall extends ServerInterceptingCall {
  readonly #call: ServerInterceptingCallInterface;
  readonly #handle: UnaryHandler;
  readonly #room: Window;
  readonly #patience: number;
  /** Ends a call whose request does not come to its end: what has come of it takes memory, and then room or a place in the queue for it. */
  #late: NodeJS.Timeout | undefined;
  #request: Buffer | undefined;
  /** Gives back the room that the request takes, or its place in the queue for it. */
  #release: (() => void) | undefined;
  #closed = false;
  /** Told when the client has gone, and also after an answer. */
  cancelled: (() => void) | undefined;

  /**
   * @param room for the bytes of requests that are not answered yet
   * @param patience milliseconds from the start to the end of the request: a handler, which has a deadline, begins only then
   */
  constructor(call: ServerInterceptingCallInterface, handle: UnaryHandler, room: Window, patience: number) {
    super(call);
    this.#call = call;
    this.#handle = handle;
    this.#room = room;
    this.#patience = patience;
  }

  /** The listener is for what is not used here: it would make the stream. */
  override start(): void {
    this.#late = setTimeout(() => this.#expire(), this.#patience);
    this.#call.start(this);
  }

  onReceiveMetadata(): void {
    this.#call.startRead();
  }

  onReceiveMessage(request: Buffer): void {
    if (this.#closed) return;
    if (this.#request) {
      this.#misused('a unary call has one message, not two');
      return;
    }
    this.#request = request;
    this.#call.startRead();
  }

  /** Only what is whole takes room: else a few calls that do not end would take all of it, for as long as they are made anew. */
  onReceiveHalfClose(): void {
    if (this.#closed) return;
    if (!this.#request) {
      this.#misused('a unary call has one message, not none');
      return;
    }
    const request = this.#request;
    const { length } = request;
    let entered = false;
    const leaveQueue = this.#room.enter(length, () => {
      entered = true;
      // Not where it is assigned: V8 makes a function that is written there in the old generation, and with it keep the call, the
      // stream and the request until the next full collection.
      const leave = () => this.#room.leave(length);
      this.#release = leave;
      clearTimeout(this.#late);
      this.#handle(this, request);
    });
    if (!entered) this.#release = leaveQueue;
  }

  onCancel(): void {
    this.close();
    this.cancelled?.();
  }

  /** At the first of: a status sent by whomever, the client gone. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#late);
    // A client that leaves its side open keeps the call, and need not keep this.
    this.#request = undefined;
    this.#release?.();
    this.#release = undefined;
  }

  answer(message: unknown): void {
    // Both at once leave in one piece. What cannot be encoded has ended the call by itself; the second status is dropped.
    this.#call.sendMetadata(NO_METADATA);
    this.#call.sendMessage(message, nothing);
    this.#call.sendStatus(OK);
    cutOffUnreadAnswer(this.#call, this.#patience);
  }

  refuse(status: PartialStatus): void {
    this.#call.sendStatus(status);
  }

  #expire(): void {
    cutOff(this.#call, {
      code: GRPC.DEADLINE_EXCEEDED,
      details: 'the request did not end, or found no room, in time',
    });
  }

  #misused(details: string): void {
    cutOff(this.#call, { code: GRPC.UNIMPLEMENTED, details });
  }
}

const OK: PartialStatus = { code: 0, details: 'OK' };
const nothing = () => {};
