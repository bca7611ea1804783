/** The end of a call whose client does not do its part: it does not end its request, or does not read its answers. */
import { constants, type ServerHttp2Stream } from 'node:http2';
import type { ServerInterceptingCallInterface } from '@grpc/grpc-js';
import { SmallSet } from '../core/small-map.ts';

/** Milliseconds from a status to the reset of a call whose request does not end. */
const LINGER = 1000;

type PartialStatus = Parameters<ServerInterceptingCallInterface['sendStatus']>[0];

/**
 * Sends a status before any message, and takes no more. grpc-js leaves the client's side open, and with it keeps as much of a
 * message as has come, for as long as the client likes (RFC 9113 §8.1: reset without error after a complete response).
 */
export function cutOff(call: ServerInterceptingCallInterface, status: PartialStatus): void {
  call.sendStatus(status);
  // In a turn of its own: node 22 drops the headers of a stream that is closed in the turn they are sent in.
  setImmediate(() => streamOf(call)?.close(constants.NGHTTP2_NO_ERROR));
}

/** The same where a status has been sent by whomever: in a while, because trailers may have to follow messages. */
export function letGo(call: ServerInterceptingCallInterface): void {
  const stream = streamOf(call);
  if (!stream || stream.readableEnded || stream.closed) return;
  setTimeout(() => stream.close(constants.NGHTTP2_NO_ERROR), LINGER).unref();
}

/** What grpc-js has of the message that a call is receiving; it has no name in the interface. */
interface Receiving {
  /** A message is waited for: that none comes is not for want of room. */
  readonly isReadPending?: boolean;
  readonly decoder?: {
    /** One for each message. */
    readonly readPartialMessage?: readonly Buffer[];
    readonly readMessageRemaining?: number;
  };
}

/**
 * Tells of a message of a stream that has begun, and whose rest is waited for so long, twice that at most. As much of it as has
 * come lies here. @returns stops it
 */
export function whenStuck(
  call: ServerInterceptingCallInterface,
  milliseconds: number,
  stuck: () => void,
): () => void {
  const { decoder } = call as Receiving;
  let before: readonly Buffer[] | undefined;
  const timer = setInterval(() => {
    const waits = (call as Receiving).isReadPending && (decoder?.readMessageRemaining ?? 0) > 0;
    const now = waits ? decoder?.readPartialMessage : undefined;
    if (now && now === before) stuck();
    before = now;
  }, milliseconds).unref();
  return () => clearInterval(timer);
}

/** Bytes for which a reader has one deadline: at the usual one of half a minute, who reads 35 kB in a second is read to. */
const PAGE = 1 << 20;

/**
 * Resets a call of which one message is not read for so long, or so long for each MiB of it. Until it is read it lies here, a few
 * megabytes of each stream, and a status would wait behind it.
 */
export function cutOffUnread(call: ServerInterceptingCallInterface, milliseconds: number): void {
  const send = call.sendMessage.bind(call);
  const timers = new SmallSet<NodeJS.Timeout>();
  streamOf(call)?.once('close', () => {
    for (const timer of timers) clearTimeout(timer);
  });
  call.sendMessage = (message, callback) => {
    let timer: NodeJS.Timeout | undefined;
    let left = false;
    send(message, () => {
      left = true;
      clearTimeout(timer);
      if (timer) timers.delete(timer);
      callback();
    });
    const stream = streamOf(call);
    if (left || !stream || stream.closed) return;
    const patience = milliseconds * Math.max(1, stream.writableLength / PAGE);
    timer = setTimeout(() => stream.close(constants.NGHTTP2_CANCEL), patience).unref();
    timers.add(timer);
  };
}

/** Bytes of an answer that may lie here as long as its call: open calls take as much. */
const SMALL = 16 * 1024;

/** Resets a call that has all of its answer, unless that is small or read in so long. */
export function cutOffUnreadAnswer(call: ServerInterceptingCallInterface, milliseconds: number): void {
  const stream = streamOf(call);
  if (!stream || stream.writableLength <= SMALL) return;
  const patience = milliseconds * Math.max(1, stream.writableLength / PAGE);
  const timer = setTimeout(() => stream.close(constants.NGHTTP2_CANCEL), patience).unref();
  stream.once('close', () => clearTimeout(timer));
}

/** Of the innermost call; it has no name in the interface. */
export function streamOf(call: ServerInterceptingCallInterface): ServerHttp2Stream | undefined {
  return (call as { stream?: ServerHttp2Stream }).stream;
}
