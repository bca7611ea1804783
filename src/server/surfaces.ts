/** Both network surfaces over one ledger: of a log, or of a mirror of one. */
import { readFileSync } from 'node:fs';
import type { Bytes } from '../core/bytes.ts';
import { fail } from '../core/errors.ts';
import type { Config } from '../platform/config.ts';
import type { Logger } from '../platform/logger.ts';
import type { Metrics } from '../platform/metrics.ts';
import {
  type EvidenceService,
  type LedgerService,
  Limits,
  type Rate,
  type TlsOptions,
} from '../service/index.ts';

export type SurfaceConfig = Pick<
  Config,
  | 'httpHost'
  | 'httpPort'
  | 'httpTls'
  | 'grpcHost'
  | 'grpcPort'
  | 'grpcTls'
  | 'trustProxy'
  | 'rateLimit'
  | 'maxStatementBytes'
  | 'deadlineMs'
>;

export interface Surfaces {
  readonly addresses: {
    /** `http://127.0.0.1:8080`. */
    readonly http: string;
    /** `127.0.0.1:8081`. */
    readonly grpc: string;
  };
  close(): Promise<void>;
}

type SurfaceModules = readonly [typeof import('../grpc/index.ts'), typeof import('../http/index.ts')];

const GRACE_MS = 10_000;

/** The surfaces' libraries, which take their time to load. */
export function surfaceModules(): Promise<SurfaceModules> {
  return Promise.all([import('../grpc/index.ts'), import('../http/index.ts')]);
}

/** `perSecond` on the long run, `burst` at once. */
export function rate(perSecond: number, burst: number): Rate | null {
  return perSecond === 0 ? null : { points: burst, seconds: Math.max(1, Math.round(burst / perSecond)) };
}

/** @throws UNAVAILABLE an address cannot be bound; CONFIG_INVALID a certificate cannot be read */
export async function listen(
  [{ createGrpcServer }, { createHttpServer }]: SurfaceModules,
  config: SurfaceConfig,
  { ledger, evidence }: { readonly ledger: LedgerService; readonly evidence?: EvidenceService },
  logger: Logger,
  metrics: Metrics,
): Promise<Surfaces> {
  const { clientPerSecond, burst } = config.rateLimit;
  const limits = new Limits({
    statements: rate(clientPerSecond, burst),
    requests: rate(clientPerSecond, burst),
    statementBytes: config.maxStatementBytes,
    deadline: config.deadlineMs,
  });
  const shared = { ledger, limits, logger, observer: metrics };
  const grpcTls = tlsOptions(config.grpcTls);
  const httpTls = tlsOptions(config.httpTls);
  const grpc = createGrpcServer({ ...shared, ...(grpcTls && { tls: grpcTls }) });
  const http = await createHttpServer({
    ...shared,
    ...(httpTls && { tls: httpTls }),
    metrics: { contentType: metrics.contentType, metrics: () => metrics.text() },
    trustProxy: config.trustProxy,
    ...(evidence && { evidence }),
  });
  const close = async () => {
    await Promise.all([grpc.close(GRACE_MS), http.close(GRACE_MS)]);
  };
  try {
    const grpcPort = await grpc.listen(config.grpcHost, config.grpcPort);
    const httpPort = await http.listen(config.httpHost, config.httpPort);
    const scheme = httpTls ? 'https' : 'http';
    return {
      close,
      addresses: {
        http: `${scheme}://${hostPort(config.httpHost, httpPort)}`,
        grpc: hostPort(config.grpcHost, grpcPort),
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function hostPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function tlsOptions(files: Config['httpTls']): TlsOptions | undefined {
  if (!files) return undefined;
  const { cert, key, clientCa } = files;
  return { cert: pem(cert), key: pem(key), ...(clientCa !== undefined && { clientCa: pem(clientCa) }) };
}

function pem(path: string): Bytes {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw fail('CONFIG_INVALID', `cannot read ${path}`, { cause });
  }
}
