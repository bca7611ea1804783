/**
 * Puts the tables of several providers together, row by row of one person. A person is what privacy is counted by, so that a
 * person may have one row: a key that comes twice in a table is refused, and not multiplied as SQL would.
 */
import { fail } from '../../core/errors.ts';
import type { Table } from './csv.ts';
import { parseJoinQuery } from './join-query.ts';

export interface JoinConfig {
  readonly query: string;
  readonly key: string;
  /** Columns that must not come out of the join, whatever else is asked for. */
  readonly dropped: readonly string[];
  /** The columns that come out; undefined: all that are not dropped. */
  readonly columns: readonly string[] | undefined;
}

export interface Joined extends Table {
  /** The key of each row, beside the table: it decides which rows are held out, and is no feature. */
  readonly keys: readonly string[];
}

/** @throws PIPELINE_UNSUPPORTED, DATA_MALFORMED */
export function join(config: JoinConfig, tables: ReadonlyMap<string, Table>): Joined {
  const { tables: names } = parseJoinQuery(config.query, config.key);
  const sources = names.map((name) => {
    const table = tables.get(name);
    if (!table) throw fail('PIPELINE_UNSUPPORTED', `the join asks for ${name}, which is not mounted`);
    return { name, table, byKey: indexed(name, table, config.key) };
  });
  const columns = columnsOf(config, sources);
  const [first, ...others] = sources;
  const rows: string[][] = [];
  const keys: string[] = [];
  for (const [key, row] of first!.byKey) {
    const parts = [row, ...others.map(({ byKey }) => byKey.get(key))];
    if (parts.some((part) => part === undefined)) continue;
    keys.push(key);
    rows.push(columns.map(({ source, at }) => parts[source]![at]!));
  }
  return { columns: columns.map(({ name }) => name), rows, keys };
}

type Rows = ReadonlyMap<string, readonly string[]>;

function indexed(name: string, { columns, rows }: Table, key: string): Rows {
  const at = columns.indexOf(key);
  if (at < 0) throw fail('DATA_MALFORMED', `${name} has no column ${key}`);
  const byKey = new Map<string, readonly string[]>();
  for (const [i, row] of rows.entries()) {
    const value = row[at]!;
    // SQL joins no row without a key.
    if (value === '') continue;
    if (byKey.has(value)) throw fail('DATA_MALFORMED', `${name}, row ${i + 1}: a key that another row has`);
    byKey.set(value, row);
  }
  return byKey;
}

/** Where each column of the result is from. Of columns of one name, the first counts; an index without a name never does. */
function columnsOf(config: JoinConfig, sources: readonly { table: Table }[]) {
  const found = new Map<string, { name: string; source: number; at: number }>();
  for (const [source, { table }] of sources.entries()) {
    for (const [at, name] of table.columns.entries()) {
      if (name !== '' && !found.has(name)) found.set(name, { name, source, at });
    }
  }
  for (const name of [config.key, ...config.dropped]) found.delete(name);
  return (config.columns ?? [...found.keys()]).map((name) => {
    const column = found.get(name);
    if (!column) throw fail('PIPELINE_UNSUPPORTED', `no column ${name} comes out of the join`);
    return column;
  });
}
