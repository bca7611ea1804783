/** What a watch rule is: what an SRO wants to know of, looked for in accepted entries. */
import type { AlarmSeverity } from '../alarm.ts';
import type { Chronicle } from './chronicle.ts';
import type { Seen, WatchedKind } from './seen.ts';

export interface WatchRule<Kinds extends WatchedKind = WatchedKind> {
  readonly code: string;
  readonly severity: AlarmSeverity;
  /** For the reference. */
  readonly meaning: string;
  readonly kinds: readonly Kinds[];
  /** What is wrong with the entry, given all before it; undefined: nothing. */
  breach(entry: Seen<Kinds>, before: Chronicle): string | undefined;
}

/** Declares a rule: it is asked about entries of its kinds only. */
export function declareRule<const Kinds extends WatchedKind>(rule: WatchRule<Kinds>): WatchRule {
  return rule as unknown as WatchRule;
}
