/**
 * Walking the lineage index: from one participant or object along its edges, each node once, breadth first, so that
 * cycles end and what is near is found first. Bounded in nodes and in edges, whatever the index holds.
 */
import type { EdgeClass } from '../chain/index.ts';
import type { Direction, IndexedEdge, LineageIndex } from '../log/index.ts';

/** Nodes and edges of one walk; what is more makes it truncated. */
export const MAX_NODES = 2000;
const MAX_EDGES = 10_000;

export interface WalkedEdge extends Omit<IndexedEdge, 'id'> {
  readonly from: string;
  readonly to: string;
}

export interface Step {
  readonly id: string;
  /** Steps from the root. */
  readonly depth: number;
  /** The class of the edge that it was found by; undefined: the root. */
  readonly by: EdgeClass | undefined;
}

export interface Walked {
  /** Ids in the order in which they were found, the root first, with the edges from each to others of the walk. */
  readonly nodes: ReadonlyMap<string, readonly WalkedEdge[]>;
  readonly truncated: boolean;
}

export interface WalkPlan {
  readonly root: string;
  readonly direction: Direction;
  /** Leaves that the walk sees. */
  readonly size: number;
  /** The classes of edges that are followed from a node; none: it is an end. */
  follow(step: Step): readonly EdgeClass[];
  /** Edges that do not count. */
  skip?(edge: WalkedEdge): boolean;
}

export async function walk(
  index: LineageIndex,
  { root, direction, size, follow, skip }: WalkPlan,
): Promise<Walked> {
  const nodes = new Map<string, WalkedEdge[]>([[root, []]]);
  const followed = new Set<string>();
  let waiting: Step[] = [{ id: root, depth: 0, by: undefined }];
  let edges = 0;
  let truncated = false;
  while (waiting.length > 0) {
    const next: Step[] = [];
    for (const step of waiting) {
      for (const of of follow(step)) {
        // A node may be found again by a class of edge from which more is followed.
        const name = `${of} ${step.id}`;
        if (followed.has(name)) continue;
        followed.add(name);
        const limit = MAX_EDGES - edges + 1;
        const found = await index.edges(step.id, direction, of, { from: 0, to: size, limit });
        for (const { id, ...rest } of found) {
          if (++edges > MAX_EDGES) {
            truncated = true;
            break;
          }
          const [from, to] = direction === 'up' ? [step.id, id] : [id, step.id];
          const edge = { ...rest, from, to };
          if (skip?.(edge)) continue;
          if (!nodes.has(id) && nodes.size >= MAX_NODES) {
            truncated = true;
            continue;
          }
          if (!nodes.has(id)) nodes.set(id, []);
          nodes.get(from)!.push(edge);
          next.push({ id, depth: step.depth + 1, by: of });
        }
        if (edges > MAX_EDGES) return { nodes, truncated: true };
      }
    }
    waiting = next;
  }
  return { nodes, truncated };
}
