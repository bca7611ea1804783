/**
 * The JSON API. What is asked about a proof is in the path, so that a cache cannot mix up two answers; what depends
 * on the newest head is never stored.
 */
import type { FastifyInstance } from 'fastify';
import { toBase64url } from '../core/bytes.ts';
import type { EvidenceService } from '../service/evidence.ts';
import type { Ledger } from '../service/ledger.ts';
import type { Limits } from '../service/limits.ts';
import { entries } from './v1-entries.ts';
import { evidence } from './v1-evidence.ts';
import { gates } from './v1-gates.ts';
import { base64, base64List, bytesOf, headJson } from './v1-json.ts';
import { proofs } from './v1-proofs.ts';
import { provenance } from './v1-provenance.ts';
import { answers, JSON_BYTES, NO_STORE, type TypeBox } from './v1-route.ts';
import * as schemas from './v1-schemas.ts';
import { statements } from './v1-statements.ts';

/** @param store of raw evidence; without it there are no routes to one */
export function v1(app: FastifyInstance, ledger: Ledger, limits: Limits, store?: EvidenceService): void {
  head(app, ledger);
  statements(app, ledger, limits);
  entries(app, ledger, limits);
  proofs(app, ledger);
  facts(app, ledger, limits);
  gates(app, ledger);
  provenance(app, ledger);
  if (store) app.register(async (scope) => evidence(scope, store, ledger, limits));
}

function head(app: FastifyInstance, ledger: Ledger): void {
  app.get(
    '/log',
    { schema: { tags: ['log'], summary: 'What this log is', response: answers(schemas.Log) } },
    async (_request, reply) => {
      reply.header('cache-control', NO_STORE);
      const { origin, verifierKey, simulated } = ledger;
      const { accepting, reason, size, queued, witnessing } = ledger.status();
      return {
        origin,
        verifierKey,
        genesis: toBase64url(ledger.genesis),
        simulated,
        rules: toBase64url(ledger.rules),
        status: {
          accepting,
          reason,
          size,
          queued,
          ...(witnessing && { witnessing: { ...witnessing, witnesses: [...witnessing.witnesses] } }),
        },
      };
    },
  );
  for (const [path, summary, of] of [
    ['/head', 'The newest tree head', () => ledger.head()],
    [
      '/checkpoint',
      'The tree head that answers are given at, which /checkpoint serves',
      () => ledger.checkpoint(),
    ],
  ] as const) {
    app.get(
      path,
      { schema: { tags: ['log'], summary, response: answers(schemas.Head) } },
      async (_request, reply) => {
        reply.header('cache-control', NO_STORE);
        return headJson(of());
      },
    );
  }
}

function facts(instance: FastifyInstance, ledger: Ledger, limits: Limits): void {
  const app = instance.withTypeProvider<TypeBox>();
  app.post(
    '/facts',
    {
      bodyLimit: JSON_BYTES,
      schema: {
        tags: ['state'],
        summary: 'Values, or proven absences, all under one head',
        body: schemas.FactsRequest(limits.options.facts),
        response: answers(schemas.Facts),
      },
    },
    async ({ body }, reply) => {
      const keys = body.keys.map((key) => bytesOf(key, 'key'));
      limits.checkFactKeys(keys);
      const proven = await ledger.facts(keys, body.size);
      reply.header('cache-control', NO_STORE);
      return {
        head: headJson(proven.head),
        tip: {
          index: proven.tip.index,
          stateEntry: base64(proven.tip.stateEntry),
          path: base64List(proven.tip.path),
        },
        facts: proven.facts.map(({ key, value, proof }) => ({
          key: base64(key),
          value: value && base64(value),
          proof: base64(proof),
        })),
      };
    },
  );
}
