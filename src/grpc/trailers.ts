/** How a reason code travels over gRPC: a status, its message, and keys of trailing metadata. */
import { Metadata, type StatusObject } from '@grpc/grpc-js';
import type { Answer } from '../service/status.ts';

/** Trailing metadata: the reason code. */
export const CODE_KEY = 'aichain-code';
/** Trailing metadata: whole seconds after which trying again makes sense. */
export const RETRY_KEY = 'retry-after';
/** Trailing metadata of every call to a log for development: what it says binds nobody. */
export const SIMULATED_KEY = 'aichain-simulated';

/** The same metadata each time: nothing is ever added to them, so that they need not be copied and written anew. */
class Constant extends Metadata {
  readonly #headers: ReturnType<Metadata['toHttp2Headers']>;

  constructor(entries: Readonly<Record<string, string>>) {
    super();
    for (const [key, value] of Object.entries(entries)) this.set(key, value);
    this.#headers = super.toHttp2Headers();
  }

  override clone(): Metadata {
    return this;
  }

  override toHttp2Headers() {
    return this.#headers;
  }
}

/** Of every answer of a log for development. */
export const SIMULATED = new Constant({ [SIMULATED_KEY]: 'true' });

/** In place of what grpc-js would make for each call. */
export const NO_METADATA: Metadata = new Constant({});

export function statusObject(answer: Answer): StatusObject {
  const metadata = new Metadata();
  metadata.set(CODE_KEY, answer.code);
  if (answer.retryAfter !== undefined) metadata.set(RETRY_KEY, String(answer.retryAfter));
  return { code: answer.grpc, details: answer.message, metadata };
}
