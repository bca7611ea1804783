/**
 * A resource that exists but does not have the method that was asked for: 405 and what it has (RFC 9110 §15.5.6),
 * rather than 404. Also the 404 for everything else.
 */
import type { FastifyInstance, HTTPMethods, RouteOptions } from 'fastify';
import { fail } from '../core/errors.ts';

const METHODS: readonly HTTPMethods[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE'];

type Route = Pick<RouteOptions, 'method' | 'url'>;

/** Collects every route from now on. */
export function watchRoutes(app: FastifyInstance): Route[] {
  const routes: Route[] = [];
  app.addHook('onRoute', ({ method, url }) => {
    routes.push({ method, url });
  });
  return routes;
}

/** Call when all routes are there. */
export function refuseOtherMethods(app: FastifyInstance, routes: readonly Route[]): void {
  const present = new Map<string, Set<string>>();
  for (const { url, method } of [...routes]) {
    const methods = present.get(url) ?? new Set();
    for (const each of Array.isArray(method) ? method : [method]) methods.add(each);
    present.set(url, methods);
  }
  for (const [url, methods] of present) {
    const absent = METHODS.filter((method) => !methods.has(method));
    if (absent.length === 0) continue;
    const allow = [...methods].sort().join(', ');
    app.route({
      url,
      method: absent,
      schema: { hide: true } as object,
      // Before any body is read.
      onRequest: async (request, reply) => {
        reply.header('allow', allow);
        throw fail('METHOD_NOT_ALLOWED', `${request.method} is not among ${allow}`);
      },
      handler: () => {},
    });
  }
}
