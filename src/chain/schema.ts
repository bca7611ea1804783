/**
 * Body and record schemas: small combinators that turn decoded CBOR into a typed value, and say of themselves what
 * they take, in CDDL (RFC 8610). They are part of the rules of the log: what they accept decides what is refused, so
 * they use no locale, no clock, and regular expressions without Unicode classes.
 *
 * Maps become plain objects with exactly the declared members; past {@link Schema.read} nobody checks again.
 */
import { type Bytes, compare, utf8 } from '../core/bytes.ts';
import { type Cbor, type CborMap, decode, encode } from '../core/cbor.ts';
import { fail, type LedgerError } from '../core/errors.ts';
import { type ItemReader, readKnown, refuse } from '../core/item-reader.ts';
import { isDid, isUrn, MAX_IDENTIFIER } from './identifier.ts';
import { textFault } from './text-guard.ts';

export type SchemaFault =
  | 'SCHEMA_INVALID'
  | 'ID_MALFORMED'
  | 'NUMBER_MALFORMED'
  | 'PLACEHOLDER_VALUE'
  | 'SECRET_IN_BODY';

export interface Schema<T> {
  readonly cddl: string;
  /** `value` as a T; `path` is where it is in the body. @throws a {@link SchemaFault} */
  read(value: Cbor, path: string): T;
  /**
   * The same from the bytes, without what would be taken apart again. It only says that something is not right (`refuse`):
   * what, {@link read} says.
   */
  take(from: ItemReader): T;
}

/**
 * `schema.read(decode(bytes), path)`, in one pass where the bytes are what the schema wants.
 * @throws CBOR_MALFORMED, CBOR_NOT_DETERMINISTIC, then a {@link SchemaFault}
 */
export function readEncoded<T>(schema: Schema<T>, bytes: Bytes, path: string): T {
  return readKnown(bytes, schema.take) ?? schema.read(decode(bytes), path);
}

/** The static type of what a schema reads. */
export type Infer<S> = S extends Schema<infer T> ? T : never;

function fault(code: SchemaFault, path: string, message: string): LedgerError {
  return fail(code, `${path === '' ? 'body' : path}: ${message}`);
}

/** Text of at most `max` UTF-8 bytes that is neither a placeholder nor a secret. */
function guarded(value: Cbor, path: string, max: number): string {
  if (typeof value !== 'string') throw fault('SCHEMA_INVALID', path, 'text is needed');
  if (isLonger(value, max)) throw fault('SCHEMA_INVALID', path, `longer than ${max} bytes`);
  const found = textFault(value);
  if (found) throw fault(found, path, 'not a value to be logged');
  return value;
}

/** In UTF-8, of which a UTF-16 unit is at least one byte and at most three. */
function isLonger(text: string, max: number): boolean {
  return text.length > max || (text.length * 3 > max && utf8(text).length > max);
}

function takeGuarded(from: ItemReader, max: number): string {
  const value = from.text(max);
  return textFault(value) ? refuse() : value;
}

export function text({ max, pattern }: { max: number; pattern?: RegExp }): Schema<string> {
  return {
    cddl: pattern ? `tstr .regexp ${JSON.stringify(xsd(pattern))}` : `tstr .size (1..${max})`,
    read(value, path) {
      const read = guarded(value, path, max);
      if (pattern && !pattern.test(read)) throw fault('SCHEMA_INVALID', path, 'not of the form needed');
      return read;
    },
    take(from) {
      const taken = takeGuarded(from, max);
      return pattern && !pattern.test(taken) ? refuse() : taken;
    },
  };
}

/** The pattern as RFC 8610 §3.8.3 wants it: XSD regular expressions, which are anchored and capture nothing. */
function xsd({ source }: RegExp): string {
  return source
    .replace(/^\^|\$$/g, '')
    .replaceAll('(?:', '(')
    .replaceAll('\\/', '/');
}

function identifier(cddl: string, test: (text: string) => boolean): Schema<string> {
  return {
    cddl,
    read(value, path) {
      const read = guarded(value, path, MAX_IDENTIFIER);
      if (!test(read)) throw fault('ID_MALFORMED', path, `not a ${cddl}`);
      return read;
    },
    take(from) {
      const taken = takeGuarded(from, MAX_IDENTIFIER);
      return test(taken) ? taken : refuse();
    },
  };
}

export const did: Schema<string> = identifier('did', isDid);

/** `urn:depa:<type>:<origin>:<local>` of one of the types. */
export function urn(...types: readonly [string, ...string[]]): Schema<string> {
  const names = types.map((type) => `urn-${type}`).join(' / ');
  return identifier(names, (value) => types.some((type) => isUrn(value, type)));
}

