/**
 * JSON (RFC 8259) read exactly. JSON.parse rounds numbers, takes the last of two members of one name, and says neither;
 * what is to be signed cannot pass through it. Numbers stay the text that they are in the file.
 */
import { fail, type LedgerError } from '../core/errors.ts';

/** A number as it is written in the file. */
export class Numeral {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export type Json = null | boolean | string | Numeral | readonly Json[] | JsonMap;
export type JsonMap = ReadonlyMap<string, Json>;

/** Real files are 8 deep. */
const MAX_DEPTH = 64;
const SPACE = /[ \t\r\n]*/y;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
// Up to the quotation mark that ends it; what is between is for JSON.parse, which is exact and strict for strings.
const STRING = /"(?:[^"\\]|\\.)*"/y;
const LITERALS = { true: true, false: false, null: null } as const;

/** @throws REQUEST_MALFORMED with the line, at the first character that is not JSON, or a member twice */
export function readJson(text: string): Json {
  const reader = new Reader(text.startsWith('\ufeff') ? text.slice(1) : text);
  return reader.document();
}

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  document(): Json {
    const value = this.#value(0);
    this.#skip();
    if (this.#at < this.#text.length) throw this.#fault('something after the end');
    return value;
  }

  #value(depth: number): Json {
    if (depth > MAX_DEPTH) throw this.#fault('nested too deeply');
    this.#skip();
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
    const number = this.#match(NUMBER);
    if (number === undefined) throw this.#fault('a value is needed');
    return new Numeral(number);
  }

  #map(depth: number): JsonMap {
    const members = new Map<string, Json>();
    this.#separated('{', '}', () => {
      this.#skip();
      if (this.#text[this.#at] !== '"') throw this.#fault('the name of a member is needed');
      const name = this.#string();
      if (members.has(name)) throw this.#fault(`the member ${JSON.stringify(name)} twice`);
      this.#skip();
      if (!this.#take(':')) throw this.#fault('":" is needed');
      members.set(name, this.#value(depth + 1));
    });
    return members;
  }

  #list(depth: number): readonly Json[] {
    const items: Json[] = [];
    this.#separated('[', ']', () => items.push(this.#value(depth + 1)));
    return items;
  }

  #separated(open: string, close: string, item: () => void): void {
    this.#take(open);
    this.#skip();
    if (this.#take(close)) return;
    do {
      item();
      this.#skip();
    } while (this.#take(','));
    if (!this.#take(close)) throw this.#fault(`"," or "${close}" is needed`);
  }

  #string(): string {
    const found = this.#match(STRING);
    try {
      return JSON.parse(found ?? '') as string;
    } catch {
      throw this.#fault('a string that is none');
    }
  }

  #take(char: string): boolean {
    if (this.#text[this.#at] !== char) return false;
    this.#at += 1;
    return true;
  }

  #skip(): void {
    this.#match(SPACE);
  }

  /** What the sticky pattern finds here. */
  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    this.#at += found?.length ?? 0;
    return found;
  }

  #fault(message: string): LedgerError {
    const line = this.#text.slice(0, this.#at).split('\n').length;
    return fail('REQUEST_MALFORMED', `line ${line}: ${message}`);
  }
}
