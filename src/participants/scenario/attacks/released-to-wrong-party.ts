import { runRoom } from '../room-process.ts';
import type { Attack } from './attack.ts';

export const releasedToWrongParty: Attack = {
  name: 'released-to-wrong-party',
  title: 'The model goes to somebody else',
  story:
    'The host has the room seal the trained model to another participant, one that has an encryption key in the log but is not the consumer of the contract.',
  expected: [{ gate: 'model.release', reason: 'RELEASE_TO_WRONG_PARTY' }],
  instead: {
    async train(cycle, tries) {
      const { did } = cycle.one('KMS');
      await tries.attempt(cycle.one('CCRP').did, `release the model to ${did}`, () =>
        runRoom(cycle, { more: ['--to', did] }),
      );
    },
  },
};