/** Byte string of exactly one of `sizes`. */
export function bytesOf(...sizes: readonly [number, ...number[]]): Schema<Uint8Array> {
  return {
    cddl: sizes.map((size) => `bstr .size ${size}`).join(' / '),
    read(value, path) {
      if (!(value instanceof Uint8Array)) throw fault('SCHEMA_INVALID', path, 'a byte string is needed');
      if (!sizes.includes(value.length)) throw fault('SCHEMA_INVALID', path, 'wrong length');
      return value;
    },
    take(from) {
      const taken = from.bytes();
      return sizes.includes(taken.length) ? taken : refuse();
    },
  };
}

/** Byte string of exactly `size` bytes, or of a length in the range. */
export function bytes(size: number | { min: number; max: number }): Schema<Uint8Array> {
  const { min, max } = typeof size === 'number' ? { min: size, max: size } : size;
  return {
    cddl: `bstr .size ${typeof size === 'number' ? size : `(${min}..${max})`}`,
    read(value, path) {
      if (!(value instanceof Uint8Array)) throw fault('SCHEMA_INVALID', path, 'a byte string is needed');
      if (value.length < min || value.length > max) throw fault('SCHEMA_INVALID', path, 'wrong length');
      return value;
    },
    take(from) {
      const taken = from.bytes();
      return taken.length < min || taken.length > max ? refuse() : taken;
    },
  };
}

function integer(code: 'SCHEMA_INVALID' | 'NUMBER_MALFORMED', min: number, max: number): Schema<number> {
  return {
    cddl: `${min}..${max}`,
    read(value, path) {
      if (typeof value !== 'number' || value < min || value > max) {
        throw fault(code, path, `not a whole number from ${min} to ${max}`);
      }
      return value;
    },
    take(from) {
      const taken = from.uint();
      return taken < min || taken > max ? refuse() : taken;
    },
  };
}

export function uint({ min = 0, max = Number.MAX_SAFE_INTEGER }: { min?: number; max?: number } = {}) {
  return integer('SCHEMA_INVALID', min, max);
}

/** 9999-12-31T23:59:59Z: seconds up to here stay exact as milliseconds. */
export const MAX_SECONDS = 253_402_300_799;
/** A point in time in Unix seconds, or a span of seconds. */
export const seconds: Schema<number> = uint({ max: MAX_SECONDS });
/** A point in time in Unix milliseconds. */
export const milliseconds: Schema<number> = uint();

/** An amount in its smallest unit (micro-ε, pico-δ, minor currency units): never text, never a fraction. */
export function amount({ max = Number.MAX_SAFE_INTEGER }: { max?: number } = {}): Schema<number> {
  return integer('NUMBER_MALFORMED', 0, max);
}

export const bool: Schema<boolean> = {
  cddl: 'bool',
  read(value, path) {
    if (typeof value !== 'boolean') throw fault('SCHEMA_INVALID', path, 'true or false is needed');
    return value;
  },
  take: (from) => from.bool(),
};

/** One of a closed set of words. */
export function oneOf<const W extends readonly [string, ...string[]]>(...words: W): Schema<W[number]> {
  const takable = words.filter((word) => !isLonger(word, MAX_IDENTIFIER) && !textFault(word));
  const encodings = takable.map((word) => ({ word, encoded: [...encode(word)] }));
  return {
    cddl: words.map((word) => JSON.stringify(word)).join(' / '),
    read(value, path) {
      const read = guarded(value, path, MAX_IDENTIFIER);
      const word = words.find((candidate) => candidate === read);
      if (word === undefined) throw fault('SCHEMA_INVALID', path, `not one of ${words.join(', ')}`);
      return word;
    },
    take(from) {
      for (const { word, encoded } of encodings) if (from.is(encoded)) return word;
      return refuse();
    },
  };
}

export function nullable<T>(of: Schema<T>): Schema<T | null> {
  return {
    cddl: `${of.cddl} / nil`,
    read: (value, path) => (value === null ? null : of.read(value, path)),
    take: (from) => (from.nil() ? null : of.take(from)),
  };
}

export interface ListBounds {
  min?: number;
  max: number;
  /** No item twice (lists of texts and numbers). */
  unique?: boolean;
}

export function list<T>(of: Schema<T>, { min = 0, max, unique = false }: ListBounds): Schema<readonly T[]> {
  return {
    cddl: `[${min}*${max} ${of.cddl}]`,
    read(value, path) {
      if (!Array.isArray(value)) throw fault('SCHEMA_INVALID', path, 'a list is needed');
      if (value.length < min || value.length > max) {
        throw fault('SCHEMA_INVALID', path, `not ${min} to ${max} items`);
      }
      const items = (value as readonly Cbor[]).map((item, i) => of.read(item, `${path}[${i}]`));
      if (unique && new Set(items).size !== items.length)
        throw fault('SCHEMA_INVALID', path, 'an item twice');
      return items;
    },
    take(from) {
      const count = from.array();
      if (count < min || count > max) refuse();
      const items: T[] = [];
      for (let i = 0; i < count; i++) items.push(of.take(from));
      from.end();
      return unique && new Set(items).size !== count ? refuse() : items;
    },
  };
}

