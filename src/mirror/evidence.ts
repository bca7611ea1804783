/**
 * What a mirror keeps when it stops: wherever the log's own signatures contradict each other, a proof of misbehaviour
 * that convicts it offline (`aichain verify`); and beside it always a report in plain words, with what was served.
 */
import { type Bytes, toBase64, toHex, utf8 } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { isLedgerError, type LedgerError } from '../core/errors.ts';
import { describeFault, type Refuted, type Run } from '../replay/index.ts';
import type { StateMap } from '../statemap/index.ts';
import { type LogReader, TileFault } from '../tiles/index.ts';
import { makeMisbehaviour, makeStateMisbehaviour, type Trust } from '../verify/index.ts';
import type { HeldHead } from './held-heads.ts';

/** Where files are kept. @returns what people find it by */
export interface EvidenceKeeper {
  /** @param name of the file: the same one is kept once */
  keep(name: string, content: Bytes): Promise<string>;
}

/** What is wrong, and what there is to show for it. */
export interface Finding {
  readonly error: LedgerError;
  /** As they were received. */
  readonly checkpoints: readonly string[];
  /** Proof of misbehaviour. */
  readonly proof?: Bytes | undefined;
}

interface Judge {
  readonly crypto: Crypto;
  readonly trust: Trust;
}

/** Bytes of a tile that are written into a report. */
const SHOWN = 16 << 10;

/** Two signed trees, of which the newer one (which `reader` reads) does not extend the older one. */
export async function proveFork(
  { crypto, trust }: Judge,
  older: HeldHead,
  newer: HeldHead,
  reader: LogReader | undefined,
): Promise<Bytes | undefined> {
  const heads = [older.checkpoint, newer.checkpoint] as const;
  if (older.size === newer.size) return makeMisbehaviour(crypto, trust, { kind: 'fork', heads });
  if (!reader || older.size >= newer.size) return undefined;
  try {
    const index = older.size - 1;
    const [leaf, path] = await Promise.all([reader.leaf(index), reader.inclusionPath(index)]);
    const shown = { index, leafHash: leaf.hash, path };
    return makeMisbehaviour(crypto, trust, { kind: 'rewrite', heads, leaf: shown });
  } catch (error) {
    // What would prove it is not served. The two heads are kept all the same.
    if (!isLedgerError(error)) throw error;
    return undefined;
  }
}

/** A state entry that replay does not lead to. */
export async function proveState(
  { crypto, trust }: Judge,
  run: Run,
  refuted: Refuted,
  { head, reader, before }: { head: HeldHead; reader: LogReader; before: StateMap },
): Promise<Bytes | undefined> {
  try {
    const start = run.first === 0 ? 0 : run.first - 1;
    const previous = run.first === 0 ? [] : [(await reader.leaf(start)).data];
    const [firstPath, lastPath] = await Promise.all([
      reader.inclusionPath(start),
      reader.inclusionPath(refuted.index),
    ]);
    const leaves = [...previous, ...run.statements.map(({ statement }) => statement), run.closing.data];
    return makeStateMisbehaviour(crypto, trust, {
      ...{ checkpoint: head.checkpoint, before, start, leaves, firstPath, lastPath },
      // Of what statements refer to, nothing is gathered here: a monitor does. Most false states show without.
      earlier: [],
    });
  } catch (error) {
    if (!isLedgerError(error)) throw error;
    return undefined;
  }
}

export function describeRefuted({ index, faults }: Refuted): string {
  return `the state entry ${index} is not what replay leads to: ${faults.map(describeFault).join('; ')}`;
}

/** Keeps what there is. @returns where */
export async function keepFinding(
  { crypto, trust }: Judge,
  keeper: EvidenceKeeper,
  { error, checkpoints, proof }: Finding,
): Promise<string[]> {
  const fault = error instanceof TileFault ? error : undefined;
  const report = {
    code: error.code,
    detail: error.message,
    origin: trust.origin,
    checkpoints,
    ...(fault && { path: fault.path }),
    ...(fault?.index !== undefined && { index: fault.index }),
    ...(fault && { served: fault.served && toBase64(fault.served.subarray(0, SHOWN)) }),
    ...(fault?.served && { servedBytes: fault.served.length }),
  };
  const text = utf8(`${JSON.stringify(report, null, 2)}\n`);
  // Named by what it says, so that a mirror which is started again and again keeps it once.
  const id = toHex(crypto.sha256(utf8(`${error.code} ${error.message}`)).subarray(0, 6));
  const name = `${error.code.toLowerCase().replaceAll('_', '-')}-${id}`;
  const kept = [await keeper.keep(`${name}.json`, text)];
  if (proof) kept.unshift(await keeper.keep(`${name}.misbehaviour`, proof));
  return kept;
}
