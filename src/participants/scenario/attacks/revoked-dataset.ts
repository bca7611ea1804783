import { runRoom } from '../room-process.ts';
import type { Attack } from './attack.ts';
import { logged } from './logged.ts';

export const revokedDataset: Attack = {
  name: 'revoked-dataset',
  title: 'A provider has withdrawn its data',
  story:
    'A provider withdraws its data set when the room is attested and paid for, and about to ask for the keys. The room goes on all the same; and when it has failed, the host sets up another.',
  expected: [
    { gate: 'key.release', reason: 'CLEANROOM_BLOCKED' },
    { gate: 'contract.activate', reason: 'DATASET_WITHDRAWN' },
  ],
  instead: {
    async train(cycle, tries) {
      const { did } = cycle.one('CCRP');
      const [first] = cycle.terms.datasets;
      const { id, version, provider } = first!;
      const withdraw = async () => {
        const body = { id, version, reason: 'the patients have objected' };
        const [registered] = await logged(cycle, 'dataset.register');
        await cycle.recorder.log(cycle.who(provider), 'dataset.withdraw', body, {
          ...{ refs: [registered!.ref], witnessed: true },
        });
        cycle.observe(provider, `withdrew ${first!.name}`);
      };
      await tries.attempt(did, 'get the keys for a room that was set up before', () =>
        runRoom(cycle, { meanwhile: { paid: withdraw } }),
      );
      await tries.attempt(did, 'set up another room', () => runRoom(cycle, { name: 'cleanroom-2' }));
    },
  },
};
