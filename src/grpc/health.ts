/**
 * grpc.health.v1: `""` and every service SERVING while the server is up, except that RegistrationService is
 * NOT_SERVING while the log takes no statements (read-only, recovering, closing).
 */
import { fail } from '../core/errors.ts';
import { grpc } from '../proto/aichain.js';
import { type Method, serverStream, unary } from './method.ts';
import type { CallContext } from './run.ts';

const { HealthCheckRequest, HealthCheckResponse } = grpc.health.v1;
const { SERVING, NOT_SERVING, SERVICE_UNKNOWN } = HealthCheckResponse.ServingStatus;

/** Milliseconds between two looks at the log's status for those who watch it. */
const WATCH_INTERVAL = 1000;

export function healthService(
  isServing: (service: string) => boolean,
  services: ReadonlySet<string>,
  closing: AbortSignal,
): Record<string, Method> {
  const standing = (service: string) => {
    if (service !== '' && !services.has(service)) return SERVICE_UNKNOWN;
    if (closing.aborted) return NOT_SERVING;
    return isServing(service) ? SERVING : NOT_SERVING;
  };
  const shape = { request: HealthCheckRequest, response: HealthCheckResponse };
  return {
    Check: unary(shape, ({ service }) => {
      const status = standing(service);
      if (status === SERVICE_UNKNOWN) throw fail('NOT_FOUND', 'no such service');
      return { status };
    }),
    Watch: serverStream(shape, async function* ({ service }, { signal }: CallContext) {
      for (let last: number | undefined; !signal.aborted; await pause(WATCH_INTERVAL, signal)) {
        const status = standing(service);
        if (status !== last) yield { status };
        last = status;
      }
    }),
  };
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener('abort', done);
  });
}
