/**
 * The rules of a stored log once more, on one thread, with nothing else: the statements are parsed and known to verify, and no log,
 * network or disk is there. A log applies one statement after the other, so it does no more than this in a second.
 */
import { join } from 'node:path';
import { decodeStateEntry, parseStatement, rulesId, type StateEntry } from '../src/chain/index.ts';
import { type Bytes, equal, toHex } from '../src/core/bytes.ts';
import { applyBatch, type BatchStatement } from '../src/log/batch.ts';
import { LEAVES_RANGE } from '../src/log/layout.ts';
import { decodeRecords } from '../src/log/leaf-record.ts';
import { leafHash } from '../src/merkle/index.ts';
import { nodeCrypto as crypto } from '../src/platform/crypto-node.ts';
import { StateMap } from '../src/statemap/index.ts';
import { openLevelStorage } from '../src/storage/index.ts';

interface Known {
  readonly byId: Map<string, number>;
  readonly byIndex: Map<number, { entryId: Bytes; kind: string | null }>;
}

/** @returns statements, and the seconds that they took. @throws where the state is not what the log says */
export async function rulesAlone(
  dataDir: string,
  origin: string,
): Promise<{ count: number; seconds: number }> {
  const storage = await openLevelStorage(join(dataDir, 'db'));
  const known: Known = { byId: new Map(), byIndex: new Map() };
  let [state, previous]: [StateMap, StateEntry | undefined] = [StateMap.empty, undefined];
  let [count, seconds, index, start] = [0, 0, 0, 0];
  let batch: BatchStatement[] = [];
  try {
    for await (const [, row] of storage.range(LEAVES_RANGE)) {
      for (const { isStateEntry, bytes } of decodeRecords(row)) {
        index += 1;
        if (!isStateEntry) {
          batch.push(prepared(bytes));
          continue;
        }
        const tip = decodeStateEntry(bytes);
        const { time } = tip;
        const began = performance.now();
        const applied = applyBatch(
          { crypto, origin, rules: rulesId(crypto), start, time, state, previous, known },
          batch,
        );
        seconds += (performance.now() - began) / 1000;
        if (!equal(applied.state.root, tip.mapRoot)) throw new Error(`another state at ${tip.index}`);
        batch.forEach(({ statement: { entryId, chain }, name }, i) => {
          known.byId.set(name, start + i);
          known.byIndex.set(start + i, { entryId, kind: chain?.kind ?? null });
        });
        count += batch.length;
        [state, previous, start, batch] = [applied.state, tip, index, []];
      }
    }
    return { count, seconds };
  } finally {
    await storage.close();
  }
}

function prepared(bytes: Bytes): BatchStatement {
  const statement = parseStatement(crypto, bytes.slice());
  const { entryId } = statement;
  return { statement, name: toHex(entryId), leafHash: leafHash(crypto, entryId), verified: true };
}
