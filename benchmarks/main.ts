/**
 * `npm run bench -- NAME [options]`: one suite a file in benchmarks/suites; without a name all of them, one after the other.
 * Prints a table, with each result also as a share of what the machine can do at most just then, and writes the same as JSON
 * to benchmarks/results/. `npm run bench -- profile NAME` shows where the time goes instead.
 */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { type Ceiling, type CeilingName, measureCeiling } from './ceilings.ts';
import { profiled } from './profile.ts';

/** One measured line: what, how much, in which unit. */
export interface Measure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** What it must stay below or above, where something promises it. */
  readonly bound?: { readonly most?: number; readonly least?: number };
  /** What the machine can do at most of this, and how much of that is promised (0 to 1). */
  readonly of?: CeilingName;
  readonly share?: number;
  /** The ceiling as it was around this measure, if a suite has taken it itself. */
  readonly ceiling?: Ceiling;
  /** Processor time of one of them, in microseconds, where it can be told: others on the machine change it little. */
  readonly cpu?: number;
}

interface SuiteOptions {
  readonly entries: number;
  progress(text: string): void;
}

export interface Suite {
  readonly describe: string;
  /** What its measures are shares of. Measured before and after, since others may use the machine too; the mean counts. */
  readonly ceilings?: readonly CeilingName[];
  run(options: SuiteOptions): Promise<Measure[]>;
}

type Ceilings = Readonly<Partial<Record<CeilingName, Ceiling>>>;

const folder = new URL('./suites/', import.meta.url);
const results = new URL('./results/', import.meta.url);
const names = readdirSync(folder).map((file) => file.replace(/\.ts$/, ''));
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { entries: { type: 'string', default: '1000000' } },
});
const profiling = positionals[0] === 'profile';
const chosen = profiling ? positionals.slice(1) : positionals;
const entries = Number(values.entries);
if (
  chosen.some((name) => !names.includes(name)) ||
  (profiling && chosen.length !== 1) ||
  !Number.isSafeInteger(entries) ||
  entries < 1
) {
  console.error(
    `usage: npm run bench -- [NAME…] [--entries N]\n       npm run bench -- profile NAME [--entries N]`,
  );
  console.error(`suites: ${names.join(', ')}`);
  process.exit(2);
}

let missed = false;
for (const name of chosen.length > 0 ? chosen : names) {
  const { suite } = (await import(new URL(`${name}.ts`, folder).href)) as { suite: Suite };
  const progress = (text: string) => console.error(`  ${text}`);
  console.error(`${name}: ${suite.describe}`);
  if (profiling) {
    await profiled(name, () => suite.run({ entries, progress }));
    continue;
  }
  const before = await measureAll(suite);
  const measures = await suite.run({ entries, progress });
  const after = await measureAll(suite);
  missed = !report(name, measures, mean(before, after)) || missed;
}
process.exit(missed ? 1 : 0);

async function measureAll({ ceilings = [] }: Suite): Promise<Ceilings> {
  const found: Partial<Record<CeilingName, Ceiling>> = {};
  for (const name of ceilings) found[name] = await measureCeiling(name);
  return found;
}

function mean(before: Ceilings, after: Ceilings): Ceilings {
  return Object.fromEntries(
    Object.entries(before).map(([name, first]) => {
      const later = after[name as CeilingName]!;
      const cpu = first.cpu === undefined ? {} : { cpu: (first.cpu + later.cpu!) / 2 };
      return [name, { rate: (first.rate + later.rate) / 2, ...cpu }];
    }),
  );
}

/** @returns whether everything holds that is promised */
function report(name: string, measures: readonly Measure[], ceilings: Ceilings): boolean {
  const lines = [
    ...Object.entries(ceilings).map(([what, { rate, ...cpu }]) => ({
      ...{ name: `ceiling: ${what}`, value: rate, unit: '/s' },
      ...cpu,
    })),
    ...measures,
  ].map((measure) => judged(measure, ceilings));
  const width = Math.max(...lines.map((line) => line.name.length));
  console.log(name);
  for (const { name: what, value, unit, cpu, of, ratio, cpuRatio, holds, promised } of lines) {
    const shown = Math.abs(value) >= 100 ? Math.round(value).toLocaleString('en') : value.toFixed(2);
    const share = ratio === undefined ? '' : `  ${(ratio * 100).toFixed(0)} % of ${of}`;
    const verdict = promised === '' ? '' : `  ${holds ? 'holds' : 'MISSED'} (${promised})`;
    const time = cpu === undefined ? '' : `, ${cpu.toFixed(1)} µs`;
    const byTime = cpuRatio === undefined ? '' : `, ${(cpuRatio * 100).toFixed(0)} % by processor time`;
    console.log(`  ${what.padEnd(width)}  ${shown.padStart(12)} ${unit}${time}${share}${byTime}${verdict}`);
  }
  mkdirSync(results, { recursive: true });
  const machine = { node: process.version, cpu: cpus()[0]?.model, cores: cpus().length };
  const whole = { suite: name, ...machine, ceilings, measures: lines };
  writeFileSync(new URL(`${name}.json`, results), `${JSON.stringify(whole, null, 2)}\n`);
  return lines.every(({ holds }) => holds);
}

function judged(measure: Measure, ceilings: Ceilings) {
  const { value, bound = {}, of, share, cpu } = measure;
  const ceiling = measure.ceiling ?? (of === undefined ? undefined : ceilings[of]!);
  const ratio = ceiling && value / ceiling.rate;
  const cpuRatio = ceiling?.cpu === undefined || cpu === undefined ? undefined : ceiling.cpu / cpu;
  const promised = [
    bound.most !== undefined && `≤ ${bound.most.toLocaleString('en')}`,
    bound.least !== undefined && `≥ ${bound.least.toLocaleString('en')}`,
    share !== undefined && `≥ ${(share * 100).toFixed(0)} %`,
  ].filter((text) => text !== false);
  const holds =
    value <= (bound.most ?? Infinity) &&
    value >= (bound.least ?? -Infinity) &&
    (share === undefined || (ratio ?? 0) >= share);
  return { ...measure, ratio, cpuRatio, holds, promised: promised.join(', ') };
}
