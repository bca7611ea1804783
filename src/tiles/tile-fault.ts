/** What a log has signed to have, and does not show. Other failures of a source say nothing about the log. */
import type { Bytes } from '../core/bytes.ts';
import { LedgerError } from '../core/errors.ts';

export type TileFaultCode = 'TILE_INVALID' | 'TILE_MISSING' | 'BODY_MISSING';

export class TileFault extends LedgerError<TileFaultCode> {
  /** Of the tile. */
  readonly path: string;
  /** What was served under that path; null: nothing. */
  readonly served: Bytes | null;
  /** The leaf that it is about, where it is about one. */
  readonly index: number | undefined;

  constructor(
    code: TileFaultCode,
    message: string,
    about: { path: string; served: Bytes | null; index?: number | undefined; cause?: unknown },
  ) {
    super(code, message, about.cause === undefined ? {} : { cause: about.cause });
    this.path = about.path;
    this.served = about.served;
    this.index = about.index;
  }
}
