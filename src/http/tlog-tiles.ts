/** C2SP tlog-tiles: the checkpoint, and the tiles that anybody can cache for ever. */
import { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import type { Bytes } from '../core/bytes.ts';
import { fail } from '../core/errors.ts';
import type { Ledger } from '../service/ledger.ts';
import { IMMUTABLE } from './v1-route.ts';

/**
 * tile/<L>/<N>[.p/<W>] and tile/entries|statements/<N>[.p/<W>]; L is 0 to 63, W 1 to 255, N in groups of three digits
 * of which all but the last begin with x. Whether the tile is there is the ledger's to say.
 */
const TILE =
  /^tile\/(?:0|[1-9]|[1-5]\d|6[0-3]|entries|statements)\/(?:x\d{3}\/){0,6}\d{3}(?:\.p\/(?:[1-9]\d?|1\d\d|2[0-4]\d|25[0-5]))?$/;

export const TILE_ROUTE = '/tile/*';
/** Of a tile that is there. */
export const TILE_HEADERS = {
  'content-type': 'application/octet-stream',
  'cache-control': IMMUTABLE,
} as const;

export function tlogTiles(app: FastifyInstance, ledger: Ledger): void {
  app.get('/checkpoint', { schema: { hide: true } }, async (_request, reply) =>
    reply
      .type('text/plain; charset=utf-8')
      .header('cache-control', 'public, max-age=1')
      .send(ledger.checkpoint().checkpoint),
  );

  app.get(TILE_ROUTE, { schema: { hide: true } }, (request, reply) => {
    // The path as it came: a percent sign in it is not of the grammar, so nothing has two spellings.
    const path = request.raw.url!.slice(1);
    if (!TILE.test(path)) throw fail('NOT_FOUND', 'no such tile');
    // For HEAD fastify reads a stream to its end, as fast as it can, and forgets it: 256 MiB, for a line that asks for none.
    const read = (parts: AsyncIterable<Bytes>) =>
      Readable.from(request.method === 'HEAD' ? [] : parts, { highWaterMark: 1 });
    const send = (tile: Bytes | AsyncIterable<Bytes>) =>
      reply.headers(TILE_HEADERS).send(tile instanceof Uint8Array ? bufferOf(tile) : read(tile));
    const tile = ledger.tile(path);
    // Answered before the handler returns, where there is nothing to wait for.
    return tile instanceof Promise ? tile.then(send) : void send(tile);
  });
}

/** The same bytes as what fastify sends. What is one already stays it: each view of bytes is work for the garbage collector. */
export function bufferOf(bytes: Uint8Array): Buffer {
  if (Buffer.isBuffer(bytes)) return bytes;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
