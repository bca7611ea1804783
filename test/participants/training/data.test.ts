import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { utf8 } from '../../../src/core/bytes.ts';
import { isLedgerError } from '../../../src/core/errors.ts';
import type { DatasetConfig } from '../../../src/participants/training/examples.ts';
import {
  COVID_STANDARDS,
  join,
  prepare,
  readCsv,
  standardise,
  type Table,
  writeCsv,
} from '../../../src/participants/training/index.ts';
import { parseJoinQuery } from '../../../src/participants/training/join-query.ts';
import { nodeCrypto } from '../../../src/platform/crypto-node.ts';
import { mangled, outcome } from '../../core/mangle.ts';

const refused = (code: string) => (error: unknown) => isLedgerError(error, code);
const read = (text: string) => readCsv(utf8(text));

test('a table is the same after it was written', () => {
  const field = fc.string({ unit: fc.constantFrom('a', 'Z', '0', ',', '"', '\n', '\r', ' ', 'é', '-') });
  const table = fc.integer({ min: 1, max: 4 }).chain((width) =>
    fc.record({
      columns: fc.uniqueArray(fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 4 }), {
        minLength: width,
        maxLength: width,
      }),
      rows: fc.array(fc.array(field, { minLength: width, maxLength: width }), { maxLength: 4 }),
    }),
  );
  fc.assert(fc.property(table, (table: Table) => assert.deepEqual(read(writeCsv(table)), { ...table })));
});

test('a file has one reading, or none', () => {
  assert.deepEqual(read('a,b\n1,\n"x ""y""",2'), {
    columns: ['a', 'b'],
    rows: [
      ['1', ''],
      ['x "y"', '2'],
    ],
  });
  const wrong = {
    'no header': '',
    'a field too few': 'a,b\n1\n',
    'a field too many': 'a,b\n1,2,3\n',
    'two columns of one name': 'a,a\n1,2\n',
    'an open quotation': 'a\n"1\n',
    'text after a quotation': 'a\n"1"2\n',
    'a quotation mark inside': 'a\n1"2\n',
    'two kinds of line': 'a\r\n1\n2\r\n',
    'the other two kinds of line': 'a\n1\r\n2\n',
    'a control character': 'a\n\u0000\n',
    'a blank line among fields': 'a,b\n\n1,2\n',
  };
  for (const [what, text] of Object.entries(wrong)) {
    assert.throws(() => read(text), refused('DATA_MALFORMED'), what);
  }
  for (const bytes of mangled(utf8('a,"b"\r\n1,"x,y"\r\n'))) {
    const found = outcome(() => readCsv(bytes));
    if ('code' in found) assert(['DATA_MALFORMED', 'BYTES_MALFORMED'].includes(found.code));
    else assert(found.value.rows.every((row) => row.length === found.value.columns.length));
  }
});

test('no message repeats what stands in the data', () => {
  for (const text of ['a\nsecret"\n', 'a,b\nsecret\n', 'a\n"secret"x\n']) {
    assert.throws(
      () => read(text),
      (error: Error) => !error.message.includes('secret') && /line 2/.test(error.message),
    );
  }
});

const QUERY = 'SELECT * FROM one AS a JOIN two AS b ON b.k = a.k JOIN three AS c ON a.k = c.k';

test('a joining query is an inner join on the key, and nothing else', () => {
  assert.deepEqual(parseJoinQuery(QUERY, 'k').tables, ['one', 'two', 'three']);
  assert.deepEqual(parseJoinQuery('select * from one a inner join two b on a.k == b.k;', 'k').tables, [
    'one',
    'two',
  ]);
  assert.deepEqual(parseJoinQuery('SELECT * FROM one AS a', 'k').tables, ['one']);
  const wrong = [
    'SELECT k FROM one AS a',
    'SELECT * FROM one AS a WHERE a.k = 1',
    'SELECT * FROM one AS a LEFT JOIN two AS b ON a.k = b.k',
    'SELECT * FROM one AS a JOIN two AS b ON a.k = b.other',
    'SELECT * FROM one AS a JOIN two AS b ON b.k = b.k',
    'SELECT * FROM one AS a JOIN two AS b ON b.k = c.k',
    'SELECT * FROM one AS a JOIN two AS a ON a.k = a.k',
    'SELECT * FROM one AS a JOIN one AS b ON a.k = b.k',
    'SELECT * FROM one AS a, two AS b',
    `${QUERY} UNION SELECT * FROM four AS d`,
    `${QUERY}; DROP TABLE one`,
    `SELECT * FROM one AS a ${' '.repeat(20_000)}`.padEnd(20_000, 'x'),
    '',
  ];
  for (const query of wrong)
    assert.throws(() => parseJoinQuery(query, 'k'), refused('PIPELINE_UNSUPPORTED'), query);
});

test('a join has each key that all tables have, once', () => {
  const keys = fc.uniqueArray(fc.nat({ max: 12 }).map(String));
  fc.assert(
    fc.property(keys, keys, keys, (one, two, three) => {
      const table = (name: string, keys: readonly string[]): Table => ({
        columns: ['', 'k', name, 'same'],
        rows: keys.map((key, i) => [String(i), key, `${name}${key}`, name]),
      });
      const tables = new Map(
        Object.entries({ one, two, three }).map(([name, keys]) => [name, table(name, keys)]),
      );
      const config = { query: QUERY, key: 'k', dropped: [], columns: undefined };
      const joined = join(config, tables);
      const common = one.filter((key) => two.includes(key) && three.includes(key));
      assert.deepEqual(joined.columns, ['one', 'same', 'two', 'three']);
      assert.deepEqual(joined.keys, common);
      assert.deepEqual(
        joined.rows,
        common.map((key) => [`one${key}`, 'one', `two${key}`, `three${key}`]),
      );
    }),
  );
});

