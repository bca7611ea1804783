/** Records of the proven state, read as the chain’s own rules read them. */
import type { StateReader } from '../../chain/index.ts';
import type { LedgerClient, VerifiedHead } from '../../client/index.ts';
import { type Bytes, toHex } from '../../core/bytes.ts';
import { fail } from '../../core/errors.ts';

export interface Known {
  readonly read: StateReader;
  readonly head: VerifiedHead;
  /** Unix milliseconds of the state. */
  readonly time: number;
}

/** What a server answers in one request. */
const MOST = 200;

/** @throws as {@link LedgerClient.facts}; reading a key that was not asked for is a defect */
export async function know(
  client: LedgerClient,
  keys: readonly Bytes[],
  signal: AbortSignal,
): Promise<Known> {
  const values = new Map<string, Bytes | undefined>();
  let last: Known | undefined;
  for (let at = 0; at === 0 || at < keys.length; at += MOST) {
    const some = keys.slice(at, at + MOST);
    const { head, tip, values: found } = await client.facts(some, { signal });
    for (const [i, key] of some.entries()) values.set(toHex(key), found[i] ?? undefined);
    last = { head, time: tip.time, read };
  }
  return last!;

  function read(key: Bytes): Bytes | undefined {
    const name = toHex(key);
    if (!values.has(name)) throw fail('INTERNAL', `the fact ${name} was not asked for`);
    return values.get(name);
  }
}
