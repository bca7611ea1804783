/**
 * What both network surfaces are given from outside, as small interfaces: the platform's logger and metrics fit
 * them, and so do a test's.
 */
import type { PeerCertificate } from 'node:tls';
import type { Ledger } from './ledger.ts';
import type { Limits } from './limits.ts';

/** The part of pino's interface that is used here. */
export interface SurfaceLogger {
  debug(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** Told about every request that ended. */
export interface RequestObserver {
  observe(request: ObservedRequest): void;
}

export interface ObservedRequest {
  readonly surface: 'grpc' | 'http';
  /** gRPC: `/package.Service/Method`. HTTP: method and route pattern, never the path itself: labels stay few. */
  readonly operation: string;
  /** gRPC or HTTP status code. */
  readonly status: number;
  /** Reason code; null for success. */
  readonly code: string | null;
  readonly seconds: number;
}

/** PEM texts. With `clientCa`, only clients with a certificate from it are served. */
export interface TlsOptions {
  readonly cert: string | Uint8Array;
  readonly key: string | Uint8Array;
  readonly clientCa?: string | Uint8Array;
}

export interface SurfaceOptions {
  readonly ledger: Ledger;
  /** The same object for every surface. */
  readonly limits: Limits;
  readonly tls?: TlsOptions;
  readonly logger?: SurfaceLogger;
  readonly observer?: RequestObserver;
}

/**
 * A client certificate's subject as the name that limits and logs go by, e.g. `subject:O=Example Lab,CN=kms-1`.
 * The prefix keeps it apart from any address.
 */
export function subjectName(subject: PeerCertificate['subject']): string {
  const parts = Object.entries(subject).flatMap(([type, value]) =>
    (Array.isArray(value) ? value : [value]).map(
      (item) => `${type}=${String(item).replace(/[\\,=]/g, '\\$&')}`,
    ),
  );
  return `subject:${parts.join(',')}`;
}
