/** How a reason code travels over gRPC: a status, its message, and two keys of trailing metadata. */
import { Metadata, type StatusObject } from '@grpc/grpc-js';
import type { Answer } from '../service/status.ts';

/** Trailing metadata: the reason code. */
export const CODE_KEY = 'aichain-code';
/** Trailing metadata: whole seconds after which trying again makes sense. */
export const RETRY_KEY = 'retry-after';

export function statusObject(answer: Answer): StatusObject {
  const metadata = new Metadata();
  metadata.set(CODE_KEY, answer.code);
  if (answer.retryAfter !== undefined) metadata.set(RETRY_KEY, String(answer.retryAfter));
  return { code: answer.grpc, details: answer.message, metadata };
}
