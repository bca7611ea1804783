/**
 * JSON (RFC 8259) read exactly, from left to right, once. JSON.parse rounds numbers, takes the last of two members of one
 * name, and says neither; nothing that is to be signed or judged can pass through it. Maps are Maps, so that no name
 * (`__proto__`) is anything but a name. What a number becomes, how much there may be and which error says so is for who
 * reads.
 */

export type JsonOf<N> = null | boolean | string | N | readonly JsonOf<N>[] | JsonMapOf<N>;
export type JsonMapOf<N> = ReadonlyMap<string, JsonOf<N>>;

export interface JsonRules<N> {
  /** Of a text that is a number by RFC 8259 §6. */
  number(text: string): N;
  readonly maxDepth: number;
  /** Members of one object, and items of one list. */
  readonly maxMembers: number;
  /** In all strings together. */
  readonly maxEscapes: number;
  /** The error for what is no JSON, or too much of it. @param at offset in the text */
  fault(message: string, at: number): Error;
}

const SPACE = /[ \t\r\n]*/y;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const CONTROL = /[\u0000-\u001f]/;
const LITERALS = { true: true, false: false, null: null } as const;

/** @throws what `rules` make of it */
export function readJsonText<N>(text: string, rules: JsonRules<N>): JsonOf<N> {
  return new Reader(text, rules).document();
}

class Reader<N> {
  readonly #text: string;
  readonly #rules: JsonRules<N>;
  #at = 0;
  #escape = -1;
  #escapes: number;

  constructor(text: string, rules: JsonRules<N>) {
    this.#text = text;
    this.#rules = rules;
    this.#escapes = rules.maxEscapes;
  }

  document(): JsonOf<N> {
    const value = this.#value(0);
    this.#match(SPACE);
    if (this.#at < this.#text.length) throw this.#fault('something after the end');
    return value;
  }

  #value(depth: number): JsonOf<N> {
    if (depth > this.#rules.maxDepth) throw this.#fault('nested too deeply');
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
    const text = this.#match(NUMBER);
    if (text === '') throw this.#fault('a value is needed');
    return this.#rules.number(text);
  }

  #map(depth: number): JsonMapOf<N> {
    const members = new Map<string, JsonOf<N>>();
    this.#separated('{', '}', () => {
      this.#match(SPACE);
      if (this.#text[this.#at] !== '"') throw this.#fault('the name of a member is needed');
      const name = this.#string();
      if (members.has(name)) throw this.#fault(`the member ${JSON.stringify(name.slice(0, 64))} twice`);
      if (members.size >= this.#rules.maxMembers) throw this.#fault('too many members');
      this.#match(SPACE);
      if (!this.#take(':')) throw this.#fault('":" is needed');
      members.set(name, this.#value(depth + 1));
    });
    return members;
  }

  #list(depth: number): readonly JsonOf<N>[] {
    const items: JsonOf<N>[] = [];
    this.#separated('[', ']', () => {
      if (items.length >= this.#rules.maxMembers) throw this.#fault('too many items');
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

  #fault(message: string): Error {
    return this.#rules.fault(message, this.#at);
  }
}
