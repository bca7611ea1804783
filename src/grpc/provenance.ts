/** aichain.v1.ProvenanceService: descent, timelines, lists, statistics. */
import { fail } from '../core/errors.ts';
import { aichain } from '../proto/aichain.js';
import type { Ledger } from '../service/ledger.ts';
import type {
  BudgetSums,
  LineageEdge,
  LineageNode,
  Stop,
  TimelineEvent,
  TimelineRole,
  Walk,
} from '../service/provenance.ts';
import { type Method, unary } from './method.ts';
import { exact } from './wire.ts';

const v1 = aichain.v1;

/** Values of repeated fields that a request may have, and its other fields. */
const MAX_FIELDS = 48;

const CLASSES = {
  source: v1.EdgeClass.EDGE_CLASS_SOURCE,
  party: v1.EdgeClass.EDGE_CLASS_PARTY,
  terms: v1.EdgeClass.EDGE_CLASS_TERMS,
  mention: v1.EdgeClass.EDGE_CLASS_MENTION,
} as const;
const ROLES = {
  subject: v1.TimelineRole.TIMELINE_ROLE_SUBJECT,
  actor: v1.TimelineRole.TIMELINE_ROLE_ACTOR,
  named: v1.TimelineRole.TIMELINE_ROLE_NAMED,
} as const;
const TYPES = {
  dataset: v1.ObjectType.OBJECT_TYPE_DATASET,
  contract: v1.ObjectType.OBJECT_TYPE_CONTRACT,
  model: v1.ObjectType.OBJECT_TYPE_MODEL,
} as const;
const DIRECTIONS = {
  up: v1.TraceDirection.TRACE_DIRECTION_UP,
  down: v1.TraceDirection.TRACE_DIRECTION_DOWN,
} as const;

export function provenanceService(ledger: Ledger): Record<string, Method> {
  return {
    Trace: unary(
      { request: v1.TraceRequest, response: v1.TraceResponse, maxFields: MAX_FIELDS },
      async (request) => {
        const direction = named(DIRECTIONS, request.direction, 'direction');
        return {
          walk: walkMessage(await ledger.provenance.trace(request.id, direction, walkOptions(request))),
        };
      },
    ),

    Impact: unary(
      { request: v1.ImpactRequest, response: v1.ImpactResponse, maxFields: MAX_FIELDS },
      async (request) => {
        const version = request.version === null ? {} : { version: exact(request.version, 'version') };
        const options = { ...walkOptions(request), ...version };
        return { walk: walkMessage(await ledger.provenance.impact(request.id, options)) };
      },
    ),

    Timeline: unary(
      { request: v1.TimelineRequest, response: v1.TimelineResponse, maxFields: MAX_FIELDS },
      async (request) => {
        const roles = request.roles.map((role): TimelineRole => named(ROLES, role, 'role'));
        const { newestFirst } = request;
        const options = { ...page(request), newestFirst, ...(roles.length > 0 && { roles }) };
        const { size, at, events, next } = await ledger.provenance.timeline(request.id, options);
        return { size, at, events: events.map(eventMessage), next };
      },
    ),

    ListObjects: unary(
      { request: v1.ListObjectsRequest, response: v1.ListObjectsResponse },
      async (request) => {
        const type = named(TYPES, request.type, 'type');
        const { state, owner, purpose } = request;
        const { size, at, objects, next } = await ledger.provenance.list(type, {
          ...page(request),
          ...(state !== null && { state }),
          ...(owner !== null && { owner }),
          ...(purpose !== null && { purpose }),
        });
        const found = objects.map(({ owners, purposes, stops, ...object }) => ({
          ...object,
          owners: [...owners],
          purposes: [...purposes],
          stops: stops.map(stopMessage),
        }));
        return { size, at, objects: found, next };
      },
    ),

    GetStatistics: unary(
      { request: v1.GetStatisticsRequest, response: v1.GetStatisticsResponse },
      async () => {
        const { size, at, grants, denials, budgets, epsilon, delta, reactions, waiting } =
          await ledger.provenance.stats();
        return {
          ...{ size, at, grants, denials, budgets },
          epsilon: sumsMessage(epsilon),
          delta: sumsMessage(delta),
          reactions: reactions.count,
          longestReaction: reactions.longest,
          totalReaction: reactions.total,
          recentReactions: [...reactions.recent],
          waitingStops: waiting,
        };
      },
    ),
  };
}

/** @throws ARGUMENT_INVALID */
function named<Name extends string>(
  values: Readonly<Record<Name, number>>,
  value: number,
  what: string,
): Name {
  const found = (Object.keys(values) as Name[]).find((name) => values[name] === value);
  if (found === undefined) throw fail('ARGUMENT_INVALID', `no such ${what}`);
  return found;
}

function page({ limit, cursor }: { limit: number | null; cursor: number | null }) {
  return {
    ...(limit !== null && { limit }),
    ...(cursor !== null && { cursor: exact(cursor, 'cursor') }),
  };
}

function walkOptions(request: {
  depth: number | null;
  types: readonly string[];
  limit: number | null;
  cursor: number | null;
}) {
  const { depth, types } = request;
  return { ...page(request), ...(depth !== null && { depth }), ...(types.length > 0 && { types }) };
}

function walkMessage({ size, at, root, nodes, next, truncated }: Walk): aichain.v1.LineageWalk.$Properties {
  return { size, at, root: nodeMessage(root), nodes: nodes.map(nodeMessage), next, truncated };
}

function nodeMessage({ edges, stops, ...node }: LineageNode): aichain.v1.LineageNode.$Properties {
  return { ...node, edges: edges.map(edgeMessage), stops: stops.map(stopMessage) };
}

function edgeMessage(edge: LineageEdge): aichain.v1.LineageEdge.$Properties {
  return { ...edge, class: CLASSES[edge.class] };
}

function stopMessage(stop: Stop): aichain.v1.Stop.$Properties {
  return { ...stop };
}

function eventMessage({ roles, relations, ...event }: TimelineEvent): aichain.v1.TimelineEvent.$Properties {
  return { ...event, roles: roles.map((role) => ROLES[role]), relations: [...relations] };
}

function sumsMessage({ allocated, reserved, spent }: BudgetSums): aichain.v1.BudgetSums.$Properties {
  return { allocated: String(allocated), reserved: String(reserved), spent: String(spent) };
}
