import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { PARTICIPANT } from '../../src/chain/index.ts';
import { equal } from '../../src/core/bytes.ts';
import { isLedgerError } from '../../src/core/errors.ts';
import type { TransparencyLog } from '../../src/log/index.ts';
import { LedgerService } from '../../src/service/index.ts';
import { type Trust, verifyRegistration } from '../../src/verify/index.ts';
import { crypto, foreign, joined, KEYS, type Member, ORIGIN, startedLog } from '../log/world.ts';
import { type Served, SURFACES, serve } from './served.ts';

describe('the client and the real log', () => {
  let log: TransparencyLog;
  let member: Member;
  let served: Served;
  let trust: Trust;
  before(async () => {
    log = await startedLog();
    member = await joined(log);
    const ledger = new LedgerService(crypto, log);
    served = await serve(ledger);
    trust = {
      origin: ORIGIN,
      genesis: ledger.genesis,
      checkpointKey: KEYS.checkpoint.verifierKey,
      receiptKey: KEYS.receipt.key.publicKey,
      service: KEYS.receipt.service,
      rules: [ledger.rules],
      freshnessSeconds: 60,
    };
  });
  after(async () => {
    await served.close();
    await log.close();
  });

  for (const [round, surface] of SURFACES.entries()) {
    test(`register many, read everything back, prove the state, over ${surface}`, async () => {
      const client = await served.client(surface, trust);
      const first = round * 10_000;
      const statements = Array.from({ length: 300 }, (_, i) => foreign(member, first + i));
      const started = log.head.size;
      let count = 0;
      for await (const outcome of client.registerAll(statements, { batch: 100 })) {
        assert.ok('registration' in outcome);
        assert.equal(outcome.position, count);
        assert.ok(equal(outcome.registration.entryId, crypto.sha256(statements[count++]!)));
      }
      assert.equal(count, 300);

      const statement = foreign(member, first + 9999);
      const one = await client.register(statement);
      const { receipt } = await client.getReceipt(one.entryId);
      const { checkpoint } = await client.getCheckpoint();
      const offline = verifyRegistration({ crypto, trust, statement, receipt, checkpoint });
      assert.ok(offline.verified, JSON.stringify(offline.steps));
      assert.equal((await client.effect(one.index)).outcome, 'ok');

      let next = started;
      for await (const entry of client.entries(started)) assert.equal(entry.index, next++);
      assert.equal(next, log.head.size);

      const { values } = await client.facts([PARTICIPANT.key(member.did)]);
      assert.equal(PARTICIPANT.decode(values[0]!).did, member.did);
      const older = await client.consistency({ size: 2, root: await log.rootAt(2) });
      assert.equal(older.size, log.head.size);

      await assert.rejects(
        client.register(foreign({ did: 'did:web:nobody.example', key: member.key }, 1)),
        (error) => isLedgerError(error),
      );
    });
  }

  test('many clients at once see one history', async () => {
    const clients = await Promise.all(SURFACES.map((surface) => served.client(surface, trust)));
    const work = clients.flatMap((client, c) =>
      Array.from({ length: 20 }, async (_, i) => {
        const { index } = await client.register(foreign(member, 50_000 + c * 100 + i));
        return (await client.entry({ index })).index;
      }),
    );
    assert.equal(new Set(await Promise.all(work)).size, 40);
    for (const client of clients) assert.equal((await client.getCheckpoint()).size, log.head.size);
  });
});
