/** JSON API: the gates, one route for each step. */
import type { FastifyInstance } from 'fastify';
import type { TSchema } from 'typebox';
import type { Cbor } from '../core/cbor.ts';
import type { Ledger } from '../service/ledger.ts';
import { GATE_REQUESTS, GateAnswer, GateQuestion } from './v1-gate-schemas.ts';
import { base64, bytesOf } from './v1-json.ts';
import { answers, NO_STORE } from './v1-route.ts';

const BODY_BYTES = 64 << 10;

interface Question {
  readonly request: Readonly<Record<string, unknown>>;
  readonly fromSize?: number;
}

/** The part of a JSON schema that says where bytes are. */
interface Shape {
  readonly contentEncoding?: string;
  readonly properties?: Readonly<Record<string, Shape>>;
  readonly items?: Shape;
}

export function gates(app: FastifyInstance, ledger: Ledger): void {
  for (const [step, schema] of Object.entries(GATE_REQUESTS)) {
    app.post<{ Body: Question }>(
      `/gates/${step}`,
      {
        bodyLimit: BODY_BYTES,
        schema: {
          tags: ['gates'],
          summary: `May ${step} go ahead? With the proof`,
          body: GateQuestion(schema as TSchema),
          response: answers(GateAnswer),
        },
      },
      async ({ body: { request, fromSize } }, reply) => {
        const answer = await ledger.gate(step, itemOf(request, schema as Shape, 'request'), fromSize);
        reply.header('cache-control', NO_STORE);
        return { ...answer, bundle: base64(answer.bundle) };
      },
    );
  }
}

/** JSON that fits the schema, as the gate's data: texts that stand for bytes become bytes. */
function itemOf(value: unknown, shape: Shape, name: string): Cbor {
  if (shape.contentEncoding === 'base64') return bytesOf(value as string, name);
  if (Array.isArray(value)) return value.map((item) => itemOf(item, shape.items!, name));
  if (typeof value !== 'object' || value === null) return value as Cbor;
  const members = Object.entries(value);
  return new Map(members.map(([member, item]) => [member, itemOf(item, shape.properties![member]!, member)]));
}
