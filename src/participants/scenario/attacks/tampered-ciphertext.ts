import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runRoom } from '../room-process.ts';
import type { Attack } from './attack.ts';

export const tamperedCiphertext: Attack = {
  name: 'tampered-ciphertext',
  title: 'An encrypted file was altered',
  story: 'The host hands the room the encrypted file of a provider with one bit of it changed.',
  expected: [{ gate: 'mount', reason: 'MOUNT_DIGEST_MISMATCH' }],
  instead: {
    async train(cycle, tries) {
      const { site, terms } = cycle;
      const data = site.path('tampered');
      cpSync(site.path('data'), data, { recursive: true });
      const file = join(data, `${terms.datasets[0]!.name}.sealed`);
      const sealed = readFileSync(file);
      sealed[sealed.length >> 1]! ^= 1;
      writeFileSync(file, sealed);
      await tries.attempt(cycle.one('CCRP').did, 'run a clean room on the altered file', () =>
        runRoom(cycle, { data }),
      );
    },
  },
};
