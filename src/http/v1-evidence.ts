/**
 * JSON API: raw evidence of clean rooms, by digest. Not public: it names machines. Rights are looked at before a body is
 * read, and before it is said whether there is anything.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { type Bytes, fromBase64url, toBase64url } from '../core/bytes.ts';
import { fail } from '../core/errors.ts';
import type { EvidenceRequest, EvidenceService } from '../service/evidence.ts';
import type { Ledger } from '../service/ledger.ts';
import type { Limits } from '../service/limits.ts';
import { clientOf, subjectOf } from './caller.ts';
import { bufferOf } from './tlog-tiles.ts';
import { answers, NO_STORE, type TypeBox } from './v1-route.ts';

const BYTES = 'application/octet-stream';
const params = Type.Object({
  digest: Type.String({
    pattern: '^[A-Za-z0-9_-]{43}$',
    description: 'SHA-256 of the evidence, base64url.',
  }),
});
const Stored = Type.Object({
  digest: Type.String({ description: 'SHA-256 of the evidence, base64url.' }),
  bytes: Type.Integer(),
  existed: Type.Boolean({ description: 'True when it was stored before.' }),
  simulated: Type.Boolean({ description: 'True for a log for development.' }),
});

export function evidence(
  instance: FastifyInstance,
  store: EvidenceService,
  ledger: Pick<Ledger, 'simulated'>,
  limits: Limits,
): void {
  const app = instance.withTypeProvider<TypeBox>();
  // Here and nowhere else: bytes as they are, whatever they are said to be.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  const tags = ['evidence'];
  const admitRate = async (request: FastifyRequest) => limits.admitEvidence(clientOf(request));

  app.put(
    '/evidence/:digest',
    {
      bodyLimit: store.maxBytes,
      schema: {
        tags,
        summary: 'Store evidence',
        description:
          'For who holds the right to write, and for anybody who has the bytes that a logged cleanroom.attest of `cleanroom` names.',
        params,
        querystring: Type.Object(
          {
            cleanroom: Type.Optional(Type.String({ maxLength: 512, description: 'URN of the clean room.' })),
          },
          { additionalProperties: false },
        ),
        response: { ...answers(Stored, 200), ...answers(Stored, 201) },
      },
      onRequest: [
        admitRate,
        async (request) => {
          const { cleanroom } = request.query as { cleanroom?: unknown };
          store.admit(asked(request), typeof cleanroom === 'string' ? cleanroom : undefined);
        },
      ],
    },
    async (request, reply) => {
      const bytes = bodyOf(request);
      const of = asked(request);
      const fresh = await store.put(of, bytes);
      return reply
        .code(fresh ? 201 : 200)
        .header('cache-control', NO_STORE)
        .send({
          ...{ digest: toBase64url(of.digest), bytes: bytes.length },
          ...{ existed: !fresh, simulated: ledger.simulated },
        });
    },
  );

  app.get(
    '/evidence/:digest',
    {
      schema: {
        tags,
        summary: 'Raw evidence',
        description:
          'For auditors and appraisers whom the operator names: a bearer token or a client certificate.',
        params,
        produces: [BYTES],
        response: { default: answers(Stored).default },
      },
      onRequest: [admitRate],
    },
    async (request, reply) => {
      const bytes = await store.get(asked(request));
      return reply.header('cache-control', NO_STORE).type(BYTES).send(bufferOf(bytes));
    },
  );
}

/** @throws ARGUMENT_INVALID */
function asked(request: FastifyRequest): EvidenceRequest {
  const { digest } = request.params as { digest: string };
  const subject = subjectOf(request);
  const [, token] = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '') ?? [];
  return {
    digest: digestOf(digest),
    credentials: { ...(token !== undefined && { token }), ...(subject !== undefined && { subject }) },
    client: clientOf(request),
  };
}

function digestOf(text: string): Bytes {
  let bytes: Bytes | undefined;
  try {
    bytes = fromBase64url(text);
  } catch (cause) {
    throw fail('ARGUMENT_INVALID', 'a digest is unpadded base64url', { cause });
  }
  if (bytes.length !== 32) throw fail('ARGUMENT_INVALID', 'a digest has 32 bytes');
  return bytes;
}

/** @throws REQUEST_MALFORMED no body */
function bodyOf({ body }: FastifyRequest): Bytes {
  if (!(body instanceof Uint8Array) || body.length === 0) {
    throw fail('REQUEST_MALFORMED', 'the request has no body');
  }
  return new Uint8Array(body.buffer, body.byteOffset, body.byteLength);
}
