/**
 * safetensors: a model's tensors as a header of JSON and their bytes one after another. Nothing in such a file is code, which
 * is why models leave a clean room in it. Reading is strict, as the format's own reader is: every byte of the data belongs
 * to exactly one tensor.
 */
import { type Bytes, concat, fromUtf8, utf8 } from '../core/bytes.ts';
import { fail, isLedgerError } from '../core/errors.ts';
import { type Json, type JsonMap, Numeral, readJson } from '../depa/json.ts';

/** Bytes of one element. */
const SIZES = {
  ...{ BOOL: 1, U8: 1, I8: 1, U16: 2, I16: 2, F16: 2, BF16: 2 },
  ...{ U32: 4, I32: 4, F32: 4, U64: 8, I64: 8, F64: 8 },
} as const;

export type Dtype = keyof typeof SIZES;

export interface Tensor {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** Little-endian, in row-major order. */
  readonly data: Bytes;
}

export interface TensorFile {
  /** In the order of their bytes. */
  readonly tensors: readonly Tensor[];
  readonly metadata: ReadonlyMap<string, string>;
}

/** As the format's own reader has it. */
const MAX_HEADER = 100_000_000;
/** What is read here; models that are trained here are far smaller. */
const MAX_TENSORS = 10_000;
const MAX_DIMENSIONS = 8;
const METADATA = '__metadata__';

/** The header is filled up with blanks, so that the data begins at a multiple of eight bytes. Deterministic. */
export function writeSafetensors({ tensors, metadata }: TensorFile): Bytes {
  const names = new Set(tensors.map(({ name }) => name));
  if (names.size !== tensors.length || names.has(METADATA)) {
    throw fail('ARGUMENT_INVALID', 'each tensor has a name of its own');
  }
  let at = 0;
  const members: [string, unknown][] = metadata.size > 0 ? [[METADATA, Object.fromEntries(metadata)]] : [];
  for (const { name, dtype, shape, data } of tensors) {
    if (data.length !== elements(shape) * SIZES[dtype]) {
      throw fail('ARGUMENT_INVALID', `${name} has not as many bytes as its shape calls for`);
    }
    members.push([name, { dtype, shape, data_offsets: [at, at + data.length] }]);
    at += data.length;
  }
  // Written member by member: an object would put names that are numbers first.
  const json = `{${members.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(',')}}`;
  const text = utf8(json);
  const header = new Uint8Array(Math.ceil(text.length / 8) * 8).fill(0x20);
  header.set(text);
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(header.length), true);
  return concat(length, header, ...tensors.map(({ data }) => data));
}

/** @throws MODEL_MALFORMED */
export function readSafetensors(bytes: Bytes): TensorFile {
  if (bytes.length < 8) throw fail('MODEL_MALFORMED', 'shorter than the length of its header');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = view.getBigUint64(0, true);
  if (length > BigInt(Math.min(MAX_HEADER, bytes.length - 8))) {
    throw fail('MODEL_MALFORMED', 'a header longer than the file, or than is taken');
  }
  const end = 8 + Number(length);
  const header = parseHeader(bytes.subarray(8, end));
  const data = bytes.subarray(end);
  const metadata = metadataOf(header.get(METADATA));
  const entries = [...header].filter(([name]) => name !== METADATA);
  if (entries.length > MAX_TENSORS) throw fail('MODEL_MALFORMED', 'more tensors than are taken');
  const placed = entries.map(([name, json]) => describe(name, json)).sort(byPlace);
  let at = 0;
  const tensors = placed.map(({ name, dtype, shape, begin, end }) => {
    if (begin !== at) throw fail('MODEL_MALFORMED', `${name}: bytes of no tensor, or of two`);
    if (end - begin !== elements(shape) * SIZES[dtype] || end > data.length) {
      throw fail('MODEL_MALFORMED', `${name}: not as many bytes as its shape calls for`);
    }
    at = end;
    return { name, dtype, shape, data: data.slice(begin, end) };
  });
  if (at !== data.length) throw fail('MODEL_MALFORMED', 'bytes after the last tensor');
  return { tensors, metadata };
}

function parseHeader(bytes: Bytes): JsonMap {
  // The format wants a brace first: blanks, or a mark of the encoding, before it are other bytes for the same model.
  if (bytes[0] !== 0x7b) throw fail('MODEL_MALFORMED', 'the header does not begin with {');
  try {
    return readJson(fromUtf8(bytes)) as JsonMap;
  } catch (cause) {
    if (!isLedgerError(cause)) throw cause;
    throw fail('MODEL_MALFORMED', `the header: ${cause.message}`, { cause });
  }
}

function metadataOf(json: Json | undefined): ReadonlyMap<string, string> {
  if (json === undefined) return new Map();
  const texts = json instanceof Map ? [...(json as JsonMap)] : undefined;
  if (!texts?.every((member): member is [string, string] => typeof member[1] === 'string')) {
    throw fail('MODEL_MALFORMED', `${METADATA} is not a map of texts`);
  }
  return new Map(texts);
}

interface Placed {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

/** Tensors of no elements begin where the next one does. */
const byPlace = (a: Placed, b: Placed) => a.begin - b.begin || a.end - b.end;

function describe(name: string, json: Json): Placed {
  const members = json instanceof Map ? (json as JsonMap) : new Map<string, Json>();
  const dtype = members.get('dtype');
  const shape = wholeNumbers(members.get('shape'));
  const offsets = wholeNumbers(members.get('data_offsets'));
  if (members.size !== 3 || typeof dtype !== 'string' || !Object.hasOwn(SIZES, dtype)) {
    throw fail('MODEL_MALFORMED', `${name}: not a type, shape and place that are known here`);
  }
  if (!shape || shape.length > MAX_DIMENSIONS || offsets?.length !== 2 || offsets[0]! > offsets[1]!) {
    throw fail('MODEL_MALFORMED', `${name}: not a shape and a place in the data`);
  }
  return { name, dtype: dtype as Dtype, shape, begin: offsets[0]!, end: offsets[1]! };
}

function wholeNumbers(json: Json | undefined): number[] | undefined {
  if (!Array.isArray(json)) return undefined;
  const numbers = json.map((item) =>
    item instanceof Numeral && /^(?:0|[1-9][0-9]{0,15})$/.test(item.text) ? Number(item.text) : Number.NaN,
  );
  return numbers.every(Number.isSafeInteger) ? numbers : undefined;
}

/** Beyond what can be held it is Infinity or inexact, and equals no number of bytes that a file has. */
function elements(shape: readonly number[]): number {
  return shape.reduce((product, width) => product * width, 1);
}
