/** SCRAPI, draft-ietf-scitt-scrapi-11: COSE in, COSE out, errors as concise problem details (RFC 9290). */
import { STATUS_CODES } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type Bytes, fromBase64url, toBase64url } from '../core/bytes.ts';
import { fail } from '../core/errors.ts';
import { decodeSign1, encodeProblemDetails, PROBLEM_DETAILS_TYPE } from '../cose/index.ts';
import { type Answer, answerOf, classOf } from '../service/status.ts';
import type { SurfaceOptions } from '../service/surface.ts';
import { callerOf } from './caller.ts';
import { ledgerErrorOf, logRefusal, refuse } from './refusal.ts';
import { bufferOf } from './tlog-tiles.ts';
import { witnessedUntil } from './wait.ts';

export const STATEMENT_TYPES = ['application/cose', 'application/scitt-statement+cose'];
const RECEIPT_TYPE = 'application/scitt-receipt+cose';
const HIDDEN = { schema: { hide: true } };

export type ScrapiOptions = Pick<SurfaceOptions, 'ledger' | 'limits' | 'logger'> & {
  /** Scheme and authority that clients reach this server by, for Location; without it Location is a path. */
  readonly publicUrl?: string;
};

export function scrapi(
  app: FastifyInstance,
  { ledger, limits, logger, publicUrl = '' }: ScrapiOptions,
): void {
  app.removeAllContentTypeParsers();
  acceptStatements(app);
  app.setErrorHandler((error, request, reply) => {
    const known = ledgerErrorOf(
      (error as { code?: string }).code === 'FST_ERR_CTP_BODY_TOO_LARGE'
        ? fail('STATEMENT_TOO_LARGE', `a statement has at most ${limits.options.statementBytes} bytes`)
        : error,
    );
    const answer = answerOf(known);
    logRefusal(logger, request, answer, known);
    return sendProblem(reply, answer, titleOf(answer, request));
  });

  const bodyLimit = limits.options.statementBytes;
  app.post('/entries', { ...HIDDEN, bodyLimit }, async (request, reply) => {
    const statement = statementOf(request);
    const caller = callerOf(request);
    const until = witnessedUntil(request, limits);
    await limits.admitStatements(caller.client, 1);
    const { entryId, receipt, witnessed } = await ledger.register(statement, caller, until);
    reply
      .header('location', `${publicUrl}/entries/${toBase64url(entryId)}`)
      .header('cache-control', 'no-store');
    // Logged, and not witnessed yet: registering it again waits again.
    if (witnessed === null) return reply.code(202).header('retry-after', '1').send();
    return reply.code(201).type(RECEIPT_TYPE).send(bufferOf(receipt));
  });

  app.get<{ Params: { id: string } }>('/entries/:id', HIDDEN, async (request, reply) => {
    const { receipt } = await ledger.receipt(identifier(request.params.id));
    // Any receipt stays valid; a newer one only covers a larger tree.
    return reply.header('cache-control', 'public, max-age=60').type(RECEIPT_TYPE).send(bufferOf(receipt));
  });

  app.get('/.well-known/scitt-keys', HIDDEN, async (_request, reply) => sendKey(reply, ledger.keySet()));

  app.get<{ Params: { kid: string } }>('/.well-known/scitt-keys/:kid', HIDDEN, async (request, reply) =>
    sendKey(reply, ledger.key(identifier(request.params.kid))),
  );
}

/** Statements arrive as bytes under either media type; parameters of the type are passed over. */
export function acceptStatements(app: FastifyInstance): void {
  app.addContentTypeParser(STATEMENT_TYPES, { parseAs: 'buffer' }, (_request, body, done) =>
    done(null, body),
  );
}

/** @throws REQUEST_MALFORMED no body */
export function statementOf(request: FastifyRequest): Bytes {
  const { body } = request;
  if (!(body instanceof Uint8Array) || body.length === 0) {
    throw fail('REQUEST_MALFORMED', 'the request has no body');
  }
  return new Uint8Array(body.buffer, body.byteOffset, body.byteLength);
}

/** What is not base64url names nothing. @throws NOT_FOUND */
function identifier(text: string): Bytes {
  try {
    return fromBase64url(text);
  } catch (cause) {
    throw fail('NOT_FOUND', 'an identifier is unpadded base64url', { cause });
  }
}

function sendKey(reply: FastifyReply, key: Bytes): FastifyReply {
  return reply.type('application/cbor').header('cache-control', 'public, max-age=3600').send(bufferOf(key));
}

function sendProblem(reply: FastifyReply, answer: Answer, title: string): FastifyReply {
  // SCRAPI knows 400 for every statement that is not accepted.
  const status = answer.http === 422 ? 400 : answer.http;
  const body = encodeProblemDetails({ title, detail: `${answer.code}: ${answer.message}` });
  return refuse(reply, answer, status).type(PROBLEM_DETAILS_TYPE).send(bufferOf(body));
}

/** The titles of draft-11 where it has one. */
function titleOf(answer: Answer, request: FastifyRequest): string {
  if (answer.code === 'ALG_NOT_ALLOWED') return 'Bad Signature Algorithm';
  if (answer.code === 'POP_MISSING') return 'Confirmation Missing';
  if (answer.code === 'COSE_MALFORMED' && payloadMissing(request.body)) return 'Payload Missing';
  const isKey = request.routeOptions.url?.startsWith('/.well-known/') ?? false;
  switch (classOf(answer.code)) {
    case 'malformed':
      return 'Malformed request';
    case 'refused':
    case 'proof':
      return answer.http === 401 ? 'Unauthorized' : 'Rejected';
    case 'missing':
      return isKey ? 'No such key' : 'Not Found';
    default:
      return STATUS_CODES[answer.http] ?? 'Error';
  }
}

function payloadMissing(body: unknown): boolean {
  try {
    return body instanceof Uint8Array && decodeSign1(new Uint8Array(body)).payload === null;
  } catch {
    return false;
  }
}
