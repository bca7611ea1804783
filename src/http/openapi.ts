/** The OpenAPI 3.1 document at /v1/openapi.json, and a page to read it at /v1/docs. */
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';

/** The page's own files, and nothing else; no upgrade to https, which a log without TLS does not have. */
const PAGE_POLICY = {
  'default-src': ["'none'"],
  'script-src': ["'self'"],
  'style-src': ["'self'"],
  'img-src': ["'self'", 'data:'],
  'connect-src': ["'self'"],
  'frame-ancestors': ["'none'"],
};

/** Before the routes: the document is made of what is registered afterwards. */
export async function describeRoutes(app: FastifyInstance): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'AI Chain ledger',
        version: '1',
        description:
          'An append-only log of signed statements, with proofs. Verify what you fetch: nothing here has to be believed.',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      tags: [
        { name: 'log', description: 'The log and its tree heads' },
        { name: 'registration', description: 'Statements in' },
        { name: 'entries', description: 'What was logged, and what it did' },
        { name: 'proofs', description: 'RFC 9162 proofs' },
        { name: 'state', description: 'Current state, proven' },
        { name: 'gates', description: 'May a step of the lifecycle be taken now?' },
        { name: 'evidence', description: 'Raw evidence of clean rooms, for those who may see it' },
        { name: 'provenance', description: 'Where things come from, and what became of them' },
      ],
    },
  });
}

export async function serveDocument(app: FastifyInstance): Promise<void> {
  app.get('/v1/openapi.json', { schema: { hide: true } }, async (_request, reply) => {
    reply.header('cache-control', 'public, max-age=60');
    return app.swagger();
  });
  await app.register(swaggerUi, { routePrefix: '/v1/docs', staticCSP: PAGE_POLICY });
}
