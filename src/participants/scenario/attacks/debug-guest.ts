import { runRoom } from '../room-process.ts';
import type { Attack } from './attack.ts';

export const debugGuest: Attack = {
  name: 'debug-guest',
  title: 'The host can look into the machine',
  story:
    'The host launches the certified code in a guest with debugging on, so that it could read the memory in which the data will be. The hardware says so in its report.',
  expected: [{ gate: 'cleanroom.appraise', reason: 'CLEANROOM_NOT_ATTESTED' }],
  instead: {
    async train(cycle, tries) {
      await tries.attempt(cycle.one('CCRP').did, 'run a clean room with debugging on', () =>
        runRoom(cycle, { more: ['--debug-guest'] }),
      );
    },
  },
};
