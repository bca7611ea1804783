import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { PARTICIPANT, type RequestOf } from '../../src/chain/index.ts';
import { equal, toHex } from '../../src/core/bytes.ts';
import { isLedgerError } from '../../src/core/errors.ts';
import { isLogRow } from '../../src/log/index.ts';
import { TILE_WIDTH, tilePath } from '../../src/merkle/index.ts';
import type { Storage } from '../../src/storage/index.ts';
import { memoryStorage } from '../../src/storage/index.ts';
import { verifyRegistration } from '../../src/verify/index.ts';
import { type Served, SURFACES, serve } from '../client/served.ts';
import { crypto, foreign, joined, type Member } from '../log/world.ts';
import { StoryLog } from '../service/story-log.ts';
import { type Mirrored, mirrorOf } from './mirrored.ts';

const signal = new AbortController().signal;

/** All that makes a log, and its lineage index; leaves joined, since how commits cut them into rows is no matter. */
async function rowsOf(storage: Storage): Promise<Map<string, string>> {
  const rows = new Map<string, string>([['leaves', '']]);
  const [LEAVES, LINEAGE] = [0x62, 0x78];
  for await (const [key, value] of storage.range({})) {
    if (key[0] === LEAVES) rows.set('leaves', rows.get('leaves') + toHex(value));
    else if (isLogRow(key) || key[0] === LINEAGE) rows.set(toHex(key), toHex(value));
  }
  return rows;
}

describe('a mirror of a log that has lived', () => {
  const storage = memoryStorage();
  let story: StoryLog;
  let member: Member;
  let source: Served;
  let mirrored: Mirrored;
  let served: Served;
  const add = async (from: number, count: number) => {
    await Promise.all(Array.from({ length: count }, (_, i) => story.log.submit(foreign(member, from + i))));
  };
  before(async () => {
    story = await StoryLog.begin({ openStorage: async () => storage });
    await story.tell();
    member = await joined(story.log);
    await add(0, 600);
    source = await serve(story.ledger);
    mirrored = await mirrorOf(`http://127.0.0.1:${source.ports.http}`, story.trust);
    assert.equal(mirrored.mirror.ready, false);
    await mirrored.mirror.catchUp(signal);
    served = await mirrored.serve();
  });
  after(async () => {
    await mirrored.close();
    await source.close();
    await story.log.close();
  });

  test('has the head of the log, as the log signed it', () => {
    const { head } = mirrored.mirror.log;
    assert.deepEqual(head.checkpoint, story.log.head.checkpoint);
    assert.equal(head.time, story.log.head.time);
  });

  test('holds every row that the log holds', async () => {
    assert.deepEqual(await rowsOf(mirrored.storage), await rowsOf(storage));
  });

  test('serves the same tiles', async () => {
    const { size } = story.log.head;
    for (const [kind, index, width] of [
      [0, 0, TILE_WIDTH],
      [0, Math.floor(size / TILE_WIDTH), size % TILE_WIDTH],
      [1, 0, Math.floor(size / TILE_WIDTH)],
      ['entries', 1, TILE_WIDTH],
      ['statements', 0, TILE_WIDTH],
      ['statements', Math.floor(size / TILE_WIDTH), 3],
    ] as const) {
      const path = tilePath(kind, index, width);
      const [copied, own] = await Promise.all(
        [served, source].map(async ({ ports }) => {
          const answer = await fetch(`http://127.0.0.1:${ports.http}/${path}`);
          assert.equal(answer.status, 200, path);
          return new Uint8Array(await answer.arrayBuffer());
        }),
      );
      assert.ok(equal(copied!, own!), path);
    }
  });

  for (const surface of SURFACES) {
    test(`answers a client that verifies everything, over ${surface}`, async () => {
      const client = await served.client(surface, story.trust);
      const { index, entryId } = story.told.at(-1)!;
      const entry = await client.entry({ index });
      assert.ok(equal(entry.leafData, entryId));
      const { receipt } = await client.getReceipt(entryId);
      const { checkpoint } = await client.getCheckpoint();
      const statement = entry.statement!;
      assert.ok(verifyRegistration({ crypto, trust: story.trust, statement, receipt, checkpoint }).verified);
      assert.equal((await client.effect(index)).outcome, 'ok');
      const { values } = await client.facts([PARTICIPANT.key(member.did)]);
      assert.equal(PARTICIPANT.decode(values[0]!).did, member.did);
    });

    test(`refuses to register, and says why, over ${surface}`, async () => {
      const client = await served.client(surface, story.trust);
      await assert.rejects(client.register(foreign(member, 1e6)), (error) =>
        isLedgerError(error, 'MIRROR_READ_ONLY'),
      );
    });
  }

  test('answers gates with the same proven decision', async () => {
    const dataset = (await story.ledger.provenance.list('dataset')).objects[0]!;
    const nobody = { version: 1, provider: member.did, kms: member.did, dataKeyId: 'none' };
    const request = { dataset: dataset.id, ciphertext: new Uint8Array(32), ...nobody };
    // The story is told ahead of this machine's clock.
    const now = () => Math.max(Date.now(), story.world.time);
    const client = await served.client('grpc', story.trust, { insecureTrustOperator: true, now });
    const answer = await client.checkDataset(request as RequestOf<'dataset.register'>);
    assert.deepEqual([answer.decision, answer.reason], ['deny', 'PROVIDER_MISMATCH']);
  });

  test('tells provenance as the log does', async () => {
    const { provenance } = story.ledger;
    const dataset = (await provenance.list('dataset')).objects[0]!;
    const own = await provenance.impact(dataset.id);
    const copied = await served.ledger.provenance.impact(dataset.id);
    assert.deepEqual(
      copied.nodes.map(({ id }) => id),
      own.nodes.map(({ id }) => id),
    );
  });

  test('is ready, and not accepting', async () => {
    const answer = await fetch(`http://127.0.0.1:${served.ports.http}/readyz`);
    assert.equal(answer.status, 200);
    assert.equal(((await answer.json()) as { accepting: boolean }).accepting, false);
  });

  test('goes on with the log; proofs between heads that it holds; receipts for all', async () => {
    const before = mirrored.mirror.log.head.size;
    for (let i = 0; i < 3; i++) {
      await add(1000 + i * 10, 7);
      await mirrored.mirror.catchUp(signal);
    }
    const client = await served.client('http', story.trust);
    const { size } = story.log.head;
    assert.equal((await client.getCheckpoint()).size, size);
    const proof = await served.ledger.consistency(before, size);
    assert.equal(proof.receipt, null);
    assert.equal((await served.ledger.inclusion({ index: 3 }, before)).head.size, before);
    await assert.rejects(
      async () => served.ledger.inclusion({ index: 3 }, before - 1),
      (error) => isLedgerError(error, 'SIZE_NOT_AVAILABLE'),
    );
    const statement = foreign(member, 2000);
    await story.log.submit(statement);
    await mirrored.mirror.catchUp(signal);
    await client.getReceipt(crypto.sha256(statement));
  });

  test('a mirror of the mirror has the same', async () => {
    const second = await mirrorOf(`http://127.0.0.1:${served.ports.http}`, story.trust);
    const head = await second.mirror.catchUp(signal);
    assert.deepEqual(head, mirrored.mirror.log.head);
    await second.close();
  });
});
