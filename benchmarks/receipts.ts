/** What came back is looked at: a bench that measures answers which nobody could verify would measure nothing. */
import { join } from 'node:path';
import { parseStatement } from '../src/chain/index.ts';
import type { Bytes } from '../src/core/bytes.ts';
import { decodeReceipt, verifyInclusionReceipt } from '../src/cose/index.ts';
import { nodeCrypto as crypto } from '../src/platform/crypto-node.ts';
import { readKeyFiles } from '../src/server/key-files.ts';

/** A statement that was sent, and the receipt that came back. */
export interface Receipted {
  readonly statement: Bytes;
  readonly receipt: Bytes;
}

/**
 * Each receipt has to be of the entry that the very statement is.
 * @param dataDir of the server: it has the log's receipt key
 * @returns how many there were
 * @throws what {@link verifyInclusionReceipt} does; an empty sample
 */
export function verifyReceipts(dataDir: string, origin: string, sample: readonly Receipted[]): number {
  if (sample.length === 0) throw new Error('no receipt to verify');
  const { publicKey } = readKeyFiles(crypto, join(dataDir, 'keys')).log.receipt.key;
  for (const { statement, receipt } of sample) {
    const { entryId } = parseStatement(crypto, statement);
    verifyInclusionReceipt(crypto, publicKey, decodeReceipt(receipt), entryId, { origin });
  }
  return sample.length;
}
