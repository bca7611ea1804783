/**
 * From a reason code to what each protocol answers: one closed table. A code has a class (src/core/codes.ts), a
 * class has a status; the few codes whose meaning a protocol has a status of its own for are listed by name.
 */
import { CODES, type CodeClass, type CoreCode } from '../core/codes.ts';
import { fail, LedgerError } from '../core/errors.ts';

/** gRPC status codes, https://grpc.github.io/grpc/core/md_doc_statuscodes.html */
export const GRPC = {
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  UNAUTHENTICATED: 16,
} as const;

export interface Status {
  readonly http: number;
  readonly grpc: number;
}

const CLASS_STATUS: Readonly<Record<CodeClass, Status>> = {
  malformed: { http: 400, grpc: GRPC.INVALID_ARGUMENT },
  usage: { http: 400, grpc: GRPC.INVALID_ARGUMENT },
  proof: { http: 422, grpc: GRPC.INVALID_ARGUMENT },
  refused: { http: 422, grpc: GRPC.FAILED_PRECONDITION },
  missing: { http: 404, grpc: GRPC.NOT_FOUND },
  unavailable: { http: 503, grpc: GRPC.UNAVAILABLE },
  fatal: { http: 500, grpc: GRPC.INTERNAL },
};

const CODE_STATUS: Readonly<Partial<Record<CoreCode, Status>>> = {
  RATE_LIMITED: { http: 429, grpc: GRPC.RESOURCE_EXHAUSTED },
  LOG_OVERLOADED: { http: 429, grpc: GRPC.RESOURCE_EXHAUSTED },
  // Not 504: the client's remedy is the one of 503, to ask again.
  DEADLINE_EXCEEDED: { http: 503, grpc: GRPC.DEADLINE_EXCEEDED },
  UNAUTHENTICATED: { http: 401, grpc: GRPC.UNAUTHENTICATED },
  EVIDENCE_ACCESS_DENIED: { http: 403, grpc: GRPC.PERMISSION_DENIED },
  EVIDENCE_STORE_FULL: { http: 507, grpc: GRPC.RESOURCE_EXHAUSTED },
  STATEMENT_TOO_LARGE: { http: 413, grpc: GRPC.INVALID_ARGUMENT },
  REQUEST_TOO_LARGE: { http: 413, grpc: GRPC.INVALID_ARGUMENT },
  MEDIA_TYPE_UNSUPPORTED: { http: 415, grpc: GRPC.INVALID_ARGUMENT },
  METHOD_NOT_ALLOWED: { http: 405, grpc: GRPC.UNIMPLEMENTED },
};

/** The class of any code. What the core catalogue does not have, a kind declared: those are all refusals. */
export function classOf(code: string): CodeClass {
  return Object.hasOwn(CODES, code) ? CODES[code as CoreCode][0] : 'refused';
}

export function statusOf(code: string): Status {
  return (Object.hasOwn(CODE_STATUS, code) && CODE_STATUS[code as CoreCode]) || CLASS_STATUS[classOf(code)];
}

/** What a caller may see of an error. */
export interface Answer extends Status {
  readonly code: string;
  readonly message: string;
  /** Whole seconds, at least 1; only where trying again makes sense. */
  readonly retryAfter: number | undefined;
}

const MESSAGE_LENGTH = 512;

/**
 * The answer to anything that was thrown. A defect (not a LedgerError) becomes INTERNAL, and its message, like that
 * of every fatal code, stays in the server's own logs. Messages are well-formed Unicode of at most 512 characters,
 * whatever part of a request they quote: gRPC would throw on a lone surrogate, and trailers have a limit.
 */
export function answerOf(error: unknown): Answer {
  const known = error instanceof LedgerError ? error : fail('INTERNAL', 'internal error');
  const codeClass = classOf(known.code);
  const message = codeClass === 'fatal' ? 'internal error' : known.message;
  return {
    ...statusOf(known.code),
    code: known.code,
    message: wellFormed(message),
    retryAfter: codeClass === 'unavailable' ? Math.max(1, Math.ceil(known.retryAfter ?? 1)) : undefined,
  };
}

/** Control characters have no place in a header, a log line or a terminal. */
function wellFormed(message: string): string {
  return message
    .slice(0, MESSAGE_LENGTH)
    .replace(/\p{Cc}/gu, ' ')
    .toWellFormed();
}
