/** JSON API: descent, timelines, lists, statistics. Identifiers hold slashes, so they are in the query. */
import type { FastifyInstance } from 'fastify';
import { type Static, Type } from 'typebox';
import { toBase64url } from '../core/bytes.ts';
import { fail } from '../core/errors.ts';
import type { Ledger } from '../service/ledger.ts';
import type { BudgetSums, LineageNode, Provenance, TimelineRole, Walk } from '../service/provenance.ts';
import { numberOf } from './v1-json.ts';
import { lineage } from './v1-provenance-schemas.ts';
import { answers, NO_STORE, type TypeBox } from './v1-route.ts';
import { Decimal } from './v1-schemas.ts';

const closed = <T extends Parameters<typeof Type.Object>[0]>(members: T) =>
  Type.Object(members, { additionalProperties: false });
const text = (description: string) => Type.String({ minLength: 1, maxLength: 512, description });

const Id = text('DID of a participant, or URN of an object.');
const Paging = {
  limit: Type.Optional(Decimal('Most items, 1 to 1,000 (default 100).')),
  cursor: Type.Optional(Decimal('`next` of the page before.')),
};
const Walking = {
  id: Id,
  depth: Type.Optional(Decimal('Steps from the root (default: to the end).')),
  types: Type.Optional(
    Type.String({
      pattern: '^[a-z-]{1,32}(?:,[a-z-]{1,32}){0,15}$',
      description: 'Types of nodes, with commas.',
    }),
  ),
  ...Paging,
};
const Listing = closed({
  state: Type.Optional(
    Type.String({
      pattern: '^[A-Z_]{1,32}$',
      description: 'As it is now: EXPIRED and LAPSED are states too.',
    }),
  ),
  owner: Type.Optional(text('DID of the provider, a party, the owner.')),
  purpose: Type.Optional(text('A purpose of it.')),
  ...Paging,
});
type Listing = Static<typeof Listing>;

export function provenance(instance: FastifyInstance, ledger: Ledger): void {
  const app = instance.withTypeProvider<TypeBox>();
  const tags = ['provenance'];
  app.get(
    '/trace',
    {
      schema: {
        tags,
        summary: 'What something was made from, or what was made from it',
        querystring: closed({
          ...Walking,
          direction: Type.Union([Type.Literal('up'), Type.Literal('down')]),
        }),
        response: answers(lineage.Walk),
      },
    },
    async ({ query }, reply) => {
      reply.header('cache-control', NO_STORE);
      return walkJson(await ledger.provenance.trace(query.id, query.direction, walkOptions(query)));
    },
  );
  app.get(
    '/impact',
    {
      schema: {
        tags,
        summary: 'What hangs on a participant or object',
        querystring: closed({
          ...Walking,
          version: Type.Optional(Decimal('Of a dataset: this version only.')),
        }),
        response: answers(lineage.Walk),
      },
    },
    async ({ query }, reply) => {
      reply.header('cache-control', NO_STORE);
      const version = query.version === undefined ? {} : { version: numberOf(query.version, 'version') };
      return walkJson(await ledger.provenance.impact(query.id, { ...walkOptions(query), ...version }));
    },
  );
  app.get(
    '/timeline',
    {
      schema: {
        tags,
        summary: 'Who did what, when, on whose behalf',
        querystring: closed({
          id: Id,
          roles: Type.Optional(
            Type.String({
              pattern: '^(?:subject|actor|named)(?:,(?:subject|actor|named)){0,2}$',
              description: 'Entries about it, by it, or that name it, with commas (default: subject).',
            }),
          ),
          order: Type.Optional(Type.Union([Type.Literal('oldest'), Type.Literal('newest')])),
          ...Paging,
        }),
        response: answers(lineage.Timeline),
      },
    },
    async ({ query }, reply) => {
      reply.header('cache-control', NO_STORE);
      const { size, at, events, next } = await ledger.provenance.timeline(query.id, {
        ...page(query),
        newestFirst: query.order === 'newest',
        ...(query.roles !== undefined && { roles: query.roles.split(',') as TimelineRole[] }),
      });
      return {
        ...{ size, at, next },
        events: events.map(({ entryId, roles, relations, ...event }) => ({
          ...event,
          entryId: toBase64url(entryId),
          outcome: 'ok' as const,
          roles: [...roles],
          relations: [...relations],
        })),
      };
    },
  );
  for (const type of ['dataset', 'contract', 'model'] as const) {
    app.get(
      `/${type}s`,
      {
        schema: {
          tags,
          summary: `The ${type}s, in the order in which they were registered`,
          description: 'A page may be short, or empty, and have a next one.',
          querystring: Listing,
          response: answers(lineage.Objects),
        },
      },
      async ({ query }, reply) => {
        reply.header('cache-control', NO_STORE);
        return listJson(ledger.provenance, type, query as Listing);
      },
    );
  }
  app.get(
    '/stats',
    {
      schema: {
        tags,
        summary: 'Grants, denials, privacy spent, and how fast stops took effect',
        response: answers(lineage.Stats),
      },
    },
    async (_request, reply) => {
      reply.header('cache-control', NO_STORE);
      const { epsilon, delta, reactions, ...stats } = await ledger.provenance.stats();
      const recent = [...reactions.recent];
      return { ...stats, epsilon: sums(epsilon), delta: sums(delta), reactions: { ...reactions, recent } };
    },
  );
}

function page({ limit, cursor }: { limit?: string; cursor?: string }) {
  return {
    ...(limit !== undefined && { limit: numberOf(limit, 'limit') }),
    ...(cursor !== undefined && { cursor: numberOf(cursor, 'cursor') }),
  };
}

function walkOptions(query: { depth?: string; types?: string; limit?: string; cursor?: string }) {
  const { depth, types } = query;
  return {
    ...page(query),
    ...(depth !== undefined && { depth: numberOf(depth, 'depth') }),
    ...(types !== undefined && { types: types.split(',') }),
  };
}

function walkJson({ root, nodes, ...walk }: Walk) {
  return { ...walk, root: nodeJson(root), nodes: nodes.map(nodeJson) };
}

function nodeJson({ entryId, edges, stops, ...node }: LineageNode) {
  return {
    ...node,
    entryId: toBase64url(entryId),
    stops: [...stops],
    edges: edges.map((edge) => ({ ...edge, entryId: toBase64url(edge.entryId) })),
  };
}

async function listJson(from: Provenance, type: 'dataset' | 'contract' | 'model', query: Listing) {
  const { state, owner, purpose } = query;
  if (owner !== undefined && !owner.startsWith('did:')) throw fail('ARGUMENT_INVALID', 'an owner is a DID');
  const { objects, ...list } = await from.list(type, {
    ...page(query),
    ...(state !== undefined && { state }),
    ...(owner !== undefined && { owner }),
    ...(purpose !== undefined && { purpose }),
  });
  return {
    ...list,
    objects: objects.map(({ entryId, owners, purposes, stops, ...object }) => ({
      ...object,
      entryId: toBase64url(entryId),
      owners: [...owners],
      purposes: [...purposes],
      stops: [...stops],
    })),
  };
}

function sums({ allocated, reserved, spent }: BudgetSums) {
  return { allocated: String(allocated), reserved: String(reserved), spent: String(spent) };
}
