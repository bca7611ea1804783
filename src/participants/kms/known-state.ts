/** Records of the ledger's state, each proven under one head, as the chain's own rules read them. */
import type { StateReader } from '../../chain/index.ts';
import type { LedgerClient } from '../../client/index.ts';
import { type Bytes, toHex } from '../../core/bytes.ts';
import { fail } from '../../core/errors.ts';

export interface KnownState {
  readonly read: StateReader;
  /** Unix milliseconds of the state. */
  readonly time: number;
}

/** @throws as {@link LedgerClient.facts} */
export async function knownState(client: LedgerClient, keys: readonly Bytes[]): Promise<KnownState> {
  const { tip, values } = await client.facts(keys);
  const known = new Map(keys.map((key, i) => [toHex(key), values[i] ?? undefined]));
  return {
    time: tip.time,
    read(key) {
      const name = toHex(key);
      if (!known.has(name)) throw fail('INTERNAL', `the record ${name} was not asked for`);
      return known.get(name);
    },
  };
}
