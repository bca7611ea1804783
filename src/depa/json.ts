/** JSON of the files that are imported: numbers stay the text that they are in the file, and a fault names its line. */
import { fail } from '../core/errors.ts';
import { type JsonMapOf, type JsonOf, readJsonText } from '../core/json.ts';

/** A number as it is written in the file. */
export class Numeral {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export type Json = JsonOf<Numeral>;
export type JsonMap = JsonMapOf<Numeral>;

/** @throws REQUEST_MALFORMED with the line, at the first character that is not JSON, or a member twice */
export function readJson(file: string): Json {
  const text = file.startsWith('\ufeff') ? file.slice(1) : file;
  return readJsonText(text, {
    number: (numeral) => new Numeral(numeral),
    // Real files are 8 deep; they are the importer's own, and as long as they are.
    maxDepth: 64,
    maxMembers: Number.POSITIVE_INFINITY,
    maxEscapes: Number.POSITIVE_INFINITY,
    fault(message, at) {
      const line = text.slice(0, at).split('\n').length;
      return fail('REQUEST_MALFORMED', `line ${line}: ${message}`);
    },
  });
}
