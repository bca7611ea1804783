/**
 * What goes wrong, as an answer: everything that is thrown becomes a reason code, in the `aichain-code` header and in
 * a body of the surface's own format (RFC 9457 JSON, or RFC 9290 CBOR for SCRAPI).
 */
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { CoreCode } from '../core/codes.ts';
import { fail, isLedgerError, type LedgerError } from '../core/errors.ts';
import { type Answer, answerOf } from '../service/status.ts';
import type { SurfaceLogger } from '../service/surface.ts';
import { lastDue } from './in-turn.ts';

export const CODE_HEADER = 'aichain-code';

/** Fastify's own errors, by their code; what is not listed goes by its status. */
const FASTIFY_CODES: Readonly<Record<string, CoreCode>> = {
  FST_ERR_VALIDATION: 'ARGUMENT_INVALID',
  FST_ERR_CTP_BODY_TOO_LARGE: 'REQUEST_TOO_LARGE',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'MEDIA_TYPE_UNSUPPORTED',
  FST_ERR_BAD_URL: 'REQUEST_MALFORMED',
  FST_ERR_MAX_PARAM_LENGTH: 'NOT_FOUND',
  FST_ERR_NOT_FOUND: 'NOT_FOUND',
};

/** Any error as one of ours. What is neither ours nor the client's doing is a defect: INTERNAL. */
export function ledgerErrorOf(error: unknown): LedgerError {
  if (isLedgerError(error)) return error;
  const { code, statusCode, message } = (error ?? {}) as {
    code?: string;
    statusCode?: number;
    message?: string;
  };
  const known = code !== undefined && Object.hasOwn(FASTIFY_CODES, code) ? FASTIFY_CODES[code] : undefined;
  if (known) return fail(known, message ?? known, { cause: error });
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return fail(statusCode === 404 ? 'NOT_FOUND' : 'REQUEST_MALFORMED', message ?? 'bad request', {
      cause: error,
    });
  }
  // Fastify answers 503 while it closes.
  if (statusCode === 503) return fail('LOG_CLOSING', 'the server is closing', { cause: error });
  return fail('INTERNAL', 'internal error', { cause: error });
}

/** Sends the headers that every refusal has; the body is the caller's. */
export function refuse(reply: FastifyReply, answer: Answer, status = answer.http): FastifyReply {
  reply.code(status).header(CODE_HEADER, answer.code).header('cache-control', 'no-store');
  if (answer.retryAfter !== undefined) reply.header('retry-after', String(answer.retryAfter));
  return reply;
}

/** RFC 9457, with the reason code as a member of its own. */
export function problem(answer: Answer) {
  return {
    type: 'about:blank',
    title: STATUS_CODES[answer.http] ?? 'Error',
    status: answer.http,
    code: answer.code,
    detail: answer.message,
    ...(answer.retryAfter === undefined ? {} : { retryAfter: answer.retryAfter }),
  };
}

export function problemHandler(logger: SurfaceLogger | undefined) {
  return (error: unknown, request: FastifyRequest, reply: FastifyReply) => {
    const known = ledgerErrorOf(error);
    const answer = answerOf(known);
    logRefusal(logger, request, answer, known);
    return refuse(reply, answer)
      .type('application/problem+json')
      .send(JSON.stringify(problem(answer)));
  };
}

export function logRefusal(
  logger: SurfaceLogger | undefined,
  request: FastifyRequest,
  answer: Answer,
  error: LedgerError,
): void {
  const fields = { operation: `${request.method} ${request.routeOptions.url ?? '*'}`, code: answer.code };
  if (answer.http === 500) logger?.error({ ...fields, err: error.cause ?? error }, 'request failed');
  else logger?.debug({ ...fields, client: request.ip }, answer.message);
}

interface Unreadable {
  readonly status: number;
  readonly code: CoreCode;
  readonly message: string;
}

function unreadable(code = ''): Unreadable {
  if (code === 'HPE_HEADER_OVERFLOW')
    return { status: 431, code: 'REQUEST_TOO_LARGE', message: NOT_READABLE };
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return { status: 408, code: 'DEADLINE_EXCEEDED', message: NOT_READABLE };
  if (isOfTls(code))
    return { status: 401, code: 'UNAUTHENTICATED', message: 'the TLS of this connection failed' };
  return { status: 400, code: 'REQUEST_MALFORMED', message: NOT_READABLE };
}

const NOT_READABLE = 'not a readable HTTP request';

/** After the handshake: a certificate that was not signed by whom it names, for one. */
function isOfTls(code = ''): boolean {
  return code.startsWith('ERR_SSL_');
}

/**
 * Bytes that node's parser cannot read as a request: there is no request to reply to, only a socket.
 * @param headers those that every answer has, as they are sent
 */
export function answerUnparsable(headers: string, error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
  const due = lastDue(socket);
  // Nothing more comes or goes, and nobody is told of that.
  if (due && isOfTls(error.code)) return void socket.destroy();
  if (due) {
    // Whoever came before gets its own answer, and nothing of ours; the connection ends behind the last. That nothing is read until
    // then hides a client that leaves: each request ends at its deadline all the same, and an answer that nobody reads when the
    // connection has been idle for too long.
    socket.pause();
    due.once('finish', () => socket.destroySoon());
    return;
  }
  const { status, code, message } = unreadable(error.code);
  const answer = { ...answerOf(fail(code, message)), http: status };
  const body = JSON.stringify(problem({ ...answer, retryAfter: undefined }));
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${headers}connection: close\r\n${CODE_HEADER}: ${code}\r\n` +
      `cache-control: no-store\r\ncontent-type: application/problem+json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}
