/** What goes wrong, as an answer: problem details (RFC 9457) with the reason code, in the header `aichain-code` too. */
import { STATUS_CODES } from 'node:http';
import type { FastifyReply } from 'fastify';
import { describeReason } from '../../chain/index.ts';
import type { CodeClass, CoreCode } from '../../core/codes.ts';
import { fail, isLedgerError, type LedgerError } from '../../core/errors.ts';

const CLASS_STATUS: Readonly<Record<CodeClass, number>> = {
  malformed: 400,
  usage: 400,
  refused: 403,
  missing: 404,
  // The ledger could not prove what it said.
  proof: 502,
  unavailable: 503,
  fatal: 500,
};
const CODE_STATUS: Readonly<Partial<Record<CoreCode, number>>> = {
  UNAUTHENTICATED: 401,
  WRAPPED_KEY_INVALID: 400,
  SIGNATURE_INVALID: 403,
  ID_TAKEN: 409,
  REQUEST_TOO_LARGE: 413,
  MEDIA_TYPE_UNSUPPORTED: 415,
  METHOD_NOT_ALLOWED: 405,
};

const FASTIFY_CODES: Readonly<Record<string, CoreCode>> = {
  FST_ERR_VALIDATION: 'ARGUMENT_INVALID',
  FST_ERR_CTP_BODY_TOO_LARGE: 'REQUEST_TOO_LARGE',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'MEDIA_TYPE_UNSUPPORTED',
};

const MESSAGE_LENGTH = 512;

/** Any error as one of ours. What is neither ours nor the caller's doing is a defect: INTERNAL. */
export function ledgerErrorOf(error: unknown): LedgerError {
  if (isLedgerError(error)) return error;
  const { code = '', statusCode = 500, message = '' } = (error ?? {}) as Record<string, never>;
  const known = Object.hasOwn(FASTIFY_CODES, code) ? FASTIFY_CODES[code] : undefined;
  if (known) return fail(known, message, { cause: error });
  if (statusCode >= 400 && statusCode < 500) return fail('REQUEST_MALFORMED', message, { cause: error });
  return fail('INTERNAL', 'internal error', { cause: error });
}

export function sendProblem(reply: FastifyReply, error: LedgerError): FastifyReply {
  const { code, retryAfter = 1 } = error;
  const codeClass = describeReason(code)?.class ?? 'refused';
  const status = CODE_STATUS[code as CoreCode] ?? CLASS_STATUS[codeClass];
  const detail = codeClass === 'fatal' ? 'internal error' : error.message;
  if (codeClass === 'unavailable') reply.header('retry-after', String(Math.max(1, Math.ceil(retryAfter))));
  return reply
    .code(status)
    .header('aichain-code', code)
    .header('cache-control', 'no-store')
    .type('application/problem+json')
    .send(
      JSON.stringify({
        ...{ type: 'about:blank', title: STATUS_CODES[status] ?? 'Error', status, code },
        detail: detail
          .slice(0, MESSAGE_LENGTH)
          .replace(/\p{Cc}/gu, ' ')
          .toWellFormed(),
      }),
    );
}
