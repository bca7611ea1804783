/**
 * Puts the HTTP surfaces on a fastify server: transport limits, TLS, refusals, and an end that drains.
 */
import type { AddressInfo } from 'node:net';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { fail } from '../core/errors.ts';
import { compileOnUse } from '../platform/compile-on-use.ts';
import { boundJsonDepth } from '../platform/json-depth.ts';
import type { EvidenceService } from '../service/evidence.ts';
import type { SurfaceOptions } from '../service/surface.ts';
import { admission } from './caller.ts';
import { keepDeadlines } from './deadline.ts';
import { ending, refuseWhenClosing } from './ending.ts';
import { standInLine, takeInTurn } from './in-turn.ts';
import { answerKeptTiles } from './kept-tiles.ts';
import { describeRoutes, serveDocument } from './openapi.ts';
import { type Exposition, operations } from './operations.ts';
import { refuseOtherMethods, watchRoutes } from './other-methods.ts';
import { answerUnparsable, CODE_HEADER, problemHandler } from './refusal.ts';
import { scrapi } from './scrapi.ts';
import { responseWith, securityHeaders, setHeaders, textOf } from './security-headers.ts';
import { tlogTiles } from './tlog-tiles.ts';
import { readUnreadBodies } from './unread-body.ts';
import { v1 } from './v1.ts';

export interface HttpServerOptions extends SurfaceOptions {
  /** Served at /metrics. */
  readonly metrics?: Exposition;
  /** Served at /v1/evidence. */
  readonly evidence?: EvidenceService;
  /** Whose X-Forwarded-For is believed: addresses and networks, or true for anybody's. Default: nobody's. */
  readonly trustProxy?: boolean | string | string[];
  /** Scheme and authority that clients reach this server by; makes the Location of SCRAPI answers absolute. */
  readonly publicUrl?: string;
}

export interface HttpServer {
  /** The server without a network, for tests. */
  readonly app: FastifyInstance;
  /** Resolves with the port, which the system chooses for 0. @throws UNAVAILABLE the address cannot be bound */
  listen(host: string, port: number): Promise<number>;
  /** Takes no new connections, lets requests finish, and after `graceMs` cuts what is left. */
  close(graceMs: number): Promise<void>;
}

/** Milliseconds. A client that sends or reads a little at a time holds a socket no longer than this. */
const HEADERS_TIMEOUT = 10_000;
const REQUEST_TIMEOUT = 30_000;
const IDLE_SOCKET = 60_000;
const KEEP_ALIVE = 15_000;
const CHECK_INTERVAL = 2_000;
const MAX_HEADER_BYTES = 16 << 10;

export async function createHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const { ledger, limits, tls, logger, observer } = options;
  const headers = securityHeaders({ tls: tls !== undefined, simulated: ledger.simulated });
  const SecureResponse = responseWith(headers);
  const lines = textOf(headers.answers);
  const node = {
    ...(SecureResponse && { ServerResponse: SecureResponse }),
    maxHeaderSize: MAX_HEADER_BYTES,
    headersTimeout: HEADERS_TIMEOUT,
    connectionsCheckingInterval: CHECK_INTERVAL,
  };
  const onError = problemHandler(logger);
  const observe = (request: FastifyRequest, reply: FastifyReply, seconds: number) =>
    observer?.observe({
      surface: 'http',
      operation: request.deadline?.operation ?? `${request.method} ${request.routeOptions.url ?? '*'}`,
      status: reply.statusCode,
      code: reply.statusCode === 200 ? null : ((reply.getHeader(CODE_HEADER) as string | undefined) ?? null),
      seconds,
    });
  const app: FastifyInstance = Fastify({
    ...(tls ? { https: { ...node, ...tlsOptions(tls) } } : { http: node }),
    logger: false,
    bodyLimit: limits.options.messageBytes,
    requestTimeout: REQUEST_TIMEOUT,
    connectionTimeout: IDLE_SOCKET,
    keepAliveTimeout: KEEP_ALIVE,
    forceCloseConnections: 'idle',
    // Its own answer has no reason code: `refuseWhenClosing` gives one.
    return503OnClosing: false,
    trustProxy: options.trustProxy ?? false,
    onProtoPoisoning: 'error',
    onConstructorPoisoning: 'error',
    routerOptions: { maxParamLength: 128 },
    // A path that cannot be decoded, for one: no route, and no hook is run.
    frameworkErrors: (error, request, reply) => {
      standInLine(request, reply);
      onError(error, request, reply);
      observe(request, reply, reply.elapsedTime / 1000);
    },
    clientErrorHandler: (error, socket) => answerUnparsable(lines, error, socket),
  });

  // Who ends its side after a whole request still hears the answer; node would drop it. Whoever has gone without a reset
  // looks the same, and is waited for until the deadline. Over TLS the end of one side is the end of both.
  Object.assign(app.server, { httpAllowHalfOpen: true });
  const close = ending(app);
  app.removeContentTypeParser('text/plain'); // nothing here takes text

  const isClosing = refuseWhenClosing(app);
  takeInTurn(app);
  if (!SecureResponse) setHeaders(app, headers);
  boundJsonDepth(app);
  compileOnUse(app);
  await describeRoutes(app);
  const routes = watchRoutes(app);
  readUnreadBodies(app);
  keepDeadlines(app, limits.options.deadline, observe);
  const asksForCertificate = tls?.clientCa !== undefined;
  admission(app, limits, asksForCertificate);
  app.setErrorHandler(onError);
  app.setNotFoundHandler((request, reply) => onError(fail('NOT_FOUND', 'no such resource'), request, reply));

  app.register(async (scope) => tlogTiles(scope, ledger));
  app.register(async (scope) => scrapi(scope, options));
  app.register(async (scope) => v1(scope, ledger, limits, options.evidence), { prefix: '/v1' });
  app.register(async (scope) => operations(scope, ledger, options.metrics));
  await serveDocument(app);
  await app.after();
  refuseOtherMethods(app, routes);
  await app.ready();
  const { trustProxy = false } = options;
  const believesNoProxy = Array.isArray(trustProxy) ? trustProxy.length === 0 : trustProxy === false;
  if (SecureResponse && believesNoProxy && !asksForCertificate) answerKeptTiles(app, options, isClosing);

  return {
    app,
    listen: async (host, port) => {
      try {
        await app.listen({ host, port });
      } catch (cause) {
        throw fail('UNAVAILABLE', `cannot listen on ${host}:${port}`, { cause });
      }
      return (app.server.address() as AddressInfo).port;
    },
    close,
  };
}

function tlsOptions({ cert, key, clientCa }: NonNullable<SurfaceOptions['tls']>) {
  const pair = { cert: Buffer.from(cert), key: Buffer.from(key), minVersion: 'TLSv1.2' as const };
  if (clientCa === undefined) return pair;
  // Not refused in the handshake: `admission` answers with a reason code, before anything else is read.
  return { ...pair, ca: Buffer.from(clientCa), requestCert: true, rejectUnauthorized: false };
}
