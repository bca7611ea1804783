/** The end of a call whose client has not ended its request. */
import { constants, type ServerHttp2Stream } from 'node:http2';
import type { ServerInterceptingCallInterface } from '@grpc/grpc-js';

type PartialStatus = Parameters<ServerInterceptingCallInterface['sendStatus']>[0];

/**
 * Sends a status before any message, and takes no more. grpc-js leaves the client's side open, and with it keeps as much of a
 * message as has come, for as long as the client likes (RFC 9113 §8.1: reset without error after a complete response).
 */
export function cutOff(call: ServerInterceptingCallInterface, status: PartialStatus): void {
  call.sendStatus(status);
  // Of the innermost call; it has no name in the interface.
  (call as { stream?: ServerHttp2Stream }).stream?.close(constants.NGHTTP2_NO_ERROR);
}
