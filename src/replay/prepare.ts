/**
 * What comes before replaying a run: its statements parsed, once, and what has to be looked up among earlier entries,
 * since the transition function asks at once and storage answers later.
 */
import { lookupsFor, parseStatement, type Statement } from '../chain/index.ts';
import { type Bytes, toHex } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { isLedgerError } from '../core/errors.ts';
import type { ReplayLeaf, Run } from './run.ts';

export interface RunLookups {
  /** Entry ids, one for each statement of the run: which of them are those of entries before the run? */
  readonly entryIds: readonly Bytes[];
  /** Indexes before the run that its statements refer to: which entries are there? */
  readonly indexes: readonly number[];
}

export interface PreparedStatement extends ReplayLeaf {
  readonly statement: Bytes;
  /** Absent: the bytes are no statement, which is for the transition function to say. */
  readonly parsed?: Statement;
}

export interface PreparedRun {
  readonly first: number;
  readonly statements: readonly PreparedStatement[];
  readonly closing: ReplayLeaf;
  readonly lookups: RunLookups;
}

export function prepareRun(crypto: Crypto, { first, statements, closing }: Run): PreparedRun {
  const entryIds = new Map<string, Bytes>();
  const indexes = new Set<number>();
  const prepared = statements.map((leaf): PreparedStatement => {
    entryIds.set(toHex(leaf.data), leaf.data);
    const parsed = parse(crypto, leaf.statement);
    if (!parsed) return leaf;
    for (const index of lookupsFor(parsed).indexes) if (index < first) indexes.add(index);
    return { ...leaf, parsed };
  });
  return {
    first,
    statements: prepared,
    closing,
    lookups: { entryIds: [...entryIds.values()], indexes: [...indexes] },
  };
}

function parse(crypto: Crypto, bytes: Bytes): Statement | undefined {
  try {
    return parseStatement(crypto, bytes);
  } catch (error) {
    if (isLedgerError(error) && error.code !== 'INTERNAL') return undefined;
    throw error;
  }
}
