/** How a room ends that did not come to its end: the ledger is told, so that nobody waits for it, and what it holds is freed. */
import { CLEANROOM, describeReason, roomStateAt } from '../../chain/index.ts';
import { RUN } from '../../chain/records/run.ts';
import { isLedgerError } from '../../core/errors.ts';
import type { Author } from './author.ts';
import { ProvenState } from './proven-state.ts';
import type { Site } from './site.ts';

/** Milliseconds: whoever stopped the room may wait for this. */
const PATIENCE = 20_000;

export interface Unfinished {
  readonly cleanroom: string;
  readonly deployer: Author;
  /** Who signs for the room, if its keys are there. */
  readonly room?: Author;
  readonly run?: string;
}

/**
 * A run under way has failed; a room that has trained is gone; of any other its deployer says that it is over, which gives a run
 * of the contract back as long as no key was granted. What the ledger refuses is over already.
 * @returns false: the ledger could not be told
 */
export async function end(site: Site, unfinished: Unfinished, reason: string): Promise<boolean> {
  const { cleanroom, deployer, room, run } = unfinished;
  // The room's own signal may be what ended it.
  const signal = AbortSignal.timeout(PATIENCE);
  const state = new ProvenState(site.client, signal);
  site.said('ended', reason);
  try {
    const record = await state.read(CLEANROOM, cleanroom);
    if (run !== undefined && room) {
      const { state: status } = (await state.read(RUN, run)) ?? {};
      if (status === 'STARTED') {
        await room.register('run.fail', { run, reason }, signal);
        return true;
      }
    }
    const now = record && roomStateAt(record, Date.now());
    if (now === 'RELEASED' || now === 'TRAINED') {
      await (room ?? deployer).register('cleanroom.terminate', { id: cleanroom, reason }, signal);
    } else {
      await deployer.register('cleanroom.abort', { id: cleanroom, reason }, signal);
    }
    return true;
  } catch (error) {
    if (signal.aborted) return false;
    if (!isLedgerError(error)) throw error;
    return describeReason(error.code)?.class === 'refused';
  }
}
