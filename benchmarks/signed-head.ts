/** The newest head that a server shows, under the signature of the key that the log's trust file names. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { nodeCrypto as crypto } from '../src/platform/crypto-node.ts';
import { openHead, parseTrust, type SignedTreeHead } from '../src/verify/index.ts';
import type { BenchServer } from './server.ts';

/** @throws what openHead does */
export async function headOf({ http }: BenchServer, dataDir: string): Promise<SignedTreeHead> {
  const trust = parseTrust(crypto, readFileSync(join(dataDir, 'trust.json'), 'utf8'));
  const answer = await fetch(new URL('/checkpoint', http));
  if (!answer.ok) throw new Error(`no checkpoint: ${answer.status}`);
  return openHead(crypto, trust, await answer.text());
}
