/**
 * AMD's fifth generation, whose TCB has a component more than the others: a minimum that leaves it out takes any. Rules of
 * the log and appraisals ask the same question.
 */

/** CPUID of its processors (AMD 57230): the family, and the first and the last model. */
export const TURIN = { family: 0x1a, models: [0x00, 0x1f] } as const;

/** Whether the TCB of the processor has the component `fmc`. */
export function hasFmc({ family, model }: { readonly family: number; readonly model: number }): boolean {
  const [first, last] = TURIN.models;
  return family === TURIN.family && model >= first && model <= last;
}
