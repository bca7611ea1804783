/** The audit of a stored log: everything derived again from its leaves, and compared with what is there. */
import type { Bytes } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { fail } from '../core/errors.ts';
import { decodeHead, HEAD_KEY, type StoredHead, tileKey } from '../log/layout.ts';
import { TILE_WIDTH } from '../merkle/index.ts';
import type { ReadableStorage } from '../storage/index.ts';
import type { MakeAuditors } from './auditors.ts';
import {
  auditRecords,
  auditStrays,
  LeafIndexRows,
  storedKeys,
  storedLevels,
  VerdictRows,
} from './derived-rows.ts';
import { Findings } from './findings.ts';
import { auditKnownHeads, type KnownHeads } from './known-heads.ts';
import { pipeline } from './pipeline.ts';
import { attempt } from './salvage.ts';
import { StateAudit } from './state-audit.ts';
import { storedBundles } from './stored-bundles.ts';
import { TreeAudit } from './tree-audit.ts';

export interface FsckOptions extends KnownHeads {
  readonly crypto: Crypto;
  readonly auditors: MakeAuditors;
  /** Id of the rules by which this software judges. */
  readonly rules: Bytes;
  /** Leaves, tiles and roots only: no signatures, no state, no index. */
  readonly hashesOnly?: boolean;
  /** What the log should be, where somebody knows. */
  readonly origin?: string;
  readonly genesis?: Bytes;
  /** Ends the audit. */
  readonly signal?: AbortSignal;
  readonly progress?: (step: FsckStep, done: number, size: number) => void;
}

export type FsckStep = 'leaves' | 'rows';

export interface FsckReport {
  readonly origin: string;
  readonly size: number;
  readonly root: Bytes;
  readonly findings: Findings;
}

/** @throws LOG_CORRUPT there is no head to begin with; STORAGE_FAILED */
export async function fsckStorage(storage: ReadableStorage, options: FsckOptions): Promise<FsckReport> {
  const { crypto, hashesOnly = false, progress } = options;
  const { size, root, origin } = await storedHead(storage);
  const findings = new Findings();
  if (options.origin !== undefined && options.origin !== origin) {
    findings.add('checkpoint', 'head', options.origin, origin);
  }
  const auditors = options.auditors(!hashesOnly);
  const verdicts = new VerdictRows(storage, findings);
  try {
    const tree = new TreeAudit(crypto, size, findings);
    const state = hashesOnly
      ? undefined
      : new StateAudit({
          ...{ crypto, origin, rules: options.rules, size, findings },
          ...(options.genesis && { genesis: options.genesis }),
          learn: (keys) => auditors.learn(keys),
          closed: (index, expected) => verdicts.check(index, expected),
        });
    const report = { origin, size, root, findings };
    // Without them ahead, keys come from the replay, which takes longer.
    if (state) await attempt('keys', findings, async () => auditors.learn(await storedKeys(storage)));
    let index: LeafIndexRows | undefined;
    if (state) {
      await attempt('mark of the leaf index', findings, async () => {
        index = await LeafIndexRows.open(crypto, storage, size, findings);
      });
    }
    const read = await attempt('leaves, tiles and verdicts', findings, async () => {
      await pipeline(
        storedBundles(storage, size, findings),
        auditors,
        async (audit) => {
          tree.add(audit);
          await state?.add(audit);
          await index?.check(audit.n * TILE_WIDTH + audit.width);
          progress?.('leaves', audit.n * TILE_WIDTH + audit.width, size);
        },
        options.signal,
      );
    });
    // What was not read to the end leads to nothing that could be compared.
    if (!read) return report;
    await attempt('tiles above the leaves', findings, async () => {
      tree.finish(await storedLevels(storage, size, findings), root);
      const tileOf = (n: number) => storage.get(tileKey(0, n));
      await auditKnownHeads(crypto, tree, size, tileOf, options, findings);
    });
    if (!state) return report;
    progress?.('rows', 0, size);
    state.finish();
    await attempt('verdict rows', findings, () => verdicts.finish());
    await attempt('leaf index', findings, async () => index?.finish());
    const records = state.state;
    if (records) await attempt('records', findings, () => auditRecords(storage, records, findings));
    await attempt('other rows', findings, () => auditStrays(storage, size, findings));
    progress?.('rows', size, size);
    return report;
  } finally {
    await Promise.all([auditors.close(), verdicts.end()]);
  }
}

async function storedHead(storage: ReadableStorage): Promise<StoredHead> {
  const stored = await storage.get(HEAD_KEY);
  if (!stored) throw fail('LOG_CORRUPT', 'there is no committed head: not a log, or nothing of it is left');
  return decodeHead(stored);
}
