/** Protobuf messages and gRPC statuses at the client's border: bytes to send, answers, and failures by their codes. */
import { type Metadata, type ServiceError, type StatusObject, status } from '@grpc/grpc-js';
import type { Bytes } from '../core/bytes.ts';
import { fail, LedgerError } from '../core/errors.ts';
import { isCode, retryDelay } from './transport.ts';

/** @throws RESPONSE_MALFORMED */
export function decoded<Response>(shape: { decode(bytes: Bytes): Response }, bytes: Bytes): Response {
  try {
    // A plain view: byte fields of a Buffer would be Buffers.
    return shape.decode(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length));
  } catch (cause) {
    throw fail('RESPONSE_MALFORMED', 'the answer cannot be decoded', { cause });
  }
}

export function bufferOf(bytes: Bytes): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** Codes for statuses without one: grpc-js or a proxy made them. */
const STATUS_CODES = new Map<number, 'DEADLINE_EXCEEDED' | 'UNAUTHENTICATED' | 'RESPONSE_MALFORMED'>([
  [status.DEADLINE_EXCEEDED, 'DEADLINE_EXCEEDED'],
  [status.UNAUTHENTICATED, 'UNAUTHENTICATED'],
  [status.PERMISSION_DENIED, 'UNAUTHENTICATED'],
  // Larger than we take, or not this service at all.
  [status.RESOURCE_EXHAUSTED, 'RESPONSE_MALFORMED'],
  [status.UNIMPLEMENTED, 'RESPONSE_MALFORMED'],
]);

/** The reason code that the server named (trailing metadata `aichain-code`), else one for the status. */
export function errorOf(error: ServiceError | (StatusObject & { metadata: Metadata })): LedgerError {
  const code = error.metadata?.get('aichain-code')[0];
  const retryAfter = error.metadata?.get('retry-after')[0];
  if (isCode(code)) return ledgerError(code, error.details, retryAfter, error);
  return fail(STATUS_CODES.get(error.code) ?? 'UNAVAILABLE', error.details ?? String(error), {
    cause: error,
  });
}

export function ledgerError(
  code: string,
  message: string,
  retryAfter: unknown,
  cause?: unknown,
): LedgerError {
  const seconds = retryDelay(retryAfter);
  return new LedgerError(code, message, {
    ...(cause !== undefined && { cause }),
    ...(seconds !== undefined && { retryAfter: seconds }),
  });
}
