/**
 * The audit of a log as it is served: the head that its checkpoint signs, every tile and statement under it, the state by
 * replay, and a receipt. What only its storage has (rows of indexes and records) nobody can see from here.
 */
import type { Bytes } from '../core/bytes.ts';
import { isLedgerError } from '../core/errors.ts';
import { TILE_WIDTH, tilePath } from '../merkle/index.ts';
import { openCheckpoint } from '../note/index.ts';
import type { TileSource } from '../tiles/index.ts';
import type { Trust } from '../verify/index.ts';
import { Findings } from './findings.ts';
import type { FsckOptions, FsckReport } from './fsck-storage.ts';
import { auditKnownHeads } from './known-heads.ts';
import { pipeline } from './pipeline.ts';
import { NotServed, servedBundles, servedLevels } from './served-bundles.ts';
import { auditReceipt } from './served-receipt.ts';
import { StateAudit } from './state-audit.ts';
import { TreeAudit } from './tree-audit.ts';

export interface ServedLog extends TileSource {
  /** The receipt of an entry, if the log issues any. @throws NOT_FOUND */
  receipt?(entryId: Bytes): Promise<Bytes>;
}

export interface FsckServedOptions extends FsckOptions {
  readonly trust: Trust;
}

/**
 * @throws what openCheckpoint does: without a head that the log has signed there is nothing to audit; UNAVAILABLE and what
 * else the source throws when nobody answers
 */
export async function fsckServed(log: ServedLog, options: FsckServedOptions): Promise<FsckReport> {
  const { crypto, trust, hashesOnly = false, progress } = options;
  const findings = new Findings();
  const head = openCheckpoint(crypto, await log.checkpoint(), trust.checkpointKey);
  const { size, root, origin } = head;
  const auditors = options.auditors(!hashesOnly);
  try {
    const tree = new TreeAudit(crypto, size, findings);
    const state = hashesOnly
      ? undefined
      : new StateAudit({
          ...{ crypto, origin, rules: options.rules, genesis: trust.genesis, size, findings },
          learn: (keys) => auditors.learn(keys),
          closed: async () => {},
        });
    let openTile: Bytes | undefined;
    const bundles = async function* () {
      for await (const bundle of servedBundles(log, size, findings)) {
        if (bundle.width === TILE_WIDTH) yield bundle;
        else {
          openTile = bundle.tile;
          yield { ...bundle, tile: undefined };
        }
      }
    };
    await pipeline(
      bundles(),
      auditors,
      async (audit) => {
        tree.add(audit);
        await state?.add(audit);
        progress?.('leaves', audit.n * TILE_WIDTH + audit.width, size);
      },
      options.signal,
    );
    if (openTile) tree.compareOpenTile(openTile);
    tree.finish(await servedLevels(log, size, findings), root);
    state?.finish();
    const tileOf = (n: number) => log.tile(tilePath(0, n));
    await auditKnownHeads(crypto, tree, size, tileOf, options, findings);
    const last = state && lastStatement(state, size);
    if (last && log.receipt) {
      const receipt = await receiptOf(log.receipt(last.entryId));
      if (receipt) auditReceipt(crypto, trust, tree, { ...last, receipt }, findings);
    }
    return { origin, size, root, findings };
  } catch (error) {
    if (error instanceof NotServed) return { origin, size, root, findings };
    throw error;
  } finally {
    await auditors.close();
  }
}

/** Its receipt is of the newest tree that the log answers with. */
function lastStatement({ entries }: StateAudit, size: number): { index: number; entryId: Bytes } | undefined {
  for (let index = size - 1; index >= 0; index--) {
    if (entries.has(index)) return { index, entryId: entries.id(index).slice() };
  }
  return undefined;
}

/** Files behind any web server are a log, too: it issues no receipts. */
async function receiptOf(asked: Promise<Bytes>): Promise<Bytes | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (isLedgerError(error, 'NOT_FOUND')) return undefined;
    throw error;
  }
}
