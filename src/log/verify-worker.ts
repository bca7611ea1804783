/** The thread that verifies: statements that arrive, and those that a replay reads. It knows the keys that it was told. */
import { nodeCrypto } from '../platform/crypto-node.ts';
import { answerRequests } from '../platform/worker-thread.ts';
import { unpackKeys } from './signing-keys.ts';
import { type AdmissionAnswer, KeyDirectory, verifyPacked } from './verify-batch.ts';
import { verifySignatures } from './verify-signatures.ts';
import type { ThreadRequest } from './verify-threads.ts';

const keys = new KeyDirectory(nodeCrypto);

answerRequests<ThreadRequest, AdmissionAnswer | Uint8Array>(
  (request) => {
    switch (request.type) {
      case 'keys':
        for (const [kid, coseKey] of unpackKeys(request.packed)) keys.add(kid, coseKey);
        return undefined;
      case 'verify':
        return verifyPacked(nodeCrypto, keys, request);
      case 'signatures':
        return verifySignatures(keys, request);
    }
  },
  (answer) =>
    (answer instanceof Uint8Array ? [answer] : [answer.hashes, answer.flags]).map(
      ({ buffer }) => buffer as ArrayBuffer,
    ),
);
