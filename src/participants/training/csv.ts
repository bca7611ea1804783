/**
 * CSV as RFC 4180 defines it, with a header, read strictly: a file that would be read in two ways is refused. Lines end in
 * CRLF, or all in LF. What is wrong is told by line, never by what stands there: the data is somebody's.
 */
import { type Bytes, fromUtf8 } from '../../core/bytes.ts';
import { fail, type LedgerError } from '../../core/errors.ts';

export interface Table {
  /** Names in the first line: distinct. One may be empty, as the index that pandas writes. */
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

const MAX_BYTES = 512 * 1024 * 1024;
const MAX_COLUMNS = 4096;
const MAX_ROWS = 5_000_000;
const MAX_FIELD = 65_536;

/** @throws DATA_MALFORMED */
export function readCsv(bytes: Bytes): Table {
  if (bytes.length > MAX_BYTES) throw fail('DATA_MALFORMED', `more than ${MAX_BYTES} bytes`);
  const text = fromUtf8(bytes).replace(/^\ufeff/, '');
  const reader = new Reader(text);
  const columns = reader.record();
  if (!columns || columns.length > MAX_COLUMNS) throw fail('DATA_MALFORMED', 'no header, or one too long');
  if (new Set(columns).size !== columns.length) throw fail('DATA_MALFORMED', 'two columns of one name');
  const rows: string[][] = [];
  for (let row = reader.record(); row; row = reader.record()) {
    if (row.length !== columns.length) throw reader.fault(`${columns.length} fields are needed`);
    if (rows.push(row) > MAX_ROWS) throw reader.fault('more rows than are taken');
  }
  return { columns, rows };
}

class Reader {
  readonly #text: string;
  readonly #ending: string;
  #at = 0;
  #line = 0;

  constructor(text: string) {
    this.#text = text;
    const first = text.indexOf('\n');
    this.#ending = text[first - 1] === '\r' ? '\r\n' : '\n';
  }

  fault(message: string): LedgerError {
    return fail('DATA_MALFORMED', `line ${this.#line}: ${message}`);
  }

  /** The fields of the next line; undefined at the end. */
  record(): string[] | undefined {
    if (this.#at >= this.#text.length) return undefined;
    this.#line += 1;
    const fields: string[] = [];
    for (;;) {
      fields.push(this.#text[this.#at] === '"' ? this.#quoted() : this.#plain());
      if (fields.length > MAX_COLUMNS) throw this.fault('too many fields');
      if (this.#text[this.#at] === ',') {
        this.#at += 1;
        continue;
      }
      if (this.#at < this.#text.length && !this.#text.startsWith(this.#ending, this.#at)) {
        throw this.fault('something between a field and the end of the line');
      }
      this.#at += this.#ending.length;
      return fields;
    }
  }

  #plain(): string {
    const from = this.#at;
    for (; this.#at < this.#text.length; this.#at++) {
      const char = this.#text.charCodeAt(this.#at);
      if (char === 0x2c || char === 0x0a || char === 0x0d) break;
      if (char === 0x22) throw this.fault('a quotation mark inside a field that has none around it');
      if (char < 0x20 && char !== 0x09) throw this.fault('a control character');
    }
    return this.#field(from, this.#at);
  }

  #quoted(): string {
    const from = this.#at + 1;
    let end = from;
    for (;;) {
      end = this.#text.indexOf('"', end);
      if (end < 0) throw this.fault('a quotation mark that is never closed');
      if (this.#text[end + 1] !== '"') break;
      end += 2;
    }
    this.#at = end + 1;
    return this.#field(from, end).replaceAll('""', '"');
  }

  #field(from: number, to: number): string {
    if (to - from > MAX_FIELD) throw this.fault(`a field of more than ${MAX_FIELD} characters`);
    return this.#text.slice(from, to);
  }
}

/** The same as a file: CRLF, quotation marks only where they are needed. */
export function writeCsv({ columns, rows }: Table): string {
  const field = (text: string) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  return [columns, ...rows].map((row) => `${row.map(field).join(',')}\r\n`).join('');
}
