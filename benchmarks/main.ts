/**
 * `npm run bench -- NAME [options]`: one suite a file in benchmarks/suites. Prints a table, and writes the same as
 * JSON to benchmarks/results/.
 */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';

/** One measured line: what, how much, in which unit. */
export interface Measure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** What it must stay below or above, where something promises it. */
  readonly bound?: { readonly most?: number; readonly least?: number };
}

export interface Suite {
  readonly describe: string;
  run(options: { readonly entries: number; progress(text: string): void }): Promise<Measure[]>;
}

const folder = new URL('./suites/', import.meta.url);
const names = readdirSync(folder).map((file) => file.replace(/\.ts$/, ''));
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { entries: { type: 'string', default: '1000000' } },
});
const [name] = positionals;
if (!name || !names.includes(name)) {
  console.error(`usage: npm run bench -- NAME [--entries N]\nsuites: ${names.join(', ')}`);
  process.exit(2);
}

const { suite } = (await import(new URL(`${name}.ts`, folder).href)) as { suite: Suite };
console.error(`${name}: ${suite.describe}`);
const measures = await suite.run({
  entries: Number(values.entries),
  progress: (text) => console.error(`  ${text}`),
});
const width = Math.max(...measures.map((measure) => measure.name.length));
let missed = false;
for (const { name: what, value, unit, bound } of measures) {
  const holds =
    (bound?.most === undefined || value <= bound.most) &&
    (bound?.least === undefined || value >= bound.least);
  missed ||= !holds;
  const limit = bound
    ? `  ${holds ? 'holds' : 'MISSED'} (${bound.most !== undefined ? `≤ ${bound.most}` : `≥ ${bound.least}`})`
    : '';
  const shown = Math.abs(value) >= 100 ? Math.round(value).toLocaleString('en') : value.toFixed(2);
  console.log(`${what.padEnd(width)}  ${shown.padStart(12)} ${unit}${limit}`);
}
const results = new URL('./results/', import.meta.url);
mkdirSync(results, { recursive: true });
const report = { suite: name, node: process.version, cpu: cpus()[0]?.model, cores: cpus().length, measures };
writeFileSync(new URL(`${name}.json`, results), `${JSON.stringify(report, null, 2)}\n`);
process.exit(missed ? 1 : 0);
