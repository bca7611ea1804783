/**
 * What the services of participants have around their routes: bounds of size, time and number, TLS with client
 * certificates, and answers to what goes wrong. JSON over HTTP.
 */
import { STATUS_CODES } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { describeReason } from '../chain/index.ts';
import { type Bytes, fromBase64url } from '../core/bytes.ts';
import type { CodeClass, CoreCode } from '../core/codes.ts';
import { fail, isLedgerError, type LedgerError } from '../core/errors.ts';
import { compileOnUse } from '../platform/compile-on-use.ts';
import { boundJsonDepth } from '../platform/json-depth.ts';

/** PEM texts. */
export interface ServiceTls {
  readonly cert: string | Uint8Array;
  readonly key: string | Uint8Array;
  /** Only who has a certificate of these authorities is answered. */
  readonly clientCa?: string | Uint8Array;
}

export interface ServiceHttpOptions {
  readonly tls?: ServiceTls;
  /** Largest body of a request (default 2 MiB). */
  readonly bodyBytes?: number;
  /** Connections at a time (default 256). */
  readonly connections?: number;
  /** Milliseconds that a connection may be silent, also while it waits for its answer (default 60,000). */
  readonly idleMs?: number;
  /** Where this service answers by another status than most do. */
  readonly statuses?: {
    readonly classes?: Readonly<Partial<Record<CodeClass, number>>>;
    readonly codes?: Readonly<Partial<Record<CoreCode, number>>>;
  };
  /** Told of every refusal, and, with its cause, of every failure that is our own. */
  readonly refused?: (operation: string, error: LedgerError, status: number) => void;
}

export interface ServiceHttp {
  /** For the routes; and the server without a network, for tests. */
  readonly app: FastifyInstance;
  /** Resolves with the URL; the system chooses the port for 0. @throws UNAVAILABLE the address cannot be bound */
  listen(host: string, port: number): Promise<string>;
  /** Takes no new connections, and lets requests finish. */
  close(): Promise<void>;
}

/** Milliseconds. */
const HEADERS_TIMEOUT = 5000;
const REQUEST_TIMEOUT = 15_000;
const IDLE_SOCKET = 60_000;
/** How often node looks whether a time is over: every half minute, if it is not told. */
const CHECK_INTERVAL = 2000;
const MOST_CONNECTIONS = 256;
/** Requests that are read or worked on at once; each asks the log. */
const MOST_AT_ONCE = 64;
const BODY = 2 << 20;
const DETAIL = 512;

const CLASS_STATUS = {
  malformed: 400,
  usage: 400,
  proof: 422,
  refused: 422,
  missing: 404,
  unavailable: 503,
  fatal: 500,
} satisfies Record<CodeClass, number>;
const CODE_STATUS: Readonly<Partial<Record<CoreCode, number>>> = {
  UNAUTHENTICATED: 401,
  REQUEST_TOO_LARGE: 413,
  STATEMENT_TOO_LARGE: 413,
  MEDIA_TYPE_UNSUPPORTED: 415,
  METHOD_NOT_ALLOWED: 405,
  RATE_LIMITED: 429,
};
/** Fastify's own errors; what is not listed goes by its status. */
const FASTIFY_CODES: Readonly<Record<string, CoreCode>> = {
  FST_ERR_VALIDATION: 'ARGUMENT_INVALID',
  FST_ERR_CTP_BODY_TOO_LARGE: 'REQUEST_TOO_LARGE',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'MEDIA_TYPE_UNSUPPORTED',
};

