/** How a participant of a bench comes into a log: with one key, and nothing said that need not be. */
import { listSigningKeys, signStatement } from '../src/chain/index.ts';
import type { Bytes } from '../src/core/bytes.ts';
import type { PrivateKey } from '../src/core/crypto.ts';
import { nodeCrypto as crypto } from '../src/platform/crypto-node.ts';

/** @param log its origin @param issuedAt Unix seconds */
export function registration(
  log: string,
  { did, key }: { readonly did: string; readonly key: PrivateKey },
  issuedAt: number,
): Bytes {
  return signStatement(crypto, key, {
    ...{ log, kind: 'participant.register', issuer: did, issuedAt },
    body: {
      ...{ did, roles: ['TDC'], organisation: crypto.randomBytes(32), jurisdiction: 'IN', endpoints: [] },
      keys: listSigningKeys(crypto, { log, owner: did, keys: [key] }),
    },
  });
}
