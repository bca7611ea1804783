/** Heads that the log has signed, and that are kept somewhere: what witnesses cosigned, a high-water mark, what somebody has seen. */
import { type Bytes, equal, fromUtf8, toHex } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { isLedgerError } from '../core/errors.ts';
import { TILE_WIDTH } from '../merkle/index.ts';
import { openCheckpoint, type VerifierKey } from '../note/index.ts';
import type { Findings } from './findings.ts';
import type { TreeAudit } from './tree-audit.ts';

/** The tree has to hold it. */
export interface KnownHead {
  readonly name: string;
  readonly size: number;
  readonly root: Bytes;
}

export interface KeptNote {
  /** Where it was found. */
  readonly name: string;
  readonly note: Bytes;
}

export interface KnownHeads {
  readonly heads?: readonly KnownHead[];
  /** Checkpoints as they were kept; `key` is the log's. */
  readonly kept?: { readonly key: VerifierKey; readonly notes: readonly KeptNote[] };
}

/** @param tileOf a full tile of level 0, as it is stored or served */
export async function auditKnownHeads(
  crypto: Crypto,
  tree: TreeAudit,
  size: number,
  tileOf: (n: number) => Promise<Bytes | undefined>,
  { heads = [], kept }: KnownHeads,
  findings: Findings,
): Promise<void> {
  const signed = kept?.notes.flatMap((note) => headOf(crypto, kept.key, note, findings)) ?? [];
  for (const known of [...heads, ...signed]) {
    const expected = `a tree of ${known.size} with root ${toHex(known.root)}`;
    if (known.size > size) {
      findings.add('checkpoint', known.name, expected, `a log of ${size}`);
      continue;
    }
    const n = Math.floor(known.size / TILE_WIDTH);
    const cut = known.size % TILE_WIDTH !== 0 && (n + 1) * TILE_WIDTH <= size;
    const found = tree.rootAt(known.size, cut ? await tileOf(n) : undefined);
    // Leaves that are missing have been reported as that.
    if (found && !equal(found, known.root)) {
      findings.add('checkpoint', known.name, expected, `root ${toHex(found)}`);
    }
  }
}

function headOf(crypto: Crypto, key: VerifierKey, { name, note }: KeptNote, findings: Findings): KnownHead[] {
  try {
    const { size, root } = openCheckpoint(crypto, fromUtf8(note), key);
    return [{ name, size, root }];
  } catch (error) {
    if (!isLedgerError(error) || error.code === 'INTERNAL') throw error;
    findings.add(
      'signature',
      name,
      'a checkpoint that this log has signed',
      `${error.code}: ${error.message}`,
    );
    return [];
  }
}
