import { runRoom } from '../room-process.ts';
import type { Attack } from './attack.ts';

export const secondRunOverBudget: Attack = {
  name: 'second-run-over-budget',
  title: 'A second run beyond the privacy budget',
  story:
    'The contract allows two runs, the budgets one. The host lets the first room train, pulls its plug before it has said what it spent, and sets up a second: whoever could do that could look at the data as often as it likes.',
  expected: [{ gate: 'key.release', reason: 'BUDGET_EXHAUSTED' }],
  instead: {
    async agree(cycle, _tries, agree) {
      cycle.amend({ overlay: ({ contract }) => Object.assign(contract, { maxRuns: 2 }) });
      await agree();
    },
    async train(cycle, tries) {
      await runRoom(cycle, { meanwhile: { trained: async (room) => room.kill() } });
      await tries.attempt(cycle.one('CCRP').did, 'run a second clean room', () =>
        runRoom(cycle, { name: 'cleanroom-2' }),
      );
    },
  },
};
