/** What those who run the server look at: is it alive, does it take entries, what are its numbers. */
import type { FastifyInstance } from 'fastify';
import type { Ledger } from '../service/ledger.ts';

/** The numbers in the exposition format of Prometheus, as a prom-client Registry offers them. */
export interface Exposition {
  readonly contentType: string;
  metrics(): Promise<string>;
}

const HIDDEN = { schema: { hide: true } };

export function operations(app: FastifyInstance, ledger: Ledger, exposition: Exposition | undefined): void {
  app.get('/healthz', HIDDEN, async (_request, reply) =>
    reply.type('text/plain; charset=utf-8').header('cache-control', 'no-store').send('ok\n'),
  );

  app.get('/readyz', HIDDEN, async (_request, reply) => {
    const { accepting, reason, size, queued, following = false } = ledger.status();
    return reply
      .code(accepting || following ? 200 : 503)
      .header('cache-control', 'no-store')
      .send({ accepting, reason, size, queued });
  });

  if (!exposition) return;
  app.get('/metrics', HIDDEN, async (_request, reply) =>
    reply
      .type(exposition.contentType)
      .header('cache-control', 'no-store')
      .send(await exposition.metrics()),
  );
}
