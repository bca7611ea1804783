import { runRoom } from '../room-process.ts';
import { propose, sign, signAll, signatories } from '../steps/agree.ts';
import type { Attack } from './attack.ts';
import { deployUnasked } from './unasked.ts';

export const unsignedParty: Attack = {
  name: 'unsigned-party',
  title: 'A provider has not signed the contract',
  story:
    'The last provider does not sign. The consumer signs in its stead with a key of its own; then the host sets up a clean room as if everybody had signed, first asking whether it may, then without asking.',
  expected: [
    { gate: 'contract.sign', reason: 'SIGNER_UNKNOWN' },
    { gate: 'contract.activate', reason: 'CONTRACT_NOT_FULLY_SIGNED' },
    { gate: 'cleanroom.deploy', reason: 'CONTRACT_NOT_FULLY_SIGNED' },
  ],
  instead: {
    async agree(cycle, tries) {
      const toSign = await propose(cycle);
      const reluctant = cycle.terms.body('contract.propose').parties.tdps.at(-1);
      const willing = signatories(cycle).filter((did) => did !== reluctant);
      await signAll(cycle, willing, toSign);
      const tdc = cycle.one('TDC');
      await tries.attempt(tdc.did, `sign the contract for ${reluctant}, with its own key`, () =>
        sign(cycle, reluctant, toSign, tdc.key),
      );
    },
    async train(cycle, tries) {
      const { did } = cycle.one('CCRP');
      await tries.attempt(did, 'run a clean room under the contract', () => runRoom(cycle));
      await tries.attempt(did, 'deploy one without asking', () => deployUnasked(cycle));
    },
  },
};
