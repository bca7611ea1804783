/** A step of a cycle: what is done in it, after those before. */
import type { Cycle } from '../cycle.ts';

export interface Step {
  readonly name: string;
  run(cycle: Cycle): Promise<void>;
}

/** Keeps the name as a type. */
export function declareStep<Name extends string>(name: Name, run: (cycle: Cycle) => Promise<void>) {
  return { name, run } as const;
}
