/**
 * The witness's HTTP interface: `POST <prefix>/add-checkpoint`, `GET <prefix>/<sha256hex(origin)>/checkpoint`. Requests
 * are bounded in size, time and number; there is no other authentication than the log's own signature.
 */
import type { AddressInfo } from 'node:net';
import Fastify, { type FastifyInstance, type FastifyReply } from 'fastify';
import { type Bytes, fromHex, utf8 } from '../core/bytes.ts';
import { fail, isLedgerError } from '../core/errors.ts';
import { formatCosignatures, MAX_ADD_CHECKPOINT, TLOG_SIZE } from '../note/index.ts';
import type { Witness } from './witness.ts';

/** Told about every request that ended. */
export interface WitnessObserver {
  /** @param code null for success */
  answered?(
    operation: 'add-checkpoint' | 'checkpoint',
    status: number,
    code: string | null,
    detail: string,
  ): void;
  /** What is no refusal: the storage has failed, or a defect. */
  failed?(error: unknown): void;
}

export interface WitnessServer {
  /** The server without a network, for tests. */
  readonly app: FastifyInstance;
  /** Resolves with the port, which the system chooses for 0. @throws UNAVAILABLE the address cannot be bound */
  listen(host: string, port: number): Promise<number>;
  close(): Promise<void>;
}

/** C2SP tlog-witness "add-checkpoint": the status of each refusal. What is not listed is our own failure. */
const STATUS: Readonly<Record<string, number>> = {
  REQUEST_MALFORMED: 400,
  NOTE_MALFORMED: 400,
  CHECKPOINT_MALFORMED: 400,
  ARGUMENT_INVALID: 400,
  NOTE_UNSIGNED: 403,
  SIGNATURE_INVALID: 403,
  NOT_FOUND: 404,
  REQUEST_TOO_LARGE: 413,
  CONSISTENCY_INVALID: 422,
  PROOF_MALFORMED: 422,
  // A replayer's: it will not cosign this tree, whatever proof is given.
  FORK: 422,
  STATE_INVALID: 422,
  UNAVAILABLE: 503,
};
const CONFLICT = 409;

/** Milliseconds. */
const HEADERS_TIMEOUT = 5000;
const REQUEST_TIMEOUT = 10_000;
const IDLE_SOCKET = 60_000;
/** How often node looks whether a time is over: every half minute, if it is not told. */
const CHECK_INTERVAL = 2000;
const MOST_CONNECTIONS = 1024;
const MANY_CONNECTIONS = 512;
/** Requests that are looked at at once; each waits for the disk. */
const MOST_AT_ONCE = 64;

/** @param prefix path before both resources, such as `/witness`; '' for none */
export function createWitnessServer(
  witness: Witness,
  prefix = '',
  observer: WitnessObserver = {},
): WitnessServer {
  const app = Fastify({
    logger: false,
    http: {
      headersTimeout: HEADERS_TIMEOUT,
      maxHeaderSize: 8 << 10,
      connectionsCheckingInterval: CHECK_INTERVAL,
    },
    bodyLimit: MAX_ADD_CHECKPOINT,
    requestTimeout: REQUEST_TIMEOUT,
    connectionTimeout: IDLE_SOCKET,
    forceCloseConnections: 'idle',
  });
  app.server.maxConnections = MOST_CONNECTIONS;
  // Where they are many, those that nothing is asked on are let go: else one client that keeps all of them open would keep out the log.
  let open = 0;
  app.server.on('connection', (socket) => {
    socket.once('close', () => open--);
    if (++open > MANY_CONNECTIONS) app.server.closeIdleConnections();
  });
  // The protocol names no type for the request: whatever it says it is, even what is no media type, it is bytes.
  app.addHook('onRequest', async ({ headers }) => {
    headers['content-type'] = 'application/octet-stream';
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));

  const refuse = (reply: FastifyReply, operation: 'add-checkpoint' | 'checkpoint', error: unknown) => {
    const known = refusalOf(error);
    const status = isLedgerError(known) ? (STATUS[known.code] ?? 500) : 500;
    if (status === 500) observer.failed?.(error);
    const code = status === 500 ? 'INTERNAL' : (known as { code: string }).code;
    const detail = status === 500 ? 'internal error' : (known as Error).message;
    observer.answered?.(operation, status, code, detail);
    if (status === 503) reply.header('retry-after', '1');
    return reply
      .code(status)
      .header('cache-control', 'no-store')
      .type('text/plain; charset=utf-8')
      .send(`${code}: ${detail.toWellFormed()}\n`);
  };
  app.setErrorHandler((error, _request, reply) => refuse(reply, 'add-checkpoint', error));
  app.setNotFoundHandler((_request, reply) =>
    refuse(reply, 'checkpoint', fail('NOT_FOUND', 'no such resource')),
  );

  let atOnce = 0;
  app.post(`${prefix}/add-checkpoint`, async (request, reply) => {
    if (atOnce >= MOST_AT_ONCE) throw fail('UNAVAILABLE', 'too many requests at once');
    atOnce++;
    try {
      const outcome = await witness.addCheckpoint(bodyOf(request.body));
      reply.header('cache-control', 'no-store');
      if (outcome.type === 'conflict') {
        observer.answered?.('add-checkpoint', CONFLICT, 'CONFLICT', `the recorded size is ${outcome.size}`);
        return reply
          .code(CONFLICT)
          .header('content-type', TLOG_SIZE)
          .send(bufferOf(utf8(`${outcome.size}\n`)));
      }
      observer.answered?.('add-checkpoint', 200, null, '');
      return reply.type('text/plain; charset=utf-8').send(formatCosignatures(outcome.signatures));
    } finally {
      atOnce--;
    }
  });

  app.get<{ Params: { hash: string } }>(`${prefix}/:hash/checkpoint`, async (request, reply) => {
    try {
      const { hash } = request.params;
      if (!/^[0-9a-f]{64}$/.test(hash))
        throw fail('NOT_FOUND', 'a log is named by the SHA-256 of its origin');
      const note = await witness.lastCosigned(fromHex(hash));
      observer.answered?.('checkpoint', 200, null, '');
      return reply.header('cache-control', 'no-store').type('text/plain; charset=utf-8').send(bufferOf(note));
    } catch (error) {
      return refuse(reply, 'checkpoint', error);
    }
  });

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

/** Fastify's own refusals as ours: whatever it finds wrong with a request is the sender's. */
function refusalOf(error: unknown): unknown {
  const { statusCode, message } = (error ?? {}) as { statusCode?: number; message?: string };
  if (isLedgerError(error) || statusCode === undefined || statusCode >= 500) return error;
  return fail(statusCode === 413 ? 'REQUEST_TOO_LARGE' : 'REQUEST_MALFORMED', message ?? 'a bad request', {
    cause: error,
  });
}

/** @throws REQUEST_MALFORMED no body */
function bodyOf(body: unknown): Bytes {
  if (!(body instanceof Uint8Array)) throw fail('REQUEST_MALFORMED', 'the request has no body');
  return new Uint8Array(body.buffer, body.byteOffset, body.byteLength);
}

function bufferOf(bytes: Bytes): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
