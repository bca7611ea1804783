/** The service's HTTP interface: JSON, with mutual TLS where certificates are given. Requests are bounded in size, time, number. */
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import Fastify, { type FastifyInstance } from 'fastify';
import { type Bytes, fromBase64url, toBase64url } from '../../core/bytes.ts';
import { fail, isLedgerError, type LedgerError } from '../../core/errors.ts';
import { MAX_IMPORT } from './import-request.ts';
import { ledgerErrorOf, sendProblem } from './problem.ts';

/** PEM texts. */
export interface ServerTls {
  readonly cert: string;
  readonly key: string;
  /** Given, every client needs a certificate from there. */
  readonly clientCa?: string;
}

/** What is behind the interface. */
export interface KeyService {
  /** COSE_Key that owners seal data keys to. */
  readonly wrapKey: Bytes;
  take(request: Bytes): Promise<{ readonly dataKeyId: string }>;
  release(id: string): Promise<Bytes>;
}

export interface HttpOptions {
  readonly tls?: ServerTls;
  /** Told about what is no refusal: the storage, the ledger's proofs, or a defect. */
  readonly failed?: (operation: string, error: LedgerError) => void;
}

export interface HttpInterface {
  /** The server without a network, for tests. */
  readonly app: FastifyInstance;
  /** Resolves with the port, which the system chooses for 0. @throws UNAVAILABLE the address cannot be bound */
  listen(host: string, port: number): Promise<number>;
  close(): Promise<void>;
}

/** Milliseconds. */
const HEADERS_TIMEOUT = 5000;
const REQUEST_TIMEOUT = 10_000;
/** Longer than a release may wait for the others of its pipeline. */
const IDLE_SOCKET = 120_000;
const MOST_CONNECTIONS = 1024;
/** Requests that are worked on at once: each asks the ledger several times. */
const MOST_AT_ONCE = 64;

const text = (maxLength: number) => ({ type: 'string', minLength: 1, maxLength });
const body = (name: string, value: object) => ({
  body: { type: 'object', required: [name], additionalProperties: false, properties: { [name]: value } },
});

export function createHttpInterface(service: KeyService, { tls, failed }: HttpOptions = {}): HttpInterface {
  const node = { headersTimeout: HEADERS_TIMEOUT, maxHeaderSize: 8 << 10 };
  const app: FastifyInstance = Fastify({
    ...(tls ? { https: { ...node, ...tlsOptions(tls) } } : { http: node }),
    logger: false,
    bodyLimit: 2 * MAX_IMPORT,
    requestTimeout: REQUEST_TIMEOUT,
    connectionTimeout: IDLE_SOCKET,
    forceCloseConnections: 'idle',
    // What does not match a schema exactly is refused: nothing is dropped, filled in or converted.
    ajv: { customOptions: { removeAdditional: false, useDefaults: false, coerceTypes: false } },
  });
  app.server.maxConnections = MOST_CONNECTIONS;
  app.removeContentTypeParser('text/plain');
  app.setErrorHandler((error, request, reply) => {
    const known = ledgerErrorOf(error);
    if (known.code === 'INTERNAL' || known.code === 'STORAGE_FAILED') {
      failed?.(`${request.method} ${request.routeOptions.url ?? '*'}`, known);
    }
    return sendProblem(reply, known);
  });
  app.setNotFoundHandler((_request, reply) => sendProblem(reply, fail('NOT_FOUND', 'no such resource')));
  if (tls?.clientCa !== undefined) {
    // The handshake lets everybody in, so that the refusal can say why; nothing is read before this.
    app.addHook('onRequest', async ({ raw }) => {
      if ((raw.socket as Partial<TLSSocket>).authorized) return;
      throw fail('UNAUTHENTICATED', 'a client certificate that this service trusts is needed');
    });
  }

  let atOnce = 0;
  const bounded = async <T>(work: () => Promise<T>): Promise<T> => {
    if (atOnce >= MOST_AT_ONCE) throw fail('UNAVAILABLE', 'too many requests at once');
    atOnce++;
    try {
      return await work();
    } finally {
      atOnce--;
    }
  };

  app.get('/v1/wrap-key', async () => ({ wrapKey: toBase64url(service.wrapKey) }));

  app.post<{ Body: { request: string } }>(
    '/v1/keys',
    { schema: body('request', text(2 * MAX_IMPORT)) },
    async (request) => {
      const signed = bytesOf(request.body.request);
      const { dataKeyId } = await bounded(() => service.take(signed));
      return { dataKeyId };
    },
  );

  app.post<{ Body: { release: string } }>(
    '/v1/releases',
    { schema: body('release', text(512)) },
    async (request, reply) => {
      const { release } = request.body;
      const wrapped = await bounded(() => service.release(release));
      reply.header('cache-control', 'no-store');
      return { release, wrapped: toBase64url(wrapped) };
    },
  );

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
    close: async () => {
      await app.close();
    },
  };
}

function bytesOf(request: string): Bytes {
  try {
    return fromBase64url(request);
  } catch (cause) {
    if (!isLedgerError(cause)) throw cause;
    throw fail('REQUEST_MALFORMED', 'the request is not base64url', { cause });
  }
}

function tlsOptions({ cert, key, clientCa }: ServerTls) {
  const pair = { cert: Buffer.from(cert), key: Buffer.from(key), minVersion: 'TLSv1.2' as const };
  if (clientCa === undefined) return pair;
  return { ...pair, ca: Buffer.from(clientCa), requestCert: true, rejectUnauthorized: false };
}
