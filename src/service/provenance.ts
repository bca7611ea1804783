/**
 * What the ledger answers about descent: one interface, beside Ledger, for both protocols. Everything here comes from
 * the lineage index, which decides nothing: each node, edge and event carries index and entry id, so that who asks can
 * fetch the entry, verify it, and find the edge in it. What an index leaves out cannot be seen from an answer.
 */
import type { EdgeClass, ListedType } from '../chain/index.ts';
import type { Bytes } from '../core/bytes.ts';
import type { Direction, Numbers } from '../log/index.ts';

/** A suspension, revocation, withdrawal or recall, by the record of its subject. */
export interface Stop {
  /** Of a dataset. */
  readonly version: number | null;
  /** Index of the entry, and the time from which it holds (Unix milliseconds), which may be still to come. */
  readonly entry: number;
  readonly at: number;
  /** The state that it ended. */
  readonly before: string;
}

/** What the body of an entry says about its subject (`from`) and another participant or object (`to`). */
export interface LineageEdge {
  readonly from: string;
  readonly to: string;
  /** Path of the member of the body that names `to`. */
  readonly relation: string;
  readonly class: EdgeClass;
  /** Of a dataset. */
  readonly version: number | null;
  readonly index: number;
  /** 32 bytes. */
  readonly entryId: Bytes;
}

export interface LineageNode {
  /** DID or URN. */
  readonly id: string;
  /** `participant`, or the type in the URN. */
  readonly type: string;
  /** The first entry about it. */
  readonly index: number;
  /** 32 bytes. */
  readonly entryId: Bytes;
  readonly kind: string;
  /** As derived at the time of the answer; null: the state has no record of it. */
  readonly state: string | null;
  /** Of a dataset: the newest. */
  readonly version: number | null;
  readonly stops: readonly Stop[];
  /** Edges from it to other nodes of the same walk. */
  readonly edges: readonly LineageEdge[];
}

export interface Page {
  /** Most items (default 100). */
  readonly limit?: number;
  /** Where a page before this one ended. */
  readonly cursor?: number;
}

export interface WalkOptions extends Page {
  /** Steps from the root (default: to the end). */
  readonly depth?: number;
  /** Types of nodes that are answered with (default: all). */
  readonly types?: readonly string[];
}

/** One view of the log that all of an answer is from. */
export interface View {
  /** Tree size. */
  readonly size: number;
  /** Unix milliseconds: the time that states are derived at. */
  readonly at: number;
}

export interface Walk extends View {
  readonly root: LineageNode;
  /** Up: the newest first. Down: the oldest first. */
  readonly nodes: readonly LineageNode[];
  /** For the next page; null: there is none. */
  readonly next: number | null;
  /** The walk was too large, and ended before it was complete. */
  readonly truncated: boolean;
}

export const TIMELINE_ROLES = ['subject', 'actor', 'named'] as const;
/** `subject`: the entry is about it. `actor`: it signed, or on its behalf was signed. `named`: the body names it. */
export type TimelineRole = (typeof TIMELINE_ROLES)[number];

export interface TimelineOptions extends Page {
  /** Default: subject. */
  readonly roles?: readonly TimelineRole[];
  readonly newestFirst?: boolean;
}

/** Who did what, when, on whose behalf, and what came of it. */
export interface TimelineEvent {
  readonly index: number;
  /** 32 bytes. */
  readonly entryId: Bytes;
  readonly kind: string;
  readonly subject: string;
  readonly issuer: string;
  readonly onBehalf: string | null;
  /** Unix milliseconds: when it took effect. */
  readonly time: number;
  /** The verdict of a logged statement is always ok; a denial has its reason. */
  readonly reason: string | null;
  /** Why it is in this timeline. */
  readonly roles: readonly TimelineRole[];
  /** Where the body names it. */
  readonly relations: readonly string[];
}

export interface Timeline extends View {
  readonly events: readonly TimelineEvent[];
  readonly next: number | null;
}

export interface ListOptions extends Page {
  readonly state?: string;
  /** DID of the provider, a party, the owner. */
  readonly owner?: string;
  readonly purpose?: string;
}

export interface FoundObject {
  readonly id: string;
  readonly version: number | null;
  readonly name: string | null;
  readonly state: string;
  readonly owners: readonly string[];
  readonly purposes: readonly string[];
  readonly stops: readonly Stop[];
  /** The entry that made it, or this version of it. */
  readonly index: number;
  readonly entryId: Bytes;
}

export interface ObjectList extends View {
  readonly objects: readonly FoundObject[];
  /** A page may be short, or empty, and have a next one: a request looks at a bounded number of objects. */
  readonly next: number | null;
}

/** Sums over all budgets: ε in micro-units, δ in pico-units. */
export interface BudgetSums {
  readonly allocated: bigint;
  readonly reserved: bigint;
  readonly spent: bigint;
}

export interface Stats extends View, Numbers {
  readonly budgets: number;
  readonly epsilon: BudgetSums;
  readonly delta: BudgetSums;
}

/** Every method rejects with INDEX_BEHIND while the index is being built. */
export interface Provenance {
  /** @throws NOT_FOUND no entry is about `id`; ARGUMENT_INVALID */
  trace(id: string, direction: Direction, options?: WalkOptions): Promise<Walk>;
  /** What descends from it, and what is agreed about it. @param options version: of a dataset, that one only */
  impact(id: string, options?: WalkOptions & { readonly version?: number }): Promise<Walk>;
  /** @throws ARGUMENT_INVALID */
  timeline(id: string, options?: TimelineOptions): Promise<Timeline>;
  list(type: ListedType, options?: ListOptions): Promise<ObjectList>;
  stats(): Promise<Stats>;
}
