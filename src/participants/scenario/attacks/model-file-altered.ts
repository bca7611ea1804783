import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { verifyAtLog, verifyOffline } from '../steps/prove.ts';
import { open } from '../steps/receive.ts';
import type { Attack } from './attack.ts';

export const modelFileAltered: Attack = {
  name: 'model-file-altered',
  title: 'The model was altered',
  story:
    'Who carries the sealed model to the consumer changes a bit of it. The consumer gets the right one in the end, but what is passed on to a user has other weights: the log knows no such model, and the evidence that came with it is of another.',
  expected: [
    { gate: 'model.release', reason: 'CIPHERTEXT_MISMATCH' },
    { gate: 'model verify', reason: 'MODEL_UNKNOWN' },
    { gate: 'model verify', reason: 'MODEL_UNKNOWN' },
  ],
  instead: {
    async receive(cycle, tries, receive) {
      const { site, found } = cycle;
      const carried = site.path('carried');
      cpSync(found.delivery!, carried, { recursive: true });
      alter(join(carried, 'model.sealed'));
      await tries.attempt('courier', 'deliver the sealed model altered', () =>
        open(cycle, 'receive-altered', carried),
      );
      await receive();
    },
    async prove(cycle, tries, prove) {
      await prove();
      const folder = cycle.site.path('passed-on');
      cpSync(cycle.site.path('model'), folder, { recursive: true });
      const weights = readdirSync(folder).find((name) => name.endsWith('.safetensors'))!;
      alter(join(folder, weights));
      const { did } = cycle.one('TDC');
      await tries.attempt(did, 'pass other weights off as the model, at the log', () =>
        verifyAtLog(cycle, 'verify-altered', folder),
      );
      await tries.attempt(did, 'pass other weights off as the model, with its evidence', () =>
        verifyOffline(cycle, 'verify-altered-offline', folder),
      );
    },
  },
};

/** Its last byte. */
function alter(file: string): void {
  const bytes = readFileSync(file);
  bytes[bytes.length - 1]! ^= 1;
  writeFileSync(file, bytes);
}
