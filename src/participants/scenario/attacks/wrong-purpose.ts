import type { Attack } from './attack.ts';

export const wrongPurpose: Attack = {
  name: 'wrong-purpose',
  title: 'A purpose that the providers have not allowed',
  story:
    'The consumer proposes the same contract for marketing. The regulator’s policy knows that purpose, but no provider has registered its data for it.',
  expected: [{ gate: 'contract.propose', reason: 'PURPOSE_NOT_PERMITTED' }],
  instead: {
    async agree(cycle, tries, agree) {
      cycle.amend({ contract: (text) => Object.assign(text, { purpose: 'MARKETING' }) });
      await tries.attempt(cycle.one('TDC').did, 'agree on training for MARKETING', agree);
    },
  },
};
