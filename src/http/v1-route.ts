/** What every route of the JSON API shares: types from schemas, the declaration of answers, and cache rules. */
import type { FastifyTypeProvider } from 'fastify';
import type { Static, TSchema } from 'typebox';
import { Problem } from './v1-schemas.ts';

/** Request parts are typed by the schemas that they were checked against. */
export interface TypeBox extends FastifyTypeProvider {
  readonly validator: this['schema'] extends TSchema ? Static<this['schema']> : unknown;
  readonly serializer: this['schema'] extends TSchema ? Static<this['schema']> : unknown;
}

export const NO_STORE = 'no-store';
export const IMMUTABLE = 'public, max-age=31536000, immutable';
/** The proof never changes; the checkpoint beside it may gain cosignatures. */
export const PROOF = 'public, max-age=3600';

/** Parsed JSON takes many times its text in memory; large batches go over gRPC. */
export const JSON_BYTES = 2 << 20;

/** Every route may answer with a problem; the document says so, and serialization leaves it alone. */
export function answers<T extends TSchema>(schema: T, ...statuses: number[]) {
  const response: Record<string, unknown> = {};
  for (const status of statuses.length > 0 ? statuses : [200]) response[status] = schema;
  response.default = {
    description: 'Problem',
    content: { 'application/problem+json': { schema: Problem } },
  };
  return response;
}
