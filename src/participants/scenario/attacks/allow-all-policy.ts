import { fromHex } from '../../../core/bytes.ts';
import { runRoom } from '../room-process.ts';
import type { Attack } from './attack.ts';

/** SHA-256 of Azure's policy that lets a container group run anything (src/core/allow-all.ts). */
const ALLOW_ALL = '73973b78d70cc68353426de188db5dfc57e5b766e399935fb73a61127ea26d20';

export const allowAllPolicy: Attack = {
  name: 'allow-all-policy',
  title: 'A container policy that allows everything',
  story:
    'The regulator is led to certify code under the container policy that allows everything; as that fails, the host launches the certified code under it. The hardware measures the policy.',
  expected: [
    { gate: 'code.certify', reason: 'CODE_ALLOW_ALL' },
    { gate: 'cleanroom.appraise', reason: 'CLEANROOM_NOT_ATTESTED' },
  ],
  instead: {
    async govern({ terms, recorder, sro }, tries, govern) {
      await govern();
      const certified = terms.body('code.certify');
      const body = { ...certified, id: certified.id.replace(/.$/, 'f'), hostData: [fromHex(ALLOW_ALL)] };
      await tries.attempt(sro.did, 'certify code under a policy that allows everything', () =>
        recorder.log(sro, 'code.certify', body),
      );
    },
    async train(cycle, tries) {
      await tries.attempt(cycle.one('CCRP').did, 'run certified code under that policy', () =>
        runRoom(cycle, { more: ['--host-data', ALLOW_ALL] }),
      );
    },
  },
};
