/** JSON API: what was logged, and what it did. */
import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import type { Ledger } from '../service/ledger.ts';
import type { Limits } from '../service/limits.ts';
import { base64, base64List, entryJson, entryOf, headJson, numberOf } from './v1-json.ts';
import { answers, IMMUTABLE, NO_STORE, type TypeBox } from './v1-route.ts';
import * as schemas from './v1-schemas.ts';

export function entries(instance: FastifyInstance, ledger: Ledger, limits: Limits): void {
  const app = instance.withTypeProvider<TypeBox>();
  const tags = ['entries'];
  app.get(
    '/entries',
    {
      schema: {
        tags,
        summary: 'Entries in order',
        description: 'Fewer than asked for where a page would grow too large, and none past the end.',
        querystring: Type.Object(
          {
            start: Type.Optional(schemas.Decimal('First index (default 0).')),
            count: Type.Optional(schemas.Decimal('Most entries (default 100).')),
          },
          { additionalProperties: false },
        ),
        response: answers(schemas.Entries),
      },
    },
    async ({ query }, reply) => {
      const start = numberOf(query.start ?? '0', 'start');
      const count = Math.min(numberOf(query.count ?? '100', 'count'), limits.options.pageEntries);
      reply.header('cache-control', NO_STORE);
      return { entries: count === 0 ? [] : (await ledger.entries(start, count)).map(entryJson) };
    },
  );
  app.get(
    '/entries/:entry',
    {
      schema: {
        tags,
        summary: 'One entry',
        params: Type.Object({ entry: schemas.EntryName }),
        response: answers(schemas.Entry),
      },
    },
    async ({ params }, reply) => {
      const entry = await ledger.entry(entryOf(params.entry));
      reply.header('cache-control', IMMUTABLE);
      return entryJson(entry);
    },
  );
  app.get(
    '/entries/:entry/effect',
    {
      schema: {
        tags,
        summary: 'What a statement did to the state',
        params: Type.Object({ entry: schemas.EntryName }),
        response: answers(schemas.Effect),
      },
    },
    async ({ params }, reply) => {
      const of = entryOf(params.entry);
      const { index } = 'index' in of ? of : await ledger.entry(of);
      const effect = await ledger.effect(index);
      reply.header('cache-control', NO_STORE);
      return {
        ...effect,
        stateEntry: base64(effect.stateEntry),
        statePath: base64List(effect.statePath),
        verdict: base64(effect.verdict),
        verdictPath: base64List(effect.verdictPath),
        head: headJson(effect.head),
      };
    },
  );
}
