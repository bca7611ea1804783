/** Which models of a log have these digests. A server that leaves one out cannot be noticed; what is found is proven. */
import { MODEL } from '../chain/index.ts';
import { type Bytes, toHex } from '../core/bytes.ts';
import { fail } from '../core/errors.ts';
import type { CallOptions, LedgerClient } from './ledger-client.ts';

const PAGE = 250;
/** Pages of models that are looked through. */
const MAX_PAGES = 400;

/**
 * @param digests SHA-256 of files, or of all files of a model
 * @returns URNs, in the order of the log
 * @throws REQUEST_TOO_LARGE the log has more models than are looked through
 */
export async function modelsByDigest(
  client: Pick<LedgerClient, 'provenance' | 'facts'>,
  digests: readonly Bytes[],
  options: CallOptions = {},
): Promise<string[]> {
  const wanted = new Set(digests.map(toHex));
  const found: string[] = [];
  let cursor: number | undefined;
  for (let page = 0; page < MAX_PAGES; page++) {
    const query = { type: 'model', limit: PAGE, ...(cursor !== undefined && { cursor }) } as const;
    const { objects, next } = await client.provenance.list(query, { ...options, verify: false });
    const ids = [...new Set(objects.map(({ id }) => id))];
    const { values } = await client.facts(
      ids.map((id) => MODEL.key(id)),
      options,
    );
    ids.forEach((id, i) => {
      const value = values[i];
      if (value && wanted.has(toHex(MODEL.decode(value).digest))) found.push(id);
    });
    if (next === null) return found;
    cursor = next;
  }
  throw fail('REQUEST_TOO_LARGE', 'the log has more models than are looked through: name yours with --model');
}
