/**
 * What a monitor says when a log is not what it should be, and to whom. Whoever raises an alarm gives what convicts the
 * log with it, as far as there is such a thing: files are made of that elsewhere (./alarms/).
 */
import type { Bytes } from '../core/bytes.ts';
import type { EffectProof, RefutedRun } from '../verify/index.ts';

/** What the monitor itself watches. */
export const MONITOR_ALARMS = {
  FORK: ['critical', 'Two signed trees of the log contradict each other.'],
  STATE_MISMATCH: ['critical', 'A state entry is not what replaying the log leads to.'],
  TIME_BACK: ['critical', 'The time of a state entry is before that of the one before it.'],
  TIP_MISSING: ['critical', 'A signed tree does not end in a state entry.'],
  GENESIS_MISMATCH: ['critical', 'The first entry of the log is not the genesis that the trust file names.'],
  RULES_UNKNOWN: ['critical', 'A state entry was made under rules that this software does not have.'],
  TILE_INVALID: ['critical', 'What the log serves does not hash to the tree that it has signed.'],
  TILE_MISSING: ['critical', 'The log does not serve a tile of a tree that it has signed.'],
  BODY_MISSING: ['critical', 'The log does not serve the statement of an entry that it has logged.'],
  CHECKPOINT_INVALID: ['critical', 'What the log serves as its checkpoint is not one that it has signed.'],
  CLOCK_SKEW: ['warning', 'A state entry was more than 30 s away from the own clock when it was first seen.'],
  INVALID_ENTRY: ['warning', 'The log holds an entry that its rules refuse: it has no effect.'],
  OLD_TREE: ['critical', 'The newest tree that the log shows is older than one that it has signed.'],
  STALE_LOG: ['warning', 'The log has not signed a new tree, or renewed its cosignatures, for too long.'],
  LOG_UNREACHABLE: ['warning', 'The log does not answer.'],
  RULE_BREACH: ['critical', 'An accepted entry breaks what a watch rule says must hold.'],
} as const satisfies Record<string, readonly [AlarmSeverity, string]>;

export type MonitorAlarm = keyof typeof MONITOR_ALARMS;

export type AlarmSeverity = 'info' | 'warning' | 'critical';

export interface Alarm {
  /** One of {@link MONITOR_ALARMS}, or that of a watch rule. */
  readonly code: string;
  readonly severity: AlarmSeverity;
  /** Unix milliseconds, the monitor's own clock. */
  readonly at: number;
  readonly origin: string;
  /** Of the tree in which it was seen; 0 when there is none. */
  readonly size: number;
  /** Of the entry that it is about. */
  readonly index?: number;
  /** For people; holds what was expected and what was found. */
  readonly detail: string;
  readonly evidence?: Evidence;
}

/** What convicts the log, or shows the entry. Notes are signed checkpoints as they were received. */
export type Evidence =
  /** Two checkpoints of one size, or two that no consistency proof connects (`path`: the one that failed). */
  | {
      readonly type: 'checkpoints';
      readonly older: string;
      readonly newer: string;
      readonly path?: readonly Bytes[];
      /** Root of the first leaves of the newer tree, as many as the older one has: `path` leads from it to the newer root. */
      readonly begins?: Bytes;
    }
  /** A state entry that replay refutes, under a signed tree. */
  | {
      readonly type: 'state-entry';
      readonly checkpoint: string;
      readonly index: number;
      /** As it is in the log. */
      readonly stateEntry: Bytes;
      /** Inclusion path in the tree of `checkpoint`. */
      readonly path: readonly Bytes[];
      /** The state entry before it and its path; null: it is the first. */
      readonly previous: {
        readonly index: number;
        readonly stateEntry: Bytes;
        readonly path: readonly Bytes[];
      } | null;
      /** Encoded state entry that replay leads to; absent where it leads to none. */
      readonly expected?: Bytes;
      /** All that it takes to compute it again. */
      readonly run?: Omit<RefutedRun, 'checkpoint'>;
    }
  /** An entry of the log, under a signed tree. */
  | {
      readonly type: 'entry';
      readonly checkpoint: string;
      readonly index: number;
      readonly leafData: Bytes;
      readonly statement: Bytes | null;
      readonly path: readonly Bytes[];
      /** What the log itself says that it did. */
      readonly effect?: EffectProof;
    }
  /** Something that the log has signed to have and does not serve, or serves with other bytes. */
  | {
      readonly type: 'withheld';
      readonly checkpoint: string;
      /** Of the tile. */
      readonly path: string;
      readonly served: Bytes | null;
    };

/** Where alarms go. */
export interface AlarmSink {
  /** Durable when it resolves: what raised it goes on, or stops, only after that. */
  raise(alarm: Alarm): Promise<void>;
}
