/** One gRPC call from its start to its one end: who calls, until when, and what became of it. */
import { setMaxListeners } from 'node:events';
import type { ServerInterceptingCallInterface } from '@grpc/grpc-js';
import { fail } from '../core/errors.ts';
import type { Caller } from '../service/ledger.ts';
import { type Answer, answerOf } from '../service/status.ts';
import { type SurfaceOptions, subjectName } from '../service/surface.ts';
import { statusObject } from './trailers.ts';

export type MethodOptions = Pick<SurfaceOptions, 'limits' | 'logger' | 'observer'> & {
  /** Aborts when the server begins to close: streams that would not end by themselves end then. */
  readonly closing: AbortSignal;
  /** Whether the transport asks clients for one. */
  readonly clientCertificates: boolean;
};

/** Caller with a signal that is always there. */
export type CallContext = Required<Caller> & {
  /** Unix milliseconds; infinite for a stream whose client has set none. */
  readonly deadline: number;
};

type SurfaceCall = Pick<ServerInterceptingCallInterface, 'getDeadline' | 'getPeer' | 'getAuthContext'> &
  Partial<Pick<ServerInterceptingCallInterface, 'getConnectionInfo'>>;

export class Run implements CallContext {
  readonly client: string;
  readonly deadline: number;
  readonly #path: string;
  readonly #options: MethodOptions;
  readonly #started = performance.now();
  #timer: NodeJS.Timeout | undefined;
  /** Made when it is asked for: most calls are answered before anything waits. */
  #controller: AbortController | undefined;
  #aborted: { readonly reason: unknown } | undefined;
  #onAbort = (_reason: unknown) => {};
  #onClosing: (() => void) | undefined;
  #ended = false;

  /** @param most milliseconds, where the sender names no earlier deadline */
  constructor(
    path: string,
    call: SurfaceCall,
    options: MethodOptions,
    most: number = Number.POSITIVE_INFINITY,
  ) {
    this.#path = path;
    this.#options = options;
    this.client = clientOf(call, options.clientCertificates);
    const now = Date.now();
    const left = Math.min(most, Number(call.getDeadline()) - now);
    this.deadline = now + left;
  }

  /** From here on the deadline ends it: what is answered at once needs no timer. */
  expireAtDeadline(): void {
    if (this.#ended) return;
    const left = this.deadline - Date.now();
    if (left < 2 ** 31) this.#timer = setTimeout(() => this.#expire(), Math.max(0, left));
  }

  #expire(): void {
    this.abort(fail('DEADLINE_EXCEEDED', 'the deadline has passed'));
  }

  /** The client has gone. It may be told after the end of the call, too. */
  cancelled(): void {
    if (!this.#ended) this.abort(fail('DEADLINE_EXCEEDED', 'the call was cancelled'));
  }

  /** Unary calls do not listen: they end soon by themselves. */
  onClosing(listener: (reason: unknown) => void): void {
    const { closing } = this.#options;
    this.#onClosing = () => listener(fail('LOG_CLOSING', 'the server is closing'));
    if (closing.aborted) this.#onClosing();
    else closing.addEventListener('abort', this.#onClosing);
  }

  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      setMaxListeners(0, this.#controller.signal); // one for each statement in flight
      if (this.#aborted) this.#controller.abort(this.#aborted.reason);
    }
    return this.#controller.signal;
  }

  abort(reason: unknown): void {
    if (this.#aborted) return;
    this.#aborted = { reason };
    this.#controller?.abort(reason);
    this.#onAbort(reason);
  }

  /** There is one listener. */
  onAbort(listener: (reason: unknown) => void): void {
    this.#onAbort = listener;
  }

  /** Answers once; what comes later (a result after the deadline) is dropped. `error` null: success. */
  end(error: unknown, send: (status: ReturnType<typeof statusObject> | null) => void): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#timer);
    if (this.#onClosing) this.#options.closing.removeEventListener('abort', this.#onClosing);
    const answer = error === null ? null : answerOf(error);
    if (answer) this.#log(answer, error);
    try {
      send(answer && statusObject(answer));
    } catch (cause) {
      this.#options.logger?.error({ err: cause, operation: this.#path }, 'an answer could not be sent');
    }
    this.#options.observer?.observe({
      surface: 'grpc',
      operation: this.#path,
      status: answer?.grpc ?? 0,
      code: answer?.code ?? null,
      seconds: (performance.now() - this.#started) / 1000,
    });
  }

  #log(answer: Answer, error: unknown): void {
    const fields = { operation: this.#path, client: this.client, code: answer.code };
    if (answer.http >= 500 && answer.http !== 503) {
      this.#options.logger?.error({ ...fields, err: error }, 'request failed');
    } else this.#options.logger?.debug(fields, answer.message);
  }
}

function clientOf(call: SurfaceCall, withCertificate: boolean): string {
  const certificate = withCertificate ? call.getAuthContext()?.sslPeerCertificate : undefined;
  if (certificate) return subjectName(certificate.subject);
  // address:port, where an IPv6 address is not in brackets; a call without streams has the address by itself.
  return call.getConnectionInfo?.().remoteAddress ?? call.getPeer().replace(/:\d+$/, '');
}
