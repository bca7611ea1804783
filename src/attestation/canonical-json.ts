/** JSON in its canonical form, RFC 8785: one text for one value, so that it can be hashed. */
import { type Bytes, utf8 } from '../core/bytes.ts';
import { deny } from './codes.ts';
import type { Json } from './json.ts';

/** Plain objects are maps too. */
export type Canonical =
  | Json
  | readonly Canonical[]
  | { readonly [name: string]: Canonical }
  | ReadonlyMap<string, Canonical>;

/** @throws JSON_NOT_CANONICAL a number that is not exact, or text that is not well-formed */
export function canonicalJson(value: Canonical): Bytes {
  return utf8(write(value));
}

function write(value: Canonical): string {
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'number') {
    // §3.2.2.3 prints any double; whole numbers are all that is hashed here.
    if (!Number.isSafeInteger(value)) throw deny('JSON_NOT_CANONICAL', 'a number that is not exact');
    return String(value === 0 ? 0 : value);
  }
  if (typeof value === 'string') return text(value);
  if (Array.isArray(value)) return `[${value.map(write).join(',')}]`;
  const members = value instanceof Map ? [...value] : Object.entries(value);
  // §3.2.3: by UTF-16 code units, which is how JavaScript compares.
  members.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return `{${members.map(([name, member]) => `${text(name)}:${write(member as Canonical)}`).join(',')}}`;
}

/** §3.2.2.2 is what JSON.stringify does for well-formed text. */
function text(value: string): string {
  if (!value.isWellFormed()) throw deny('JSON_NOT_CANONICAL', 'half of a surrogate pair');
  return JSON.stringify(value);
}
