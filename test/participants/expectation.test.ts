import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Binding, canonicalJson, readRuntimeData, runtimeData } from '../../src/attestation/index.ts';
import type { LedgerClient } from '../../src/client/index.ts';
import { toBase64, utf8 } from '../../src/core/bytes.ts';
import { expectationOf, type Subject } from '../../src/participants/appraiser/expectation.ts';
import { nodeCrypto } from '../../src/platform/crypto-node.ts';

const [signKey, wrapKey] = [utf8('sign'), utf8('wrap')];
const subject = {
  id: 'urn:depa:cleanroom:log.example/main:00000000-0000-4000-8000-000000000002',
  room: { entryId: nodeCrypto.sha256(utf8('deploy')) },
  evidence: { signKey, wrapKey, entry: 10 },
} as unknown as Subject;
/** What is never asked: a head that cannot have been published. */
const client = { trust: { origin: 'log.example/main' } } as LedgerClient;
const expect = (envelope: Uint8Array) =>
  expectationOf(nodeCrypto, client, subject, envelope, new AbortController().signal);

test('evidence that names a tree of no leaves, or a head to come, is bound to nothing', async () => {
  for (const size of [0, 11]) {
    const claimed: Binding = {
      ...{ log: client.trust.origin, cleanroom: subject.id, deploy: subject.room.entryId },
      head: { size, root: new Uint8Array(32) },
      ...{ signKey: nodeCrypto.sha256(signKey), wrapKey: nodeCrypto.sha256(wrapKey) },
    };
    const data = runtimeData(claimed);
    assert.deepEqual(readRuntimeData(data), claimed);
    const envelope = canonicalJson({ evidence: toBase64(utf8('report')), runtime_data: toBase64(data) });
    const { expected, head } = await expect(envelope);
    assert.equal(head, 0);
    assert.equal(expected.headTime, 0);
    assert.notDeepEqual(runtimeData(expected.binding), data);
  }
});

test('what evidence without a head would have to hold depends on all of its bytes', async () => {
  const [one, other] = await Promise.all([utf8('one'), utf8('other')].map(expect));
  assert.notDeepEqual(one!.expected.binding.head, other!.expected.binding.head);
});
