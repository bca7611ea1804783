/** JSON API: statements in, one or several. */
import type { FastifyInstance } from 'fastify';
import { type Static, Type } from 'typebox';
import type { Bytes } from '../core/bytes.ts';
import { toBase64url } from '../core/bytes.ts';
import { isLedgerError } from '../core/errors.ts';
import type { Caller, Ledger, Registration } from '../service/ledger.ts';
import type { Limits } from '../service/limits.ts';
import { inTime } from '../service/wait.ts';
import { callerOf } from './caller.ts';
import { CODE_HEADER } from './refusal.ts';
import { acceptStatements, STATEMENT_TYPES, statementOf } from './scrapi.ts';
import { bytesOf, failureJson, registrationJson } from './v1-json.ts';
import { answers, JSON_BYTES, NO_STORE } from './v1-route.ts';
import * as schemas from './v1-schemas.ts';
import { witnessedUntil } from './wait.ts';

export function statements(app: FastifyInstance, ledger: Ledger, limits: Limits): void {
  acceptStatements(app);
  const Many = schemas.ManyStatements(limits.options.batchStatements);
  const raw = Object.fromEntries(STATEMENT_TYPES.map((type) => [type, { schema: {} }]));
  app.post(
    '/statements',
    {
      bodyLimit: JSON_BYTES,
      schema: {
        tags: ['registration'],
        summary: 'Register one statement or several',
        description:
          'One statement: 201, or 200 when it was there already; 202 when it is logged, but was not witnessed in time. Several: 200 with one result for each.',
        querystring: schemas.Wait,
        body: {
          content: {
            'application/json': { schema: Type.Union([schemas.OneStatement, Many]) },
            ...raw,
          },
        },
        response: {
          ...answers(Type.Union([schemas.Registration, schemas.BatchResult])),
          ...answers(schemas.Registration, 201),
          ...answers(schemas.Failure, 202),
        },
      },
    },
    async (request, reply) => {
      reply.header('cache-control', NO_STORE);
      const caller = callerOf(request);
      const body = request.body as Static<typeof schemas.OneStatement> | Static<typeof Many> | Bytes | null;
      const until = witnessedUntil(request, limits);
      if (body && 'statements' in body) return batch(ledger, limits, body.statements, caller, until);
      const statement =
        body && 'statement' in body ? bytesOf(body.statement, 'statement') : statementOf(request);
      limits.checkStatement(statement);
      await limits.admitStatements(caller.client, 1);
      const registration = await ledger.register(statement, caller, until);
      reply.header('location', `/v1/entries/${toBase64url(registration.entryId)}`);
      try {
        return reply.code(registration.existed ? 200 : 201).send(registrationJson(inTime(registration)));
      } catch (error) {
        const failure = failureJson(error);
        return reply
          .code(202)
          .header(CODE_HEADER, failure.code)
          .header('retry-after', String(failure.retryAfter ?? 1))
          .send(failure);
      }
    },
  );
}

/** A statement that fails alone does not keep the others out. */
async function batch(
  ledger: Ledger,
  limits: Limits,
  texts: readonly string[],
  caller: Caller,
  until: number | undefined,
) {
  await limits.admitStatements(caller.client, texts.length);
  const parsed = texts.map((text) => {
    try {
      const statement = bytesOf(text, 'statement');
      limits.checkStatement(statement);
      return statement;
    } catch (error) {
      if (isLedgerError(error)) return error;
      throw error;
    }
  });
  const good = parsed.filter((item): item is Bytes => item instanceof Uint8Array);
  const outcomes: (Registration | Error)[] =
    good.length > 0 ? await ledger.registerBatch(good, caller, until) : [];
  let next = 0;
  return {
    results: parsed.map((item) => {
      const outcome = item instanceof Error ? item : outcomes[next++]!;
      if (outcome instanceof Error) return { failure: failureJson(outcome) };
      try {
        return { registration: registrationJson(inTime(outcome)) };
      } catch (error) {
        return { failure: failureJson(error) };
      }
    }),
  };
}
