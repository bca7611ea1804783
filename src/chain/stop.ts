/**
 * Stops: suspension, revocation, withdrawal. A stop writes only its subject's record, and may take effect later than
 * it is logged; who reads decides by time. What it means for others (contracts, rooms) is derived from `lastStop`,
 * which outlives a reinstatement: a clean room that was deployed before a stop stays BLOCKED after it.
 */
import { type Refusal, refuse } from './refusal.ts';
import { type Infer, milliseconds, optional, seconds, struct, text, uint } from './schema.ts';

/** A point in the log: the entry, and its time in Unix milliseconds. */
const moment = struct({ entry: uint(), at: milliseconds });
export type Moment = Infer<typeof moment>;

/** Entry of the stop, the time from which it holds (Unix milliseconds), and the state that it ends. */
export const lastStop = struct({
  entry: uint(),
  at: milliseconds,
  before: text({ max: 16 }),
  /** The stop that held last when this one was logged to come later: it must not be forgotten meanwhile. */
  earlier: optional(moment),
});
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

/**
 * The stop that entry `index` logs at `time` (Unix milliseconds): at once, or from `from` on (Unix seconds). One that is
 * still to come can be brought forward, never put off.
 */
export function stopBy<State extends string>(
  { index, time }: { readonly index: number; readonly time: number },
  record: Stoppable<State>,
  from?: number,
): LastStop | Refusal<'EFFECTIVE_FROM_PAST' | 'STATE_WRONG'> {
  const at = from === undefined ? time : from * 1000;
  if (at < time) return refuse('EFFECTIVE_FROM_PAST');
  const last = record.lastStop;
  const toCome = last !== undefined && last.at > time;
  if (toCome && at > last.at) return refuse('STATE_WRONG', 'it stops before that already');
  const held = toCome ? last.earlier : last && { entry: last.entry, at: last.at };
  const earlier = at > time && held ? { earlier: held } : {};
  return { entry: index, at, before: stateAt(record, time), ...earlier };
}

/** What changes when a suspension is lifted. One that had not come yet counts from now: rooms stay BLOCKED by it. */
export function lifted<State extends string>(
  stop: LastStop,
  time: number,
): { readonly state: State; readonly lastStop: LastStop } {
  return { state: stop.before as State, lastStop: stop.at > time ? { ...stop, at: time } : stop };
}

/** What changes when a subject goes on to another state, be it with a stop to come. */
export function movedTo<State extends string>(
  { lastStop }: Stoppable<State>,
  state: State,
  time: number,
): { readonly state?: State; readonly lastStop?: LastStop } {
  return lastStop && lastStop.at > time ? { lastStop: { ...lastStop, before: state } } : { state };
}

/** Whether a stop that holds at `time` came after `since`, even if it has been lifted again. */
export function stoppedSince(
  { lastStop }: { readonly lastStop?: LastStop },
  since: Moment,
  time: number,
): boolean {
  const stops = lastStop ? [lastStop, ...(lastStop.earlier ? [lastStop.earlier] : [])] : [];
  return stops.some(({ entry, at }) => at <= time && (at > since.at || entry > since.entry));
}
