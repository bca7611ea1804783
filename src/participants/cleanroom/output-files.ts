/**
 * Everything that leaves a clean room, as one sequence of bytes, so that one digest is of all of it:
 *
 *   outputs = u32 length of the header ‖ header ‖ file ‖ file …
 *   header  = CBOR ["aichain/outputs/v1", [[name, size, SHA-256] …]]
 */
import { type Bytes, concat, equal } from '../../core/bytes.ts';
import { type Cbor, decode, encode } from '../../core/cbor.ts';
import type { Hasher } from '../../core/crypto.ts';
import { fail, isLedgerError } from '../../core/errors.ts';

export interface OutputFile {
  /** No folders in it. */
  readonly name: string;
  readonly bytes: Bytes;
}

const LABEL = 'aichain/outputs/v1';
const MAX_HEADER = 65_536;
const MAX_FILES = 64;
const NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;

/** @throws ARGUMENT_INVALID a name that is not a plain one, or one twice */
export function packOutputs(hasher: Hasher, files: readonly OutputFile[]): Bytes {
  const names = new Set(files.map(({ name }) => name));
  if (
    names.size !== files.length ||
    files.length > MAX_FILES ||
    ![...names].every((name) => NAME.test(name))
  ) {
    throw fail('ARGUMENT_INVALID', 'each output has a plain name of its own');
  }
  const listed = files.map(({ name, bytes }): Cbor => [name, bytes.length, hasher.sha256(bytes)]);
  const header = encode([LABEL, listed]);
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, header.length);
  return concat(length, header, ...files.map(({ bytes }) => bytes));
}

/** @throws MODEL_MALFORMED */
export function unpackOutputs(hasher: Hasher, packed: Bytes): OutputFile[] {
  const length = packed.length < 4 ? 0 : new DataView(packed.buffer, packed.byteOffset).getUint32(0);
  if (length === 0 || length > MAX_HEADER || 4 + length > packed.length) throw malformed('no header');
  let at = 4 + length;
  const files = listed(packed.subarray(4, at)).map(([name, size, digest]) => {
    const bytes = packed.slice(at, at + size);
    at += size;
    if (bytes.length !== size || !equal(hasher.sha256(bytes), digest))
      throw malformed(`${name} is not whole`);
    return { name, bytes };
  });
  if (at !== packed.length) throw malformed('bytes of no file');
  if (new Set(files.map(({ name }) => name)).size !== files.length) throw malformed('one name twice');
  return files;
}

function listed(header: Bytes): [name: string, size: number, digest: Bytes][] {
  const items = decoded(header);
  const [label, files] = Array.isArray(items) && items.length === 2 ? (items as readonly Cbor[]) : [];
  if (label !== LABEL || !Array.isArray(files) || files.length > MAX_FILES)
    throw malformed('not a list of files');
  return (files as readonly Cbor[]).map((file) => {
    const [name, size, digest] = Array.isArray(file) && file.length === 3 ? (file as readonly Cbor[]) : [];
    const plain = typeof name === 'string' && NAME.test(name);
    if (!plain || !Number.isSafeInteger(size) || (size as number) < 0 || !(digest instanceof Uint8Array)) {
      throw malformed('a file without name, size and digest');
    }
    return [name, size as number, digest];
  });
}

function decoded(header: Bytes): Cbor {
  try {
    return decode(header);
  } catch (cause) {
    if (!isLedgerError(cause)) throw cause;
    throw malformed('the header is not CBOR', cause);
  }
}

function malformed(message: string, cause?: unknown) {
  return fail('MODEL_MALFORMED', `not the outputs of a clean room: ${message}`, cause ? { cause } : {});
}
