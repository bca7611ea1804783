/**
 * Puts services on a grpc-js server, with health and reflection: transport limits, TLS, and an end that drains.
 */
import { setMaxListeners } from 'node:events';
import {
  logVerbosity,
  Server,
  ServerCredentials,
  type ServiceDefinition,
  setLogVerbosity,
  type UntypedHandleCall,
} from '@grpc/grpc-js';
import { fail } from '../core/errors.ts';
import { descriptors } from '../proto/aichain.js';
import type { SurfaceOptions, TlsOptions } from '../service/surface.ts';
import { healthService } from './health.ts';
import { intake } from './intake.ts';
import { definition, type Method } from './method.ts';
import { reflectionService } from './reflection.ts';
import type { UnaryHandler } from './unary-call.ts';

export interface GrpcServer {
  /** Resolves with the port, which the system chooses for 0. @throws UNAVAILABLE the address cannot be bound */
  listen(host: string, port: number): Promise<number>;
  /**
   * Takes no new calls, ends open streams with LOG_CLOSING once what they are waiting for is answered, lets unary
   * calls finish, and after `graceMs` cuts what is left.
   */
  close(graceMs: number): Promise<void>;
}

export type ServiceServerOptions = Omit<SurfaceOptions, 'ledger'> & {
  /** Whether a service takes calls now (default: always). */
  readonly isServing?: (service: string) => boolean;
  /** A log for development: every answer says so. */
  readonly simulated?: boolean;
};

/** https://grpc.github.io/grpc/core/group__grpc__arg__keys.html */
// Not 'grpc.enable_channelz': without it grpc-js 1.14 does not know its sessions, and cannot cut them at the end.
const TRANSPORT = {
  'grpc.max_concurrent_streams': 100,
  // A peer that has vanished is noticed, an idle one is let go.
  'grpc.keepalive_time_ms': 60_000,
  'grpc.keepalive_timeout_ms': 20_000,
  'grpc.max_connection_idle_ms': 300_000,
};

/** @param services by full name, each with its methods */
export function createServiceServer(
  services: Readonly<Record<string, Record<string, Method>>>,
  { isServing = () => true, simulated = false, ...options }: ServiceServerOptions,
): GrpcServer {
  const { limits } = options;
  // What it writes to standard error, it tells us as well; who looks for a fault in it sets this variable.
  if (!process.env.GRPC_VERBOSITY) setLogVerbosity(logVerbosity.NONE);
  const closing = new AbortController();
  setMaxListeners(0, closing.signal); // one for each open stream
  const unary = new Map<string, UnaryHandler>();
  const clientCertificates = options.tls?.clientCa !== undefined;
  const server = new Server({
    ...TRANSPORT,
    'grpc.max_receive_message_length': limits.options.messageBytes,
    interceptors: [intake(limits, unary, simulated)],
  });

  const add = (service: string, methods: Record<string, Method>) => {
    const definitions: Record<string, ServiceDefinition[string]> = {};
    const handlers: Record<string, UntypedHandleCall> = {};
    for (const [name, method] of Object.entries(methods)) {
      const path = `/${service}/${name}`;
      definitions[name] = definition(path, method);
      const given = { ...options, clientCertificates, closing: closing.signal };
      if (method.unary) unary.set(path, method.unary(path, given));
      handlers[name] = method.handler?.(path, given) ?? taken;
    }
    server.addService(definitions, handlers);
  };
  // The descriptors are those of every service that there is, of whatever server.
  const reflected = descriptors.services.filter(
    (service) => Object.hasOwn(services, service) || service.startsWith('grpc.'),
  );
  for (const [service, methods] of Object.entries(services)) add(service, methods);
  add('grpc.health.v1.Health', healthService(isServing, new Set(reflected), closing.signal));
  add('grpc.reflection.v1.ServerReflection', reflectionService(reflected));
  add('grpc.reflection.v1alpha.ServerReflection', reflectionService(reflected));

  return {
    listen: (host, port) =>
      new Promise((resolve, reject) => {
        const address = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
        server.bindAsync(address, credentials(options.tls), (cause, bound) => {
          if (cause) reject(fail('UNAVAILABLE', `cannot listen on ${address}`, { cause }));
          else resolve(bound);
        });
      }),
    close: (graceMs) =>
      new Promise((resolve) => {
        const timer = setTimeout(() => {
          server.forceShutdown();
          // A TLS connection before its handshake is no session: the library would wait for it until node ends it, for two minutes.
          resolve();
        }, graceMs);
        server.tryShutdown(() => {
          clearTimeout(timer);
          resolve();
        });
        closing.abort();
      }),
  };
}

/** In place of the handler of a unary call: what comes in has gone another way. */
function taken(): never {
  throw fail('INTERNAL', 'a unary call that no interceptor has taken');
}

function credentials(tls: TlsOptions | undefined): ServerCredentials {
  if (!tls) return ServerCredentials.createInsecure();
  const pair = { private_key: Buffer.from(tls.key), cert_chain: Buffer.from(tls.cert) };
  // A client without a certificate from this authority fails the handshake.
  return tls.clientCa === undefined
    ? ServerCredentials.createSsl(null, [pair])
    : ServerCredentials.createSsl(Buffer.from(tls.clientCa), [pair], true);
}
