/** What runs give cause to say: entries that the rules refuse, times that are not those of the clock, breaches, refutations. */
import { encodeStateEntry } from '../chain/index.ts';
import type { Crypto } from '../core/crypto.ts';
import { isLedgerError } from '../core/errors.ts';
import { describeFault, type FaultMember, type Refuted, type ReplayedRun } from '../replay/index.ts';
import type { StateMap } from '../statemap/index.ts';
import type { LogReader } from '../tiles/index.ts';
import type { Evidence, MonitorAlarm } from './alarm.ts';
import { effectIn, refutedRun } from './alarms/run-evidence.ts';
import type { Bell } from './bell.ts';
import type { Watcher } from './watcher.ts';

type EvidenceOf<Type extends Evidence['type']> = Extract<Evidence, { type: Type }>;

/** Entries that are reported one by one for each head; the rest is counted. */
const MOST_INVALID = 64;

const CODES: Partial<Record<FaultMember, MonitorAlarm>> = {
  genesis: 'GENESIS_MISMATCH',
  rules: 'RULES_UNKNOWN',
  time: 'TIME_BACK',
};

export class RunAlarms {
  readonly #crypto: Crypto;
  readonly #bell: Bell;
  readonly #watcher: Watcher | undefined;
  /** Refused entries in the tree of which size. */
  #invalid = { size: 0, count: 0 };

  constructor(crypto: Crypto, bell: Bell, watcher: Watcher | undefined) {
    this.#crypto = crypto;
    this.#bell = bell;
    this.#watcher = watcher;
  }

  /** @param note the signed head that `reader` reads */
  async matched(run: ReplayedRun, note: string, reader: LogReader): Promise<void> {
    for (const { index, verdict, detail } of run.entries) {
      if (verdict.outcome === 'refused') {
        await this.#refused(
          run,
          index,
          `${verdict.reason}${detail === undefined ? '' : `: ${detail}`}`,
          note,
          reader,
        );
      }
    }
    for (const { code, severity, index, detail } of this.#watcher?.observe(run) ?? []) {
      const { size } = reader.head;
      await this.#bell.raise(code, severity, {
        ...{ size, index, detail },
        evidence: await entryEvidence(index, note, reader),
      });
    }
  }

  async #refused(
    run: ReplayedRun,
    index: number,
    detail: string,
    note: string,
    reader: LogReader,
  ): Promise<void> {
    const { size } = reader.head;
    if (this.#invalid.size !== size) this.#invalid = { size, count: 0 };
    const count = ++this.#invalid.count;
    if (count > MOST_INVALID + 1) return;
    if (count > MOST_INVALID) {
      const more = `more than ${MOST_INVALID} entries of this tree are refused; no more of them are listed`;
      await this.#bell.ring('INVALID_ENTRY', { size, index, detail: more });
      return;
    }
    const shown = await entryEvidence(index, note, reader);
    const effect = await orNothing(() => effectIn(this.#crypto, run, index, reader));
    const evidence = shown && { ...shown, ...(effect && { effect }) };
    await this.#bell.ring('INVALID_ENTRY', { size, index, detail, evidence });
  }

  async time(index: number, detail: string, note: string, reader: LogReader): Promise<void> {
    const { size } = reader.head;
    const evidence = await entryEvidence(index, note, reader);
    await this.#bell.ring('CLOCK_SKEW', { size, index, detail, evidence });
  }

  /** @param before the state that the run begins with */
  async refuted(refuted: Refuted, before: StateMap, note: string, reader: LogReader): Promise<void> {
    const { index, faults } = refuted;
    const code = faults.map(({ member }) => CODES[member]).find((known) => known) ?? 'STATE_MISMATCH';
    const detail = `state entry ${index}: ${faults.map(describeFault).join('; ')}`;
    const shown = await stateEvidence(refuted, note, reader);
    const run = await orNothing(() => refutedRun(this.#crypto, refuted, before, reader));
    const evidence = shown && { ...shown, ...(run && { run }) };
    await this.#bell.ringOnce(code, String(index), { size: reader.head.size, index, detail, evidence });
  }
}

async function entryEvidence(
  index: number,
  note: string,
  reader: LogReader,
): Promise<EvidenceOf<'entry'> | undefined> {
  return orNothing(async () => {
    const { data, statement } = await reader.leaf(index);
    const path = await reader.inclusionPath(index);
    return { type: 'entry', checkpoint: note, index, leafData: data, statement, path };
  });
}

async function stateEvidence(
  { index, first, expected }: Refuted,
  note: string,
  reader: LogReader,
): Promise<EvidenceOf<'state-entry'> | undefined> {
  const at = async (place: number) => ({
    index: place,
    stateEntry: (await reader.leaf(place)).data,
    path: await reader.inclusionPath(place),
  });
  return orNothing(async () => ({
    type: 'state-entry',
    checkpoint: note,
    ...(await at(index)),
    previous: first === 0 ? null : await at(first - 1),
    ...(expected && { expected: encodeStateEntry(expected) }),
  }));
}

/** An alarm does not wait for its evidence: a log that serves no more has been caught all the same. */
async function orNothing<T>(make: () => Promise<T>): Promise<T | undefined> {
  try {
    return await make();
  } catch (error) {
    if (isLedgerError(error) || (error as { name?: string }).name === 'AbortError') return undefined;
    throw error;
  }
}
