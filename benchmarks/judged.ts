/** A measure beside what is promised of it, and as a line of the table. */
import { differ, type Mean } from './beside.ts';
import type { CeilingName } from './ceilings.ts';
import type { Measure } from './main.ts';

export type Ceilings = Readonly<Partial<Record<CeilingName, Mean>>>;

interface Verdict {
  readonly asked: string;
  readonly holds: boolean;
  /** What is missing, in the unit of the measure, or in points of a percentage. */
  readonly by?: number;
}

export type Judged = ReturnType<typeof judged>;

export function judged(measure: Measure, ceilings: Ceilings) {
  const { value, of, cpu } = measure;
  const ceiling = measure.ceiling ?? (of === undefined ? undefined : ceilings[of]!);
  const ratio = ceiling && value / ceiling.rate;
  const cpuRatio = ceiling?.cpu === undefined || cpu === undefined ? undefined : ceiling.cpu / cpu;
  const verdicts = verdictsOn(measure, ratio);
  const holds = verdicts.every((verdict) => verdict.holds);
  return {
    ...measure,
    ratio,
    cpuRatio,
    verdicts,
    holds,
    ...(ceiling && differ(ceiling) && { unsafe: true }),
  };
}

/** Each promise for itself: a rate and a share of the ceiling may both be asked of one measure. */
function verdictsOn({ value, unit, bound = {}, share }: Measure, ratio = 0): Verdict[] {
  const { most, least } = bound;
  const isShare = unit === '%';
  const shown = (limit: number) => (isShare ? percent(limit / 100) : limit.toLocaleString('en'));
  const missing = (excess: number) => (isShare ? upToTenth(excess) : Number(excess.toPrecision(2)));
  return [
    most === undefined ? [] : verdict(`≤ ${shown(most)}`, value <= most, missing(value - most)),
    least === undefined ? [] : verdict(`≥ ${shown(least)}`, value >= least, missing(least - value)),
    share === undefined
      ? []
      : verdict(`≥ ${percent(share)}`, ratio >= share, upToTenth(100 * (share - ratio))),
  ].flat();
}

function verdict(asked: string, holds: boolean, by: number): Verdict {
  return holds ? { asked, holds } : { asked, holds, by };
}

/** A ceiling as a measure of its own. */
export function ceilingLine(name: string, { rate, cpu }: Mean): Measure {
  const line = { name, value: rate, unit: '/s' };
  return cpu === undefined ? line : { ...line, cpu };
}

/** All of a line but its name. */
export function text({ value, unit, bound, cpu, of, ratio, cpuRatio, unsafe, verdicts }: Judged): string {
  return [
    unit === '%' ? percent(value / 100).padStart(14) : `${number(value, bound).padStart(12)} ${unit}`,
    cpu === undefined ? '' : `, ${cpu.toFixed(1)} µs`,
    ratio === undefined ? '' : `  ${percent(ratio)} of ${of}`,
    cpuRatio === undefined ? '' : `, ${percent(cpuRatio)} by processor time`,
    ...verdicts.map(({ asked, holds, by }) =>
      holds ? `  holds (${asked})` : `  MISSED (${asked}, by ${by!.toLocaleString('en', FINE)})`,
    ),
    unsafe ? '  UNSAFE' : '',
  ].join('');
}

/** What is missing has two digits, however little it is. */
const FINE = { maximumFractionDigits: 12 };

/** Rounded; what has a bound, to its worse side: what misses that by little does not read as if it kept it. */
function number(value: number, { most, least }: NonNullable<Measure['bound']> = {}): string {
  const [digits, factor] = Math.abs(value) >= 100 ? [0, 1] : [2, 100];
  const round = least !== undefined ? Math.floor : most !== undefined ? Math.ceil : Math.round;
  const rounded = round(exact(value * factor)) / factor;
  return rounded.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

export function whole(value: number): string {
  return Math.round(value).toLocaleString('en');
}

/** Cut off after one decimal, not rounded: what misses a promise by little does not read as if it kept it. */
function percent(ratio: number): string {
  return `${(Math.floor(exact(ratio * 1000)) / 10).toFixed(1)} %`;
}

function upToTenth(points: number): number {
  return Math.ceil(exact(points * 10)) / 10;
}

/** Without what binary fractions add: 0.29 times 1000 is 290, and not a little less. */
function exact(value: number): number {
  return Number(value.toFixed(6));
}
