/**
 * A resource that exists but does not have the method that was asked for: 405 and what it has (RFC 9110 §15.5.6),
 * rather than 404. Also the 404 for everything else.
 */
import type { FastifyInstance, HTTPMethods } from 'fastify';
import { fail } from '../core/errors.ts';

const METHODS: readonly HTTPMethods[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE'];

/** Collects the URL pattern of every route from now on. */
export function watchRoutes(app: FastifyInstance): Set<string> {
  const urls = new Set<string>();
  app.addHook('onRoute', ({ url }) => {
    urls.add(url);
  });
  return urls;
}

/** Call when all routes are there. */
export function refuseOtherMethods(app: FastifyInstance, urls: ReadonlySet<string>): void {
  for (const url of [...urls]) {
    const present = METHODS.filter((method) => app.hasRoute({ url, method }));
    const absent = METHODS.filter((method) => !present.includes(method));
    if (absent.length === 0) continue;
    const allow = present.join(', ');
    app.route({
      url,
      method: absent,
      schema: { hide: true },
      // Before any body is read.
      onRequest: async (request, reply) => {
        reply.header('allow', allow);
        throw fail('METHOD_NOT_ALLOWED', `${request.method} is not among ${allow}`);
      },
      handler: () => {},
    });
  }
}
