/**
 * The key that a room has attested, from its thumbprint. Where the key itself is found does not matter: only one hashes to the
 * thumbprint that the release, and the room, have in the proven state.
 */
import { parseStatement } from '../../chain/index.ts';
import type { LedgerClient } from '../../client/index.ts';
import { type Bytes, equal } from '../../core/bytes.ts';
import type { Crypto } from '../../core/crypto.ts';
import { LedgerError } from '../../core/errors.ts';

/** A room lists evidence at most sixteen times; other entries are about it, too. */
const PAGE = 100;
const PAGES = 8;

/** COSE_Key. @throws WRAPPING_KEY_MISMATCH no evidence of the room has it; as the entries’ verification; UNAVAILABLE */
export async function attestedKey(
  crypto: Pick<Crypto, 'sha256'>,
  client: LedgerClient,
  cleanroom: string,
  wrapKid: Bytes,
): Promise<Bytes> {
  let cursor: number | null | undefined;
  for (let page = 0; page < PAGES && cursor !== null; page++) {
    const query = { id: cleanroom, roles: ['subject'] as const, newestFirst: true, limit: PAGE };
    const { events, next } = await client.provenance.timeline(
      { ...query, ...(cursor !== undefined && { cursor }) },
      { verify: false },
    );
    for (const { index, kind } of events) {
      if (kind !== 'cleanroom.attest') continue;
      const { statement } = await client.entry({ index });
      const parsed = statement && parseStatement(crypto, statement);
      if (parsed?.chain?.kind !== 'cleanroom.attest') continue;
      const { wrapKey } = parsed.body as { readonly wrapKey: Bytes };
      // RFC 9679: the thumbprint of a listed key is the hash of its one form.
      if (equal(crypto.sha256(wrapKey), wrapKid)) return wrapKey;
    }
    cursor = next;
  }
  throw new LedgerError('WRAPPING_KEY_MISMATCH', `no evidence of ${cleanroom} lists the attested key`);
}
