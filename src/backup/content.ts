/** What is inside the frames of a backup: the head, rows of the storage, files, and the count at the end. */
import { type Bytes, concat } from '../core/bytes.ts';
import { type Cbor, type CborMap, decode, encode } from '../core/cbor.ts';
import { fail } from '../core/errors.ts';
import type { Row } from '../log/index.ts';

/** Whose backup it is, and of which tree. */
export interface BackupHead {
  readonly origin: string;
  readonly size: number;
  /** 32 bytes. */
  readonly root: Bytes;
  /** Signed note over the same head. */
  readonly checkpoint: string;
  /** When it was made, Unix milliseconds, by the clock of the machine: for people. */
  readonly madeAt: number;
}

export interface BackupEnd {
  readonly rows: number;
  readonly files: number;
}

export interface FileContent {
  readonly path: string;
  readonly bytes: Bytes;
}

/** @throws BACKUP_MALFORMED in this file whenever something is not as it is written here */
const malformed = (what: string, cause?: unknown) =>
  fail('BACKUP_MALFORMED', `the ${what} of the backup is malformed`, { cause });

export const encodeBackupHead = ({ origin, size, root, checkpoint, madeAt }: BackupHead) =>
  encode({ origin, size, root, checkpoint, madeAt });

export function decodeBackupHead(bytes: Bytes): BackupHead {
  const map = mapOf(bytes, 'head', 5);
  const [origin, checkpoint] = [map.get('origin'), map.get('checkpoint')];
  const [size, root, madeAt] = [map.get('size'), map.get('root'), map.get('madeAt')];
  if (typeof origin !== 'string' || typeof checkpoint !== 'string') throw malformed('head');
  if (!(root instanceof Uint8Array) || root.length !== 32) throw malformed('head');
  return { origin, size: count(size, 'head'), root, checkpoint, madeAt: count(madeAt, 'head') };
}

export const encodeBackupEnd = ({ rows, files }: BackupEnd) => encode({ rows, files });

export function decodeBackupEnd(bytes: Bytes): BackupEnd {
  const map = mapOf(bytes, 'end', 2);
  return { rows: count(map.get('rows'), 'end'), files: count(map.get('files'), 'end') };
}

export const encodeFile = ({ path, bytes }: FileContent) => encode({ path, bytes });

export function decodeFile(content: Bytes): FileContent {
  const map = mapOf(content, 'file', 2);
  const [path, bytes] = [map.get('path'), map.get('bytes')];
  if (typeof path !== 'string' || !(bytes instanceof Uint8Array)) throw malformed('file');
  return { path, bytes };
}

export const encodeError = ({ code, message }: { code: string; message: string }) =>
  encode({ code, message });

export function decodeError(bytes: Bytes): { code: string; message: string } {
  const map = mapOf(bytes, 'error', 2);
  const [code, message] = [map.get('code'), map.get('message')];
  if (typeof code !== 'string' || typeof message !== 'string') throw malformed('error');
  return { code, message };
}

/** key length u32 ‖ value length u32 ‖ key ‖ value */
export function encodeRow([key, value]: Row): Bytes {
  const lengths = new Uint8Array(8);
  const view = new DataView(lengths.buffer);
  view.setUint32(0, key.length);
  view.setUint32(4, value.length);
  return concat(lengths, key, value);
}

export function* decodeRows(content: Bytes): Iterable<Row> {
  const view = new DataView(content.buffer, content.byteOffset, content.length);
  for (let at = 0; at < content.length; ) {
    if (content.length - at < 8) throw malformed('row');
    const key = at + 8;
    const value = key + view.getUint32(at);
    const end = value + view.getUint32(at + 4);
    if (value === key || end > content.length) throw malformed('row');
    yield [content.subarray(key, value), content.subarray(value, end)];
    at = end;
  }
}

function mapOf(bytes: Bytes, what: string, members: number): CborMap {
  let value: Cbor;
  try {
    value = decode(bytes);
  } catch (cause) {
    throw malformed(what, cause);
  }
  if (!(value instanceof Map) || value.size !== members) throw malformed(what);
  return value;
}

function count(value: Cbor | undefined, what: string): number {
  if (typeof value !== 'number' || value < 0) throw malformed(what);
  return value;
}
