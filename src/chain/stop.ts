/**
 * Stops: suspension, revocation, withdrawal. A stop writes only its subject's record, and may take effect later than
 * it is logged; who reads decides by time. What it means for others (contracts, rooms) is derived from `lastStop`,
 * which outlives a reinstatement: a clean room that was deployed before a stop stays BLOCKED after it.
 */
import { type Infer, milliseconds, seconds, struct, text, uint } from './schema.ts';

/** Entry of the stop, the time from which it holds (Unix milliseconds), and the state that it ends. */
export const lastStop = struct({ entry: uint(), at: milliseconds, before: text({ max: 16 }) });
export type LastStop = Infer<typeof lastStop>;

/** Why, in plain words that may be public. */
export const reason = text({ max: 512 });
/** A time from which a stop holds, Unix seconds; left out: at once. */
export const effectiveFrom = seconds;

interface Stoppable<State extends string> {
  readonly state: State;
  readonly lastStop?: LastStop;
}

/** The state at `time`: a stop that is still to come has not changed it yet. */
export function stateAt<State extends string>({ state, lastStop }: Stoppable<State>, time: number): State {
  return lastStop && lastStop.at > time ? (lastStop.before as State) : state;
}

/** A point in the log: the entry, and its time in Unix milliseconds. */
export interface Moment {
  readonly entry: number;
  readonly at: number;
}

/** Whether a stop that holds at `time` came after `since`, even if it has been lifted again. */
export function stoppedSince(
  { lastStop }: { readonly lastStop?: LastStop },
  since: Moment,
  time: number,
): boolean {
  if (!lastStop || lastStop.at > time) return false;
  return lastStop.at > since.at || lastStop.entry > since.entry;
}
