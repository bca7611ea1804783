/** Questions about descent over gRPC. */
import type { EdgeClass } from '../chain/index.ts';
import { fail } from '../core/errors.ts';
import { aichain } from '../proto/aichain.js';
import type {
  FoundObject,
  LineageNode,
  LineageWalk,
  ProvenanceTransport,
  Stop,
  TimelineRole,
} from './claimed-lineage.ts';
import { type Call, exact, present } from './transport.ts';

const v1 = aichain.v1;
const SERVICE = '/aichain.v1.ProvenanceService';

interface Encoder<T> {
  encode(message: T): { finish(): Uint8Array };
}
interface Decoder<T> {
  decode(bytes: Uint8Array): T;
}
/** One unary call. */
export type Unary = <Request, Response>(
  path: string,
  request: Encoder<Request>,
  response: Decoder<Response>,
  message: Request,
  call: Call,
) => Promise<Response>;

const CLASSES: Readonly<Record<number, EdgeClass>> = {
  [v1.EdgeClass.EDGE_CLASS_SOURCE]: 'source',
  [v1.EdgeClass.EDGE_CLASS_PARTY]: 'party',
  [v1.EdgeClass.EDGE_CLASS_TERMS]: 'terms',
  [v1.EdgeClass.EDGE_CLASS_MENTION]: 'mention',
};
const ROLES: Readonly<Record<TimelineRole, number>> = {
  subject: v1.TimelineRole.TIMELINE_ROLE_SUBJECT,
  actor: v1.TimelineRole.TIMELINE_ROLE_ACTOR,
  named: v1.TimelineRole.TIMELINE_ROLE_NAMED,
};
const TYPES = {
  dataset: v1.ObjectType.OBJECT_TYPE_DATASET,
  contract: v1.ObjectType.OBJECT_TYPE_CONTRACT,
  model: v1.ObjectType.OBJECT_TYPE_MODEL,
} as const;
const DIRECTIONS = {
  up: v1.TraceDirection.TRACE_DIRECTION_UP,
  down: v1.TraceDirection.TRACE_DIRECTION_DOWN,
} as const;

export function grpcProvenance(unary: Unary): ProvenanceTransport {
  return {
    async walk({ walk, types, ...query }, call) {
      const message = { ...query, types: [...(types ?? [])] };
      const answer =
        walk === 'impact'
          ? await unary(`${SERVICE}/Impact`, v1.ImpactRequest, v1.ImpactResponse, message, call)
          : await unary(
              `${SERVICE}/Trace`,
              v1.TraceRequest,
              v1.TraceResponse,
              { ...message, direction: DIRECTIONS[walk] },
              call,
            );
      return walkOf(present(answer.walk, 'walk'));
    },

    async timeline({ roles = [], ...query }, call) {
      const message = { ...query, roles: roles.map((role) => ROLES[role]) };
      const path = `${SERVICE}/Timeline`;
      const answer = await unary(path, v1.TimelineRequest, v1.TimelineResponse, message, call);
      // Not spread: what is absent from a message is not a member of its own.
      const events = answer.events.map((event) => ({
        ...{ entryId: event.entryId, kind: event.kind, subject: event.subject, issuer: event.issuer },
        ...{ onBehalf: event.onBehalf, reason: event.reason, relations: event.relations },
        index: exact(event.index, 'index'),
        time: exact(event.time, 'time'),
        roles: event.roles.map((role) => roleOf(role)),
      }));
      return { ...viewOf(answer), events, next: nextOf(answer.next) };
    },

    async list({ type, ...query }, call) {
      const message = { ...query, type: TYPES[type] };
      const path = `${SERVICE}/ListObjects`;
      const answer = await unary(path, v1.ListObjectsRequest, v1.ListObjectsResponse, message, call);
      return { ...viewOf(answer), objects: answer.objects.map(objectOf), next: nextOf(answer.next) };
    },
  };
}

function walkOf(walk: aichain.v1.LineageWalk): LineageWalk {
  const { root, nodes, next, truncated } = walk;
  return {
    ...viewOf(walk),
    root: nodeOf(present(root, 'root')),
    nodes: nodes.map(nodeOf),
    next: nextOf(next),
    truncated,
  };
}

function nodeOf(node: aichain.v1.LineageNode): LineageNode {
  const { id, type, entryId, kind, state, version } = node;
  return {
    ...{ id, type, entryId, kind, state, version: numberOr(version, 'version') },
    index: exact(node.index, 'index'),
    stops: node.stops.map(stopOf),
    edges: node.edges.map((edge) => ({
      ...{ from: edge.from, to: edge.to, relation: edge.relation, entryId: edge.entryId },
      class: CLASSES[edge.class] ?? unknown('class of edge'),
      version: numberOr(edge.version, 'version'),
      index: exact(edge.index, 'index'),
    })),
  };
}

function objectOf(object: aichain.v1.FoundObject): FoundObject {
  const { id, name, state, owners, purposes, entryId } = object;
  return {
    ...{ id, name, state, owners, purposes, entryId },
    version: numberOr(object.version, 'version'),
    index: exact(object.index, 'index'),
    stops: object.stops.map(stopOf),
  };
}

function stopOf({ version, entry, at, before }: aichain.v1.Stop): Stop {
  return {
    version: numberOr(version, 'version'),
    entry: exact(entry, 'entry'),
    at: exact(at, 'time'),
    before,
  };
}

function viewOf({ size, at }: { size: number; at: number }) {
  return { size: exact(size, 'size'), at: exact(at, 'time') };
}

function nextOf(next: number | null): number | null {
  return numberOr(next, 'next');
}

function numberOr(value: number | null, name: string): number | null {
  return value === null ? null : exact(value, name);
}

function roleOf(value: number): TimelineRole {
  const found = (Object.keys(ROLES) as TimelineRole[]).find((role) => ROLES[role] === value);
  return found ?? unknown('role');
}

function unknown(what: string): never {
  throw fail('RESPONSE_MALFORMED', `a ${what} that is not known here`);
}
