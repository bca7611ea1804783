/** What the stored log says about a batch, asked before it is applied: storage answers later than the rules ask. */
import { kindNamed, parseStatement } from '../chain/index.ts';
import type { Bytes } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { leafHash } from '../merkle/index.ts';
import type { BatchStatement, KnownEntries } from './batch.ts';
import type { LeafIndex } from './leaf-index.ts';
import type { LeafStore } from './leaf-store.ts';

/** Which of the statements are in the log, and where. */
export async function whereLogged(
  index: LeafIndex,
  statements: readonly BatchStatement[],
): Promise<KnownEntries['byId']> {
  const byId = new Map<string, number>();
  const asked = statements.filter(({ leafHash }) => index.mayHold(leafHash));
  if (asked.length === 0) return byId;
  const found = await index.find(asked.map(({ leafHash }) => leafHash));
  for (const [i, { name }] of asked.entries()) {
    const at = found[i];
    if (at !== undefined) byId.set(name, at);
  }
  return byId;
}

/**
 * The entries that refs lead to in a log of `size`, as far as they hold: the first one of a statement that does not
 * decides, so the rest is not read. Anybody may send 64 refs into every corner of the log, and a leaf costs far more than
 * a row.
 */
export async function referredTo(
  crypto: Crypto,
  log: { readonly index: LeafIndex; readonly leaves: LeafStore; readonly size: number },
  statements: readonly BatchStatement[],
): Promise<KnownEntries['byIndex']> {
  const byIndex = new Map<number, { entryId: Bytes; kind: string | null }>();
  let holding = statements.flatMap(({ statement: { chain } }) => (chain ? [chain] : []));
  for (let at = 0; ; at++) {
    const asked = holding.filter(({ refs }) => at < refs.length);
    if (asked.length === 0) return byIndex;
    const found = await log.index.find(asked.map(({ refs }) => leafHash(crypto, refs[at]!.entry)));
    holding = [];
    for (const [i, chain] of asked.entries()) {
      const { rel, index } = chain.refs[at]!;
      if (index < log.size) {
        if (found[i] !== index) continue;
        const known = byIndex.get(index) ?? (await entryAt(crypto, log, index));
        byIndex.set(index, known);
        const relations = kindNamed(chain.kind)?.refs ?? {};
        if (!Object.hasOwn(relations, rel) || !relations[rel]!.kinds.includes(known.kind)) continue;
      }
      holding.push(chain);
    }
  }
}

async function entryAt(
  crypto: Crypto,
  { leaves, size }: { readonly leaves: LeafStore; readonly size: number },
  index: number,
) {
  const { bytes } = await leaves.record(index, size);
  const { entryId, chain } = parseStatement(crypto, bytes);
  return { entryId, kind: chain?.kind ?? null };
}
