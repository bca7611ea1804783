/**
 * Tiles that are kept, answered before the framework. Readers ask a log for little else, and the framework's request, route and hooks are
 * an eighth of what a tile takes. What is not plainly such a request is left to it, and its answer is the same (tlog-tiles.ts).
 */
import type { IncomingMessage, RequestListener } from 'node:http';
import type { FastifyInstance } from 'fastify';
import type { Bytes } from '../core/bytes.ts';
import type { Ledger } from '../service/ledger.ts';
import type { Limits } from '../service/limits.ts';
import type { RequestObserver } from '../service/surface.ts';
import { takeFirst } from './in-turn.ts';
import { TILE_HEADERS, TILE_ROUTE } from './tlog-tiles.ts';

interface Options {
  readonly ledger: Ledger;
  readonly limits: Limits;
  readonly observer?: RequestObserver;
}

const OPERATION = `GET ${TILE_ROUTE}`;

/**
 * Before the server listens, and only where answers have the security headers from the beginning, and a client is who its address says: no
 * proxy is believed, and no certificate is asked for.
 */
export function answerKeptTiles(
  { server }: FastifyInstance,
  { ledger, limits, observer }: Options,
  isClosing: () => boolean,
): void {
  const [framework] = server.listeners('request') as [RequestListener];
  server.off('request', framework);
  server.on('request', (request, response) => {
    const client = request.socket.remoteAddress;
    const tile = client !== undefined && !isClosing() && keptTile(ledger, request);
    // Behind another answer it has to wait, and the framework's hooks know how.
    if (!tile || !takeFirst(request, response)) return framework.call(server, request, response);
    const started = performance.now();
    const send = () => {
      // Not after one that nobody waited for any more: that was closed before.
      response.on('close', () => {
        const seconds = (performance.now() - started) / 1000;
        observer?.observe({ surface: 'http', operation: OPERATION, status: 200, code: null, seconds });
      });
      response.writeHead(200, headersOf(tile)).end(tile);
    };
    const admitted = limits.admitRequest(client);
    // Who is refused hears why from the framework, which asks again.
    if (admitted) admitted.then(send, () => framework.call(server, request, response));
    else send();
  });
}

/** Written out: to spread TILE_HEADERS into another object takes the engine a fifth of what all the rest does. */
function headersOf(tile: Bytes) {
  return {
    'content-type': TILE_HEADERS['content-type'],
    'cache-control': TILE_HEADERS['cache-control'],
    'content-length': tile.length,
  };
}

function keptTile(ledger: Ledger, { method, url, headers }: IncomingMessage): Bytes | undefined {
  if (method !== 'GET' || !url?.startsWith('/tile/')) return undefined;
  const hasBody = headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined;
  return hasBody ? undefined : ledger.keptTile(url.slice(1));
}
