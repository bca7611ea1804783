/** The log to mirror, over HTTP: tiles, and receipts over SCRAPI. Nothing that it answers is believed here. */

import { HttpTransport } from '../client/http-transport.ts';
import { HttpTiles, type HttpTilesOptions } from '../client/index.ts';
import type { Bytes } from '../core/bytes.ts';
import type { Upstream } from './mirror.ts';

const RECEIPT_MS = 10_000;

export class HttpUpstream implements Upstream {
  readonly #tiles: HttpTiles;
  readonly #transport: HttpTransport;

  /** @param url what stands before `/checkpoint`. @throws ARGUMENT_INVALID */
  constructor(url: string, options: HttpTilesOptions = {}) {
    this.#tiles = new HttpTiles(url, options);
    this.#transport = new HttpTransport(url, options.tls);
  }

  checkpoint(): Promise<Bytes> {
    return this.#tiles.checkpoint();
  }

  tile(path: string): Promise<Bytes> {
    return this.#tiles.tile(path);
  }

  receipt(entryId: Bytes, signal: AbortSignal): Promise<Bytes> {
    return this.#transport.receipt(entryId, { deadline: Date.now() + RECEIPT_MS, signal });
  }

  async close(): Promise<void> {
    this.#transport.close();
    await this.#tiles.close();
  }
}