test('who has two rows, and what must not come out, stops a join', () => {
  const table = (...keys: string[]): Table => ({ columns: ['k', 'x'], rows: keys.map((key) => [key, key]) });
  const config = { query: 'SELECT * FROM one AS a', key: 'k', dropped: ['gone'], columns: undefined };
  const joinOne = (change: object, one: Table) => join({ ...config, ...change }, new Map([['one', one]]));
  assert.throws(() => joinOne({}, table('1', '2', '1')), refused('DATA_MALFORMED'));
  assert.deepEqual(joinOne({}, table('1', '', '')).keys, ['1']);
  assert.throws(() => joinOne({ key: 'other' }, table('1')), refused('DATA_MALFORMED'));
  assert.throws(() => joinOne({ columns: ['k'] }, table('1')), refused('PIPELINE_UNSUPPORTED'));
  assert.throws(
    () => joinOne({ columns: ['x'], dropped: ['x'] }, table('1')),
    refused('PIPELINE_UNSUPPORTED'),
  );
  assert.throws(() => joinOne({ query: QUERY }, table('1')), refused('PIPELINE_UNSUPPORTED'));
});

test('a provider’s table gets the names and the hashes of the scenario', () => {
  const standard = COVID_STANDARDS.icmr_test_results!;
  const columns = [...Object.keys(standard.renamed), 'a_icmr_test_result'];
  const table = standardise(nodeCrypto, { columns, rows: [columns.map((_, i) => String(i))] }, standard);
  assert.deepEqual(table.columns, [
    ...[
      'pk_icmrno_hashed',
      'pk_mobno_hashed',
      'ref_srfno_hashed',
      'fk_icmr_labid_hashed',
      'fk_genetic_strain',
    ],
    'icmr_a_icmr_test_result',
  ]);
  // SHA-256 of "1", as Spark's sha2 writes it.
  assert.equal(table.rows[0]![1], '6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b');
  assert.deepEqual(table.rows[0]!.slice(4), ['4', '5']);
  assert.throws(
    () => standardise(nodeCrypto, { columns: [], rows: [] }, standard),
    refused('DATA_MALFORMED'),
  );
});

const dataset = (change: Partial<DatasetConfig> = {}): DatasetConfig => ({
  ...{ target: 'y', missing: 0, train: 0.7, seed: '42', ranges: new Map([['x', { least: 0, most: 10 }]]) },
  ...change,
});
const rowsOf = (rows: string[][]) => ({ columns: ['y', 'x'], rows, keys: rows.map((_, i) => `key ${i}`) });

test('one row more or less changes no other', () => {
  const rows = Array.from({ length: 400 }, (_, i) => [String(i % 2), String(i % 10)]);
  const all = prepare(nodeCrypto, dataset(), rowsOf(rows));
  const fewer = prepare(nodeCrypto, dataset(), rowsOf(rows.slice(0, -1)));
  assert.equal(all.train.rows.length + all.heldOut.rows.length, 400);
  assert(Math.abs(all.train.rows.length - 280) < 40);
  const [more, less] =
    all.train.rows.length > fewer.train.rows.length ? ['train', 'heldOut'] : ['heldOut', 'train'];
  assert.deepEqual(all[less as 'train'], fewer[less as 'train']);
  assert.deepEqual(all[more as 'train'].rows.slice(0, -1), fewer[more as 'train'].rows);
  assert.notDeepEqual(prepare(nodeCrypto, dataset({ seed: '7' }), rowsOf(rows)).train, all.train);
});

test('fields are numbers within their range, and a missing one is what the pipeline says', () => {
  const all = dataset({ train: 1 });
  const { train } = prepare(
    nodeCrypto,
    all,
    rowsOf([
      ['1', '99'],
      ['0', '-5e0'],
      ['1', ''],
      ['0', '2.50'],
    ]),
  );
  assert.deepEqual(
    train.rows.map((row) => row[0]),
    [10, 0, 0, 2.5],
  );
  assert.deepEqual([...train.labels], [1, 0, 1, 0]);
  const dropped = prepare(
    nodeCrypto,
    { ...all, missing: 'drop' },
    rowsOf([
      ['1', ''],
      ['', '1'],
      ['0', '3'],
    ]),
  );
  assert.deepEqual([...dropped.train.labels], [0]);

  for (const field of ['secret', '1,5', ' 1', '0x10', 'Infinity', 'NaN', '1e999', '1'.repeat(40)]) {
    assert.throws(
      () => prepare(nodeCrypto, all, rowsOf([['1', field]])),
      (error: unknown) => isLedgerError(error, 'DATA_MALFORMED') && !error.message.includes('secret'),
    );
  }
  assert.throws(() => prepare(nodeCrypto, all, rowsOf([['2', '1']])), refused('DATA_MALFORMED'));
  for (const change of [
    { target: 'z' },
    { ranges: new Map() },
    { ranges: new Map([['x', { least: 1, most: 1 }]]) },
  ]) {
    assert.throws(
      () => prepare(nodeCrypto, dataset(change), rowsOf([['1', '1']])),
      refused('PIPELINE_UNSUPPORTED'),
    );
  }
});
