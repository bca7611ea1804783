/** Datasets that participants have registered, as the log proves them: nothing here is the service’s own word. */
import { parseStatement } from '../../chain/index.ts';
import type { LedgerClient } from '../../client/index.ts';
import { toBase64url } from '../../core/bytes.ts';
import type { Crypto } from '../../core/crypto.ts';
import { fail } from '../../core/errors.ts';
import { bodyJson } from './body-json.ts';

export interface DatasetQuery {
  readonly provider?: string;
  readonly purpose?: string;
  /** Default: PUBLISHED. */
  readonly state?: string;
  readonly limit?: number;
  readonly cursor?: number;
}

/** Datasets of one answer; each is fetched and verified. */
export const MOST_DATASETS = 50;

export async function findDatasets(
  { crypto, client }: { readonly crypto: Crypto; readonly client: LedgerClient },
  { provider, purpose, state = 'PUBLISHED', limit = MOST_DATASETS, cursor }: DatasetQuery,
) {
  const { size, at, objects, next } = await client.provenance.list({
    ...{ type: 'dataset', state, limit: Math.min(limit, MOST_DATASETS) },
    ...(provider !== undefined && { owner: provider }),
    ...(purpose !== undefined && { purpose }),
    ...(cursor !== undefined && { cursor }),
  });
  const datasets = await Promise.all(
    objects.map(async ({ id, version, state: now, stops, index, entryId }) => {
      const { statement } = await client.entry({ index });
      if (!statement) throw fail('PREIMAGE_MISMATCH', `entry ${index} registers nothing`);
      const description = bodyJson(parseStatement(crypto, statement).body);
      return {
        ...{ id, version, state: now, stops, description },
        entry: { index, entryId: toBase64url(entryId) },
      };
    }),
  );
  return { size, at, datasets, next };
}
