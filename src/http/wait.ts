/** The query parameter `wait` of a registration: LOGGED, the default, or WITNESSED (FORMATS §7). */
import type { FastifyRequest } from 'fastify';
import { fail } from '../core/errors.ts';
import type { Limits } from '../service/limits.ts';
import { waitUntil } from '../service/wait.ts';

/** Until when a witnessed head is waited for, Unix milliseconds; undefined: it is not. @throws ARGUMENT_INVALID */
export function witnessedUntil({ query }: FastifyRequest, limits: Limits): number | undefined {
  const { wait } = query as { wait?: unknown };
  if (wait === undefined || wait === 'LOGGED') return undefined;
  if (wait !== 'WITNESSED') throw fail('ARGUMENT_INVALID', 'wait is LOGGED or WITNESSED');
  return waitUntil(Date.now() + limits.options.deadline);
}
