/**
 * The HTTP interface. Whoever may connect may ask; what binds somebody is signed by them, and what the processor says is
 * signed by the processor. Answers about the log carry their proofs: nobody has to take the service’s word.
 */
import type { FastifyInstance } from 'fastify';
import type { LedgerClient } from '../../client/index.ts';
import { type Bytes, toBase64url } from '../../core/bytes.ts';
import type { Crypto } from '../../core/crypto.ts';
import { fail, LedgerError } from '../../core/errors.ts';
import { isTooDeep } from '../../platform/json-depth.ts';
import { checkWebhook } from '../../platform/webhook-signature.ts';
import { bytesOfText } from '../service-http.ts';
import { bodyJson } from './body-json.ts';
import { contractOf, contractView, headJson } from './contract-view.ts';
import { type DatasetQuery, findDatasets, MOST_DATASETS } from './discovery.ts';
import { draftRoutes } from './draft-routes.ts';
import type { Drafts } from './drafts.ts';
import type { Outbox } from './outbox.ts';
import { type Confirmation, OUTCOMES, type Payments } from './payments.ts';
import type { Registry } from './registry.ts';
import { object, text } from './request-schema.ts';

export interface RouteParts {
  readonly crypto: Crypto;
  readonly client: LedgerClient;
  readonly did: string;
  readonly registry: Registry;
  readonly drafts: Drafts;
  readonly payments: Payments;
  readonly outbox: Outbox;
  /** What the processor signs with; without it nothing is confirmed. */
  readonly processorSecret?: Bytes;
  readonly now: () => number;
}

/** base64url of a statement of 1 MiB at most. */
const STATEMENT = object({ statement: text(1_400_000) }, ['statement']);
const URN = text(512);
const CONFIRMATION = object(
  {
    ...{ contract: URN, cleanroom: URN, row: { type: 'integer', minimum: 0, maximum: 31 } },
    outcome: { enum: Object.keys(OUTCOMES) },
    amount: { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER },
    currency: { type: 'string', pattern: '^[A-Z]{3}$' },
    reference: text(256),
  },
  ['contract', 'cleanroom', 'row', 'outcome', 'amount', 'currency', 'reference'],
);
const NUMBER = { type: 'string', pattern: '^(0|[1-9][0-9]{0,14})$' };
const MOST_EVENTS = 100;

interface Named {
  readonly Params: { readonly id: string };
}
interface Signed {
  readonly Body: { readonly statement: string };
}

export function contractRoutes(app: FastifyInstance, parts: RouteParts): void {
  const { client, did, outbox } = parts;
  app.get('/v1/service', async () => ({
    ...{ did, log: client.trust.origin, genesis: toBase64url(client.trust.genesis) },
  }));
  datasets(app, parts);
  draftRoutes(app, parts);
  contracts(app, parts);
  app.register(async (scope) => confirmations(scope, parts));
  app.get<{ Querystring: { after?: string } }>(
    '/v1/events',
    { schema: { querystring: object({ after: NUMBER }, []) } },
    async ({ query }) => ({
      events: await outbox.after(Number(query.after ?? 0), MOST_EVENTS),
      last: outbox.last,
    }),
  );
}

function datasets(app: FastifyInstance, parts: RouteParts): void {
  const { registry } = parts;
  app.post<Signed>('/v1/datasets', { schema: { body: STATEMENT } }, async ({ body }, reply) => {
    const bytes = bytesOfText(body.statement, 'the statement');
    const { statement, ...entry } = await registry.passOn(bytes, ['dataset.register', 'dataset.update']);
    return reply.code(201).send({ entry, description: bodyJson(statement.body) });
  });
  const query = { provider: URN, purpose: text(64), state: text(32), limit: NUMBER, cursor: NUMBER };
  app.get<{ Querystring: Partial<Record<keyof typeof query, string>> }>(
    '/v1/datasets',
    { schema: { querystring: object(query, []) } },
    async ({ query: { limit, cursor, ...words } }) => {
      const asked: DatasetQuery = {
        ...words,
        limit: Math.max(1, Number(limit ?? MOST_DATASETS)),
        ...(cursor !== undefined && { cursor: Number(cursor) }),
      };
      return findDatasets(parts, asked);
    },
  );
}

function contracts(app: FastifyInstance, parts: RouteParts): void {
  const { client, registry } = parts;
  const passOn = (path: string, ...kinds: readonly string[]) =>
    app.post<Named & Signed>(
      `/v1/contracts/:id/${path}`,
      { schema: { body: STATEMENT } },
      async ({ params, body }, reply) => {
        const bytes = bytesOfText(body.statement, 'the statement');
        const { statement, ...entry } = await registry.passOn(bytes, kinds, params.id);
        return reply.code(201).send({ entry });
      },
    );
  passOn('proposal', 'contract.propose');
  passOn('signatures', 'contract.sign', 'contract.decline');
  passOn('revocation', 'contract.revoke');
  app.get<Named>('/v1/contracts/:id', async ({ params }) => contractView(parts, params.id));
  app.get<Named>('/v1/contracts/:id/in-force', async ({ params: { id } }) => {
    const known = await contractOf(client, id);
    if (!known) throw new LedgerError('CONTRACT_NOT_FOUND', `the log has no contract ${id}`);
    const asked = { contract: id, text: known.record.text, full: true };
    const { decision, reason, at, simulated, bundle, head, witnessed } = await client.checkContract(asked);
    const { size, root } = head;
    return {
      ...{ contract: id, text: toBase64url(known.record.text), decision, reason, at, simulated, witnessed },
      ...{ size, root: toBase64url(root), bundle: toBase64url(bundle) },
    };
  });
  app.post<Named>('/v1/contracts/:id/completion', async ({ params: { id } }, reply) => {
    const entry = await registry.register(registry.sign('contract.complete', { id }));
    return reply.code(201).send({ entry });
  });
  app.get<Named & { Querystring: { cleanroom: string } }>(
    '/v1/contracts/:id/payments',
    { schema: { querystring: object({ cleanroom: URN }, ['cleanroom']) } },
    async ({ params: { id: contract }, query: { cleanroom } }) => {
      const known = await contractOf(client, contract);
      if (!known) throw fail('NOT_FOUND', `there is no contract ${contract}`);
      const rows = known.record.payments.map(async (terms, row) => {
        const { stage, decision } = await parts.payments.standing({ contract, row, cleanroom }, known.record);
        return { row, ...terms, stage, reason: decision.reason };
      });
      return { contract, cleanroom, payments: await Promise.all(rows), head: headJson(known.head) };
    },
  );
}

/** From the processor: signed, as its webhooks are. */
function confirmations(app: FastifyInstance, { payments, processorSecret, now }: RouteParts): void {
  const bodies = new WeakMap<object, string>();
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    bodies.set(request, String(body));
    try {
      if (isTooDeep(String(body))) throw new RangeError('nested too deep');
      done(null, JSON.parse(String(body)));
    } catch {
      done(fail('REQUEST_MALFORMED', 'not JSON'));
    }
  });
  app.post<{ Body: Confirmation }>(
    '/v1/payments',
    {
      schema: { body: CONFIRMATION },
      preValidation: async (request) => {
        if (!processorSecret) throw fail('UNAUTHENTICATED', 'no payment processor is configured');
        checkWebhook(processorSecret, request.headers, now(), bodies.get(request) ?? '');
      },
    },
    async ({ body }, reply) => reply.code(201).send({ entry: await payments.confirm(body) }),
  );
}
