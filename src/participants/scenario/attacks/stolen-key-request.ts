import { randomUUID } from 'node:crypto';
import { KmsClient } from '../../cleanroom/kms-client.ts';
import { generateUnwrappingKey, unwrapKey } from '../../key-wrap.ts';
import { passing } from '../refused.ts';
import { runRoom } from '../room-process.ts';
import type { Attack } from './attack.ts';
import { logged } from './logged.ts';

export const stolenKeyRequest: Attack = {
  name: 'stolen-key-request',
  title: 'Somebody else asks for the keys of a clean room',
  story:
    'The host asks for a data key in the name of an attested room, with a key of its own. As that fails, it waits for the room’s own request, which everybody can read in the log, asks the KMS for its answer with a certificate of its own, and tries to open what it gets.',
  expected: [
    { gate: 'key.request', reason: 'SIGNER_UNKNOWN' },
    { gate: 'key unwrap', reason: 'WRAPPED_KEY_INVALID' },
  ],
  instead: {
    async train(cycle, tries) {
      const { site, terms, client } = cycle;
      const thief = cycle.one('CCRP');
      const { id: contract } = terms.body('contract.propose');
      const { id: subject, version, dataKeyId } = terms.datasets[0]!;
      await runRoom(cycle, {
        meanwhile: {
          attested: ({ cleanroom }) =>
            tries.attempt(thief.did, 'ask for a key in the name of the room', () => {
              const id = `urn:depa:release:${client.trust.origin}:${randomUUID()}`;
              const body = { id, subject, version, contract, dataKeyId };
              return cycle.recorder.log({ did: cleanroom, key: thief.key }, 'key.request', body);
            }),
          keyed: async (room) => {
            await tries.attempt(thief.did, 'open the KMS’s answer to the room’s request', async () => {
              const [request] = await logged(cycle, 'key.request');
              const asked = request!.body;
              using kms = new KmsClient(cycle.found.kms!, site.tls(thief.name));
              const wrapped = await kms.release(asked.id, new AbortController().signal);
              const purpose = { log: client.trust.origin, use: 'data', release: asked.id } as const;
              const of = { ...purpose, recipient: room.cleanroom, keyId: asked.dataKeyId };
              const own = await generateUnwrappingKey('X25519');
              await passing('key unwrap', unwrapKey(site.crypto, own, of, wrapped));
            });
            room.kill();
          },
        },
      });
    },
  },
};
