/** Answers about descent as they come from a server, over whichever protocol: claims, until ProvenanceClient looks. */
import type { EdgeClass, ListedType } from '../chain/index.ts';
import type { Bytes } from '../core/bytes.ts';
import type { Call } from './transport.ts';

export interface Stop {
  /** Of a dataset. */
  readonly version: number | null;
  /** Index of its entry, and the time from which it holds, Unix milliseconds. */
  readonly entry: number;
  readonly at: number;
  /** The state that it ended. */
  readonly before: string;
}

export interface LineageEdge {
  readonly from: string;
  readonly to: string;
  /** Path of the member of the body that names `to`. */
  readonly relation: string;
  readonly class: EdgeClass;
  /** Of a dataset. */
  readonly version: number | null;
  /** The entry that says so. */
  readonly index: number;
  /** 32 bytes. */
  readonly entryId: Bytes;
}

export interface LineageNode {
  readonly id: string;
  readonly type: string;
  /** The first entry about it. */
  readonly index: number;
  readonly entryId: Bytes;
  readonly kind: string;
  readonly state: string | null;
  readonly version: number | null;
  readonly stops: readonly Stop[];
  /** From it to other nodes of the walk. */
  readonly edges: readonly LineageEdge[];
}

export interface LineageWalk {
  readonly size: number;
  readonly at: number;
  readonly root: LineageNode;
  readonly nodes: readonly LineageNode[];
  readonly next: number | null;
  readonly truncated: boolean;
}

export const TIMELINE_ROLES = ['subject', 'actor', 'named'] as const;
export type TimelineRole = (typeof TIMELINE_ROLES)[number];

export interface TimelineEvent {
  readonly index: number;
  readonly entryId: Bytes;
  readonly kind: string;
  readonly subject: string;
  readonly issuer: string;
  readonly onBehalf: string | null;
  readonly time: number;
  /** Of a denial. */
  readonly reason: string | null;
  readonly roles: readonly TimelineRole[];
  readonly relations: readonly string[];
}

export interface Timeline {
  readonly size: number;
  readonly at: number;
  readonly events: readonly TimelineEvent[];
  readonly next: number | null;
}

export interface FoundObject {
  readonly id: string;
  readonly version: number | null;
  readonly name: string | null;
  readonly state: string;
  readonly owners: readonly string[];
  readonly purposes: readonly string[];
  readonly stops: readonly Stop[];
  readonly index: number;
  readonly entryId: Bytes;
}

export interface ObjectList {
  readonly size: number;
  readonly at: number;
  readonly objects: readonly FoundObject[];
  readonly next: number | null;
}

export interface PageQuery {
  readonly limit?: number;
  readonly cursor?: number;
}

export interface WalkQuery extends PageQuery {
  readonly id: string;
  /** `impact`: what hangs on it. */
  readonly walk: 'up' | 'down' | 'impact';
  readonly depth?: number;
  readonly types?: readonly string[];
  /** Of a dataset, for an impact. */
  readonly version?: number;
}

export interface TimelineQuery extends PageQuery {
  readonly id: string;
  readonly roles?: readonly TimelineRole[];
  readonly newestFirst?: boolean;
}

export interface ListQuery extends PageQuery {
  readonly type: ListedType;
  readonly state?: string;
  readonly owner?: string;
  readonly purpose?: string;
}

/** What a transport asks; it decodes and bounds, and verifies nothing. */
export interface ProvenanceTransport {
  walk(query: WalkQuery, call: Call): Promise<LineageWalk>;
  timeline(query: TimelineQuery, call: Call): Promise<Timeline>;
  list(query: ListQuery, call: Call): Promise<ObjectList>;
}
