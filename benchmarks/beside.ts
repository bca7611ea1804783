/** Work between two looks at what the machine can do at most: others may use it too, and what counts is the mean of both. */
import { type Ceiling, type CeilingName, measureCeiling } from './ceilings.ts';

/** Where a ceiling after some work is that much more or less than before it, nobody knows what it was meanwhile. */
const UNSTEADY = 1.15;

/** What the machine could do a second, before and after. */
export interface Around {
  readonly before: number;
  readonly after: number;
}

/** A ceiling as it was around some work, in the mean. */
export type Mean = Ceiling & Around;
export type Ceilings<Name extends CeilingName> = Readonly<Record<Name, Mean>>;

export interface Beside<T, Name extends CeilingName> {
  readonly result: T;
  readonly ceilings: Ceilings<Name>;
}

/** @param milliseconds for which each ceiling is measured, where it is one that takes as long as it is told */
export async function beside<T, Name extends CeilingName>(
  names: readonly Name[],
  work: (before: Readonly<Record<Name, Ceiling>>) => Promise<T>,
  milliseconds?: number,
): Promise<Beside<T, Name>> {
  const before = await measured(names, milliseconds);
  const result = await work(before);
  const after = await measured(names, milliseconds);
  const means = names.map((name) => [name, meanOf(before[name], after[name])]);
  return { result, ceilings: Object.fromEntries(means) as Ceilings<Name> };
}

export function differ({ before, after }: Around): boolean {
  return Math.max(before, after) > UNSTEADY * Math.min(before, after);
}

async function measured<Name extends CeilingName>(names: readonly Name[], milliseconds?: number) {
  const found: Partial<Record<Name, Ceiling>> = {};
  for (const name of names) found[name] = await measureCeiling(name, milliseconds);
  return found as Record<Name, Ceiling>;
}

function meanOf(first: Ceiling, later: Ceiling): Mean {
  const cpu = first.cpu === undefined ? {} : { cpu: (first.cpu + later.cpu!) / 2 };
  return { rate: (first.rate + later.rate) / 2, ...cpu, before: first.rate, after: later.rate };
}
