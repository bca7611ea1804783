/** Plays a cycle up to where an attack ends: the same processes, the same steps, but for those that the attack takes over. */
import { type ScenarioOptions, withCycle } from '../run.ts';
import { STEPS } from '../steps/index.ts';
import type { Step } from '../steps/step.ts';
import type { Attack } from './attack.ts';
import { Tries, type Try } from './tries.ts';

export interface AttackOutcome {
  readonly attack: Attack;
  readonly tries: readonly Try[];
  /** Each try was stopped where it had to be, for the declared reason. */
  readonly stopped: boolean;
}

/** @throws what kept it from being tried, by its code */
export function runAttack(options: ScenarioOptions, attack: Attack): Promise<AttackOutcome> {
  return withCycle(options, async (cycle) => {
    const tries = new Tries(attack.expected, options.observe);
    for (const step of attacked(attack, tries)) await step.run(cycle);
    return { attack, tries: tries.made, stopped: tries.stopped };
  });
}

function attacked({ instead }: Attack, tries: Tries): readonly Step[] {
  const last = STEPS.findLastIndex(({ name }) => instead[name]);
  return STEPS.slice(0, last + 1).map(({ name, run }) => {
    const other = instead[name];
    return { name, run: other ? (cycle) => other(cycle, tries, () => run(cycle)) : run };
  });
}
