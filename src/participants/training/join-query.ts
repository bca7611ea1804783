/**
 * The join that a pipeline's configuration asks for. DEPA-Training runs whatever SQL stands there; what is understood here is
 * the one form that its scenarios use, an inner join of tables on the key that the contract allows, and nothing else:
 *
 *   SELECT * FROM a AS x JOIN b AS y ON y.key = x.key [JOIN …]
 */
import { fail } from '../../core/errors.ts';

export interface JoinQuery {
  /** Names of the tables, in the order in which their columns follow each other. */
  readonly tables: readonly string[];
}

const MAX_QUERY = 16_384;
const NAME = '[A-Za-z_][A-Za-z0-9_]*';
const FROM = new RegExp(`^SELECT\\s+\\*\\s+FROM\\s+(${NAME})(?:\\s+AS)?\\s+(?!JOIN\\b)(${NAME})`, 'i');
const JOIN = new RegExp(
  `^\\s+(?:INNER\\s+)?JOIN\\s+(${NAME})(?:\\s+AS)?\\s+(?!ON\\b)(${NAME})\\s+ON\\s+(${NAME})\\.(${NAME})\\s*==?\\s*(${NAME})\\.(${NAME})`,
  'i',
);

/** @throws PIPELINE_UNSUPPORTED any other query, or a join on another column than `key` */
export function parseJoinQuery(query: string, key: string): JoinQuery {
  if (query.length > MAX_QUERY) throw fail('PIPELINE_UNSUPPORTED', 'the joining query is too long');
  const head = FROM.exec(query.trim());
  if (!head) throw fail('PIPELINE_UNSUPPORTED', 'a joining query is SELECT * FROM table AS name JOIN …');
  const tables = [head[1]!];
  const aliases = new Set([head[2]!]);
  let rest = query.trim().slice(head[0].length);
  while (rest.replace(/^\s*;?\s*$/, '') !== '') {
    const [whole, table, alias, left, leftColumn, right, rightColumn] = JOIN.exec(rest) ?? [];
    if (whole === undefined)
      throw fail('PIPELINE_UNSUPPORTED', `not a part of an inner join: ${rest.trim()}`);
    if (leftColumn !== key || rightColumn !== key) {
      throw fail('PIPELINE_UNSUPPORTED', `tables are joined on ${key} only`);
    }
    // One side is the table that is joined, the other one that is there already.
    const other = left === alias ? right : right === alias ? left : undefined;
    if (aliases.has(alias!) || other === undefined || !aliases.has(other)) {
      throw fail('PIPELINE_UNSUPPORTED', `${alias} is not joined to a table before it`);
    }
    tables.push(table!);
    aliases.add(alias!);
    rest = rest.slice(whole.length);
  }
  if (new Set(tables).size !== tables.length) throw fail('PIPELINE_UNSUPPORTED', 'one table twice');
  return { tables };
}
