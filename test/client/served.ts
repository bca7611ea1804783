/** A ledger behind both surfaces on real sockets; a test may swap it, or make single methods lie. */
import { type ConnectOptions, LedgerClient } from '../../src/client/index.ts';
import { createGrpcServer } from '../../src/grpc/index.ts';
import { createHttpServer } from '../../src/http/index.ts';
import type { Ledger } from '../../src/service/ledger.ts';
import { type LimitOptions, Limits } from '../../src/service/limits.ts';
import type { TlsOptions } from '../../src/service/surface.ts';
import type { Trust } from '../../src/verify/index.ts';

export type Surface = 'grpc' | 'http';
export const SURFACES: readonly Surface[] = ['grpc', 'http'];

export interface Served {
  /** Whose answers are given from now on. */
  ledger: Ledger;
  /** Methods that answer in its place. */
  lies: Partial<Ledger>;
  /** Counts calls by method. */
  readonly calls: Map<string, number>;
  readonly ports: { readonly grpc: number; readonly http: number };
  client(surface: Surface, trust: Trust, more?: Partial<ConnectOptions>): Promise<LedgerClient>;
  close(): Promise<void>;
}

export async function serve(
  ledger: Ledger,
  { tls, limits: limitOptions }: { tls?: TlsOptions; limits?: Partial<LimitOptions> } = {},
): Promise<Served> {
  const calls = new Map<string, number>();
  // Servers ask what kind of log it is while they are made.
  const answering: Pick<Served, 'ledger' | 'lies'> = { ledger, lies: {} };
  const proxy = new Proxy({} as Ledger, {
    get(_target, name: keyof Ledger) {
      // A tile that is at hand would be the ledger's own.
      if (name === 'keptTile' && answering.lies.tile) return () => undefined;
      const lie = answering.lies[name];
      const value = lie ?? answering.ledger[name];
      if (typeof value !== 'function') return value;
      calls.set(name, (calls.get(name) ?? 0) + 1);
      return value.bind(answering.ledger);
    },
  });
  const limits = new Limits({ requests: null, statements: null, ...limitOptions });
  const options = { ledger: proxy, limits, ...(tls && { tls }) };
  const grpc = createGrpcServer(options);
  const http = await createHttpServer(options);
  const clients: LedgerClient[] = [];
  const ports = { grpc: await grpc.listen('127.0.0.1', 0), http: await http.listen('127.0.0.1', 0) };
  return Object.assign(answering, {
    calls,
    ports,
    client: async (surface: Surface, trust: Trust, more: Partial<ConnectOptions> = {}) => {
      const scheme = tls ? 'https' : 'http';
      const address =
        surface === 'grpc'
          ? { grpc: `127.0.0.1:${ports.grpc}` }
          : { http: `${scheme}://127.0.0.1:${ports.http}` };
      const client = await LedgerClient.connect({ ...address, trust, retries: 2, ...more });
      clients.push(client);
      return client;
    },
    close: async () => {
      for (const client of clients) client.close();
      await Promise.all([grpc.close(200), http.close(200)]);
    },
  });
}
