/**
 * The part of Rego that generated container policies are written in: a package, imports, and rules `name := value` whose
 * values are literals or references. Anything else is reported as not understood, never guessed at.
 */
import { deny } from './codes.ts';

/** A reference such as `data.framework.mount_device`. */
export class Reference {
  readonly path: string;
  constructor(path: string) {
    this.path = path;
  }
}

export type Rego = null | boolean | number | string | Reference | readonly Rego[] | RegoMap;
export type RegoMap = ReadonlyMap<string, Rego>;

export interface RegoModule {
  readonly name: string | undefined;
  readonly rules: ReadonlyMap<string, Rego>;
  /** First lines of what is not understood: other rules, conditions, a rule twice. */
  readonly unread: readonly number[];
}

const MAX_DEPTH = 12;
const MAX_UNREAD = 16;
/** Genuine policies have hundreds; what takes longer to read than an appraisal may is not understood. */
const MAX_VALUES = 8192;
const SPACE = /(?:[ \t\r\n]+|#[^\n]*)*/y;
const BLANK = /[ \t]*/y;
const NAME = /[A-Za-z_][A-Za-z0-9_]*/y;
const PATH = /[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*/y;
const NUMBER = /-?(?:0|[1-9][0-9]{0,14})(?![0-9.eE])/y;
const COMMENT = /#[^\n]*/y;
const LINE = /[^\n]*/y;

/** Never throws: what cannot be read is in `unread`. */
export function readRego(text: string): RegoModule {
  return new Reader(text).module();
}

class Reader {
  readonly #text: string;
  #at = 0;
  #values = MAX_VALUES;

  constructor(text: string) {
    this.#text = text;
  }

  module(): RegoModule {
    const rules = new Map<string, Rego>();
    const unread: number[] = [];
    let name: string | undefined;
    for (this.#match(SPACE); this.#at < this.#text.length; this.#match(SPACE)) {
      const start = this.#at;
      try {
        name = this.#statement(rules, name);
      } catch {
        unread.push(start);
        if (unread.length >= MAX_UNREAD || this.#values < 0) break;
        this.#at = start;
        this.#match(LINE);
      }
    }
    return { name, rules, unread: this.#lines(unread) };
  }

  /** The lines of places in the text, which are in order. */
  #lines(places: readonly number[]): readonly number[] {
    let [line, from] = [1, 0];
    return places.map((place) => {
      for (let at = this.#next(from); at < place; at = this.#next(at + 1)) line += 1;
      from = place;
      return line;
    });
  }

  #next(from: number): number {
    const found = this.#text.indexOf('\n', from);
    return found < 0 ? Number.POSITIVE_INFINITY : found;
  }

  /** One statement on lines of its own; gives the name of the package. */
  #statement(rules: Map<string, Rego>, name: string | undefined): string | undefined {
    const word = this.#need(NAME);
    if (word === 'package' && name === undefined && rules.size === 0) {
      this.#match(BLANK);
      const path = this.#need(PATH);
      this.#endOfLine();
      return path;
    }
    if (word === 'import') {
      // Keywords of the language, which change no rule that is a literal.
      this.#match(BLANK);
      if (!/^(?:future\.keywords(?:\.[a-z]+)?|rego\.v1)$/.test(this.#need(PATH))) throw this.#fault();
      this.#endOfLine();
      return name;
    }
    this.#match(BLANK);
    if (!this.#take(':=') || rules.has(word)) throw this.#fault();
    const value = this.#value(0);
    this.#endOfLine();
    rules.set(word, value);
    return name;
  }

  #value(depth: number): Rego {
    if (depth > MAX_DEPTH || --this.#values < 0) throw this.#fault();
    this.#match(SPACE);
    const first = this.#text[this.#at];
    if (first === '{') return this.#map(depth);
    if (first === '[') return this.#list(depth);
    if (first === '"') return this.#string();
    if (first === '`') return this.#raw();
    const path = this.#match(PATH);
    if (path === 'true' || path === 'false') return path === 'true';
    if (path === 'null') return null;
    if (path !== '') return new Reference(path);
    return Number(this.#need(NUMBER));
  }

  #map(depth: number): RegoMap {
    const members = new Map<string, Rego>();
    this.#separated('{', '}', () => {
      const name = this.#text[this.#at] === '"' ? this.#string() : '';
      this.#match(SPACE);
      if (name === '' || members.has(name) || !this.#take(':')) throw this.#fault();
      members.set(name, this.#value(depth + 1));
    });
    return members;
  }

  #list(depth: number): readonly Rego[] {
    const items: Rego[] = [];
    this.#separated('[', ']', () => items.push(this.#value(depth + 1)));
    return items;
  }

  /** A comma before the end is allowed. */
  #separated(open: string, close: string, item: () => void): void {
    this.#take(open);
    for (;;) {
      this.#match(SPACE);
      if (this.#take(close)) return;
      item();
      this.#match(SPACE);
      if (this.#take(close)) return;
      if (!this.#take(',')) throw this.#fault();
    }
  }

  #string(): string {
    const start = this.#at;
    for (let at = start + 1; at < this.#text.length; at++) {
      const char = this.#text[at];
      if (char === '\\') at += 1;
      else if (char === '\n') break;
      else if (char === '"') {
        this.#at = at + 1;
        return JSON.parse(this.#text.slice(start, at + 1)) as string;
      }
    }
    throw this.#fault();
  }

  #raw(): string {
    const end = this.#text.indexOf('`', this.#at + 1);
    if (end < 0) throw this.#fault();
    const text = this.#text.slice(this.#at + 1, end);
    this.#at = end + 1;
    return text;
  }

  #endOfLine(): void {
    this.#match(BLANK);
    this.#match(COMMENT);
    const next = this.#text[this.#at];
    if (next !== undefined && next !== '\n' && next !== '\r') throw this.#fault();
  }

  #take(word: string): boolean {
    if (!this.#text.startsWith(word, this.#at)) return false;
    this.#at += word.length;
    return true;
  }

  #match(pattern: RegExp): string {
    const from = this.#at;
    pattern.lastIndex = from;
    if (pattern.test(this.#text)) this.#at = pattern.lastIndex;
    return this.#text.slice(from, this.#at);
  }

  #need(pattern: RegExp): string {
    const found = this.#match(pattern);
    if (found === '') throw this.#fault();
    return found;
  }

  #fault() {
    return deny('CONTAINER_POLICY_UNKNOWN', `character ${this.#at}`);
  }
}