export function createServiceHttp(options: ServiceHttpOptions = {}): ServiceHttp {
  const { tls, bodyBytes = BODY, connections = MOST_CONNECTIONS, idleMs = IDLE_SOCKET, refused } = options;
  const node = {
    headersTimeout: HEADERS_TIMEOUT,
    maxHeaderSize: 8 << 10,
    connectionsCheckingInterval: CHECK_INTERVAL,
  };
  const app: FastifyInstance = Fastify({
    ...(tls ? { https: { ...node, ...tlsOptions(tls) } } : { http: node }),
    logger: false,
    bodyLimit: bodyBytes,
    requestTimeout: REQUEST_TIMEOUT,
    connectionTimeout: idleMs,
    forceCloseConnections: 'idle',
    onProtoPoisoning: 'error',
    onConstructorPoisoning: 'error',
    routerOptions: { maxParamLength: 256 },
    frameworkErrors: (error, request, reply) => answer(error, request, reply),
  });
  app.server.maxConnections = connections;
  app.removeContentTypeParser('text/plain');
  boundJsonDepth(app);
  compileOnUse(app);

  const atOnce = new Set<FastifyRequest>();
  app.addHook('onRequest', async (request) => {
    // Not refused in the handshake, so that the refusal can say why; nothing is read before this.
    const { authorized } = request.raw.socket as Partial<TLSSocket>;
    if (tls?.clientCa !== undefined && !authorized) {
      throw fail('UNAUTHENTICATED', 'a client certificate that this server trusts is needed');
    }
    if (atOnce.size >= MOST_AT_ONCE) throw fail('UNAVAILABLE', 'too many requests at once');
    atOnce.add(request);
  });
  // When the answer is there, also for who has gone: then no response ever ends, but the work has.
  app.addHook('onSend', async (request) => void atOnce.delete(request));
  app.setErrorHandler(answer);
  app.setNotFoundHandler((request, reply) => answer(fail('NOT_FOUND', 'no such resource'), request, reply));

  function answer(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const known = ledgerErrorOf(error);
    const status = statusOf(known.code, options.statuses);
    refused?.(`${request.method} ${request.routeOptions.url ?? '*'}`, known, status);
    const again =
      classOf(known.code) === 'unavailable' ? Math.max(1, Math.ceil(known.retryAfter ?? 1)) : undefined;
    reply.code(status).header('aichain-code', known.code).header('cache-control', 'no-store');
    if (again !== undefined) reply.header('retry-after', String(again));
    const detail =
      status === 500 ? 'internal error' : known.message.slice(0, DETAIL).replace(/\p{Cc}/gu, ' ');
    // RFC 9457, with the reason code as a member of its own.
    const problem = { type: 'about:blank', title: STATUS_CODES[status], status, code: known.code };
    return reply
      .type('application/problem+json')
      .send(JSON.stringify({ ...problem, detail: detail.toWellFormed() }));
  }

  return {
    app,
    listen: async (host, port) => {
      try {
        await app.listen({ host, port });
      } catch (cause) {
        throw fail('UNAVAILABLE', `cannot listen on ${host}:${port}`, { cause });
      }
      const name = host.includes(':') ? `[${host}]` : host;
      return `${tls ? 'https' : 'http'}://${name}:${(app.server.address() as AddressInfo).port}`;
    },
    close: () => app.close(),
  };
}

/** Bytes of a request, as unpadded base64url. @throws `code` */
export function bytesOfText(text: string, name: string, code: CoreCode = 'ARGUMENT_INVALID'): Bytes {
  try {
    return fromBase64url(text);
  } catch (cause) {
    throw fail(code, `${name} is not canonical unpadded base64url`, { cause });
  }
}

/** Of codes that are not known here, a later version's kinds declared: refusals. */
function classOf(code: string): CodeClass {
  return describeReason(code)?.class ?? 'refused';
}

function statusOf(code: string, { classes, codes }: ServiceHttpOptions['statuses'] = {}): number {
  const own = { ...CODE_STATUS, ...codes };
  if (Object.hasOwn(own, code)) return own[code as CoreCode]!;
  return { ...CLASS_STATUS, ...classes }[classOf(code)];
}

/** Any error as one of ours. What is neither ours nor the sender's doing is a defect. */
function ledgerErrorOf(error: unknown): LedgerError {
  if (isLedgerError(error)) return error;
  const {
    code = '',
    statusCode = 500,
    message = '',
  } = (error ?? {}) as {
    code?: string;
    statusCode?: number;
    message?: string;
  };
  const known = Object.hasOwn(FASTIFY_CODES, code) ? FASTIFY_CODES[code] : undefined;
  if (known) return fail(known, message, { cause: error });
  if (statusCode === 404) return fail('NOT_FOUND', message, { cause: error });
  if (statusCode >= 400 && statusCode < 500) return fail('REQUEST_MALFORMED', message, { cause: error });
  if (statusCode === 503) return fail('UNAVAILABLE', 'the service is closing', { cause: error });
  return fail('INTERNAL', 'internal error', { cause: error });
}

function tlsOptions({ cert, key, clientCa }: ServiceTls) {
  const pair = { cert: Buffer.from(cert), key: Buffer.from(key), minVersion: 'TLSv1.2' as const };
  if (clientCa === undefined) return pair;
  return { ...pair, ca: Buffer.from(clientCa), requestCert: true, rejectUnauthorized: false };
}
