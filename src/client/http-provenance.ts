/** Questions about descent over the JSON API. */
import { EDGE_CLASSES } from '../chain/index.ts';
import { type Bytes, fromBase64url } from '../core/bytes.ts';
import {
  type FoundObject,
  type LineageEdge,
  type LineageNode,
  type ProvenanceTransport,
  type Stop,
  TIMELINE_ROLES,
  type TimelineEvent,
} from './claimed-lineage.ts';
import { arrayOf, type Json, malformed, objectOf } from './http-answer.ts';
import { type Call, exact } from './transport.ts';

/** GET of a path, and the object that it answers with. */
export type GetJson = (path: string, call: Call) => Promise<Json>;

export function httpProvenance(get: GetJson): ProvenanceTransport {
  return {
    async walk({ walk, types, ...query }, call) {
      const direction = walk === 'impact' ? {} : { direction: walk };
      const path = walk === 'impact' ? '/v1/impact' : '/v1/trace';
      const answer = await get(
        `${path}${queryOf({ ...query, ...direction, types: types?.join(',') })}`,
        call,
      );
      return {
        ...viewOf(answer),
        root: nodeOf(answer.root),
        nodes: arrayOf(answer.nodes, 'nodes').map(nodeOf),
        truncated: answer.truncated === true,
      };
    },

    async timeline({ newestFirst, roles, ...query }, call) {
      const order = newestFirst ? { order: 'newest' } : {};
      const answer = await get(
        `/v1/timeline${queryOf({ ...query, ...order, roles: roles?.join(',') })}`,
        call,
      );
      return { ...viewOf(answer), events: arrayOf(answer.events, 'events').map(eventOf) };
    },

    async list({ type, ...query }, call) {
      const answer = await get(`/v1/${type}s${queryOf(query)}`, call);
      return { ...viewOf(answer), objects: arrayOf(answer.objects, 'objects').map(foundOf) };
    },
  };
}

function queryOf(members: Readonly<Record<string, string | number | undefined>>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(members)) {
    if (value !== undefined) query.set(name, String(value));
  }
  return query.size > 0 ? `?${query}` : '';
}

function viewOf({ size, at, next }: Json) {
  return { size: exact(size, 'size'), at: exact(at, 'time'), next: numberOr(next, 'next') };
}

function nodeOf(value: unknown): LineageNode {
  const node = objectOf(value, 'node');
  return {
    ...{ id: textOf(node.id, 'id'), type: textOf(node.type, 'type'), kind: textOf(node.kind, 'kind') },
    index: exact(node.index, 'index'),
    entryId: entryIdOf(node.entryId),
    state: textOr(node.state, 'state'),
    version: numberOr(node.version, 'version'),
    stops: arrayOf(node.stops, 'stops').map(stopOf),
    edges: arrayOf(node.edges, 'edges').map(edgeOf),
  };
}

function edgeOf(value: unknown): LineageEdge {
  const edge = objectOf(value, 'edge');
  return {
    ...{ from: textOf(edge.from, 'from'), to: textOf(edge.to, 'to') },
    relation: textOf(edge.relation, 'relation'),
    class: oneOf(EDGE_CLASSES, edge.class, 'class'),
    version: numberOr(edge.version, 'version'),
    index: exact(edge.index, 'index'),
    entryId: entryIdOf(edge.entryId),
  };
}

function eventOf(value: unknown): TimelineEvent {
  const event = objectOf(value, 'event');
  return {
    index: exact(event.index, 'index'),
    entryId: entryIdOf(event.entryId),
    kind: textOf(event.kind, 'kind'),
    subject: textOf(event.subject, 'subject'),
    issuer: textOf(event.issuer, 'issuer'),
    onBehalf: textOr(event.onBehalf, 'onBehalf'),
    time: exact(event.time, 'time'),
    reason: textOr(event.reason, 'reason'),
    roles: arrayOf(event.roles, 'roles').map((role) => oneOf(TIMELINE_ROLES, role, 'role')),
    relations: texts(event.relations, 'relations'),
  };
}

function foundOf(value: unknown): FoundObject {
  const object = objectOf(value, 'object');
  return {
    id: textOf(object.id, 'id'),
    version: numberOr(object.version, 'version'),
    name: textOr(object.name, 'name'),
    state: textOf(object.state, 'state'),
    owners: texts(object.owners, 'owners'),
    purposes: texts(object.purposes, 'purposes'),
    stops: arrayOf(object.stops, 'stops').map(stopOf),
    index: exact(object.index, 'index'),
    entryId: entryIdOf(object.entryId),
  };
}

function stopOf(value: unknown): Stop {
  const stop = objectOf(value, 'stop');
  return {
    version: numberOr(stop.version, 'version'),
    entry: exact(stop.entry, 'entry'),
    at: exact(stop.at, 'time'),
    before: textOf(stop.before, 'before'),
  };
}

function textOf(value: unknown, name: string): string {
  if (typeof value !== 'string') throw malformed(`the answer has no ${name}`);
  return value;
}

function textOr(value: unknown, name: string): string | null {
  return value === null ? null : textOf(value, name);
}

function numberOr(value: unknown, name: string): number | null {
  return value === null ? null : exact(value, name);
}

function texts(value: unknown, name: string): string[] {
  return arrayOf(value, name).map((item) => textOf(item, name));
}

function oneOf<Word extends string>(words: readonly Word[], value: unknown, name: string): Word {
  const found = words.find((word) => word === value);
  if (found === undefined) throw malformed(`a ${name} that is not known here`);
  return found;
}

function entryIdOf(value: unknown): Bytes {
  try {
    return fromBase64url(textOf(value, 'entry id'));
  } catch (cause) {
    throw malformed('an entry id is not base64url', cause);
  }
}
