/** Who audits bundles: threads on all cores, of which the caller's own may be one; a test may do it in place. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { TransferListItem } from 'node:worker_threads';
import { equal, toHex } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import type { SigningKey } from '../log/signing-keys.ts';
import { WorkerPool } from '../platform/worker-pool.ts';
import { type BundleAudit, BundleAuditor } from './audit-bundle.ts';
import type { BundleRows } from './bundle-rows.ts';
import { Examiner } from './examine.ts';

export type AuditRequest =
  | { readonly type: 'begin'; readonly examine: boolean }
  | { readonly type: 'keys'; readonly keys: readonly SigningKey[] }
  | { readonly type: 'bundles'; readonly bundles: readonly BundleRows[] };

export interface Auditors {
  /** Requests that keep all of them busy. */
  readonly depth: number;
  /** Bundles that one request should have: as many as take a thread some tens of milliseconds. */
  readonly group: number;
  /** Takes over the buffers of the bundles. */
  audit(bundles: readonly BundleRows[]): Promise<readonly BundleAudit[]>;
  /** Known to every request that is made later. */
  learn(keys: readonly SigningKey[]): void;
  close(): Promise<void>;
}

/** @param examine statements too, not hashes alone */
export type MakeAuditors = (examine: boolean) => Auditors;

/** Threads run compiled code: from sources (tests), that is what `npm run build` has put into dist/. */
const WORKER = new URL(
  import.meta.url.endsWith('.ts') ? '../../dist/fsck/audit-worker.js' : './audit-worker.js',
  import.meta.url,
);
/** Two requests keep a thread busy while an answer travels. */
const DEPTH = 2;
/**
 * Of so many threads that examine statements the caller's own is one, and audits what the others have no room for: each has a
 * heap with all keys. What more of them answer is enough for it to do; and beside hashes alone, it has bundles to read.
 */
const MOST_WITH_OWN = 4;
const OWN_AHEAD = 4;

export function auditThreads(crypto: Crypto, count: number): MakeAuditors {
  return (examine) => {
    const own = examine && count <= MOST_WITH_OWN ? auditInPlace(crypto)(examine) : undefined;
    const others = own ? count - 1 : count;
    const keys = new Map<string, SigningKey>();
    const pool = new WorkerPool<AuditRequest, readonly BundleAudit[]>({
      module: WORKER,
      size: others,
      depth: DEPTH,
      initial: () => [
        { type: 'begin', examine },
        { type: 'keys', keys: [...keys.values()] },
      ],
    });
    const inPool = (bundles: readonly BundleRows[]) =>
      pool.run({ type: 'bundles', bundles }, buffersOf(bundles));
    let turn: Promise<void> = Promise.resolve();
    return {
      // Answers are taken in their order: the own thread goes on beside one that takes longer.
      depth: others * DEPTH + (own ? OWN_AHEAD : 0),
      group: examine ? 2 : 16,
      audit: async (bundles) => {
        if (!own || pool.free) return inPool(bundles);
        // What the own thread takes occupies it for long: before each, it hears of the threads that have nothing left to do.
        turn = turn.then(() => nextTurn());
        await turn;
        return pool.free ? inPool(bundles) : own.audit(bundles);
      },
      learn: (learned) => {
        // Those that the storage holds are told at the beginning, and come again from the replay.
        const unknown = learned.filter(([kid, key]) => {
          const known = keys.get(toHex(kid));
          return !known || !equal(known[1], key);
        });
        for (const key of unknown) keys.set(toHex(key[0]), key);
        if (unknown.length === 0) return;
        pool.tell({ type: 'keys', keys: unknown });
        own?.learn(unknown);
      },
      close: () => pool.close(),
    };
  };
}

function buffersOf(bundles: readonly BundleRows[]): TransferListItem[] {
  const buffers = new Set<ArrayBuffer>();
  for (const { rows, tile } of bundles) {
    for (const bytes of tile ? [rows, tile] : [rows]) {
      // A view of something larger is copied instead: the rest of it is not ours.
      if (bytes.length === bytes.buffer.byteLength && bytes.length > 0)
        buffers.add(bytes.buffer as ArrayBuffer);
    }
  }
  return [...buffers];
}

/** On the caller's own thread. */
export function auditInPlace(crypto: Crypto): MakeAuditors {
  return (examine) => {
    const examiner = examine ? new Examiner(crypto) : undefined;
    const auditor = new BundleAuditor(crypto, examiner);
    return {
      depth: 1,
      group: 1,
      audit: async (bundles) => bundles.map((bundle) => auditor.audit(bundle)),
      learn: (learned) => examiner?.learn(learned),
      close: async () => {},
    };
  };
}
