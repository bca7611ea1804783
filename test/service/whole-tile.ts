import { type Bytes, concat } from '../../src/core/bytes.ts';
import type { Ledger } from '../../src/service/index.ts';

/** A tile in one piece, however it comes. */
export async function wholeTile(ledger: Pick<Ledger, 'tile'>, path: string): Promise<Bytes> {
  const tile = await ledger.tile(path);
  if (tile instanceof Uint8Array) return tile;
  const parts: Bytes[] = [];
  for await (const part of tile) parts.push(part);
  return concat(...parts);
}
