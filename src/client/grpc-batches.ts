/** Batches over one bidirectional stream: several under way at once, answered in any order. */
import type { ClientDuplexStream, ServiceError } from '@grpc/grpc-js';
import type { Bytes } from '../core/bytes.ts';
import { fail, isLedgerError, type LedgerError } from '../core/errors.ts';
import { aichain } from '../proto/aichain.js';
import { bufferOf, decoded, errorOf, ledgerError } from './grpc-message.ts';
import { type BatchChannel, type Call, type ClaimedRegistration, isCode, type Wait } from './transport.ts';

const v1 = aichain.v1;

interface PendingBatch {
  readonly count: number;
  settle(outcome: readonly (ClaimedRegistration | LedgerError)[] | LedgerError): void;
}

export const WAIT: Readonly<Record<Wait, aichain.v1.Wait>> = {
  LOGGED: v1.Wait.WAIT_LOGGED,
  WITNESSED: v1.Wait.WAIT_WITNESSED,
};

/** One bidirectional stream, opened with the first batch and again after it broke. */
export class GrpcBatches implements BatchChannel {
  readonly #open: () => ClientDuplexStream<Buffer, Buffer>;
  readonly #pending = new Map<number, PendingBatch>();
  #stream: ClientDuplexStream<Buffer, Buffer> | undefined;
  #nextId = 1;

  constructor(open: () => ClientDuplexStream<Buffer, Buffer>) {
    this.#open = open;
  }

  register(statements: readonly Bytes[], { deadline, signal }: Call, wait: Wait = 'LOGGED') {
    return new Promise<readonly (ClaimedRegistration | LedgerError)[]>((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const stream = this.#connected();
      const batchId = this.#nextId++ % 2 ** 32;
      const timer = setTimeout(
        () => this.#break(stream, fail('DEADLINE_EXCEEDED', 'no answer to a batch in time')),
        Math.min(deadline - Date.now(), 2 ** 31 - 1),
      );
      const abort = () => this.#break(stream, fail('DEADLINE_EXCEEDED', 'the stream was given up'));
      signal?.addEventListener('abort', abort, { once: true });
      this.#pending.set(batchId, {
        count: statements.length,
        settle: (outcome) => {
          this.#pending.delete(batchId);
          clearTimeout(timer);
          signal?.removeEventListener('abort', abort);
          if (Array.isArray(outcome)) resolve(outcome);
          else reject(signal?.aborted ? signal.reason : outcome);
        },
      });
      const request = v1.RegisterStreamRequest.encode({
        ...{ batchId, statements: [...statements], wait: WAIT[wait] },
      });
      stream.write(bufferOf(request.finish()));
    });
  }

  close(): void {
    const stream = this.#stream;
    if (!stream) return;
    if (this.#pending.size > 0) this.#break(stream, fail('UNAVAILABLE', 'the channel was closed'));
    else stream.end();
    this.#stream = undefined;
  }

  #connected(): ClientDuplexStream<Buffer, Buffer> {
    if (this.#stream) return this.#stream;
    const stream = this.#open();
    stream.on('data', (message: Buffer) => {
      try {
        this.#answer(decoded(v1.RegisterStreamResponse, message));
      } catch (error) {
        if (!isLedgerError(error)) throw error;
        this.#break(stream, error);
      }
    });
    stream.on('error', (error: ServiceError) => this.#lost(stream, errorOf(error)));
    stream.on('end', () => this.#lost(stream, fail('UNAVAILABLE', 'the server ended the stream')));
    this.#stream = stream;
    return stream;
  }

  #answer({ batchId, results }: aichain.v1.RegisterStreamResponse.$Properties): void {
    const pending = this.#pending.get(batchId ?? 0);
    if (!pending || results?.length !== pending.count) {
      throw fail('RESPONSE_MALFORMED', 'an answer to no batch of ours');
    }
    pending.settle(
      results.map(({ registration, failure }) => {
        if (registration?.receipt) {
          return { receipt: registration.receipt, checkpoint: registration.head?.checkpoint ?? null };
        }
        if (!isCode(failure?.code)) throw fail('RESPONSE_MALFORMED', 'neither a registration nor a failure');
        return ledgerError(failure.code, failure.message ?? '', failure.retryAfter);
      }),
    );
  }

  #break(stream: ClientDuplexStream<Buffer, Buffer>, error: LedgerError): void {
    this.#lost(stream, error);
    stream.cancel();
  }

  #lost(stream: ClientDuplexStream<Buffer, Buffer>, error: LedgerError): void {
    if (this.#stream !== stream) return;
    this.#stream = undefined;
    for (const pending of [...this.#pending.values()]) pending.settle(error);
  }
}
