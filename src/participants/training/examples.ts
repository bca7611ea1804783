/**
 * Joined rows as numbers that a model can be trained on. What is done to a row depends on that row and on public things only,
 * so that a row more or less changes nothing about the others: ranges of columns are declared and not measured, and whether
 * a row is held out is decided by its own key.
 */
import { concat, utf8 } from '../../core/bytes.ts';
import type { Hasher } from '../../core/crypto.ts';
import { fail } from '../../core/errors.ts';
import type { Joined } from './join.ts';

export interface Range {
  readonly least: number;
  readonly most: number;
}

export interface DatasetConfig {
  readonly target: string;
  /** What becomes of a row with an empty field: left out, or the field gets this value. */
  readonly missing: 'drop' | number;
  /** Share of the rows that are trained on; the others are held out. */
  readonly train: number;
  /** Another one holds out other rows. */
  readonly seed: string;
  /** What values of each column can be, as its provider has published it; values outside are moved to its ends. */
  readonly ranges: ReadonlyMap<string, Range>;
}

export interface Examples {
  /** Each within its feature's range, all of one length. */
  readonly rows: readonly Float64Array[];
  /** 0 or 1. */
  readonly labels: Uint8Array;
}

export interface Prepared {
  /** Names of the features, in the order of a row. */
  readonly features: readonly string[];
  readonly ranges: readonly Range[];
  readonly train: Examples;
  readonly heldOut: Examples;
}

const NUMBER = /^-?[0-9]{1,17}(?:\.[0-9]{1,17})?(?:[eE][+-]?[0-9]{1,3})?$/;

/** @throws PIPELINE_UNSUPPORTED a column without a range; DATA_MALFORMED a field that is no number, a target not 0 or 1 */
export function prepare(hasher: Hasher, config: DatasetConfig, joined: Joined): Prepared {
  const target = joined.columns.indexOf(config.target);
  if (target < 0)
    throw fail('PIPELINE_UNSUPPORTED', `no column ${config.target} to learn comes out of the join`);
  const features = joined.columns.filter((name) => name !== config.target);
  const ranges = features.map((name) => rangeOf(config, name));
  const at = features.map((name) => joined.columns.indexOf(name));
  const parts = { train: new Part(), heldOut: new Part() };
  for (const [i, fields] of joined.rows.entries()) {
    const value = (column: number) => numberAt(config, fields[column]!, i, joined.columns[column]!);
    const label = value(target);
    const row = at.map(value);
    if (label === undefined || row.includes(undefined)) continue;
    if (label !== 0 && label !== 1)
      throw fail('DATA_MALFORMED', `row ${i + 1}: ${config.target} is not 0 or 1`);
    const clamped = row.map((x, f) => Math.min(Math.max(x!, ranges[f]!.least), ranges[f]!.most));
    const part = isTrained(hasher, config, joined.keys[i]!) ? parts.train : parts.heldOut;
    part.add(Float64Array.from(clamped), label);
  }
  return { features, ranges, train: parts.train.examples(), heldOut: parts.heldOut.examples() };
}

class Part {
  readonly #rows: Float64Array[] = [];
  readonly #labels: number[] = [];

  add(row: Float64Array, label: number): void {
    this.#rows.push(row);
    this.#labels.push(label);
  }

  examples(): Examples {
    return { rows: this.#rows, labels: Uint8Array.from(this.#labels) };
  }
}

function rangeOf({ ranges }: DatasetConfig, name: string): Range {
  const range = ranges.get(name);
  if (range && range.least < range.most && Number.isFinite(range.most - range.least)) return range;
  // Measured from the data, it would tell of the rows at its ends, and no noise would be counted for it.
  throw fail('PIPELINE_UNSUPPORTED', `the range of ${name} is not declared`);
}

/** A field as a number; undefined: its row is left out. */
function numberAt(
  { missing }: DatasetConfig,
  field: string,
  row: number,
  column: string,
): number | undefined {
  if (field === '') return missing === 'drop' ? undefined : missing;
  const value = NUMBER.test(field) ? Number(field) : Number.NaN;
  if (!Number.isFinite(value)) throw fail('DATA_MALFORMED', `row ${row + 1}: ${column} is not a number`);
  return value;
}

/** Each row by itself, and not a share of all of them: as likely, but nobody's place depends on who else is there. */
function isTrained(hasher: Hasher, { train, seed }: DatasetConfig, key: string): boolean {
  const digest = hasher.sha256(concat(utf8(`aichain/split/v1\0${seed}\0`), utf8(key)));
  return new DataView(digest.buffer, digest.byteOffset).getUint32(0) / 2 ** 32 < train;
}
