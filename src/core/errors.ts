import type { CoreCode } from './codes.ts';

export interface ErrorContext {
  /** The error that led to this one. */
  cause?: unknown;
  /** Seconds after which a retry makes sense (class `unavailable`). */
  retryAfter?: number;
}

/**
 * The one error class. `code` comes from a closed catalogue: {@link CoreCode} here, with the refusals that entry
 * kinds declare added in src/chain.
 */
export class LedgerError<Code extends string = string> extends Error {
  override readonly name = 'LedgerError';
  readonly code: Code;
  readonly retryAfter: number | undefined;

  constructor(code: Code, message: string, context: ErrorContext = {}) {
    super(message, context.cause === undefined ? undefined : { cause: context.cause });
    this.code = code;
    this.retryAfter = context.retryAfter;
  }
}

/** Makes (does not throw) an error with a catalogue code: `throw fail('CBOR_MALFORMED', 'trailing bytes')`. */
export function fail(code: CoreCode, message: string, context?: ErrorContext): LedgerError<CoreCode> {
  return new LedgerError(code, message, context);
}

/** True when `error` is a LedgerError, and, if `code` is given, has that code. */
export function isLedgerError<C extends string = string>(error: unknown, code?: C): error is LedgerError<C> {
  return error instanceof LedgerError && (code === undefined || error.code === code);
}
