/** What becomes of `--entries` in a suite: most have a length that says as much as a longer one, or one below which they say nothing. */

export interface Limits {
  readonly least?: number;
  readonly most?: number;
  /** It takes them in whole ones of so many. */
  readonly step?: number;
  /** How many there are in the end is found by the run: one of its measures tells it. */
  readonly found?: true;
}

/** `own`: it has lengths of its own, whatever is asked for. */
export type Lengths = Limits | 'own';

const DEFAULT = 1_000_000;

/** Entries that a suite is given. @param asked by `--entries`, if it is there */
export function taken(lengths: Lengths, asked = DEFAULT): number {
  const { least = 1, most = Infinity, step = 1 } = lengths === 'own' ? {} : lengths;
  return step * Math.ceil(Math.min(Math.max(asked, least), most) / step);
}

/** What goes into its JSON: not a number that it had not. */
export function recorded(lengths: Lengths, asked?: number): number | undefined {
  return lengths === 'own' || lengths.found ? undefined : taken(lengths, asked);
}

/** What to say where it is not as it was asked for. */
export function differing(lengths: Lengths, asked: number): string | undefined {
  if (lengths === 'own') return `--entries ${asked} is not used: ${words(lengths)}`;
  const count = taken(lengths, asked);
  if (count === asked) return undefined;
  return `--entries ${asked}: it takes ${count.toLocaleString('en')} (${words(lengths)})`;
}

/** As it is told in the help. */
export function words(lengths: Lengths): string {
  if (lengths === 'own') return 'lengths of its own';
  const { least, most, step } = lengths;
  const told = [
    least === undefined ? [] : `at least ${least.toLocaleString('en')}`,
    most === undefined ? [] : `at most ${most.toLocaleString('en')}`,
    step === undefined ? [] : `in whole ${step.toLocaleString('en')}s`,
  ].flat();
  return told.length > 0 ? told.join(', ') : 'as many as are asked for';
}
