/** The audit of a log over HTTP. */
import { HttpTiles } from '../client/http-tiles.ts';
import { HttpTransport } from '../client/http-transport.ts';
import type { ClientTls } from '../platform/http-agent.ts';
import { type FsckServedOptions, fsckServed } from './fsck-served.ts';
import type { FsckReport } from './fsck-storage.ts';

/** Milliseconds for one receipt. */
const TIMEOUT = 30_000;

/** @throws ARGUMENT_INVALID no URL; UNAVAILABLE nobody answers; what {@link fsckServed} throws */
export async function fsckUrl(
  url: string,
  options: FsckServedOptions & { readonly signal: AbortSignal; readonly tls?: ClientTls | undefined },
): Promise<FsckReport> {
  const { signal, tls } = options;
  const tiles = new HttpTiles(url, { signal, ...(tls && { tls }) });
  const transport = new HttpTransport(url, tls);
  try {
    return await fsckServed(
      {
        checkpoint: () => tiles.checkpoint(),
        tile: (path) => tiles.tile(path),
        receipt: (entryId) => transport.receipt(entryId, { deadline: Date.now() + TIMEOUT, signal }),
      },
      options,
    );
  } finally {
    transport.close();
    await tiles.close();
  }
}
