/**
 * A second opinion on what the log has accepted: whoever watches for what must not happen, whatever the log's rules say.
 * A watcher keeps what it needs in memory, and in rows of its own that are committed together with the runs it has seen.
 */
import type { Bytes } from '../core/bytes.ts';
import type { ReplayedRun } from '../replay/index.ts';
import type { AlarmSeverity } from './alarm.ts';

export interface Breach {
  /** For the alarm. */
  readonly code: string;
  readonly severity: AlarmSeverity;
  /** Of the entry that breaks the rule. */
  readonly index: number;
  readonly detail: string;
}

export interface Watcher {
  /** Once, before everything: the rows as they were committed last; none for a new monitor. */
  restore(rows: AsyncIterable<readonly [key: Bytes, value: Bytes]>): Promise<void>;
  /** Told of every run that replay has matched, once, in order. Its entries that were refused have no effect. */
  observe(run: ReplayedRun): readonly Breach[];
  /** What has changed since the last call (null: gone), to be written with the runs observed until now. */
  changes(): readonly (readonly [key: Bytes, value: Bytes | null])[];
}
