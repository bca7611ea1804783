/**
 * A place in a file: the value there, with the name of the file and the path, so that whatever cannot be taken is named
 * exactly. Reading never throws; it notes the problem and goes on, so that a file is corrected once and not once for each
 * fault.
 */
import { isDid, textFault } from '../chain/index.ts';
import { type Bytes, fromHex } from '../core/bytes.ts';
import { scaled, unixSeconds } from './exact.ts';
import { type Json, type JsonMap, Numeral } from './json.ts';

export interface Problem {
  readonly file: string;
  /** Such as `datasets[0].provider`. */
  readonly path: string;
  readonly code: string;
  readonly message: string;
}

/** A value of a file that the overlay has another for. */
export interface Replaced {
  readonly file: string;
  readonly path: string;
  readonly by: string;
}

/** What is noted along the way, and what `$NAME` stands for. */
export interface Notes {
  readonly problems: Problem[];
  readonly replaced: Replaced[];
  readonly variables: ReadonlyMap<string, string>;
}

const VARIABLE = /\$(?:\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*))/g;

export class Place {
  readonly file: string;
  readonly path: string;
  readonly value: Json | undefined;
  readonly #notes: Notes;

  constructor(notes: Notes, file: string, value: Json | undefined, path = '') {
    this.#notes = notes;
    this.file = file;
    this.value = value;
    this.path = path;
  }

  get present(): boolean {
    return this.value !== undefined;
  }

  /** Notes what cannot be taken. */
  problem(code: string, message: string): undefined {
    const { file, path } = this;
    const { problems } = this.#notes;
    // A value that several bodies need is said once.
    if (!problems.some((p) => p.file === file && p.path === path && p.code === code)) {
      problems.push({ file, path, code, message });
    }
    return undefined;
  }

  at(...names: readonly string[]): Place {
    return names.reduce<Place>((place, name) => {
      const value = place.value instanceof Map ? (place.value as JsonMap).get(name) : undefined;
      return new Place(this.#notes, this.file, value, place.path === '' ? name : `${place.path}.${name}`);
    }, this);
  }

  /** The items of a list; none where there is nothing. */
  items(): readonly Place[] {
    if (this.value === undefined) return [];
    if (!Array.isArray(this.value)) {
      this.problem('SCHEMA_INVALID', 'a list is needed');
      return [];
    }
    return (this.value as readonly Json[]).map(
      (item, i) => new Place(this.#notes, this.file, item, `${this.path}[${i}]`),
    );
  }

  /** Names of the members of a map. */
  names(): readonly string[] {
    return this.value instanceof Map ? [...(this.value as JsonMap).keys()] : [];
  }

  /** This, unless the overlay has something in its place. */
  or(overlay: Place): Place {
    if (!overlay.present) return this;
    const { replaced } = this.#notes;
    const { file, path } = this;
    const noted = replaced.some((each) => each.file === file && each.path === path);
    if (this.present && this.value !== overlay.value && !noted)
      replaced.push({ file, path, by: overlay.path });
    return overlay;
  }

  /** What `read` makes of it, if it is there. */
  maybe<T>(read: (place: Place) => T | undefined): T | undefined {
    return this.present ? read(this) : undefined;
  }

  /** What `read` makes of each item, if it is a list. */
  list<T>(read: (place: Place) => T | undefined): T[] | undefined {
    if (!this.present) return this.problem('SCHEMA_INVALID', 'missing');
    return this.items()
      .map(read)
      .filter((item): item is T & {} => item !== undefined);
  }

  /** A text with its variables filled in. */
  text(): string | undefined {
    const { value } = this;
    if (value === undefined || value === null) return this.problem('SCHEMA_INVALID', 'missing');
    if (typeof value !== 'string') return this.problem('SCHEMA_INVALID', 'a text is needed');
    const filled = value.replace(VARIABLE, (variable, braced, bare) => {
      return this.#notes.variables.get(braced ?? bare) ?? variable;
    });
    switch (textFault(filled)) {
      case 'PLACEHOLDER_VALUE':
        return this.problem(
          'PLACEHOLDER_VALUE',
          `${JSON.stringify(filled)} stands for a value that is to come`,
        );
      case 'SECRET_IN_BODY':
        return this.problem('SECRET_IN_BODY', 'holds a secret; the log is public and for ever');
      case undefined:
        return filled;
    }
  }

  /** The DID of a participant. */
  did(): string | undefined {
    const name = this.text();
    if (name === undefined || isDid(name)) return name;
    return this.problem('PARTY_UNKNOWN', `${JSON.stringify(name)} is no DID: participants go by their DIDs`);
  }

  bool(): boolean | undefined {
    if (typeof this.value === 'boolean') return this.value;
    return this.problem('SCHEMA_INVALID', this.present ? 'true or false is needed' : 'missing');
  }

  /** A decimal, as a number or in quotation marks, in units of 10^-digits. */
  amount(digits: number): number | undefined {
    const { value } = this;
    const written = value instanceof Numeral ? value.text : this.text();
    if (written === undefined) return undefined;
    const whole = scaled(written, digits);
    if (whole !== undefined) return whole;
    const unit = digits === 0 ? 'a whole number' : `a decimal with at most ${digits} digits after the point`;
    return this.problem('NUMBER_MALFORMED', `${JSON.stringify(written)} is not exactly ${unit}`);
  }

  /** A number as the nearest double: what is computed with and never signed. */
  real(): number | undefined {
    const value = this.value instanceof Numeral ? Number(this.value.text) : Number.NaN;
    return Number.isFinite(value) ? value : this.problem('NUMBER_MALFORMED', 'a number is needed');
  }

  /** A date, as Unix seconds. */
  date(): number | undefined {
    const written = this.text();
    if (written === undefined) return undefined;
    const seconds = unixSeconds(written);
    if (seconds !== undefined) return seconds;
    return this.problem(
      'NUMBER_MALFORMED',
      `${JSON.stringify(written)} is not a date such as 2026-01-31T00:00:00Z`,
    );
  }

  /** SHA-256 in hexadecimal. */
  digest(): Bytes | undefined {
    const written = this.text();
    if (written === undefined) return undefined;
    const [, hex] = /^(?:sha256[:-])?([0-9a-f]{64})$/.exec(written) ?? [];
    if (hex === undefined) return this.problem('SCHEMA_INVALID', 'not a SHA-256 in hexadecimal');
    return fromHex(hex);
  }
}
