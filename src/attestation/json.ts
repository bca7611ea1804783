/**
 * JSON (RFC 8259) as it is taken from strangers: no member twice, whole numbers that are exact, a bounded depth. It reads
 * from left to right once, and maps are Maps, so that no name (`__proto__`) is anything but a name.
 */
import { type Bytes, fromUtf8 } from '../core/bytes.ts';
import { deny } from './codes.ts';

export type Json = null | boolean | number | string | readonly Json[] | JsonMap;
export type JsonMap = ReadonlyMap<string, Json>;

const MAX_DEPTH = 8;
const MAX_MEMBERS = 256;
/** Some write every slash of base64 as an escape. */
const MAX_ESCAPES = 8192;
const SPACE = /[ \t\r\n]*/y;
const NUMBER = /-?(?:0|[1-9][0-9]{0,31})(?:\.[0-9]{1,32})?(?:[eE][+-]?[0-9]{1,8})?/y;
const INTEGER = /^-?(?:0|[1-9][0-9]*)$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const CONTROL = /[\u0000-\u001f]/;
const LITERALS = { true: true, false: false, null: null } as const;

/** @throws JSON_MALFORMED, JSON_NUMBER_INEXACT */
export function readJson(bytes: Bytes): Json {
  let text: string;
  try {
    text = fromUtf8(bytes);
  } catch (cause) {
    throw deny('JSON_MALFORMED', 'not UTF-8', cause);
  }
  return new Reader(text).document();
}

/** @throws also JSON_MALFORMED when it is no object */
export function readJsonMap(bytes: Bytes): JsonMap {
  const value = readJson(bytes);
  if (!(value instanceof Map)) throw deny('JSON_MALFORMED', 'not an object');
  return value as JsonMap;
}

class Reader {
  readonly #text: string;
  #at = 0;
  #escape = -1;
  #escapes = MAX_ESCAPES;

  constructor(text: string) {
    this.#text = text;
  }

  document(): Json {
    const value = this.#value(0);
    this.#match(SPACE);
    if (this.#at < this.#text.length) throw this.#fault('something after the end');
    return value;
  }

  #value(depth: number): Json {
    if (depth > MAX_DEPTH) throw this.#fault('nested too deeply');
    this.#match(SPACE);
    const first = this.#text[this.#at];
    if (first === '{') return this.#map(depth);
    if (first === '[') return this.#list(depth);
    if (first === '"') return this.#string();
    for (const [word, value] of Object.entries(LITERALS)) {
      if (this.#text.startsWith(word, this.#at)) {
        this.#at += word.length;
        return value;
      }
    }
    return this.#number();
  }

  #number(): number {
    const text = this.#match(NUMBER);
    if (text === '') throw this.#fault('a value is needed');
    const value = Number(text);
    if (!INTEGER.test(text) || !Number.isSafeInteger(value))
      throw deny('JSON_NUMBER_INEXACT', text.slice(0, 40));
    return value;
  }

  #map(depth: number): JsonMap {
    const members = new Map<string, Json>();
    this.#separated('{', '}', () => {
      this.#match(SPACE);
      if (this.#text[this.#at] !== '"') throw this.#fault('the name of a member is needed');
      const name = this.#string();
      if (members.has(name)) throw this.#fault('a member twice');
      if (members.size >= MAX_MEMBERS) throw this.#fault('too many members');
      this.#match(SPACE);
      if (!this.#take(':')) throw this.#fault('":" is needed');
      members.set(name, this.#value(depth + 1));
    });
    return members;
  }

  #list(depth: number): readonly Json[] {
    const items: Json[] = [];
    this.#separated('[', ']', () => {
      if (items.length >= MAX_MEMBERS) throw this.#fault('too many items');
      items.push(this.#value(depth + 1));
    });
    return items;
  }

  #separated(open: string, close: string, item: () => void): void {
    this.#take(open);
    this.#match(SPACE);
    if (this.#take(close)) return;
    do {
      item();
      this.#match(SPACE);
    } while (this.#take(','));
    if (!this.#take(close)) throw this.#fault(`"," or "${close}" is needed`);
  }

  /** RFC 8259 §7. The escapes are for JSON.parse, which is exact for strings. */
  #string(): string {
    const start = this.#at;
    let end = this.#text.indexOf('"', start + 1);
    const plain = !(this.#backslash(start) < end);
    // The second character of an escape may be a quotation mark.
    for (let at = this.#backslash(start); at < end; at = this.#backslash(at + 2)) {
      if (--this.#escapes < 0) throw this.#fault('too many escapes');
      if (at + 1 === end) end = this.#text.indexOf('"', end + 1);
    }
    if (end < 0) throw this.#fault('a string without its end');
    this.#at = end + 1;
    const inner = this.#text.slice(start + 1, end);
    if (CONTROL.test(inner)) throw this.#fault('a control character in a string');
    return plain ? inner : this.#unescape(`"${inner}"`);
  }

  /** The next backslash at or after `from`; kept, since a search for it in each string would read the rest each time. */
  #backslash(from: number): number {
    if (this.#escape < from) {
      const found = this.#text.indexOf('\\', from);
      this.#escape = found < 0 ? Number.POSITIVE_INFINITY : found;
    }
    return this.#escape;
  }

  #unescape(literal: string): string {
    let text: string;
    try {
      text = JSON.parse(literal) as string;
    } catch {
      throw this.#fault('an escape that is none');
    }
    if (!text.isWellFormed()) throw this.#fault('half of a surrogate pair');
    return text;
  }

  #take(char: string): boolean {
    if (this.#text[this.#at] !== char) return false;
    this.#at += 1;
    return true;
  }

  /** What the sticky pattern finds here, or ''. */
  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0] ?? '';
    this.#at += found.length;
    return found;
  }

  #fault(message: string) {
    return deny('JSON_MALFORMED', `character ${this.#at}: ${message}`);
  }
}
