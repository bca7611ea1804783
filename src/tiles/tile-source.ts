/** Where tiles come from: the network, a folder, a test. Nothing that it gives is believed. */
import type { Bytes } from '../core/bytes.ts';

export interface TileSource {
  /** The newest checkpoint: a signed note. */
  checkpoint(): Promise<Bytes>;
  /**
   * The bytes of a tile.
   * @param path as tilePath writes it, such as `tile/0/x001/067` or `tile/statements/000.p/17`
   * @throws NOT_FOUND there is no such tile; anything else: it is not known whether there is
   */
  tile(path: string): Promise<Bytes>;
}
