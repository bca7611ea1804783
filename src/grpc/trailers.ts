/** How a reason code travels over gRPC: a status, its message, and keys of trailing metadata. */
import { Metadata, type StatusObject } from '@grpc/grpc-js';
import type { Answer } from '../service/status.ts';

/** Trailing metadata: the reason code. */
export const CODE_KEY = 'aichain-code';
/** Trailing metadata: whole seconds after which trying again makes sense. */
export const RETRY_KEY = 'retry-after';
/** Trailing metadata of every call to a log for development: what it says binds nobody. */
export const SIMULATED_KEY = 'aichain-simulated';

export function statusObject(answer: Answer): StatusObject {
  const metadata = new Metadata();
  metadata.set(CODE_KEY, answer.code);
  if (answer.retryAfter !== undefined) metadata.set(RETRY_KEY, String(answer.retryAfter));
  return { code: answer.grpc, details: answer.message, metadata };
}
