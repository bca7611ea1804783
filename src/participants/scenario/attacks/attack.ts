/**
 * An attack on a cycle: steps that go otherwise than they should, by what a participant can do with keys, files and machines of
 * its own. What it tries has to be stopped at the gate that it is declared with, for the reason that it is declared with.
 */
import type { Cycle } from '../cycle.ts';
import type { StepName } from '../steps/index.ts';
import type { Tries } from './tries.ts';

export interface Stop {
  /** A step of the gates, a kind of entry that the log refuses, or what else is asked. */
  readonly gate: string;
  /** Reason code. */
  readonly reason: string;
}

/** @param step what honest participants do then */
export type Instead = (cycle: Cycle, tries: Tries, step: () => Promise<void>) => Promise<void>;

export interface Attack {
  readonly name: string;
  readonly title: string;
  /** Who does what, and what they would have of it. */
  readonly story: string;
  /** One for each try, in this order. */
  readonly expected: readonly Stop[];
  /** Steps in whose place something else is done; none comes after the last of them. */
  readonly instead: Readonly<Partial<Record<StepName, Instead>>>;
}
