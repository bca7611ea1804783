/** A stored log as frames: what a running server sends, and what a backup begins with. */
import { type Bytes, concat } from '../core/bytes.ts';
import type { Row, StoredRows } from '../log/index.ts';
import { encodeBackupEnd, encodeBackupHead, encodeRow } from './content.ts';
import { FRAME, type Frame } from './frames.ts';

/** Bytes of rows in one frame, at least, but for the last: what is hashed and written at a time. */
const ROWS_IN_FRAME = 1024 * 1024;

export interface StoredLog extends StoredRows {
  /** Signed note over the head. */
  readonly checkpoint: string;
}

/** @param madeAt Unix milliseconds */
export async function* logFrames(log: StoredLog, madeAt: number): AsyncIterable<Frame> {
  const { head, rows, checkpoint } = log;
  yield { type: FRAME.HEAD, content: encodeBackupHead({ ...head, checkpoint, madeAt }) };
  const counted = { rows: 0 };
  for await (const content of gathered(rows, counted)) yield { type: FRAME.ROWS, content };
  yield { type: FRAME.END, content: encodeBackupEnd({ rows: counted.rows, files: 0 }) };
}

async function* gathered(rows: AsyncIterable<Row>, counted: { rows: number }): AsyncIterable<Bytes> {
  let some: Bytes[] = [];
  let length = 0;
  for await (const row of rows) {
    const bytes = encodeRow(row);
    some.push(bytes);
    length += bytes.length;
    counted.rows += 1;
    if (length < ROWS_IN_FRAME) continue;
    yield concat(...some);
    some = [];
    length = 0;
  }
  if (some.length > 0) yield concat(...some);
}
