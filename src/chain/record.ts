/**
 * A type of state record: its key, its form, and how it is read and written. What is in the state map was written
 * by the transition function, so a record that does not read is a defect, never a refusal.
 */
import { type Bytes, equal, toCharacters } from '../core/bytes.ts';
import { encode } from '../core/cbor.ts';
import { fail } from '../core/errors.ts';
import { RecordEncoding } from './record-encoding.ts';
import { readEncoded, type Schema } from './schema.ts';

/**
 * The state as a rule sees it: the value under an encoded key, as all entries before this one left it.
 * @param name the key's bytes as characters, by which states hold their records
 */
export type StateReader = (key: Bytes, name: string) => Bytes | undefined;

/** One change of the state map; null removes the record. The name is the key's bytes as characters. */
export type Write = readonly [key: Bytes, value: Bytes | null, name: string];

/** The state as it will be after `writes`: for a rule whose later steps build on its earlier ones. */
export function withWrites(read: StateReader, writes: readonly Write[]): StateReader {
  return (key, name) => {
    for (let i = writes.length - 1; i >= 0; i--) {
      const [, value, written] = writes[i]!;
      if (written === name) return value ?? undefined;
    }
    return read(key, name);
  };
}

export type KeyPart = string | number | Uint8Array;

/** CBOR array `[type, id, …]` (FORMATS §3). @example stateKey('participant', 'did:web:example.com') */
export function stateKey(type: string, ...id: readonly KeyPart[]): Bytes {
  return encode([type, ...id]);
}

/** An encoded key, and its bytes as characters. */
interface StateKey {
  readonly bytes: Bytes;
  readonly name: string;
}

function makeKey(type: string, id: readonly KeyPart[]): StateKey {
  const bytes = stateKey(type, ...id);
  return { bytes, name: toCharacters(bytes) };
}

/** Keys that each type of record remembers: signers, and their keys, are asked for with every statement. */
const REMEMBERED = 4096;
const LONGEST_PART = 128;

/** A text of its own for each id that is worth remembering: every part says what and how long it is. */
function nameOf(id: readonly KeyPart[]): string | undefined {
  let name = '';
  for (const part of id) {
    if (typeof part === 'number') name += `n${part};`;
    else if (part.length > LONGEST_PART) return undefined;
    else if (typeof part === 'string') name += `t${part.length}:${part}`;
    else name += `b${part.length}:${toCharacters(part)}`;
  }
  return name;
}

/**
 * What was written or read last: most of it is soon read again, by the next entry about the same subject, or with every entry, as
 * the genesis and the policy are. Values of the state are never changed in place, so each stands for what it says. Two generations
 * bound it; the state itself holds bytes alone.
 */
export class Recent {
  readonly #size: number;
  #young = new Map<Bytes, unknown>();
  #old = new Map<Bytes, unknown>();

  /** @param size records of a generation */
  constructor(size: number) {
    this.#size = size;
  }

  add(value: Bytes, record: unknown): void {
    if (this.#young.size >= this.#size) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(value, record);
  }

  get(value: Bytes): unknown {
    const young = this.#young.get(value);
    if (young !== undefined) return young;
    const old = this.#old.get(value);
    // What is read with every entry stays.
    if (old !== undefined) this.add(value, old);
    return old;
  }
}

/** Of most types together: of thousands nearly none was read again, and each outlived the young generation. */
const MOST_TYPES = new Recent(256);

/** One type of record; `Id` is what follows the type in its key. */
export interface RecordType<T, Id extends readonly KeyPart[]> {
  readonly type: string;
  readonly schema: Schema<T>;
  key(...id: Id): Bytes;
  /** undefined where there is none. */
  read(reader: StateReader, ...id: Id): T | undefined;
  has(reader: StateReader, ...id: Id): boolean;
  decode(value: Bytes): T;
  put(value: T, ...id: Id): Write;
  remove(...id: Id): Write;
}

export function recordType<Id extends readonly KeyPart[], T extends object>(
  type: string,
  schema: Schema<T>,
  recent = MOST_TYPES,
): RecordType<T, Id> {
  const single = makeKey(type, []);
  const byName = new Map<string, StateKey>();
  /** Most ids are one text, which needs no name of its own. */
  const byText = new Map<string, StateKey>();
  /** Many entries in a row are of one signer: to compare two kids takes less than the name of one. */
  let last: { readonly id: Bytes; readonly key: StateKey } | undefined;
  const encoding = new RecordEncoding();
  function keyOf(id: Id): StateKey {
    if (id.length === 0) return single;
    const [part] = id;
    if (id.length > 1 || !(part instanceof Uint8Array)) return namedKey(id);
    // A copy, which `slice` would not make of a Buffer.
    if (last === undefined || !equal(last.id, part)) last = { id: new Uint8Array(part), key: namedKey(id) };
    return last.key;
  }
  function namedKey(id: Id): StateKey {
    const [text] = id;
    const isText = id.length === 1 && typeof text === 'string' && text.length <= LONGEST_PART;
    const [keys, name] = isText ? [byText, text] : [byName, nameOf(id)];
    if (name === undefined) return makeKey(type, id);
    const found = keys.get(name);
    if (found) return found;
    const key = makeKey(type, id);
    if (keys.size >= REMEMBERED) keys.clear();
    keys.set(name, key);
    return key;
  }
  function read(value: Bytes): T {
    const remembered = (recent.get(value) ?? MOST_TYPES.get(value)) as T | undefined;
    if (remembered !== undefined) return remembered;
    try {
      const record = readEncoded(schema, value, type);
      // A proof bundle is kept alive by each of its values, so of these few are remembered.
      (isPartOfMore(value) ? MOST_TYPES : recent).add(value, record);
      return record;
    } catch (cause) {
      throw fail('INTERNAL', `a ${type} record in the state is not one`, { cause });
    }
  }
  return {
    type,
    schema,
    key: (...id) => keyOf(id).bytes,
    read(reader, ...id) {
      const { bytes, name } = keyOf(id);
      const value = reader(bytes, name);
      return value === undefined ? undefined : read(value);
    },
    has(reader, ...id) {
      const { bytes, name } = keyOf(id);
      return reader(bytes, name) !== undefined;
    },
    decode: read,
    put(record, ...id) {
      const value = encoding.encode(record);
      recent.add(value, owned(record));
      const { bytes, name } = keyOf(id);
      return [bytes, value, name];
    },
    remove(...id) {
      const { bytes, name } = keyOf(id);
      return [bytes, null, name];
    },
  };
}

/** Bytes that something remembered may keep beside its own. */
const BESIDE = 1024;

function isPartOfMore(value: Uint8Array): boolean {
  return value.buffer.byteLength - value.length > BESIDE;
}

/** Without views of what is far larger: the bytes of a statement may be a view of the whole bundle, or message, that it came in. */
function owned<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Uint8Array) {
    return isPartOfMore(value) ? (new Uint8Array(value) as T & Uint8Array) : value;
  }
  if (Array.isArray(value))
    return value.some((item) => owned(item) !== item) ? (value.map(owned) as T) : value;
  let copy: T | undefined;
  for (const name in value) {
    const own = owned(value[name]);
    if (own === value[name]) continue;
    copy ??= { ...value };
    copy[name] = own;
  }
  return copy ?? value;
}
