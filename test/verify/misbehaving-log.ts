/** A log that lies in one place, and what a monitor would hold of it. */
import {
  decodeStateEntry,
  encodeStateEntry,
  parseStatement,
  type StateEntry,
} from '../../src/chain/index.ts';
import type { Bytes } from '../../src/core/bytes.ts';
import { isLedgerError } from '../../src/core/errors.ts';
import { hashesOf } from '../../src/merkle/index.ts';
import { StateMap } from '../../src/statemap/index.ts';
import type { ClaimedEarlier, ClaimedLeaf, ClaimedTip, RefutedRun } from '../../src/verify/index.ts';
import type { SmallLog } from './small-log.ts';

/** Changes the state entry at the end of the log. */
export function falsify(log: SmallLog, change: Partial<StateEntry>): SmallLog {
  const index = log.size - 1;
  const leaf = log.leaves[index]!;
  const leafData = encodeStateEntry({ ...decodeStateEntry(leaf.leafData), ...change });
  log.leaves[index] = { ...leaf, leafData };
  return log;
}

export async function leafOf(log: SmallLog, index: number, size = log.size): Promise<ClaimedLeaf> {
  const { leafHash, path } = await log.inclusion({ index }, size);
  return { index, leafHash, path: hashesOf(path) };
}

export async function tipOf(log: SmallLog, index: number, size = log.size): Promise<ClaimedTip> {
  const { path } = await leafOf(log, index, size);
  return { index, stateEntry: log.leaves[index]!.leafData, path };
}

export async function effectOf(log: SmallLog, index: number) {
  const { stateIndex, stateEntry, statePath, verdict, verdictPath } = await log.effect(index);
  return { stateIndex, stateEntry, path: statePath, verdict, verdictPath };
}

/** The run that the state entry at `index` closes, under the head of `size`. */
export async function runOf(log: SmallLog, index: number, size = log.size): Promise<RefutedRun> {
  const first = log.leaves[index]!.closes!.first;
  const start = first === 0 ? 0 : first - 1;
  const leaves = log.leaves.slice(start, index + 1);
  return {
    checkpoint: log.headAt(size).checkpoint,
    before: log.leaves[start]!.closes?.map ?? StateMap.empty,
    start,
    leaves: leaves.map(({ leafData, statement }) => statement ?? leafData),
    firstPath: (await leafOf(log, start, size)).path,
    lastPath: (await leafOf(log, index, size)).path,
    earlier: await earlierOf(
      log,
      leaves.flatMap(({ statement }) => (statement ? [statement] : [])),
      start,
    ),
  };
}

async function earlierOf(log: SmallLog, statements: readonly Bytes[], start: number) {
  const indexes = new Set(statements.flatMap((statement) => refsOf(log, statement)));
  const earlier: ClaimedEarlier[] = [];
  for (const index of [...indexes].filter((each) => each < start)) {
    const { statement } = log.leaves[index]!;
    const effect = statement && (await effectOf(log, index));
    earlier.push({ ...(await leafOf(log, index)), statement, effect });
  }
  return earlier;
}

function refsOf({ crypto }: SmallLog, statement: Bytes): number[] {
  try {
    return parseStatement(crypto, statement).chain?.refs.map(({ index }) => index) ?? [];
  } catch (error) {
    if (!isLedgerError(error)) throw error;
    return [];
  }
}
