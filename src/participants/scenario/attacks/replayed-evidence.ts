import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EvidenceClient } from '../../../client/index.ts';
import { fromUtf8 } from '../../../core/bytes.ts';
import type { Cycle } from '../cycle.ts';
import { runRoom } from '../room-process.ts';
import type { Attack } from './attack.ts';
import { logged } from './logged.ts';

export const replayedEvidence: Attack = {
  name: 'replayed-evidence',
  title: 'The evidence of another clean room',
  story:
    'The host lets a genuine room be attested, pulls its plug, and sets up another one, with keys of its own making, for which it lists the evidence of the first. A verifier who is in league with it affirms that.',
  expected: [
    { gate: 'cleanroom.appraise', reason: 'CLEANROOM_NOT_ATTESTED' },
    { gate: 'cleanroom.appraise', reason: 'EVIDENCE_REPLAYED' },
  ],
  instead: {
    async train(cycle, tries) {
      const { did } = cycle.one('CCRP');
      await runRoom(cycle, { meanwhile: { attested: async (room) => room.kill() } });
      const [appraisal] = await logged(cycle, 'cleanroom.appraise');
      const affirmed = appraisal!.body;
      const folder = await evidenceFolder(cycle, affirmed.evidence);
      let second = '';
      await tries.attempt(did, 'have another room attested by the evidence of the first', () =>
        runRoom(cycle, {
          ...{ name: 'cleanroom-2', evidence: ['--attest-dir', folder, '--tee', 'simulated'] },
          meanwhile: {
            deployed: async ({ cleanroom }) => {
              second = cleanroom;
            },
          },
        }),
      );
      const verifier = cycle.one('VERIFIER');
      await tries.attempt(verifier.did, 'affirm it all the same', () =>
        cycle.recorder.log(verifier, 'cleanroom.appraise', { ...affirmed, id: second }),
      );
    },
  },
};

/** A folder with evidence in it, as `aichain cleanroom run --attest-dir` takes it; the verifier may read it in the store. */
async function evidenceFolder({ site, log }: Cycle, digest: Uint8Array): Promise<string> {
  const token = fromUtf8(Uint8Array.from(readFileSync(log.token))).trim();
  using store = new EvidenceClient({
    url: log.url,
    token,
    tls: site.tls('participants'),
    crypto: site.crypto,
  });
  const folder = site.path('replayed');
  mkdirSync(folder);
  writeFileSync(join(folder, 'evidence.json'), await store.get(digest));
  return folder;
}