export interface Optional<T> {
  readonly optional: Schema<T>;
}

/** A member of a struct that may be left out. */
export function optional<T>(schema: Schema<T>): Optional<T> {
  return { optional: schema };
}

// `unknown` cannot stand for every T here, because Schema is only ever read from.
type Members = Readonly<Record<string, Schema<unknown> | Optional<unknown>>>;
export type StructOf<M extends Members> = {
  readonly [K in keyof M as M[K] extends Optional<unknown> ? never : K]: Infer<M[K]>;
} & {
  readonly [K in keyof M as M[K] extends Optional<unknown> ? K : never]?: M[K] extends Optional<infer T>
    ? T
    : never;
};

/** A closed map with text keys: a member that is not declared is refused. */
export function struct<const M extends Members>(members: M): Schema<StructOf<M>> {
  const fields = Object.entries(members).map(([name, member]) =>
    'optional' in member
      ? { name, required: false, schema: member.optional }
      : { name, required: true, schema: member },
  );
  // As they come: a deterministic map is in the order of its encoded names, RFC 8949 §4.2.1.
  const order = fields.map(({ name, required, schema }, place) => {
    const key = encode(name);
    return { required, schema, place, key, bytes: [...key] };
  });
  order.sort((a, b) => compare(a.key, b.key));
  const cddl = fields.map((f) => `${f.required ? '' : '? '}${JSON.stringify(f.name)} => ${f.schema.cddl}`);
  return {
    cddl: `{ ${cddl.join(', ')} }`,
    read(value, path) {
      const map = asMap(value, path);
      const out: Record<string, unknown> = {};
      let found = 0;
      for (const { name, required, schema } of fields) {
        const member = map.get(name);
        if (member === undefined) {
          if (required) throw fault('SCHEMA_INVALID', path, `${name} is missing`);
          continue;
        }
        found += 1;
        out[name] = schema.read(member, path === '' ? name : `${path}.${name}`);
      }
      if (found !== map.size) throw fault('SCHEMA_INVALID', path, 'a member that is not declared');
      return out as StructOf<M>;
    },
    take(from) {
      const count = from.map();
      const taken = new Array<unknown>(fields.length);
      let found = 0;
      for (let i = 0; i < order.length; i++) {
        const field = order[i]!;
        if (from.is(field.bytes)) {
          taken[field.place] = field.schema.take(from);
          found += 1;
        } else if (field.required) refuse();
      }
      if (found !== count) refuse();
      from.end();
      // As declared, whichever way it was read.
      const out: Record<string, unknown> = {};
      for (let i = 0; i < taken.length; i++) if (taken[i] !== undefined) out[fields[i]!.name] = taken[i];
      return out as StructOf<M>;
    },
  };
}

function asMap(value: Cbor, path: string): CborMap {
  if (!(value instanceof Map)) throw fault('SCHEMA_INVALID', path, 'a map is needed');
  return value as CborMap;
}

type Variants = Readonly<Record<string, Members>>;
type VariantOf<Tag extends string, V extends Variants> = {
  readonly [Name in keyof V & string]: { readonly [T in Tag]: Name } & StructOf<V[Name]>;
}[keyof V & string];

/** A closed map whose member `tag` says which of several sets of members it has. */
export function variants<const Tag extends string, const V extends Variants>(
  tag: Tag,
  of: V,
): Schema<VariantOf<Tag, V>> {
  const names = Object.keys(of) as [string, ...string[]];
  const word = oneOf(...names);
  const structs = new Map(names.map((name) => [name, struct({ [tag]: oneOf(name), ...of[name]! })]));
  return {
    cddl: [...structs.values()].map((s) => s.cddl).join(' / '),
    read(value, path) {
      const named = asMap(value, path).get(tag);
      if (named === undefined) throw fault('SCHEMA_INVALID', path, `${tag} is missing`);
      const name = word.read(named, path === '' ? tag : `${path}.${tag}`);
      return structs.get(name)!.read(value, path) as VariantOf<Tag, V>;
    },
    // The word may come behind what it decides on.
    take(from) {
      for (const struct of structs.values()) {
        const taken = from.attempt(struct.take);
        if (taken !== undefined) return taken as VariantOf<Tag, V>;
      }
      return refuse();
    },
  };
}
