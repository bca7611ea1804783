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
const SPACE = /[ \t\r\n]*/y;
const NUMBER = /-?(?:0|[1-9][0-9]{0,31})(?:\.[0-9]{1,32})?(?:[eE][+-]?[0-9]{1,8})?/y;
const INTEGER = /^-?(?:0|[1-9][0-9]*)$/;
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
    let plain = true;
    for (let at = start + 1; at < this.#text.length; at++) {
      const code = this.#text.charCodeAt(at);
      if (code === 0x5c) {
        plain = false;
        at += 1;
      } else if (code === 0x22) {
        this.#at = at + 1;
        return plain ? this.#text.slice(start + 1, at) : this.#unescape(this.#text.slice(start, at + 1));
      } else if (code < 0x20) break;
    }
    throw this.#fault('a string without its end, or with a control character');
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
