import { setTimeout as delay } from 'node:timers/promises';
import { runRoom } from '../room-process.ts';
import type { Attack } from './attack.ts';
import { deployUnasked } from './unasked.ts';

/** Seconds from when the terms are written: it has to be in force when it is proposed. */
const TERM = 15;
/** Milliseconds after its end, so that no clock that is a little behind says otherwise. */
const AFTER = 1500;

export const expiredContract: Attack = {
  name: 'expired-contract',
  title: 'The contract has expired',
  story:
    'Everybody has signed, but the term is over when the host sets up a clean room under the contract: first asking whether it may, then without asking.',
  expected: [
    { gate: 'contract.activate', reason: 'CONTRACT_EXPIRED' },
    { gate: 'cleanroom.deploy', reason: 'CONTRACT_EXPIRED' },
  ],
  instead: {
    async agree(cycle, _tries, agree) {
      const end = new Date((Math.floor(Date.now() / 1000) + TERM) * 1000).toISOString();
      cycle.amend({
        contract: (text) => Object.assign(text, { expiryTime: end }),
        overlay: (said) => Object.assign(said.cleanroom, { deadline: end }),
      });
      await agree();
    },
    async train(cycle, tries) {
      const { expiry } = cycle.terms.body('contract.propose');
      await delay(Math.max(0, expiry * 1000 - Date.now()) + AFTER);
      const { did } = cycle.one('CCRP');
      await tries.attempt(did, 'run a clean room under the contract', () => runRoom(cycle));
      await tries.attempt(did, 'deploy one without asking', () => deployUnasked(cycle));
    },
  },
};
