/**
 * The state of anything that has an identifier, as it is at a time: stops that are still to come have not changed it
 * yet, and what ends by time has ended (EXPIRED, LAPSED, BLOCKED, FAILED by deadline). For people and lists; rules and
 * gates ask the functions that they are written with.
 */
import { typeOfId } from './lineage.ts';
import type { StateReader } from './record.ts';
import { CLEANROOM, type CleanroomRecord } from './records/cleanroom.ts';
import { CONTRACT, type ContractRecord } from './records/contract.ts';
import { DATASET, type DatasetRecord } from './records/dataset.ts';
import { AGREEMENT, ANCHORS, APPRAISAL_POLICY, CODE } from './records/governance.ts';
import { MODEL } from './records/model.ts';
import { RELEASE } from './records/release.ts';
import { RUN } from './records/run.ts';
import { roomStateAt } from './room-end.ts';
import { blockedFault } from './room-standing.ts';
import { PARTICIPANT } from './state.ts';
import { type LastStop, stateAt } from './stop.ts';

export interface ObjectStatus {
  readonly state: string;
  /** Of a dataset and of what the SRO publishes: the version that this is the state of. */
  readonly version?: number;
  /** The last suspension, revocation, withdrawal or recall, lifted since or not, or still to come. */
  readonly lastStop?: LastStop;
  /** Who answers for it: provider, parties, owner, deployer. */
  readonly owners: readonly string[];
  readonly purposes: readonly string[];
  /** What it is called, in its owner's words. */
  readonly name?: string;
}

/**
 * @param time Unix milliseconds
 * @param version of a dataset; the newest when left out
 * @returns undefined when the state has no record of it
 */
export function objectStatus(
  read: StateReader,
  id: string,
  time: number,
  version?: number,
): ObjectStatus | undefined {
  switch (typeOfId(id)) {
    case 'participant': {
      const record = PARTICIPANT.read(read, id);
      return record && { state: stateAt(record, time), ...stopOf(record), owners: [id], purposes: [] };
    }
    case 'dataset': {
      const of = version ?? newestVersion(read, id);
      const record = DATASET.read(read, id, of);
      if (!record) return undefined;
      const { provider, purposes, name } = record;
      const state = datasetState(record, time);
      return { state, version: of, ...stopOf(record), owners: [provider], purposes, name };
    }
    case 'contract': {
      const record = CONTRACT.read(read, id);
      if (!record) return undefined;
      const owners = [...new Set([record.tdc, ...record.tdps, record.ccrp])];
      return { state: contractState(record, time), ...stopOf(record), owners, purposes: [record.purpose] };
    }
    case 'model': {
      const record = MODEL.read(read, id);
      if (!record) return undefined;
      const purposes = record.contracts.flatMap((contract) => CONTRACT.read(read, contract)?.purpose ?? []);
      const state = stateAt(record, time);
      return { state, ...stopOf(record), owners: [record.owner], purposes: [...new Set(purposes)] };
    }
    case 'cleanroom': {
      const record = CLEANROOM.read(read, id);
      return record && { state: roomState(read, record, time), owners: [record.deployer], purposes: [] };
    }
    case 'run': {
      const record = RUN.read(read, id);
      if (!record) return undefined;
      const room = CLEANROOM.read(read, record.cleanroom);
      const late = room !== undefined && roomStateAt(room, time) === 'FAILED';
      return {
        state: late && record.state === 'STARTED' ? 'FAILED' : record.state,
        owners: room ? [room.deployer] : [],
        purposes: [],
      };
    }
    case 'release': {
      const record = RELEASE.read(read, id);
      if (!record) return undefined;
      const late = record.state === 'GRANTED' && record.expires !== undefined && record.expires < time;
      return { state: late ? 'EXPIRED' : record.state, owners: [record.kms], purposes: [] };
    }
    case 'code': {
      const record = CODE.read(read, id);
      if (!record) return undefined;
      const state = stateAt(record, time);
      const ended = state === 'CERTIFIED' && past(record.notAfter, time);
      return { state: ended ? 'EXPIRED' : state, ...stopOf(record), owners: [], purposes: [] };
    }
    case 'agreement':
      return published(AGREEMENT.read(read, id));
    case 'anchors':
      return published(ANCHORS.read(read, id));
    case 'appraisal-policy':
      return published(APPRAISAL_POLICY.read(read, id));
    default:
      return undefined;
  }
}

/** Versions have no gaps, so the last one is found by doubling and halving. */
function newestVersion(read: StateReader, id: string): number {
  const there = (version: number) => DATASET.has(read, id, version);
  let low = 1;
  while (low < 2 ** 30 && there(low * 2)) low *= 2;
  let high = low * 2;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (there(middle)) low = middle;
    else high = middle;
  }
  return low;
}

function datasetState(record: DatasetRecord, time: number): string {
  const state = stateAt(record, time);
  return state === 'PUBLISHED' && past(record.retentionUntil, time) ? 'EXPIRED' : state;
}

function contractState(record: ContractRecord, time: number): string {
  const state = stateAt(record, time);
  if (state === 'SIGNED') return past(record.expiry, time) ? 'EXPIRED' : state;
  const open = state === 'PROPOSED' || state === 'PARTLY_SIGNED';
  return open && record.lapses < time ? 'LAPSED' : state;
}

/** Nothing is left to block. */
const ENDED = ['TRAINED', 'RELEASED', 'TERMINATED', 'ABORTED', 'FAILED'];

function roomState(read: StateReader, record: CleanroomRecord, time: number): string {
  const state = roomStateAt(record, time);
  return !ENDED.includes(state) && blockedFault(read, record, time) ? 'BLOCKED' : state;
}

function published(record: { readonly version: number } | undefined): ObjectStatus | undefined {
  return record && { state: 'PUBLISHED', version: record.version, owners: [], purposes: [] };
}

/** Whether `seconds`, the point in time up to which something is good, is before `time` (Unix milliseconds). */
function past(seconds: number | undefined, time: number): boolean {
  return seconds !== undefined && seconds * 1000 < time;
}

function stopOf({ lastStop }: { readonly lastStop?: LastStop }): { lastStop?: LastStop } {
  return lastStop ? { lastStop } : {};
}
